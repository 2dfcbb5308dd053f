"""Live, on real servers: stolen account and abused form are named within seconds while an innocent office sends."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.lab.lab import Lab, why_not
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act
from tests.lab.studio import MAIL_LOG, STRANGERS, letter
from tests.lab.web import ACCESS_LOG, PHP_MAIL_LOG
from tests.lab.world import DOMAINS
from tests.live.kit import Daemon, sentences
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger

pytestmark = pytest.mark.lab
OFFICE = [f"{name}@corp.test" for name in ("anna", "ben", "clara", "dora", "emil")]
STOLEN = "bob@corp.test"
PASSWORDS = {name: f"secret-{number}" for number, name in enumerate([*OFFICE, STOLEN])}
WITHIN = 15.0  # seconds from the last line that is needed, on a busy machine; a quiet one takes two
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Host": "www.corp.test"}


@pytest.fixture(autouse=True)
def possible() -> None:
    reason = why_not()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def mail(at: float, account: str, source: str, to: list[str]) -> Act:
    inside = source.startswith(LAN)
    return Act(
        at, "mail", source, MX if inside else PUBLIC, 587, user=account, password=PASSWORDS[account],
        helo="pc01.corp.test" if inside else "localhost", sender=account, recipients=tuple(to),
        message=letter(account, to[0]),
    )  # fmt: skip


def office(chance: random.Random, seconds: float) -> list[Act]:
    """Everybody writes to people who exist, one wrong address among many."""
    known = [f"friend{number}@{DOMAINS[number % 7]}" for number in range(40)]
    times = sorted(chance.uniform(0, seconds) for _ in range(150))
    return [
        mail(at, chance.choice(OFFICE), f"{LAN}.{101 + chance.randrange(3)}", [chance.choice(known)]) for at in times
    ]


def victims(chance: random.Random, count: int, answers: dict[str, str]) -> list[str]:
    """A bought list: a third of it does not exist."""
    found = [f"victim{chance.getrandbits(40):x}@{DOMAINS[number % 40]}" for number in range(count)]
    answers |= {one: "unknown" for one in found if chance.random() < 0.35}
    return found


def test_the_culprits_are_named_within_seconds_and_nobody_else(tmp_path: Path) -> None:
    chance = random.Random(5)
    answers: dict[str, str] = {}
    bought, harvested = victims(chance, 200, answers), victims(chance, 360, answers)
    with Lab(PASSWORDS, ("info@corp.test",), STRANGERS) as lab:
        lab.world.answer(answers)
        mx, web = lab.host("mx"), lab.host("web")
        logs = [mx.path(MAIL_LOG), web.path(MAIL_LOG), web.path(ACCESS_LOG), web.path(PHP_MAIL_LOG)]
        daemon = Daemon(tmp_path / "state", logs)
        daemon.until("")
        innocent = lab.start("lan", "tests.lab.player")
        assert innocent.stdin
        innocent.stdin.write("".join(act.line() for act in office(chance, 30.0)))
        innocent.stdin.flush()
        time.sleep(8.0)
        thief = lab.start("out", "tests.lab.player")
        campaign = [
            mail(number * 0.2, STOLEN, chance.choice(STRANGERS), bought[number * 5 : number * 5 + 5])
            for number in range(40)
        ]
        bodies = [
            urlencode({"email": "x@prize.test\nBcc: " + ", ".join(harvested[number * 9 : number * 9 + 9]),
                       "subject": "You have won", "message": "Claim it"})
            for number in range(40)
        ]  # fmt: skip
        campaign += [
            Act(number * 0.2, "web", STRANGERS[2], PUBLIC, 80, method="POST", path="/contact.php", headers=FORM,
                body=body)
            for number, body in enumerate(bodies)
        ]  # fmt: skip
        thief.communicate("".join(act.line() for act in sorted(campaign, key=lambda act: act.at)), timeout=120)
        played = time.monotonic()
        daemon.until(STOLEN, WITHIN)
        daemon.until("contact.php", WITHIN)
        seconds = time.monotonic() - played
        innocent.stdin.close()
        innocent.wait(90)
        daemon.stop()
    kept = Incidents(Ledger(tmp_path / "state")).all()
    assert seconds < WITHIN
    assert {one.incident.suspect.name.rpartition("/")[2] for one in kept} == {STOLEN, "contact.php"}, sentences(
        tmp_path / "state"
    )
    assert not [one for one in kept for name in OFFICE if name in one.incident.suspect.name]
    assert all(found.evidence for one in kept for found in one.incident.findings)
    for one in kept:
        assert list(Incidents(Ledger(tmp_path / "state")).lines(one.incident.id))
