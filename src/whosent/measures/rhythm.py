"""What is usual at an hour of the week: the median of the same hours before, and how far they lie apart (pure).

Counts of mail are far from Poisson, and weeks differ: so an hour stands out only where it is several times the greatest
of the same hours and their neighbours, and far above the median measured in median absolute deviations.  An hour that
stood out is remembered as the limit it broke, so that one outbreak does not become the norm.
"""

from __future__ import annotations

from statistics import median
from typing import Final, NamedTuple

HOUR: Final = 3600
WEEK: Final = 168  # hours
LEAST_WEEKS: Final = 4  # of the past, without which nothing is usual
_MOST_WEEKS: Final = 12
_TIMES: Final = 3.0  # the greatest of the same hours and their neighbours
_APART: Final = 10.0  # deviations above the median
_DEVIATION: Final = 1.4826  # of a normal distribution, for each median absolute deviation


class Usual(NamedTuple):
    """What is known of an hour of the week."""

    middle: float  # median
    most: float  # of the same hour and its neighbours, in the weeks remembered
    limit: float  # above it an hour stands out
    weeks: int


class Rhythm:
    """The hours of one count; they come in order, and those left out were empty, or with ``gaps`` nobody looked."""

    __slots__ = ("_begun", "_gaps", "_hours", "_last")

    def __init__(self, *, gaps: bool = False) -> None:
        self._gaps = gaps
        self._hours: list[list[float]] = [[] for _ in range(WEEK)]
        self._begun = -1  # the first hour there was
        self._last = -1  # the latest

    def add(self, hour: int, amount: float) -> None:
        """An hour is over; hours since the epoch."""
        if self._last < 0:
            self._begun = hour
        elif not self._gaps:
            for empty in range(max(self._last + 1, hour - WEEK * _MOST_WEEKS), hour):
                self._note(empty, 0.0)
        usual = self.usual(hour)
        self._note(hour, amount if usual is None else min(amount, usual.limit))
        self._last = max(self._last, hour)

    def _note(self, hour: int, amount: float) -> None:
        seen = self._hours[hour % WEEK]
        seen.append(amount)
        del seen[:-_MOST_WEEKS]

    def usual(self, hour: int) -> Usual | None:
        """What that hour usually is; None while too little of the past is known."""
        if self._begun < 0 or hour - self._begun < LEAST_WEEKS * WEEK:
            return None
        same = self._hours[hour % WEEK]
        weeks = len(same) if self._gaps else (hour - self._begun) // WEEK
        past = same if self._gaps else same + [0.0] * max(0, min(weeks, _MOST_WEEKS) - len(same))
        if len(past) < LEAST_WEEKS:
            return None
        middle = median(past)
        spread = _DEVIATION * median(abs(value - middle) for value in past)
        near = (*past, *self._hours[(hour - 1) % WEEK], *self._hours[(hour + 1) % WEEK])
        most = max(near, default=0.0)
        return Usual(middle, most, max(_TIMES * most, middle + _APART * spread), weeks)
