"""The outbox and the channels together: what is due is told once, falls through, waits, and outlives restarts."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.report.reports import at, listing
from tests.telling.kit import NOW, condition, incident, log, wait_until, web
from whosent.channels import Channel, Means, Unsent
from whosent.model.alert import Alert, News
from whosent.model.lifecycle import State, What
from whosent.model.settings import Alerts, Heartbeat, Settings
from whosent.store.alerts import Outbox
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.store.pulses import SOURCE, Pulses
from whosent.telling.composing import Composer
from whosent.telling.delivering import Delivery
from whosent.telling.heartbeat import Heart
from whosent.telling.teller import Teller

ROOT = Path(__file__).parents[2]


class Ear:
    """A channel that keeps what it is told, and fails as long as it is asked to."""

    def __init__(self, name: str, problem: str = "") -> None:
        self.name = name
        self.problem = problem
        self.got: list[Alert] = []

    def channel(self) -> Channel:
        return Channel(self.name, self.name, lambda _: "", self._send)

    def _send(self, alert: Alert, _: Means) -> str:
        if self.problem:
            raise Unsent(self.problem)
        self.got.append(alert)
        return ""

    def news(self) -> list[list[News]]:
        return [one.news for one in self.got]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path)
    yield opened
    opened.close()


class Desk:
    """A ledger with its composer and two channels, at a moment that the test moves."""

    def __init__(self, ledger: Ledger, **rules: object) -> None:
        self.now = NOW
        self.settings = Settings(alerts=Alerts(channels=("first", "second"), **{"timeout": 1, **rules}))  # type: ignore[arg-type]
        self.incidents = Incidents(ledger)
        self.composer = Composer(ledger, self.settings, "mx")
        self.first, self.second = Ear("first"), Ear("second")
        channels = [self.first.channel(), self.second.channel()]
        self.delivery = Delivery(self.composer.outbox, channels, Means(self.settings.alerts), lambda: self.now)

    def turn(self, seconds: float = 1, *, all_open: bool = True) -> None:
        self.now += seconds
        self.composer.incidents(self.now, all_open=all_open)
        self.delivery.deliver()

    def look(self, seconds: float) -> bool:
        self.now += seconds
        alive = self.composer.watch(self.now)
        self.delivery.deliver()
        return alive


def test_an_incident_from_its_opening_to_its_end(ledger: Ledger) -> None:
    desk = Desk(ledger)
    desk.incidents.tell(incident())
    desk.turn(all_open=False)
    desk.turn()
    assert desk.first.news() == [[News.OPENED]]
    desk.incidents.tell(
        incident(recipients=150, witnesses=["syslog of mx", "queue of mx"])
    )  # a revision: not in the feed
    desk.turn(all_open=False)
    desk.turn()
    assert desk.first.news() == [[News.OPENED]]
    desk.turn(desk.settings.alerts.pause)
    assert desk.first.news()[1:] == [[News.WITNESSED]]
    desk.incidents.move(incident().id, What.CONTAINED, "carol", "until she is back")
    desk.turn(all_open=False)
    assert desk.first.news()[2:] == [[News.CONTAINED]]
    assert desk.first.got[-1].changed.endswith("The reason given: carol: until she is back.")
    desk.incidents.move(incident().id, What.RESOLVED, "carol")
    desk.turn(all_open=False)
    desk.turn(99_999)
    assert desk.first.news()[3:] == [[News.RESOLVED]]
    assert desk.second.got == []
    assert desk.composer.outbox.counts() == {"told": 4}


def test_a_channel_that_fails_is_passed_over_and_named(ledger: Ledger) -> None:
    desk = Desk(ledger)
    desk.first.problem = "connection refused"
    desk.incidents.tell(incident())
    desk.turn()
    assert [one.failed for one in desk.second.got] == [["first (connection refused)"]]
    [first, second] = desk.composer.outbox.channels()
    assert (first.name, first.failures, first.problem) == ("first", 1, "connection refused")
    assert (second.name, second.failures, second.alerts, second.problem) == ("second", 0, 1, "")
    desk.first.problem = ""
    desk.incidents.move(incident().id, What.CONTAINED, "carol")
    desk.turn()
    assert [one.failed for one in desk.first.got] == [[]]
    assert [one.failures for one in desk.composer.outbox.channels()] == [0, 0]
    assert len(desk.second.got) == 1


def test_a_channel_that_keeps_failing_is_tried_last(ledger: Ledger) -> None:
    desk = Desk(ledger)
    calls: list[str] = []

    def broken(alert: Alert, _: Means) -> str:
        calls.append(alert.id)
        raise Unsent("gone")

    channels = [Channel("first", "", lambda _: "", broken), desk.second.channel()]
    desk.delivery = Delivery(desk.composer.outbox, channels, Means(desk.settings.alerts), lambda: desk.now)
    desk.incidents.tell(incident())
    for number in range(8):
        desk.incidents.move(incident().id, What.RELEASED if number % 2 else What.CONTAINED, "carol")
        desk.turn()
    assert len(desk.second.got) == 8
    assert len(calls) == 3
    desk.incidents.move(incident().id, What.CONTAINED, "carol")
    desk.turn(301)
    assert len(calls) == 4


def test_with_every_channel_gone_the_news_wait_and_come_as_one(ledger: Ledger) -> None:
    desk = Desk(ledger)
    desk.first.problem = desk.second.problem = "no route to host"
    desk.incidents.tell(incident())
    desk.turn()
    desk.incidents.move(incident().id, What.CONTAINED, "carol")
    desk.turn()
    assert desk.composer.outbox.counts() == {"replaced": 1, "waiting": 1}
    desk.first.problem = ""
    desk.turn(1)
    assert desk.first.got == []
    desk.turn(60)
    assert desk.first.news() == [[News.OPENED, News.CONTAINED]]
    assert desk.first.got[0].failed == ["second (no route to host)"]
    desk.turn(700)
    assert len(desk.first.got) == 1


def test_two_copies_and_the_missing_one_later(ledger: Ledger) -> None:
    desk = Desk(ledger, copies=2)
    desk.second.problem = "full"
    desk.incidents.tell(incident())
    desk.turn()
    assert (len(desk.first.got), desk.composer.outbox.counts()) == (1, {"waiting": 1})
    desk.second.problem = ""
    desk.turn(60)
    assert (len(desk.first.got), len(desk.second.got)) == (1, 1)
    assert desk.first.got[0].id == desk.second.got[0].id
    assert desk.composer.outbox.latest(9)[0].taken_by == ["first", "second"]


def test_a_channel_that_hangs_costs_its_time_once(ledger: Ledger) -> None:
    desk = Desk(ledger)
    release = threading.Event()

    def hang(_: Alert, __: Means) -> str:
        release.wait(600)
        return ""

    stuck = Channel("first", "", lambda _: "", hang)
    desk.delivery = Delivery(
        desk.composer.outbox, [stuck, desk.second.channel()], Means(desk.settings.alerts), lambda: desk.now
    )
    desk.incidents.tell(incident())
    desk.turn()
    assert desk.second.got[0].failed == ["first (no answer within 1 seconds)"]
    desk.incidents.move(incident().id, What.CONTAINED, "carol")
    desk.turn()
    assert desk.second.got[1].failed == ["first (it still hangs in an earlier alert)"]
    release.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it shall be seen in the journal
def test_a_channel_that_breaks_falls_through(ledger: Ledger) -> None:
    desk = Desk(ledger)

    def breaks(_: Alert, __: Means) -> str:
        raise ZeroDivisionError

    channels = [Channel("first", "", lambda _: "", breaks), desk.second.channel()]
    desk.delivery = Delivery(desk.composer.outbox, channels, Means(desk.settings.alerts), lambda: desk.now)
    desk.incidents.tell(incident())
    desk.turn()
    assert "it broke" in desk.second.got[0].failed[0]


def test_a_flood_of_incidents_is_a_few_alerts_the_worst_first(ledger: Ledger) -> None:
    desk = Desk(ledger, at_once=3)
    for number in range(40):
        desk.incidents.tell(
            incident(id=f"{number:012x}", severity="critical" if number > 35 else "warning", recipients=number)
        )
    desk.turn()
    assert [one.urgency for one in desk.first.got] == ["critical"] * 4
    assert desk.first.got[3].sentence.startswith("37 more incidents were opened at once, 1 of them critical")
    for number in range(40, 60):
        desk.incidents.tell(incident(id=f"{number:012x}"))
    desk.turn()
    desk.turn(300)
    assert len(desk.first.got) == 4
    desk.turn(400)
    assert len(desk.first.got) == 8
    desk.turn(10_000)
    assert [one.sentence for one in desk.first.got[8:]] == ["There is no further sign of 60 incidents."]
    desk.turn(10_000)
    assert len(desk.first.got) == 9


def test_two_processes_tell_it_once(ledger: Ledger, tmp_path: Path) -> None:
    one, other_ledger = Desk(ledger), Ledger(tmp_path)
    other = Desk(other_ledger)
    one.incidents.tell(incident())
    for desk in (one, other, one, other):
        desk.turn()
    assert len(one.first.got) + len(other.first.got) == 1
    other_ledger.close()


def test_what_a_dead_process_was_sending_is_sent_again_at_once(ledger: Ledger, tmp_path: Path) -> None:
    desk = Desk(ledger)
    desk.incidents.tell(incident())
    desk.composer.incidents(desk.now, all_open=True)
    assert desk.composer.outbox.lease(desk.now, 1_000)
    desk.turn()
    assert desk.first.got == []
    with ledger.transaction():
        ledger.base.execute("UPDATE alert SET owner = 4194305")  # above the highest there can be
    desk.composer.outbox.free()
    desk.turn()
    assert len(desk.first.got) == 1
    ledger.base.execute("UPDATE alert SET state = 'waiting', leased = ?, owner = 1", (desk.now + 900,))
    desk.composer.outbox.free()
    assert desk.composer.outbox.lease(desk.now, 1) is None
    assert tmp_path.exists()


def test_old_alerts_are_dropped_and_the_waiting_kept(ledger: Ledger) -> None:
    desk = Desk(ledger)
    desk.incidents.tell(incident())
    desk.turn()
    desk.first.problem = desk.second.problem = "gone"
    desk.incidents.move(incident().id, What.CONTAINED, "carol")
    desk.turn()
    desk.composer.outbox.drop(desk.now + 10)
    assert [one.state for one in desk.composer.outbox.latest(9)] == ["waiting"]
    told = desk.composer.outbox.told(incident().id)
    assert told
    assert told.state is State.CONTAINED


# ------------------------------------------------------------------ silence


def test_silence_of_whosent_is_told_once(ledger: Ledger) -> None:
    desk, conditions = Desk(ledger), Conditions(ledger)
    assert desk.composer.watch(desk.now), "one that never ran is not missed"
    conditions.tell(condition(desk.now))
    assert desk.look(299)
    assert not desk.look(3)
    assert not desk.look(3)
    assert [one.title for one in desk.first.got] == ["Whosent fell silent"]
    conditions.tell(condition(desk.now))
    assert desk.look(1)
    assert desk.look(1)
    assert desk.first.news()[1:] == [[News.HEARD]]
    conditions.tell(condition(desk.now, running=False))
    assert not desk.look(400)
    assert "was stopped 6 minutes 40 seconds ago" in desk.first.got[-1].sentence
    assert len(desk.first.got) == 3


def test_who_could_not_be_told_of_a_silence_need_not_hear_of_its_end(ledger: Ledger) -> None:
    desk, conditions = Desk(ledger), Conditions(ledger)
    desk.first.problem = desk.second.problem = "gone"
    conditions.tell(condition(desk.now))
    desk.look(400)
    conditions.tell(condition(desk.now))
    desk.first.problem = ""
    desk.look(1)
    desk.look(99)
    assert desk.first.got == []


def test_a_log_that_falls_silent_or_can_not_be_followed_is_told_once(ledger: Ledger) -> None:
    desk, conditions = Desk(ledger), Conditions(ledger)
    start = desk.now
    for hours in range(4):
        desk.now = start + hours * 3_000
        conditions.tell(condition(desk.now, log(desk.now)))
        desk.look(0)
    assert desk.first.got == []
    for late in (11_000, 13_000, 13_000):
        desk.now += late - 11_000 if late == 13_000 else late
        conditions.tell(condition(desk.now, log(start + 9_000)))
        desk.look(0)
    assert [one.title for one in desk.first.got] == ["no line in /var/log/mail.log"]
    conditions.tell(condition(desk.now, log(desk.now, problem="permission denied")))
    desk.look(1)
    assert [one.title for one in desk.first.got][1:] == [
        "trouble with /var/log/mail.log",
        "/var/log/mail.log brings lines again",
    ]
    conditions.tell(condition(desk.now, log(desk.now), problems=["The disk is full."]))
    desk.look(1)
    conditions.tell(condition(desk.now, log(desk.now)))
    desk.look(1)
    assert [one.sentence for one in desk.first.got][3:] == [
        "/var/log/mail.log: works again.",
        "whosent watch: The disk is full.",
        "whosent watch: works again.",
    ] or [one.sentence for one in desk.first.got][3:] == [
        "whosent watch: The disk is full.",
        "/var/log/mail.log: works again.",
        "whosent watch: works again.",
    ]
    conditions.tell(condition(desk.now, catching_up=True))
    desk.look(99_999)


def test_what_concerns_everybody_is_told_once_as_long_as_it_lasts(ledger: Ledger) -> None:
    desk, conditions = Desk(ledger), Conditions(ledger)
    for notices in ([listing()], [listing()], [], [listing()]):
        conditions.tell(condition(desk.now, notices=notices))
        desk.look(1)
    assert [one.about for one in desk.first.got] == ["notice", "notice"]
    assert desk.first.got[0].sentence.startswith("Our address is on a blocklist for everybody")


def test_a_notice_that_begins_anew_is_told_again_and_those_of_one_time_together(ledger: Ledger) -> None:
    desk, conditions = Desk(ledger), Conditions(ledger)
    hour = msgspec.structs.replace(
        listing(), detector="rhythm", since=at(0), until=at(60), sentence="Sharp fluctuation."
    )
    same, next_hour = (msgspec.structs.replace(hour, unit="logins"), msgspec.structs.replace(hour, since=at(60)))
    later = msgspec.structs.replace(hour, since=at(600), until=at(660))
    for notices in ([hour, same], [hour, same, next_hour], [hour, same, later], [later]):
        conditions.tell(condition(desk.now, notices=notices))
        desk.look(1)
    assert [one.sentence for one in desk.first.got] == [
        "Sharp fluctuation. And 1 more of the kind.",
        "Sharp fluctuation.",
    ]


def test_what_is_withdrawn_is_said_to_be(ledger: Ledger) -> None:
    desk = Desk(ledger)
    desk.incidents.tell(incident())
    desk.turn()
    desk.incidents.move(incident().id, What.WITHDRAWN, "whosent", "what came later explains it")
    desk.turn()
    assert desk.first.news() == [[News.OPENED], [News.WITHDRAWN]]
    assert desk.first.got[1].changed == "It is withdrawn: what came later explains it."


def test_pulses_remember_the_longest_pause_for_a_while(ledger: Ledger) -> None:
    pulses = Pulses(ledger)
    for moment in (0, 100, 110, 90):
        pulses.beat(SOURCE, {"a": moment})
    [one] = pulses.of(SOURCE)
    assert one.at == 110
    assert 99 < one.longest <= 100
    for moment in range(110, 110 + 90 * 86_400, 3600):
        pulses.beat(SOURCE, {"a": moment})
    assert pulses.of(SOURCE)[0].longest == 3600
    pulses.forget(SOURCE, 10**9)
    assert pulses.of(SOURCE) == []


def test_the_heart_beats_in_a_file_and_at_an_address(tmp_path: Path) -> None:
    with web(200, 500) as receiver:
        heart = Heart(Heartbeat(file=str(tmp_path / "beat"), url=receiver.url, every=5))
        assert heart.due(0)
        began = time.time()
        heart.beat(0)
        assert [heart.due(4.9), heart.due(5), heart.problem] == [False, True, ""]
        assert began - 1 < (tmp_path / "beat").stat().st_mtime
        heart.beat(5)
        assert heart.problem == "heartbeat.url: it answered 500."
        assert len(receiver.got) == 2
    heart.beat(10)
    assert "refused" in heart.problem
    nowhere = Heart(Heartbeat(file=str(tmp_path / "none" / "beat")))
    nowhere.beat(0)
    assert "No such file" in nowhere.problem
    assert not Heart(Heartbeat()).due(0)


# ------------------------------------------------------------------ the thread


def settings(url: str, **rules: object) -> Settings:
    return Settings(
        alerts=msgspec.convert({"channels": ["webhook"], "webhook_url": url, **rules}, Alerts),
        heartbeat=Heartbeat(every=5),
    )


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Callable[[Settings], Teller]]:
    started: list[Teller] = []

    def start(wanted: Settings) -> Teller:
        started.append(Teller(tmp_path, wanted, "mx"))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()
        assert not one.is_alive()


def test_what_the_ledger_says_somebody_is_told(tmp_path: Path, telling: Callable[[Settings], Teller]) -> None:
    fresh = incident(until=at((time.time() - NOW) / 60 + 478))
    with web(204) as receiver:
        telling(settings(receiver.url))
        incidents = Incidents(Ledger(tmp_path))
        incidents.tell(fresh)
        wait_until(lambda: receiver.got, "an alert")
        incidents.move(fresh.id, What.CONTAINED, "carol")
        wait_until(lambda: len(receiver.got) > 1, "the second alert")
        wait_until(lambda: Outbox(Ledger(tmp_path)).counts() == {"told": 2}, "both are kept as told")
    assert [one["news"] for one in receiver.alerts()] == [["opened"], ["contained"]]


def test_the_heart_beats_only_while_the_watch_does(tmp_path: Path, telling: Callable[[Settings], Teller]) -> None:
    beat = tmp_path / "beat"
    wanted = Settings(heartbeat=Heartbeat(file=str(beat), every=5))
    telling(wanted)
    time.sleep(0.6)
    assert not beat.exists()
    Conditions(Ledger(tmp_path)).tell(condition(time.time()))
    wait_until(beat.exists, "a beat")


def test_a_ledger_that_cannot_be_opened_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    teller = Teller(tmp_path / "file", Settings(), "mx")
    said = ""

    def heard() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return bool(said)

    teller.start()
    wait_until(heard, "a word on it")
    time.sleep(0.3)
    teller.stop()
    heard()
    assert said.count("nobody can be told at the moment") == 1


# ------------------------------------------------------------------ killed

TELLING = """
import sys
from pathlib import Path
from whosent.model.settings import Alerts, Settings
from whosent.telling.teller import Teller

rules = Alerts(channels=("webhook",), webhook_url=sys.argv[2], at_once=100, timeout=30)
teller = Teller(Path(sys.argv[1]), Settings(alerts=rules), "mx")
teller.start()
print("telling", flush=True)
teller.join()
"""


def test_killed_at_any_moment_it_loses_nothing_and_tells_nothing_anew(tmp_path: Path) -> None:
    """A kill between the receiver's yes and our own note of it repeats that one alert, under its id."""
    rounds, fresh = 8, at((time.time() - NOW) / 60 + 478)
    incidents = Incidents(Ledger(tmp_path))
    with web(204, delay=0.02) as receiver:
        for number in range(rounds):
            for one in range(3):
                incidents.tell(incident(id=f"{number:06x}{one:06x}", until=fresh))
            if number:
                incidents.move(f"{number - 1:06x}{0:06x}", What.CONTAINED, "carol")
            process = subprocess.Popen(
                [sys.executable, "-c", TELLING, str(tmp_path), receiver.url], stdout=subprocess.PIPE, cwd=ROOT
            )
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.023 * number)
            process.kill()
            process.wait()
            process.stdout.close()
        last = subprocess.Popen(
            [sys.executable, "-c", TELLING, str(tmp_path), receiver.url], stdout=subprocess.DEVNULL, cwd=ROOT
        )
        outbox = Outbox(Ledger(tmp_path))
        wait_until(
            lambda: outbox.position() == incidents.latest() and not outbox.counts().get("waiting"), "all is told"
        )
        last.kill()
        last.wait()
    told = {one["id"]: one for one in receiver.alerts()}
    assert 0 <= len(receiver.got) - len(told) <= rounds
    news = [(one["incident"], what) for one in told.values() for what in one["news"]]
    assert len(news) == len(set(news))
    opened = {(f"{number:06x}{one:06x}", "opened") for number in range(rounds) for one in range(3)}
    assert set(news) == opened | {(f"{number:06x}{0:06x}", "contained") for number in range(rounds - 1)}


def test_a_clock_that_is_set_back_holds_up_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger, at_once=1)
    desk.first.problem = desk.second.problem = "gone"
    for number in range(3):
        desk.incidents.tell(incident(id=f"{number:012x}"))
    desk.turn()
    desk.first.problem = ""
    desk.turn(-50_000)
    assert len(desk.first.got) == 2, "what waited is told"
    desk.incidents.tell(incident(id="f" * 12))
    desk.turn()
    assert desk.first.news()[2:] == [[News.OPENED]]
