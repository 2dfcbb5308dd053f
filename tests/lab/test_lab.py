"""The lab itself: it comes up, carries one authenticated mail and one form mail, and goes down leaving nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.lab.lab import Lab
from tests.lab.machine import LabError, wait_until
from tests.lab.mail import queue_is_empty
from tests.lab.network import PUBLIC
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, MAIL_LOG, OUTSIDER, PASSWORDS, STRANGERS, Studio
from tests.lab.syslog import written

pytestmark = pytest.mark.lab
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab()


def surroundings(others: Path) -> tuple[list[str], str, bool]:
    """What the machine around the lab looks like: its mounts, its network interfaces, its syslog socket.

    Below ``others`` other tests may mount something meanwhile.
    """
    interfaces = " ".join(sorted(os.listdir("/sys/class/net")))  # noqa: PTH208  # names are enough
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    ours = [line for line in mounts if not line.split()[4].startswith(f"{others}/")]
    return ours, interfaces, Path("/dev/log").exists()


def test_mail_flows_and_nothing_remains(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    others = tmp_path_factory.getbasetemp().parent
    before = surroundings(others)
    with Lab(PASSWORDS, ("info@corp.test",), STRANGERS) as lab:
        studio = Studio(lab, tmp_path)
        lab.world.answer({"nobody@isp.test": "unknown"})
        with studio.take("account.log", ": removed", times=2):
            studio.submit("anna@bigmail.test", "nobody@isp.test")
        body = urlencode({"email": "x@y.test\nBcc: ben@isp.test", "subject": "s", "message": "m"})
        form = Act(
            0, "web", OUTSIDER, PUBLIC, 80, method="POST", path="/contact.php", headers=FORM, body=body
        )  # fmt: skip
        with studio.take("form.log", ": removed", host="web"):
            studio.play(form, host="out")
        wait_until(lambda: queue_is_empty(lab.host("mx")), "the MX's empty queue")
        for name in ("mx", "web"):
            written(lab.host(name))
        on_mx, on_web = lab.host("mx").read(MAIL_LOG).decode(), lab.host("web").read(MAIL_LOG).decode()
        seen = {(record["recipient"], record["answer"]) for record in lab.world.seen()}
        pids = [lab.host(name).pid for name in ("gw", "mx", "web", "lan", "out")]

    account = (tmp_path / "account.log").read_text(encoding="utf-8")
    assert f"client=pc01.corp.test[10.77.0.101], sasl_method=PLAIN, sasl_username={BOB}" in account
    assert "status=bounced" in account
    assert "uid=33 from=<www-data>" in on_web
    handed_on = re.search(r"queued as (\w+)\)", on_web)
    assert handed_on
    assert f"{handed_on.group(1)}: client=web.corp.test[10.77.0.20]" in on_mx
    assert {("anna@bigmail.test", "accept"), ("nobody@isp.test", "unknown"), ("ben@isp.test", "accept")} <= seen
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert surroundings(others) == before


def test_a_failing_command_says_what_and_where() -> None:
    with Lab(PASSWORDS) as lab, pytest.raises(LabError, match="mx: false exited 1"):
        lab.host("mx").run(["false"])
