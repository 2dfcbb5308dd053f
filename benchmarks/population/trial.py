"""One month, several detectors: whom each accused, when, and whether it was right."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from benchmarks.population.outcomes import Traffic
from benchmarks.population.senders import DAY, Sender, Town, settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.population.detectors import Alarm, Detector

GRACE = DAY
"""An alarm may come this long after the abuse has ended and still be right."""


@dataclass(slots=True)
class Catch:
    """One takeover and what a detector made of it."""

    abuse: str
    bound: float
    delay: int | None
    """Recipients written to by the abuser before the alarm; None: missed, or accused before the abuse."""


@dataclass(slots=True)
class Score:
    """How one detector did; scores of several months add up."""

    catches: list[Catch] = field(default_factory=list)
    accused: dict[str, int] = field(default_factory=lambda: {"person": 0, "newsletter": 0, "application": 0})
    """False alarms by kind of sender; a first alarm before the abuse is one too."""
    sender_years: float = 0.0
    recipients: int = 0

    @property
    def false_alarms(self) -> int:
        """Senders accused wrongly."""
        return sum(self.accused.values())

    @property
    def caught(self) -> int:
        """Takeovers found."""
        return sum(catch.delay is not None for catch in self.catches)

    def add(self, other: Score) -> None:
        """Take in another month."""
        self.catches += other.catches
        self.sender_years += other.sender_years
        self.recipients += other.recipients
        for kind, number in other.accused.items():
            self.accused[kind] += number


def run(town: Town, seed: int, detectors: Mapping[str, Detector]) -> dict[str, Score]:
    """Live through the month once; all detectors see the same outcomes."""
    random = Random(seed)
    senders = settle(town, random)
    abused: dict[str, list[float]] = {sender.name: [] for sender in senders if sender.takeover}
    first: dict[str, dict[str, float]] = {name: {} for name in detectors}
    recipients = 0
    for outcomes in Traffic(town, senders, random).days():
        recipients += len(outcomes)
        for outcome in outcomes:
            if outcome.abusive:
                abused[outcome.sender].append(outcome.time)
        for name, detector in detectors.items():
            detector.feed(outcomes)
            _note(detector.alarms(), first[name], town.burn_in * DAY)
    scores = {name: _score(senders, alarms, abused) for name, alarms in first.items()}
    for score in scores.values():
        score.recipients = recipients
        score.sender_years = len(senders) * (town.days - town.burn_in) / 365
    return scores


def _note(alarms: Sequence[Alarm], first: dict[str, float], since: float) -> None:
    """Keep the first alarm of each sender once everybody has some history."""
    for alarm in alarms:
        if alarm.time >= since:
            first.setdefault(alarm.sender, alarm.time)


def _score(senders: list[Sender], first: Mapping[str, float], abused: Mapping[str, list[float]]) -> Score:
    score = Score()
    for sender in senders:
        alarm, takeover = first.get(sender.name), sender.takeover
        if takeover is None:
            score.accused[sender.kind] += alarm is not None
            continue
        delay = None
        if alarm is not None and alarm < takeover.onset:
            score.accused[sender.kind] += 1
        elif alarm is not None and alarm <= takeover.end + GRACE:
            delay = bisect_right(abused[sender.name], alarm)
        score.catches.append(Catch(takeover.abuse.name, sender.bound(), delay))
    return score
