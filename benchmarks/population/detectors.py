"""What a detector must offer to be judged, and the simple ones people use today."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.population.outcomes import Outcome


class Alarm(NamedTuple):
    """A sender accused, at the time of the outcome that tipped the scale."""

    time: float
    sender: str


class Detector(Protocol):
    """Sees outcomes in time order, in slices of any length."""

    def feed(self, outcomes: Sequence[Outcome]) -> None:
        """Look at a slice; `abusive` is not for its eyes."""

    def alarms(self) -> list[Alarm]:
        """Give the alarms not yet given; each carries its own time, so asking rarely loses nothing."""


class HourlyCount:
    """More recipients in a clock hour than allowed: what hosting panels ship."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hour = -1
        self._counts: dict[str, int] = {}
        self._alarms: list[Alarm] = []

    def feed(self, outcomes: Sequence[Outcome]) -> None:
        """Count."""
        for time, sender, *_ in outcomes:
            hour = int(time // 3600)
            if hour != self._hour:
                self._hour, self._counts = hour, {}
            count = self._counts[sender] = self._counts.get(sender, 0) + 1
            if count == self._most + 1:
                self._alarms.append(Alarm(time, sender))

    def alarms(self) -> list[Alarm]:
        """Hand over and forget."""
        alarms, self._alarms = self._alarms, []
        return alarms


class FixedCusum:
    """Page's test between two fixed shares of bad outcomes, the same for everybody, outage or not."""

    def __init__(self, usual: float = 0.05, abuse: float = 0.30, bar: float = 7.5) -> None:
        self._up = math.log(abuse / usual)
        self._down = math.log((1 - abuse) / (1 - usual))
        self._bar = bar
        self._scores: dict[str, float] = {}
        self._alarms: list[Alarm] = []

    def feed(self, outcomes: Sequence[Outcome]) -> None:
        """Add up evidence, never below zero; start again after an alarm."""
        scores = self._scores
        for time, sender, bad, soft, *_ in outcomes:
            score = max(0.0, scores.get(sender, 0.0) + (self._up if bad or soft else self._down))
            if score >= self._bar:
                self._alarms.append(Alarm(time, sender))
                score = 0.0
            scores[sender] = score

    def alarms(self) -> list[Alarm]:
        """Hand over and forget."""
        alarms, self._alarms = self._alarms, []
        return alarms
