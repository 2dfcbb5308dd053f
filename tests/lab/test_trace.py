"""Messages that really travelled, forged lines in front of them: traced from the recipient's copy, with logs or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.lab import victim
from tests.lab.lab import Lab
from tests.lab.machine import Machine, wait_until
from tests.lab.mail import queue_is_empty
from tests.lab.network import LAN, MX, PUBLIC, WEB
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, CAROL, MAIL_LOG, OUTSIDER, PASSWORDS, STRANGERS, Studio, letter
from tests.lab.victim import VICTIM, Answer, copy_of, forged_lines, start_victim
from tests.lab.web import PHP_MAIL_LOG
from tests.lab.world import DEAD

pytestmark = pytest.mark.lab
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The lab, and a real Postfix in the world outside that keeps what it is sent."""
    require_lab()
    with Lab(PASSWORDS, ("info@corp.test",), STRANGERS) as lab:
        start_victim(lab)
        yield Studio(lab, tmp_path_factory.mktemp("takes"))


def delivered(studio: Studio, machine: Machine, mailbox: str, subject: str) -> bytes:
    """The copy with this subject, once everything has arrived and is logged."""
    copy = copy_of(machine, mailbox, subject)
    for name in ("mx", "web"):
        host = studio.lab.host(name)
        wait_until(lambda host=host: queue_is_empty(host), f"an empty queue on {name}")  # type: ignore[misc]  # of this round
        studio.hush(name)
    return copy


def traced(studio: Studio, copy: bytes, folder: Path, *, logs: bool) -> Answer:
    mx, web = studio.lab.host("mx"), studio.lab.host("web")
    return victim.traced(copy, folder, ((mx, MAIL_LOG), (web, MAIL_LOG), (web, PHP_MAIL_LOG)) if logs else ())


def test_a_stranger_to_one_of_us(studio: Studio, tmp_path: Path) -> None:
    studio.arrive(BOB, text=forged_lines() + letter("anna@bigmail.test", BOB, "from a stranger"), helo="mx.corp.test")
    copy = delivered(studio, studio.lab.host("mx"), "corp.test/bob", "from a stranger")
    without = traced(studio, copy, tmp_path / "without", logs=False)
    assert (without["boundary"]["hop"], without["boundary"]["address"], without["boundary"]["level"]) == (
        1, OUTSIDER, "attested",
    )  # fmt: skip
    assert "our_name_from_a_stranger" in {sign["sign"] for sign in without["forgeries"]}
    with_logs = traced(studio, copy, tmp_path / "with", logs=True)
    assert (with_logs["boundary"]["address"], with_logs["boundary"]["level"]) == (OUTSIDER, "observed")
    assert with_logs["suspect"] is None


def test_a_stolen_account_to_a_victim(studio: Studio, tmp_path: Path) -> None:
    studio.submit(VICTIM, text=forged_lines() + letter(BOB, VICTIM, "from an account"))
    copy = delivered(studio, studio.lab.host("out"), "dead.test/victim", "from an account")
    without = traced(studio, copy, tmp_path / "without", logs=False)
    assert (without["boundary"]["hop"], without["boundary"]["address"]) == (1, PUBLIC)
    assert without["suspect"] is None
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert (said["suspect"]["kind"], said["suspect"]["name"], said["suspect"]["host"]) == ("account", BOB, "mx")
    assert said["boundary"]["address"] == f"{LAN}.101"
    assert {(entry["account"], entry["agrees"]) for entry in said["logged"]} == {(BOB, True)}
    assert said["logged"][0]["evidence"]


def test_a_web_form_to_a_victim(studio: Studio, tmp_path: Path) -> None:
    """The form lets its visitor write headers: Received lines among them."""
    email = "x@corp.test\r\n" + forged_lines().strip()
    body = urlencode({"to": VICTIM, "email": email, "subject": "from a form", "message": "m"})
    studio.play(
        Act(0, "web", OUTSIDER, PUBLIC, 80, method="POST", path="/contact.php", headers=FORM, body=body), host="out"
    )
    copy = delivered(studio, studio.lab.host("out"), "dead.test/victim", "Contact: from a form")
    assert b"4jFORGED0001" in copy
    without = traced(studio, copy, tmp_path / "without", logs=False)
    assert without["suspect"] is None
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert said["suspect"]["kind"] == "script"
    assert said["suspect"]["name"] == "/var/www/html/contact.php"
    assert (said["suspect"]["uid"], said["suspect"]["host"], said["strength"]) == (33, "web", "likely")
    assert [hop["level"] for hop in said["hops"][:3]] == ["vouched", "corroborated", "corroborated"]


def test_an_infected_machine_to_one_of_us(studio: Studio, tmp_path: Path) -> None:
    text = forged_lines() + letter("x@isp.test", BOB, "from a machine")
    act = Act(
        0, "mail", f"{LAN}.102", MX, 25, helo="web.corp.test", sender="x@isp.test", recipients=(BOB,), message=text
    )
    studio.play(act)
    copy = delivered(studio, studio.lab.host("mx"), "corp.test/bob", "from a machine")
    for logs in (False, True):
        said = traced(studio, copy, tmp_path / str(logs), logs=logs)
        assert (said["boundary"]["hop"], said["boundary"]["address"]) == (1, f"{LAN}.102")


def test_an_open_relay(studio: Studio, tmp_path: Path) -> None:
    """What the victim complains of came through us, from a stranger; its forged lines are refuted by our log."""
    studio.settings("mynetworks=0.0.0.0/0")
    try:
        text = forged_lines() + letter("anna@bigmail.test", VICTIM, "through a relay")
        studio.arrive(VICTIM, text=text)
        copy = delivered(studio, studio.lab.host("out"), "dead.test/victim", "through a relay")
    finally:
        studio.settings(f"mynetworks=127.0.0.0/8 {WEB}/32")
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert said["boundary"]["address"] == OUTSIDER
    assert said["suspect"] is None


def log_reaches(machine: Machine, minutes: int) -> None:
    """The log as it would be had it begun so much earlier, and as it will be so much later."""
    log, now = machine.path(MAIL_LOG), datetime.now(UTC)
    before, after = (
        f"{(now + timedelta(minutes=by)).isoformat()} {machine.name} postfix/qmgr[9]: 4jbjwQ04FDz7a: removed\n"
        for by in (-minutes, minutes)
    )
    log.write_bytes(before.encode() + log.read_bytes() + after.encode())


def test_a_joe_job(studio: Studio, tmp_path: Path) -> None:
    """A stranger's spam that names our mail server reaches a victim without ever having been here."""
    studio.submit(VICTIM, text=letter(BOB, VICTIM, "before it"))
    text = forged_lines() + letter(CAROL, VICTIM, "never here")
    act = Act(0, "mail", OUTSIDER, DEAD, 25, helo="mx.corp.test", sender=CAROL, recipients=(VICTIM,), message=text)
    studio.play(act, host="out")
    copy = delivered(studio, studio.lab.host("out"), "dead.test/victim", "never here")
    studio.submit(VICTIM, text=letter(BOB, VICTIM, "after it"))
    delivered(studio, studio.lab.host("out"), "dead.test/victim", "after it")
    soon = traced(studio, copy, tmp_path / "soon", logs=True)
    assert "absent_from_log" not in {sign["sign"] for sign in soon["forgeries"] if sign["proves"]}, "clocks may differ"
    log_reaches(studio.lab.host("mx"), minutes=15)
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert said["suspect"] is None
    assert (said["boundary"]["address"], said["boundary"]["level"]) == (OUTSIDER, "vouched")
    proven = {(sign["sign"], sign["hop"]) for sign in said["forgeries"] if sign["proves"]}
    assert ("absent_from_log", 2) in proven
    assert said["hops"][1]["level"] == "contradicted"


def test_a_complaint_about_our_own_stolen_account(studio: Studio, tmp_path: Path) -> None:
    """The victim's provider reports the copy it got (ARF): it leads to the account, forged lines or not."""
    studio.submit(VICTIM, text=forged_lines() + letter(BOB, VICTIM, "complained of"))
    copy = delivered(studio, studio.lab.host("out"), "dead.test/victim", "complained of")
    report = (
        b"From: fbl@dead.test\nTo: abuse@corp.test\nSubject: abuse report\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
        b"A user says this is spam.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        b"User-Agent: fbl/1\nVersion: 1\nSource-IP: " + PUBLIC.encode() + b"\nOriginal-Rcpt-To: " + VICTIM.encode()
        + b"\n\n--b\nContent-Type: message/rfc822\n\n" + copy + b"\n--b--\n"
    )  # fmt: skip
    (tmp_path / "report.eml").write_bytes(report)
    (tmp_path / "mail.log").write_bytes(studio.lab.host("mx").read(MAIL_LOG))
    options = (
        "--own-network",
        f"{PUBLIC}/32",
        "--own-domain",
        "corp.test",
        "--timezone",
        "Etc/UTC",
        "--no-keep",
        "--json",
    )
    command = ["complaint", "add", str(tmp_path / "report.eml"), "--logs", str(tmp_path / "mail.log"), *options]
    environment = {**os.environ, "WHOSENT_CONFIG": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "whosent", *command], capture_output=True, check=False, env=environment
    )
    assert done.returncode == 1, done.stderr
    said: Answer = json.loads(done.stdout)
    assert (said["ours"], said["suspect"]["kind"], said["suspect"]["name"]) == ("yes", "account", BOB)
    assert said["strength"] == "shown"
    assert said["evidence"]
    assert CAROL not in json.dumps((said["suspect"], said["candidates"]))
