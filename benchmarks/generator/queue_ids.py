"""Queue ids as Postfix makes them: short ones come back, and no id ever has two lives at once."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from benchmarks.generator.recipe import IdKind

BASE52 = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
PAIRS52 = [high + low for high in BASE52 for low in BASE52]
INODES51 = [high + low for high in BASE52[:51] for low in BASE52[:51]]

REST = 30.0
"""Seconds an id lies still before another message may get it."""
REUSED = 0.35
"""Share of new short ids that come back from a message already gone."""
MEMORY = 400


class QueueIds:
    """The ids of one host."""

    def __init__(self, kind: IdKind, random: Random) -> None:
        """Start with every id free."""
        self.latest = ""
        self.taken = self.reused = 0
        self._kind = kind
        self._random = random
        self._live: set[str] = set()
        self._ends: list[tuple[float, str]] = []
        self._rested: deque[str] = deque(maxlen=MEMORY)

    def take(self, at: float, wish: str = "") -> str:
        """Give an id to a message that arrives at this time; the one wished for, if it is free."""
        queue_id = wish or self._choose(at)
        while queue_id in self._live:
            queue_id = self._short(self._random.random())
        self._live.add(queue_id)
        self.taken += 1
        self.latest = queue_id
        return queue_id

    def release(self, queue_id: str, end: float) -> None:
        """Note when the last line about this life will have been logged."""
        heapq.heappush(self._ends, (end, queue_id))

    def advance(self, now: float) -> None:
        """Free the ids that have rested long enough."""
        ends = self._ends
        while ends and ends[0][0] < now - REST:
            _, queue_id = heapq.heappop(ends)
            self._live.discard(queue_id)
            if "z" not in queue_id:
                self._rested.append(queue_id)

    def _choose(self, at: float) -> str:
        random = self._random.random
        if self._kind == "long" or (self._kind == "mixed" and random() < 0.5):
            return self._long(at)
        if self._rested and random() < REUSED:
            self.reused += 1
            return self._rested.popleft()
        return self._short(at)

    def _short(self, at: float) -> str:
        return f"{int(at % 1 * 1e6):05X}{0x10000 + int(self._random.random() * 0xEFFFF):X}"

    def _long(self, at: float) -> str:
        second, micros = int(at), int(at % 1 * 1e6)
        upper, low = divmod(second, 2704)
        high, middle = divmod(upper, 2704)
        early, late = divmod(micros, 2704)
        inode = INODES51[51 + int(self._random.random() * 2550)] + INODES51[int(self._random.random() * 2601)]
        return f"{PAIRS52[high]}{PAIRS52[middle]}{PAIRS52[low]}{PAIRS52[early]}{PAIRS52[late]}z{inode}"
