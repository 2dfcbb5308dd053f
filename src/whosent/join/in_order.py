"""The rows of one log in the order of time, where its lines are written later than what they stamp (pure)."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whosent.model.rows import JoinedRow


class InTimeOrder:
    """Sorts a log whose lines may be so late: written at the end of what they stamp with its beginning, or sorted."""

    def __init__(self, lateness: float) -> None:
        self._lateness = lateness
        self._waiting: list[tuple[float, int, JoinedRow]] = []
        self._latest = float("-inf")
        self._number = 0

    def ready(self, rows: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
        """Those that no later line can precede."""
        waiting, latest, lateness = self._waiting, self._latest, self._lateness
        for row in rows:  # of the same time: in the order of the lines, whatever numbers the parts of a log have
            self._number += 1
            heapq.heappush(waiting, (row.time, self._number, row))
            self._latest = latest = max(latest, row.time)
            while waiting[0][0] < latest - lateness:
                yield heapq.heappop(waiting)[2]

    def before(self, moment: float) -> Iterator[JoinedRow]:
        """Those stamped before, where it is known that no such line will come."""
        while self._waiting and self._waiting[0][0] < moment:
            yield heapq.heappop(self._waiting)[2]

    def rest(self) -> Iterator[JoinedRow]:
        """Those that still waited when the log ended."""
        return self.before(float("inf"))
