"""A watch for several hosts: a web host's real rsyslog sends over the network, by UDP and by TCP; both name the same.

Only stolen account and abused form are named, while an innocent office sends; and no line is lost on the way.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.lab.containing import RUN, STATE
from tests.lab.lab import Lab
from tests.lab.machine import LabError, wait_until
from tests.lab.mail import queue_is_empty
from tests.lab.network import MX, PUBLIC
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.studio import MAIL_LOG, STRANGERS, Studio, letter
from tests.lab.syslog import RFC3339, forward_syslog, written
from tests.lab.watched import FORM, PASSWORDS, STOLEN, Office, colleague
from tests.lab.web import set_php
from tests.lab.world import DOMAINS
from whosent.model.lifecycle import State
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
PORT = 5514
CENTRE = f"""
[watch]
queue = false
rows_days = 0
syslog_{{transport}} = ["{MX}:{{port}}"]
syslog_from = ["10.77.0.20/32"]
"""


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab()


def victims(chance: random.Random, count: int, answers: dict[str, str]) -> list[str]:
    """A bought list: a third of it does not exist."""
    found = [f"victim{chance.getrandbits(40):x}@{DOMAINS[number % 40]}" for number in range(count)]
    answers |= {one: "unknown" for one in found if chance.random() < 0.35}
    return found


def thefts(chance: random.Random, bought: list[str]) -> list[Act]:
    return [
        Act(number * 0.2, "mail", chance.choice(STRANGERS), PUBLIC, 587, user=STOLEN, password=PASSWORDS[STOLEN],
            helo="localhost", sender=STOLEN, recipients=tuple(bought[number * 5 : number * 5 + 5]),
            message=letter(STOLEN, "list"))
        for number in range(40)
    ]  # fmt: skip


def injections(harvested: list[str]) -> list[Act]:
    """The contact form, made to write to nine strangers at a time."""
    return [
        Act(number * 0.2, "web", STRANGERS[2], PUBLIC, 80, method="POST", path="/contact.php", headers=FORM,
            body=urlencode({"email": "x@prize.test\nBcc: " + ", ".join(harvested[number * 9 : number * 9 + 9]),
                            "subject": "You have won", "message": "Claim it"}))
        for number in range(40)
    ]  # fmt: skip


def watches(mx: Machine, place: Path, stack: ExitStack) -> dict[str, tuple[subprocess.Popen[str], Path]]:
    """Two on one host, each with a state and a receiver of its own."""
    running = {}
    for number, transport in enumerate(("udp", "tcp")):
        mx.write(f"/run/{transport}/conf.d/centre.toml", CENTRE.format(transport=transport, port=PORT + number))
        folders = (f"WHOSENT_STATE={STATE}-{transport}", f"WHOSENT_CONFIG=/run/{transport}")
        said = place / transport
        process = mx.start(["env", *folders, sys.executable, "-c", RUN, "watch", MAIL_LOG],
                           stack.enter_context(said.open("w")))  # fmt: skip
        running[transport] = (process, said)
        wait_for("following", said)
    return running


def wait_for(words: str, said: Path) -> None:
    """Until the watch has said this."""
    try:
        wait_until(lambda: words in said.read_text(), words)
    except LabError as error:
        raise LabError(f"{error}\n{said.read_text()}") from error


def mailed(mx: Machine, transport: str) -> list[bytes]:
    """Lines of Postfix that came by this transport."""
    taken = mx.read(f"{STATE}-{transport}/spool/syslog.log").rpartition(b"\n")[0].splitlines()
    return [line for line in taken if b" postfix/" in line]


def brought(mx: Machine, transport: str, count: int) -> bool:
    """Whether so many lines came."""
    return len(mailed(mx, transport)) >= count


def test_a_web_hosts_syslog_over_the_network_names_the_culprits_and_nobody_else(tmp_path: Path) -> None:
    chance = random.Random(5)
    answers: dict[str, str] = {}
    bought, harvested = victims(chance, 200, answers), victims(chance, 360, answers)
    with ExitStack() as stack, Lab(PASSWORDS, ("info@corp.test",), STRANGERS) as lab:
        lab.world.answer(answers)
        mx, web = lab.host("mx"), lab.host("web")
        set_php(web, "Etc/UTC", "syslog")
        running = watches(mx, tmp_path, stack)
        before = len(web.read(MAIL_LOG).splitlines())
        forward_syslog(web, {MAIL_LOG: RFC3339}, MX, PORT, PORT + 1)
        with Office(lab, colleague):
            time.sleep(5.0)
            campaign = sorted(thefts(chance, bought) + injections(harvested), key=lambda act: act.at)
            Studio(lab, tmp_path).play(*campaign, host="out")
            for _, said in running.values():
                wait_for(f" opened: The account {STOLEN} is being used to send spam", said)
                wait_for(" opened: The script /var/www/html/contact.php is being used to send spam", said)
        wait_until(lambda: queue_is_empty(web), "the web host's empty queue")
        written(web)
        sent = [line for line in web.read(MAIL_LOG).splitlines()[before:] if b" postfix/" in line]
        for transport, (process, said) in running.items():
            wait_until(partial(brought, mx, transport, len(sent)), f"all that {transport} brings")
            mx.stop(process)
            state = shutil.copytree(mx.path(f"{STATE}-{transport}"), tmp_path / f"{transport}-state")
            kept = Incidents(Ledger(state)).all(State.OPEN)
            named = {one.incident.suspect.name for one in kept}
            assert named == {STOLEN, "/var/www/html/contact.php"}, said.read_text()
            assert all(found.evidence for one in kept for found in one.incident.findings)
            assert len(mailed(mx, transport)) == len(sent), "no line was lost on the way"
