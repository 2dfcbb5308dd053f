"""The printed commands on a real Sendmail: they touch the culprit's mail, nobody else's, and leave no trace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.lab import sendmail
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, CAROL, PASSWORDS, STRANGERS, Studio, letter
from whosent.model.finding import Cause, Strength, Suspect
from whosent.remedies import propose

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.machine import Machine
    from whosent.model.incident import Remedy

pytestmark = pytest.mark.lab
LATER = "slow@isp.test"
EVERYBODY = {"bob", "carol", "shop", "form", "cron", "web"}
SCRIPT = "X-PHP-Originating-Script: 33:{}.php"


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab(sendmail)


def local(machine: Machine, user: str, subject: str, header: str = "X-A: b") -> None:
    call = ["runuser", "-u", user, "--", "/usr/sbin/sendmail", "-i", "-f", "root", LATER]
    machine.run(call, f"Subject: {subject}\n{header}\n\nx\n")


def everybody(studio: Studio) -> None:
    mx, web = studio.lab.host("mx"), studio.lab.host("web")
    studio.submit(LATER, account=BOB, text=letter(BOB, LATER, "bob"))
    studio.submit(LATER, account=CAROL, sender=BOB, text=letter(BOB, LATER, "carol"))
    local(mx, "www-data", "shop", SCRIPT.format("shopXphp"))
    local(mx, "www-data", "form", SCRIPT.format("shop"))
    local(mx, "daemon", "cron", "Received: (from www-data@localhost)")
    local(web, "www-data", "web")


def queue(mx: Machine, kind: str) -> set[str]:
    """The subjects in the queue: ``q`` waiting, ``h`` quarantined."""
    said = mx.run(["sh", "-c", f"cat {sendmail.QUEUE}/{kind}f* 2>/dev/null"], check=False)
    return set(re.findall(r"^H\S*Subject: (\w+)$", said, re.MULTILINE))


def proposed(suspect: Suspect) -> list[Remedy]:
    return propose(
        incident="3f9a1c", suspect=suspect, cause=Cause.INFECTED_HOST, strength=Strength.SHOWN, server="sendmail"
    )  # fmt: skip


def steps(suspect: Suspect) -> dict[str, Remedy]:
    return {step.step: step for step in proposed(suspect)}


def run(mx: Machine, commands: list[str]) -> str:
    return "".join(mx.run(["bash", "-c", command]) for command in commands)


CULPRITS = {
    "bob": (Suspect(kind="account", name=BOB, host="mx"), {"bob"}),
    "form": (Suspect(kind="form", name="/var/www/html/shop.php", host="mx"), {"form"}),
    "www-data": (Suspect(kind="local_user", name="www-data", account="www-data", host="mx"), {"shop", "form"}),
    "web": (Suspect(kind="host", name="10.77.0.20", host="mx", address="10.77.0.20"), {"web"}),
    "forward": (Suspect(kind="forwarder", name=LATER, address=LATER, host="mx"), EVERYBODY),
    "elsewhere": (Suspect(kind="forwarder", name="low@isp.test", host="mx"), set()),
}


def test_commands_quarantine_the_culprit_alone_and_undo_themselves(tmp_path: Path) -> None:
    with Lab(PASSWORDS, (), STRANGERS, mta=sendmail) as lab:
        studio, mx = Studio(lab, tmp_path), lab.host("mx")
        lab.world.answer({LATER: "deferred"})
        everybody(studio)
        wait_until(lambda: queue(mx, "q") == EVERYBODY, "six messages in the queue")
        for suspect, theirs in CULPRITS.values():
            held = steps(suspect)["hold"]
            assert len(run(mx, steps(suspect)["inspect"].commands[:1]).split()) == len(theirs)
            run(mx, held.commands)
            assert queue(mx, "h") == theirs
            assert queue(mx, "q") == EVERYBODY - theirs
            run(mx, held.undo[:1])
            assert (queue(mx, "h"), queue(mx, "q")) == (set(), EVERYBODY)
        before = mx.read("/etc/mail/access")
        block = next(step for step in proposed(CULPRITS["web"][0]) if "makemap" in "".join(step.commands))
        run(mx, block.commands * 2)
        mx.run(["sh", "-c", f"rm {sendmail.QUEUE}/*"])
        everybody(studio)
        wait_until(lambda: queue(mx, "q") == EVERYBODY - {"web"}, "what the others sent")
        studio.hush()
        assert queue(mx, "q") == EVERYBODY - {"web"}
        run(mx, block.undo)
        assert mx.read("/etc/mail/access").strip() == before.strip()
        sendmail.run_queue(lab.host("web"))
        wait_until(lambda: queue(mx, "q") == EVERYBODY, "what was deferred")
