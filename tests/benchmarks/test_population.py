"""The simulated population is what it says, and the judge is fair."""

from __future__ import annotations

from random import Random
from statistics import mean
from typing import TYPE_CHECKING

import pytest

from benchmarks.population.detectors import Alarm, FixedCusum, HourlyCount
from benchmarks.population.outcomes import Outcome, Traffic, poisson
from benchmarks.population.senders import DAY, Abuse, Sender, Takeover, Town, divergence, settle
from benchmarks.population.trial import run

if TYPE_CHECKING:
    from collections.abc import Sequence

TOWN = Town(people=120, newsletters=4, applications=3, takeovers_of_each=4)


class Oracle:
    """Accuses at the first abusive outcome, and innocents when told to."""

    def __init__(self, *innocents: Alarm) -> None:
        self.innocents = list(innocents)
        self.seen: list[Alarm] = []

    def feed(self, outcomes: Sequence[Outcome]) -> None:
        self.seen += [Alarm(outcome.time, outcome.sender) for outcome in outcomes if outcome.abusive]

    def alarms(self) -> list[Alarm]:
        alarms, self.seen, self.innocents = self.innocents + self.seen, [], []
        return alarms


def test_an_oracle_is_perfect() -> None:
    score = run(TOWN, 1, {"oracle": Oracle()})["oracle"]
    assert score.caught == len(score.catches) == 16
    assert {catch.delay for catch in score.catches} == {1}
    assert score.false_alarms == 0
    assert score.sender_years == pytest.approx(127 * 23 / 365)


def test_alarms_before_the_abuse_are_false_and_a_miss() -> None:
    town, seed = TOWN, 2
    victims = [sender for sender in settle(town, Random(seed)) if sender.takeover]
    early = Alarm(town.burn_in * DAY, victims[0].name)
    learning = Alarm(town.burn_in * DAY - 1, victims[1].name)
    innocent = Alarm(10 * DAY, f"newsletter{town.people}@example.org")
    score = run(town, seed, {"hasty": Oracle(early, learning, innocent)})["hasty"]
    assert score.accused == {"person": 1, "newsletter": 1, "application": 0}
    assert score.caught == len(score.catches) - 1


def test_the_month_is_the_same_for_the_same_seed() -> None:
    one, two = (list(Traffic(TOWN, settle(TOWN, random), random).days()) for random in (Random(3), Random(3)))
    assert one == two
    assert all(day == sorted(day) for day in one)


def test_abuse_is_as_bad_as_it_says() -> None:
    random = Random(4)
    senders = settle(TOWN, random)
    outcomes = [outcome for day in Traffic(TOWN, senders, random).days() for outcome in day]
    for sender in senders:
        if sender.takeover is None or sender.takeover.abuse.name != "fast":
            continue
        abused = [outcome for outcome in outcomes if outcome.abusive and outcome.sender == sender.name]
        assert len(abused) == pytest.approx(3000, rel=0.1)
        assert mean(outcome.bad for outcome in abused) == pytest.approx(sender.takeover.refused, abs=0.05)
        assert sender.takeover.onset <= abused[0].time <= abused[-1].time < sender.takeover.end


def test_bound_is_the_published_one() -> None:
    takeover = Takeover(Abuse("x", 1, 1, 0.3, 0.3), 0.0, 1.0, 0.30)
    sender = Sender(number=1, kind="person", daily=5, refused=0.05, novel=0.1, takeover=takeover)
    assert sender.bound() == pytest.approx(23.2, abs=0.1)
    assert divergence(0.45, 0.02) == pytest.approx(1.083, abs=0.001)


def test_poisson_has_its_mean_and_variance() -> None:
    random = Random(5)
    for expected in (0.3, 4.0, 300.0):
        draws = [poisson(expected, random) for _ in range(4000)]
        average = mean(draws)
        assert average == pytest.approx(expected, rel=0.1)
        assert mean((draw - average) ** 2 for draw in draws) == pytest.approx(expected, rel=0.15)


def outcome(time: float, *, bad: bool = False) -> Outcome:
    return Outcome(time, "a@example.org", bad, soft=False, recipient="r@b", abusive=False)


def test_hourly_count_starts_again_each_hour() -> None:
    detector = HourlyCount(2)
    detector.feed([outcome(3000), outcome(3500), outcome(3700), outcome(3800)])
    assert detector.alarms() == []
    detector.feed([outcome(3900)])
    assert detector.alarms() == [Alarm(3900, "a@example.org")]
    assert detector.alarms() == []


def test_cusum_wants_a_run_of_refusals() -> None:
    detector = FixedCusum()
    detector.feed([outcome(number, bad=number % 20 == 0) for number in range(1000)])
    assert detector.alarms() == []
    detector.feed([outcome(2000 + number, bad=True) for number in range(5)])
    assert [alarm.time for alarm in detector.alarms()] == [2004]
