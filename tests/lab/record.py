"""Record the samples of this repository in the lab: ``python -m tests.lab.record [incident|samples [TAKE ...]]``.

``incident`` (some six minutes) writes ``samples/incident``, ``samples`` (some three minutes) writes
``tests/samples``; the names of takes after it record only those. Without an argument: both.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import (
    exim,
    filters,
    incident,
    takes_causes,
    takes_delivery,
    takes_exim,
    takes_filters,
    takes_hostile,
    takes_logins,
    takes_refusal,
    takes_syslog,
    takes_web,
)
from tests.lab.clock import Clock
from tests.lab.lab import Lab, why_not
from tests.lab.machine import LabError, wait_until
from tests.lab.mail import queue_is_empty
from tests.lab.people import INFO, NEWSLETTER, SHOP, STAFF, WEB_ROOT, WEB_USER
from tests.lab.player import Act, Result
from tests.lab.studio import PASSWORDS, SAMPLES, STRANGERS, Studio
from tests.lab.truth import Played, last_answers, tell
from tests.lab.web import ACCESS_LOG, PHP_MAIL_LOG, stop_web

if TYPE_CHECKING:
    from subprocess import Popen
    from types import ModuleType

REPOSITORY = Path(__file__).parents[2]
START = datetime.fromisoformat("2026-11-17T08:00:00+01:00")
RATE = 60
ZONE = "Europe/Berlin"
PLAYERS = {"lan": "lan", "out": "out", "guess": "out", "web": "web"}


def record_incident(place: Path) -> None:
    """Play the incident and write its logs and its truth to ``place``."""
    passwords = {account: f"secret-{number}" for number, account in enumerate((*STAFF, NEWSLETTER, SHOP))}
    scene = incident.build(passwords)
    clock = Clock.starting_at(START, RATE)
    lab = Lab(
        passwords, (INFO, WEB_USER, WEB_ROOT), incident.STRANGERS, incident.NAMED_STRANGERS,
        pcs=len(STAFF), timezone=ZONE, clock=clock,
    )  # fmt: skip
    with lab:
        lab.world.answer(scene.answers)
        count, hours = sum(map(len, scene.acts.values())), incident.LENGTH / 60
        print(f"playing {count} acts, {hours:.1f} hours at {RATE} times their speed", flush=True)
        began = clock.now()
        results = play(lab, scene)
        for host in (lab.host("web"), lab.host("mx")):
            wait_until(partial(queue_is_empty, host), f"{host.name}'s queue to become empty", 120)
        stop_web(lab.host("web"))
        acts = [act for acts in scene.acts.values() for act in acts]
        truth = tell(Played(acts, results, last_answers(lab.world.seen()), datetime.fromtimestamp(began, START.tzinfo)))
        recording = {"start": START.isoformat(), "speed": RATE, "time_zone": ZONE, "end": end_of(clock)}
        save(lab, place)
    text = json.dumps({"recording": recording, **truth}, indent=1, ensure_ascii=False)
    (place / "truth.json").write_text(text + "\n", encoding="utf-8")


def end_of(clock: Clock) -> str:
    """Give the lab's time now, as text."""
    return datetime.fromtimestamp(int(clock.now()), START.tzinfo).isoformat()


def play(lab: Lab, scene: incident.Scene) -> list[Result]:
    """Let every host's player play its acts; give what came of them."""
    players = {name: lab.start(host, "tests.lab.player") for name, host in PLAYERS.items()}
    for name, player in players.items():
        feed(player, scene.acts[name])
    with ThreadPoolExecutor(len(players)) as pool:  # all at once: a player whose output nobody reads stands still
        return [result for results in pool.map(listen, players.values()) for result in results]


def listen(player: Popen[str]) -> list[Result]:
    """Read what came of a player's acts until it ends."""
    results = []
    for line in player.stdout or ():
        if not line.startswith("{"):
            raise LabError(f"a player failed: {line}{player.stdout.read() if player.stdout else ''}")
        results.append(Result(**json.loads(line)))
    return results


def feed(player: Popen[str], acts: list[Act]) -> None:
    """Hand a player its acts; minutes of the scene become seconds of the world."""
    if player.stdin is None:
        raise LabError("the player has no input")
    for act in acts:
        player.stdin.write(Act(**{**vars(act), "at": act.at * 60 / RATE}).line())
    player.stdin.close()


def save(lab: Lab, place: Path) -> None:
    """Copy the logs out of the hosts."""
    place.mkdir(parents=True, exist_ok=True)
    files = {
        "mail.log": ("mx", "/var/log/mail.log"),
        "web-mail.log": ("web", "/var/log/mail.log"),
        "access.log": ("web", ACCESS_LOG),
        "php-mail.log": ("web", PHP_MAIL_LOG),
    }
    for name, (host, path) in files.items():
        (place / name).write_bytes(lab.host(host).read(path))


def record_samples(place: Path, only: list[str]) -> None:
    """Play every take in one lab and write the samples below ``place``."""
    mailboxes = (INFO, WEB_USER, WEB_ROOT)
    with Lab(PASSWORDS, mailboxes, STRANGERS, log_format=takes_syslog.FORMATS) as lab:
        studio = Studio(lab, place)
        for module in (
            takes_delivery,
            takes_refusal,
            takes_hostile,
            takes_logins,
            takes_web,
            takes_syslog,
            takes_causes,
        ):
            take_all(studio, module, only)
    missing = filters.missing()
    if missing and not only:
        print(f"takes_filters: not recorded, for want of {missing}: tests/lab/packages.sh record", flush=True)
    elif not missing:
        with Lab(PASSWORDS, mailboxes, STRANGERS) as lab:
            take_all(Studio(lab, place), takes_filters, only)
    with Lab(PASSWORDS, (INFO,), STRANGERS, mta=exim, log_format=takes_syslog.FORMATS) as lab:
        take_all(Studio(lab, place), takes_exim, only)


def take_all(studio: Studio, module: ModuleType, only: list[str]) -> None:
    """Play the takes of a module, or those of them that are named."""
    for take in module.TAKES:
        if not only or take.__name__ in only:
            print(f"{module.__name__.rpartition('.')[2]}: {take.__name__}", flush=True)
            take(studio)


def main() -> int:
    """Record what the command line names."""
    reason = why_not()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    what, *only = sys.argv[1:] or ["all"]
    if what in {"samples", "all"}:
        record_samples(SAMPLES, only)
    if what in {"incident", "all"}:
        record_incident(REPOSITORY / "samples" / "incident")
    return 0


if __name__ == "__main__":
    sys.exit(main())
