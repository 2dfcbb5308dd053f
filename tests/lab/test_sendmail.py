"""A real Sendmail, abused: the account and the web server's user that sent are named, from its own logs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lab import sendmail
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, CAROL, MAIL_LOG, PASSWORDS, STRANGERS, Studio

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab
CALL = ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-i", "-f", "carol@corp.test"]
PEOPLE = [f"p{number}@{domain}.test" for number in range(40) for domain in ("isp", "bigmail", "freemail")]


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab(sendmail)


def test_account_and_local_user_are_named(tmp_path: Path) -> None:
    with Lab(PASSWORDS, (), STRANGERS, mta=sendmail) as lab:
        studio = Studio(lab, tmp_path)
        mx, web = lab.host("mx"), lab.host("web")
        lab.world.answer(dict.fromkeys(PEOPLE[::2], "unknown"))
        for number in range(6):
            studio.submit(f"friend{number}@partner.test", account=CAROL)
        for start in range(0, 60, 20):
            studio.submit(*PEOPLE[start : start + 20], account=BOB, sender=CAROL)
        for one in PEOPLE[60:]:
            web.run([*CALL, one], "Subject: x\n\nx\n")
        wait_until(lambda: sendmail.queue_is_empty(mx) and sendmail.queue_is_empty(web), "empty queues")
        for host in (mx, web):
            (tmp_path / f"{host.name}.log").write_bytes(host.read(MAIL_LOG))
    logs = [str(tmp_path / "mx.log"), str(tmp_path / "web.log")]
    done = subprocess.run(
        [sys.executable, "-m", "whosent", "scan", "--json", *logs], capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    named = {(one["suspect"]["kind"], one["suspect"]["name"], one["suspect"]["host"]) for one in report["incidents"]}
    assert named == {("account", BOB, "mx"), ("local_user", "www-data", "web")}
    for incident in report["incidents"]:
        said = "\n".join(command for remedy in incident["remedies"] for command in remedy["commands"])
        assert "sendmail -Am" in said
        assert "postqueue" not in said
