"""Forms on a real web server, read and probed: every planted hole is proven, none invented, mending closes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.auditing import SINK, audit, start_sink
from tests.lab.lab import Lab
from tests.lab.network import PUBLIC
from tests.lab.possible import require_lab

pytestmark = pytest.mark.lab
SAMPLES = Path(__file__).parents[1] / "forms"
ROOT = "/var/www/html/forms"
FIELDS = {
    "contact-old.php": ("name", "email", "message", "submit"),
    "single-quotes.php": ("email", "subject", "text"),
    "tell-a-friend.php": ("friend_email", "your_name", "comment"),
    "formmail-19.pl": ("recipient", "email", "realname", "subject", "text"),
    "filtered.php": ("name", "email", "message"),
    "formmail-193.pl": ("recipient", "email", "subject", "text"),
}
OPEN = ("contact-old.php", "single-quotes.php", "tell-a-friend.php", "formmail-19.pl")
CLOSED = ("filtered.php", "formmail-193.pl")
MENDED = (
    """    $name = str_replace(["\\r", "\\n"], '', $_POST['name']);\n""",
    "    $email = filter_var($_POST['email'] ?? '', FILTER_VALIDATE_EMAIL);\n    if ($email === false) { exit; }\n",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab({}, ("info@corp.test",), named_strangers=(SINK,)) as running:
        start_sink(running)
        web = running.host("web")
        for folder in ("guilty", "innocent"):
            for sample in (SAMPLES / folder).iterdir():
                if sample.suffix in {".php", ".pl"}:
                    web.write(f"{ROOT}/{folder}/{sample.name}", sample.read_text(encoding="utf-8"), mode=0o755)
        for name, fields in FIELDS.items():
            folder = "guilty" if name in OPEN else "innocent"
            web.write(f"{ROOT}/{name}.html", page(f"{folder}/{name}", fields))
        web.run(["sh", "-c", f"mkdir -p {ROOT}/deep && ln -s .. {ROOT}/deep/up && ln -s /dev/zero {ROOT}/zero.php"])
        yield running


def page(action: str, fields: tuple[str, ...]) -> str:
    inputs = "".join(f"<input name='{field}'>" for field in fields if field not in {"message", "text", "comment"})
    area = fields[-1] if len(fields) < 4 else "message"
    return f"<form method=post action='{action}'>{inputs}<textarea name='{area}'></textarea></form>"


def opened(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["about"]: one for one in run["results"] if one["verdict"] == "open"}


def test_reading_names_every_planted_script_and_no_other(lab: Lab) -> None:
    run = audit(lab.host("web"), "forms", ROOT)
    guilty = {f"guilty/{one.name}" for one in (SAMPLES / "guilty").iterdir() if one.suffix in {".php", ".pl"}}
    assert set(opened(run)) == guilty
    assert run["verdict"] == "critical"
    assert opened(run)["guilty/contact-old.php"]["causes"][0]["line"] == 12


def test_probing_proves_by_delivery_and_mending_closes(lab: Lab) -> None:
    urls = {f"http://{PUBLIC}/forms/{name}.html": name for name in FIELDS}
    run = audit(lab.host("out"), "forms", *urls)
    verdicts = {urls[one["target"]]: one["verdict"] for one in run["results"]}
    assert verdicts == dict.fromkeys(OPEN, "open") | dict.fromkeys(CLOSED, "closed")
    proof = next(one for one in run["results"] if urls[one["target"]] == "contact-old.php")
    assert "reached the sink" in proof["why"]
    assert proof["evidence"]

    web, place = lab.host("web"), f"{ROOT}/guilty/contact-old.php"
    lines = web.read(place).decode().splitlines(keepends=True)
    lines[4:6] = MENDED  # as the advice has it
    web.write(place, "".join(lines), mode=0o755)
    assert "guilty/contact-old.php" not in opened(audit(web, "forms", ROOT))
    again = audit(lab.host("out"), "forms", f"http://{PUBLIC}/forms/contact-old.php.html")
    assert [one["verdict"] for one in again["results"]] == ["closed"]


def test_what_we_publish_is_read_from_a_real_name_server(lab: Lab) -> None:
    more = {"WHOSENT_IDENTITY__ADDRESSES": PUBLIC}
    run = audit(lab.host("mx"), "authentication", "corp.test", **more)
    verdicts = {one["about"]: one["verdict"] for one in run["results"]}
    assert verdicts["SPF"] == "closed"
    assert verdicts["SPF and our senders"] == "closed"
    assert verdicts["DMARC"] == "open"
    assert verdicts["MX"] == "closed"
    assert verdicts[f"reverse DNS of {PUBLIC}"] == "open"  # its name leads to the address inside, not back to it


def test_a_real_server_says_whether_complaints_reach_us(lab: Lab) -> None:
    run = audit(lab.host("out"), "reachability", "corp.test")
    found = {one["about"]: one for one in run["results"]}
    assert found["abuse@corp.test"]["verdict"] in {"open", "closed"}
    assert any("RCPT TO:<abuse@corp.test>" in line for line in found["abuse@corp.test"]["evidence"][0]["lines"])
