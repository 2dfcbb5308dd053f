"""How much of what happened in each minute on each host (pure)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.model.rows import Login, Message, Outcome, Reason, Rejection, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whosent.model.rows import Row

_RESULTS: Final = ("sent", "local", "", "deferred", "deferred_again", "bounced")  # by result; handed over: told there
_REASONS: Final = ("", *(reason.name.lower() for reason in Reason if reason))
_MINUTE: Final = 60

Counts = Counter[tuple[int, str, str]]
"""(minute, host, measure) -> how many; a minute is seconds since the epoch // 60."""


class Reached(NamedTuple):
    """How far rows were heard: up to a time, and how many since the first row of that time."""

    time: float  # the latest so far, seconds since the epoch
    rows: int

    def after(self, rows: Sequence[Row]) -> Reached:
        """How far it is once these were heard, too."""
        times = [row[0] for row in rows]
        latest = max(times, default=self.time)
        if latest <= self.time:
            return Reached(self.time, self.rows + len(rows))
        return Reached(latest, len(rows) - times.index(latest))


NOWHERE: Final = Reached(float("-inf"), 0)


class Rates:
    """Watches the rows that detectors see, and counts them."""

    def __init__(self) -> None:
        self.counts: Counts = Counter()

    def message(self, row: Message) -> None:
        """A message entered the queue."""
        minute, host = int(row[0]) // _MINUTE, row[2][2]
        self.counts[minute, host, "messages"] += 1
        self.counts[minute, host, "recipients"] += row[6]

    def outcome(self, row: Outcome) -> None:
        """A delivery was attempted."""
        measure = _RESULTS[row[6]]
        if measure:
            minute, host = int(row[0]) // _MINUTE, row[2][2]
            self.counts[minute, host, measure] += 1
            if row[7] and row[6] is not Result.DEFERRED_AGAIN:
                self.counts[minute, host, _REASONS[row[7]]] += 1

    def login(self, row: Login) -> None:
        """Somebody logged in, or failed to."""
        self.counts[int(row[0]) // _MINUTE, row.host, "logins" if row.succeeded else "failed_logins"] += 1

    def rejection(self, row: Rejection) -> None:
        """Something was refused."""
        self.counts[int(row[0]) // _MINUTE, row.host, "rejected"] += 1

    def taken(self) -> Counts:
        """What was counted since it was last taken."""
        counts, self.counts = self.counts, Counter()
        return counts
