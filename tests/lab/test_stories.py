"""The outbreaks end to end, each from a clean start: named, contained alone, purged, released, told.

An innocent office sends all along and gets all its mail delivered.  WHOSENT_TEST_FULL=1 plays them at full size.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import re
import select
import struct
import subprocess
import termios
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.lab import exim
from tests.lab.containing import argv, set_up, told
from tests.lab.lab import Lab, moment
from tests.lab.machine import PATIENCE, wait_until
from tests.lab.mail import listens, queue_is_empty
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act
from tests.lab.possible import require, require_lab
from tests.lab.queues import waiting
from tests.lab.studio import MAIL_LOG, STRANGERS, Studio, letter
from tests.lab.watched import (
    FORM,
    FRIENDS,
    OFFICE,
    PASSWORDS,
    STOLEN,
    Office,
    Watched,
    clean,
    colleague,
    customer,
    watched,
)
from tests.lab.web import ACCESS_LOG, PHP_MAIL_LOG, keep_php
from tests.lab.world import DOMAINS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
SIZE = 20_000 if FULL else 160
SPREAD = 200.0 if FULL else 8.0  # seconds
SPAMMER, PC = "prize@offers.test", f"{LAN}.103"
WEB_LOGS = (MAIL_LOG, ACCESS_LOG, PHP_MAIL_LOG)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab(PASSWORDS, ("info@corp.test", "postmaster@corp.test"), STRANGERS) as lab:
        for name in ("mx", "web"):
            set_up(lab.host(name))
        yield lab


class Campaign:
    """Spam from the outside or the inside, played while the test goes on."""

    def __init__(self, lab: Lab, host: str, acts: list[Act]) -> None:
        self.player = lab.start(host, "tests.lab.player")
        self.began = time.time()
        self._acts = acts
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def _play(self) -> None:
        self.player.communicate("".join(act.line() for act in self._acts), timeout=1200)

    def over(self) -> None:
        self._thread.join()


class Play(NamedTuple):
    """What happens, and who it is."""

    host: str  # where the acts come from
    acts: list[Act]
    to: list[str]  # the victims
    culprit: str  # the end of the suspect's name
    mark: str  # what its queue files hold, and nobody else's
    past: tuple[Act, ...] = ()  # what it sent before


def at(number: int) -> float:
    """When the spam of this number is sent, in seconds."""
    return SPREAD * number / SIZE


def spam(when: float, to: str, sender: str = SPAMMER, **how: Any) -> Act:  # noqa: ANN401  # fields of an act
    return Act(when, "mail", sender=sender, recipients=(to,), helo="localhost", message=letter(sender, to, "You won"),
               **how)  # fmt: skip


def victims(lab: Lab, seed: int) -> list[str]:
    """A bought list: of three, one does not exist, one has to wait, one gets it."""
    chance = random.Random(seed)
    found = [f"victim{chance.getrandbits(40):x}@{DOMAINS[number % 80]}" for number in range(SIZE)]
    lab.world.answer({one: ("unknown", "deferred", "accept")[number % 3] for number, one in enumerate(found)})
    return found


def thefts(to: list[str]) -> list[Act]:
    """Strangers send in the name of the stolen account."""
    return [
        spam(at(number), one, source=STRANGERS[number % 4], server=PUBLIC, port=587, user=STOLEN,
             password=PASSWORDS[STOLEN], sender=STOLEN)
        for number, one in enumerate(to)
    ]  # fmt: skip


class Story:
    """One outbreak beside an innocent office, and what came of it."""

    def __init__(self, lab: Lab, machine: Machine, place: Path, play: Play, innocent: Callable[[int], Act]) -> None:
        self.lab, self.machine, self.place, self.play = lab, machine, place, play
        self.host = "out" if innocent is customer else "lan"
        self.innocent = innocent

    def begins(self) -> Campaign:
        """The innocent have a past; then the outbreak starts."""
        return Campaign(self.lab, self.play.host, self.play.acts)

    def lie(self, mark: str) -> dict[str, int]:
        """Folder of the queue -> messages whose file holds this."""
        script = 'for f in incoming active deferred hold maildrop; do echo $f $(grep -rlaF -e "$1" $f | wc -l); done'
        told_ = self.machine.run(["sh", "-c", f"cd /var/spool/postfix; {script}", "_", mark])
        pairs = (line.split() for line in told_.splitlines())
        return {folder: int(count) for folder, count in pairs if count != "0"}

    def seen(self, to: Collection[str], *answers: str) -> int:
        """Different recipients whom the world answered so."""
        return reached(self.lab, to, *answers)


def reached(lab: Lab, to: Collection[str], *answers: str) -> int:
    """Different recipients whom the world answered so."""
    return len({one["recipient"] for one in lab.world.seen() if one["answer"] in answers} & set(to))


@contextmanager
def story(  # noqa: PLR0913, PLR0917  # where, what, the innocent beside it
    lab: Lab, machine: Machine, place: Path, play: Play, innocent: Callable[[int], Act] = colleague,
    logs: tuple[str, ...] = (MAIL_LOG,), **how: Any,  # noqa: ANN401  # what the operator decided
) -> Iterator[tuple[Story, Watched]]:  # fmt: skip
    """A clean start, people with a past, a watch with a standing order; in the end all innocent mail was delivered."""
    one = Story(lab, machine, place, play, innocent)
    clean(machine, logs)
    Studio(lab, place).play(*play.past, *map(innocent, range(60)), host=one.host)
    wait_until(lambda: queue_is_empty(machine), "the end of what was before")
    before = delivered(lab)
    with watched(machine, place, logs, **how) as watch:
        with Office(lab, innocent, one.host) as office:
            yield one, watch
        wait_until(lambda: delivered(lab) - before >= office.sent(), "all mail of the innocent")
        assert watch.accused() == {name for name in watch.accused() if name.endswith(play.culprit)}
        print(f"{play.culprit}: all {office.sent():,} messages of the innocent were delivered")
    assert office.sent() > 20


def delivered(lab: Lab) -> int:
    """Messages to the friends of the innocent that arrived."""
    return sum(one["recipient"] in FRIENDS and one["answer"] == "accept" for one in lab.world.seen())


def contained(one: Story, watch: Watched, campaign: Campaign) -> str:
    """Named and contained, alone; nothing that is sent from then on leaves, nothing of it is lost."""
    opened, told_ = watch.told("opened", one.play.culprit), watch.told("contained", one.play.culprit)
    named, stopped = (moment(each["at"]).timestamp() - campaign.began for each in (opened, told_))
    print(f"{one.play.culprit}: named after {named:.1f} s, contained after {stopped:.1f} s")
    assert named <= stopped
    campaign.over()
    wait_until(
        lambda: one.lie(one.play.mark) == {"hold": SIZE - one.seen(one.play.to, "accept", "unknown")},
        "all of it that was left is held",
    )
    assert opened["incident"] == told_["incident"]
    assert one.seen(one.play.to, "accept", "unknown") < SIZE
    later = [to for number, to in enumerate(one.play.to) if at(number) > stopped]  # what was on its way may have gone
    assert not one.seen(later, "accept", "unknown", "deferred"), "nothing of it goes out any more"
    delayed = [each for each in waiting(one.machine) if each["queue_name"] == "deferred"]  # the innocent send all along
    assert not delayed, delayed[:5]
    return str(told_["incident"])


def purged(one: Story, watch: Watched, incident: str) -> list[str]:
    """Deleted, the tap opened, and all of it told by the ledger."""
    held = one.lie(one.play.mark)["hold"]
    began = time.monotonic()
    done = told(one.machine, "queue", "purge", "--incident", incident, "--yes")
    print(
        f"{one.play.culprit}: {SIZE - held:,} of {SIZE:,} got out, {held:,} purged in {time.monotonic() - began:.1f} s"
    )
    assert done["problems"] == []
    assert done["actions"][0]["counts"]["purged"] == held
    assert one.lie(one.play.mark) == {}
    assert told(one.machine, "incident", "release", incident)["problems"] == []
    watch.told("released", one.play.culprit)
    shown = told(one.machine, "incident", "show", incident)
    return [f"{each['what']} by {each['who']}: {each['text']}" for each in shown["history"]]


def test_a_stolen_account_that_no_order_may_touch_is_held_from_the_live_screen(lab: Lab, tmp_path: Path) -> None:
    mx = lab.host("mx")
    to = victims(lab, 1)
    past = tuple(colleague(number, STOLEN) for number in range(40))
    play = Play("out", thefts(to), to, STOLEN, f"sasl_username={STOLEN}", past)
    with story(lab, mx, tmp_path, play, untouchable=STOLEN) as (one, watch):
        campaign = one.begins()
        watch.told("opened", STOLEN)
        assert watch.told("witnessed", STOLEN)["order"].endswith("it is listed as untouchable.")
        with screen(mx) as live:
            live.until(STOLEN)  # until then there is nothing to choose
            live.press(("h", "hold?"), ("y", "Esc back"), ("q", "contained"), ("q", ""))
        incident = contained(one, watch, campaign)
        history = purged(one, watch, incident)
    assert re.search("contained by root: tap, queue; [0-9]+ held", "\n".join(history))
    assert any(line.startswith("noted by root: ") and "held messages deleted for good" in line for line in history)
    assert history[-1].startswith("released by root")


def went_on(one: Story) -> bool:
    """Whether the world has answered all of it for good, but for what waits to be tried again."""
    return one.lie(one.play.mark) == {"deferred": SIZE - one.seen(one.play.to, "accept", "unknown")}


def stopped_alone(machine: Machine, name: str) -> bool:
    """Whether a replay of the log says that the order would have stopped this one, and nobody else."""
    tried = str(told(machine, "replay", MAIL_LOG)["sentence"])
    would = f"On your last day this order would have stopped the outbreak of {name} at mail "
    return tried.startswith(would) and tried.endswith("and delayed 0 honest messages.")


def test_an_open_relay_opened_by_mistake(lab: Lab, tmp_path: Path) -> None:
    mx, studio = lab.host("mx"), Studio(lab, tmp_path)
    to = victims(lab, 2)
    acts = [spam(at(number), one, source=STRANGERS[1], server=PUBLIC, port=25) for number, one in enumerate(to)]
    play = Play("out", acts, to, STRANGERS[1], f"client_address={STRANGERS[1]}")
    with networks(studio, "0.0.0.0/0"), story(lab, mx, tmp_path, play, tried=False) as (one, watch):
        campaign = one.begins()
        assert "run whosent replay" in watch.told("witnessed", STRANGERS[1])["order"]
        wait_until(lambda: stopped_alone(mx, STRANGERS[1]), "an outbreak that is large enough for the order")
        incident = contained(one, watch, campaign)
        assert "takes it back): tap, queue" in watch.told("contained")["order"]
        history = purged(one, watch, incident)
    happened = [line.partition(":")[0] for line in history]
    assert set(happened[: happened.index("contained by whosent")]) <= {"opened by whosent", "grew by whosent"}
    assert happened[happened.index("contained by whosent") + 1 :] == ["noted by root", "released by root"]


def test_an_infected_pc_behind_our_relay_and_an_operator_who_lets_it_go_on(lab: Lab, tmp_path: Path) -> None:
    mx, studio = lab.host("mx"), Studio(lab, tmp_path)
    to = victims(lab, 3)
    acts = [spam(at(number), one, source=PC, server=MX, port=25) for number, one in enumerate(to)]
    past = tuple(spam(0, friend, source=PC, server=MX, port=25, sender="scanner@corp.test") for friend in FRIENDS)
    play = Play("lan", acts, to, PC, f"client_address={PC}", past)
    with networks(studio, f"{LAN}.0/24"), story(lab, mx, tmp_path, play) as (one, watch):
        incident = contained(one, watch, one.begins())
        held = one.lie(play.mark)["hold"]
        print(f"{PC}: {SIZE - held:,} of {SIZE:,} got out, {held:,} held and released")
        freed = told(mx, "incident", "release", incident, "--why", "it is the scanner")
        assert f"{held:,} messages go on their way" in freed["sentence"]
        wait_until(lambda: went_on(one), "it goes on, all of it")
        again = [spam(0, f"again{number}@isp.test", source=PC, server=MX, port=25) for number in range(60)]
        lab.world.answer({act.recipients[0]: "unknown" for act in again})
        Studio(lab, tmp_path).play(*again)
        time.sleep(4)
        assert watch.alerts()[-1]["order"] in {
            "",
            "The standing order leaves it to you: an operator has decided otherwise.",
        }
        assert "hold" not in one.lie(play.mark)
        assert told(mx, "incident", "show", incident)["state"] == "open"


def test_an_abused_form_script(lab: Lab, tmp_path: Path) -> None:
    web, studio = lab.host("web"), Studio(lab, tmp_path)
    studio.settings("relayhost=", "mydestination=$myhostname", host="web")  # it delivers itself, as hosting servers do
    keep_php(web)
    to = victims(lab, 4)
    acts = [
        Act(at(number), "web", STRANGERS[2], PUBLIC, 80, method="POST", path="/contact.php", headers=FORM,
            body=urlencode({"to": one, "email": "x@prize.test", "subject": "You have won", "message": "Claim it"}))
        for number, one in enumerate(to)
    ]  # fmt: skip
    play = Play("out", acts, to, "/contact.php", "X-PHP-Originating-Script: 0:contact.php")
    with story(lab, web, tmp_path, play, customer, WEB_LOGS) as (one, watch):
        incident = contained(one, watch, one.begins())
        history = purged(one, watch, incident)
    assert any(line.startswith("contained by whosent: tap, queue") for line in history)
    studio.settings("relayhost=[mx.corp.test]", "mydestination=", host="web")


def test_a_stolen_account_on_exim(tmp_path: Path) -> None:
    require("Exim is not unpacked here: run tests/lab/packages.sh exim" if not exim.UNPACKED.exists() else "")
    with Lab(PASSWORDS, ("postmaster@corp.test",), STRANGERS) as lab:
        mx = lab.host("mx")
        mx.run(["postfix", "stop"])
        exim.start_mx(mx, PASSWORDS, ("postmaster@corp.test",), exim.Settings())
        set_up(mx, "exim")
        wait_until(lambda: listens(mx, 587), "the daemon, which starts itself anew")
        to, spool = victims(lab, 5), '[watch]\nqueue_directories = ["/run/exim4"]'
        Studio(lab, tmp_path).play(*(colleague(number, STOLEN) for number in range(40)), *map(colleague, range(60)))
        before = delivered(lab)
        with watched(mx, tmp_path, (exim.MAIN_LOG,), more=spool) as watch, Office(lab, colleague) as office:
            campaign = Campaign(lab, "out", thefts(to))
            named = moment(watch.told("opened", STOLEN)["at"]).timestamp() - campaign.began
            stopped = moment(watch.told("contained", STOLEN)["at"]).timestamp() - campaign.began
            print(f"{STOLEN} on Exim: named after {named:.1f} s, contained after {stopped:.1f} s")
            incident = watch.told("contained", STOLEN)["incident"]
            campaign.over()
            wait_until(
                lambda: told(mx, "queue", "status", "--incident", incident)["held_by_us"] > SIZE / 4, "mail on hold"
            )
            done = told(mx, "queue", "purge", "--incident", incident, "--yes")
            gone, out = done["actions"][0]["counts"]["purged"], reached(lab, to, "accept", "unknown")
            print(f"{STOLEN} on Exim: {out:,} of {SIZE:,} got out, {gone:,} purged")
            assert gone > SIZE / 4
            told(mx, "incident", "release", incident)
            assert watch.accused() == {STOLEN}
        wait_until(lambda: delivered(lab) - before >= office.sent(), "all mail of the innocent")
        wait_until(lambda: not any(name in mx.run(["exim4", "-bp"]) for name in OFFICE), "nothing of theirs waits")


@contextmanager
def networks(studio: Studio, more: str) -> Iterator[None]:
    """Whom the MX relays for beside itself and the web host."""
    own = "mynetworks=127.0.0.0/8 10.77.0.20/32"
    studio.settings(f"{own} {more}")
    yield
    studio.settings(own)


class Screen:
    """``whosent top`` on a terminal, as somebody sees it who presses keys."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int) -> None:
        self._process, self._ours = process, ours
        self._heard = b""

    def until(self, mark: str) -> None:
        """Read until this appears."""
        end = time.monotonic() + PATIENCE
        while mark.encode() not in self._heard:
            assert time.monotonic() < end, (mark, self._heard)
            if select.select([self._ours], [], [], 0.1)[0]:
                self._heard += os.read(self._ours, 65_536)

    def press(self, *keys: tuple[str, str]) -> None:
        """Each key, and what appears after it; "": the end."""
        for key, mark in keys:
            self._heard = b""
            os.write(self._ours, key.encode())
            if mark:
                self.until(mark)
        assert self._process.wait(PATIENCE) == 0


@contextmanager
def screen(machine: Machine) -> Iterator[Screen]:
    """``whosent top`` on a terminal of a host, 80 columns by 24 lines."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = machine.command(["env", "TERM=xterm", "NO_COLOR=1", *argv("top", "--every", "0.5")])
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        yield Screen(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
