"""Mail in bursts, each with the pages asked for before it, in two ways of counting.

One request may send thousands of mails: then a burst is what no pause of two seconds interrupts.  Or each of a
stream of requests may send one: then the stream is sampled every ten seconds.  Which is true, nobody says; the
ranking that is clearest decides.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from whosent.measures.visits import Page, Visits

_PAUSE: Final = 2.0  # seconds without mail that end a burst
_SAMPLE: Final = 10.0
_KEPT: Final = 64
_MOST: Final = 128
_REACH: Final = 60.0
_LATE: Final = 5.0  # seconds after the mail in which a server that logs at the end may log the request

Burst = tuple[float, list[tuple["Page", float]]]


class Bursts:
    """The latest bursts, or the first of an abuse once one is suspected."""

    __slots__ = ("_bursts", "_fresh", "_last", "_sampled", "_samples")

    def __init__(self) -> None:
        self._bursts: deque[Burst] = deque()
        self._samples: deque[Burst] = deque()
        self._last = self._sampled = float("-inf")
        self._fresh: list[tuple[Page, float]] = []

    def mail(self, time: float, visits: Visits, *, suspected: bool) -> None:
        """A message was handed in."""
        begins, sampled = time - self._last > _PAUSE, time - self._sampled >= _SAMPLE
        self._last = time
        if not (begins or sampled):
            return
        self._fresh = visits.before(time, _REACH)
        if begins:
            _keep(self._bursts, (time, self._fresh), suspected=suspected)
        if sampled:
            self._sampled = time
            _keep(self._samples, (time, self._fresh), suspected=suspected)

    def request(self, time: float, page: Page) -> None:
        """A request was logged: perhaps that of the mail just before."""
        if time - self._last <= _LATE and all(page is not one for one, _ in self._fresh):
            self._fresh.append((page, 0.0))

    def ways(self, since: float) -> list[list[list[tuple[Page, float]]]]:
        """The pages before each burst from ``since`` on, counted both ways."""
        return [[pages for time, pages in kept if time >= since] for kept in (self._bursts, self._samples)]


def _keep(kept: deque[Burst], burst: Burst, *, suspected: bool) -> None:
    if not suspected and len(kept) >= _KEPT:
        kept.popleft()
    if len(kept) < _MOST:
        kept.append(burst)
