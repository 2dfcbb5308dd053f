"""An account is stolen on a real server: somebody is told by a relay that is not sick, and pastes the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.containing import STATE, argv, said, set_up, told
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, CAROL, MAIL_LOG, PASSWORDS, Studio, letter
from tests.lab.world import SINKS

if TYPE_CHECKING:
    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
ONCALL = "oncall@partner.test"
HEARD = "/run/alerts"
RULES = f"""
[alerts]
channels = ["webhook", "mail", "command"]
copies = 2
webhook_url = "http://127.0.0.1:9/nobody"
mail_relay = "{SINKS[2]}:25"
mail_tls = false
mail_to = ["{ONCALL}"]
mail_from = "whosent@monitoring.test"
command = ["tee", "-a", "{HEARD}"]

[containment]
order = "propose"

[watch]
queue = false
"""
MAILS = 60


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab()


def mails(account: str, to: list[str]) -> list[Act]:
    return [
        Act(0, "mail", f"{LAN}.101", MX, 587, user=account, password=PASSWORDS[account], helo="pc", sender=account,
            recipients=(one,), message=letter(account, one, subject="offer"))
        for one in to
    ]  # fmt: skip


def heard(mx: Machine) -> list[dict[str, Any]]:
    return [json.loads(line) for line in mx.read(HEARD).rpartition(b"\n")[0].splitlines()]


def came(mx: Machine, news: str) -> bool:
    """Whether somebody was told this."""
    return any(news in one["news"] for one in heard(mx))


def test_told_by_another_relay_and_stopped_by_the_pasted_command(tmp_path: Path) -> None:
    gone = [f"gone{number}@isp.test" for number in range(MAILS)]
    with Lab(PASSWORDS) as lab, (tmp_path / "said").open("w") as output:
        studio, mx = Studio(lab, tmp_path), lab.host("mx")
        lab.world.answer(dict.fromkeys(gone, "unknown"))
        mx.write("/run/conf.d/alerts.toml", RULES)
        set_up(mx)
        studio.play(*mails(CAROL, ["anna@bigmail.test"] * 20))
        watch = mx.start(argv("watch", MAIL_LOG), output)
        wait_until(lambda: "following" in (tmp_path / "said").read_text(), "the watch follows")
        studio.play(*mails(BOB, gone))
        wait_until(lambda: bool(heard(mx)), "an alert")
        [alert] = heard(mx)[:1]
        assert (alert["suspect"]["kind"], alert["suspect"]["name"]) == ("account", BOB)
        assert alert["failed"][0].startswith("webhook (")
        assert alert["order"].startswith("The standing order proposes to contain it now (`whosent incident release ")
        mailed = [one for one in lab.world.seen() if one["recipient"] == ONCALL]
        assert [one["sender"] for one in mailed] == ["whosent@monitoring.test"] * len(mailed)
        assert mailed

        pasted = alert["command"].split()
        assert pasted[:3] == ["whosent", "incident", "contain"]
        assert told(mx, *pasted[1:])["problems"] == []
        wait_until(lambda: came(mx, "contained"), "it is told that it is contained")
        assert told(mx, "incident", "release", alert["incident"])["problems"] == []
        wait_until(lambda: came(mx, "released"), "it is told that it is released")
        assert said(mx, "status").startswith("WHOSENT CRITICAL - The account bob@corp.test")
        wait_until(lambda: "the channel webhook fails" in said(mx, "status"), "the channel that fails is told")
        told_ids = [one["id"] for one in heard(mx)]
        assert len(told_ids) == len(set(told_ids))
        mx.stop(watch)
        assert watch.stdin
        watch.stdin.close()
        assert mx.path(f"{STATE}/ledger.sqlite3").exists()
