"""The evidence meter: one sender's outcomes against its own usual share, one recipient at a time.

For each of four shares an abuser might see (``ABUSED``) the meter adds up the logarithm of the likelihood ratio
"abused" : "as usual", never below zero (Page's CUSUM); its reading is the largest of the four, in nats.  *As
usual* is the upper 90 % of a Beta posterior from the population and the sender's own past, raised by what the
other senders experience just now (:mod:`whosent.measures.peers`).  While the reading is above zero nothing is
learnt: the past takes the new counts only when the meter is back at zero, so abuse never becomes usual.  A burst
counts less the longer it lasts within an hour, since its recipients share one fate.

A reading of ln(recipients a year) keeps false alarms near one a sender-year; the bar adds nats for the number of
senders watched.  The last zero of the winning hypothesis dates the onset.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log, sqrt
from typing import TYPE_CHECKING, Any, Final

from whosent.measures.beta import upper
from whosent.measures.peers import VOTES, Peers

if TYPE_CHECKING:
    from collections.abc import Sequence

ABUSED: Final = (0.1, 0.2, 0.35, 0.6)
PRIOR_BAD: Final = 0.6  # shape of the population: most senders see 1 refusal in 50
PRIOR_GOOD: Final = 30.0
SOFT: Final = 0.15  # weight of a deferral of which nothing more is known
_APART: Final = 1.6  # a hypothesis below this multiple of the usual share says nothing
_PEER_MARGIN: Final = 1.3
_DAMPING: Final = 0.02  # per recipient within the hour
_HOUR: Final = 3600.0
_DAY: Final = 86_400.0
_CEILING: Final = 40.0  # nats; beyond, recovery would take for ever
_REMEMBERED: Final = 4000.0  # recipients of the past that count
_DIGITS: Final = 6  # behind the point, of such a sum
_GRAIN: Final = 1024  # the usual share is rounded up to a part of this
_LEAST_YEARLY: Final = 1825.0
LOWEST_BAR: Final = log(_LEAST_YEARLY)  # no bar is lower, in nats
_BLATANT: Final = 0.25  # share that needs no past to accuse
_PAST: Final = 60.0  # recipients of a past that halve it
_UNKNOWN: Final = 3.0  # nats more against somebody without a past
_HABIT: Final = 5 * _DAY  # a milder share, kept up for as long, is how this sender is
BULK: Final = 50  # recipients an hour
_CROWD: Final = 1000.0  # senders, of whom one false alarm a year may come at caution 0

Mark = tuple[float, int, int, int, int]  # time, recipients, refused, deferred, messages

_NO_LEVELS: Final[list[float]] = []  # of all whose meter stands at zero
_NEVER: Final[list[Mark | None]] = []


@lru_cache(_GRAIN + 1)
def _steps(grain: int) -> tuple[tuple[int, float, float], ...]:
    """For each hypothesis that is not too near the usual the nats of a bad and of a good outcome."""
    usual = min(grain / _GRAIN, 0.999)
    return tuple(
        (index, log(abused / usual), log((1 - abused) / (1 - usual)))
        for index, abused in enumerate(ABUSED)
        if abused >= _APART * usual
    )


class Sender:
    """All that is remembered of one sender: half a kilobyte, more while its meter is above zero."""

    __slots__ = (
        "bad", "began", "burst", "burst_ends", "busiest", "deferred", "elevated", "first", "good", "left", "levels",
        "messages", "number", "peak", "pending", "recipients", "refused", "round", "since",
        "usual", "voted",
    )  # fmt: skip

    def __init__(self, number: int, time: float) -> None:
        self.number = number
        self.first = time
        self.good = self.bad = 0.0  # of the past, fading; bad is a sum of weights
        self.pending = 0.0  # weight of bad outcomes since the meter left zero
        self.left = 0  # recipients when it did
        self.since = time  # when it did
        self.peak = 0.0  # highest reading since then
        self.elevated = False
        self.levels = _NO_LEVELS
        self.usual = 0.0  # upper bound from its own past, valid while elevated
        self.began = _NEVER  # last zeros
        self.burst = self.busiest = 0  # recipients in this hour; most in one before
        self.burst_ends = float("-inf")
        self.round = self.voted = 0
        self.recipients = 0  # since ever
        self.refused = self.deferred = self.messages = 0  # the same, counted by the caller

    def norm(self, quiet: float) -> tuple[float | int, ...] | None:
        """All there is to keep of one whose last burst ended before ``quiet``; None if its meter is not at zero."""
        if self.elevated or self.burst_ends > quiet:
            return None
        counts = (self.number, max(self.busiest, self.burst), self.recipients, self.refused, self.deferred)
        return (self.first, self.good, self.bad, *counts, self.messages)

    @classmethod
    def of_norm(cls, norm: Sequence[Any]) -> Sender:
        """One of whom that was kept."""
        first, good, bad, number, busiest, recipients, refused, deferred, messages = norm
        sender = cls(number, first)
        sender.good, sender.bad, sender.busiest = good, bad, busiest
        sender.recipients, sender.refused, sender.deferred, sender.messages = recipients, refused, deferred, messages
        return sender

    @property
    def rate(self) -> float:
        """The share it usually sees."""
        return (PRIOR_BAD + self.bad) / (PRIOR_BAD + PRIOR_GOOD + self.bad + self.good)

    @property
    def reading(self) -> float:
        """Nats for abuse, by the best hypothesis."""
        return max(self.levels) if self.elevated else 0.0

    def share(self) -> float:
        """The weighted share of bad outcomes since the meter left zero."""
        return self.pending / max(1, self.recipients - self.left)

    @property
    def mild(self) -> bool:
        """The shorter the past, the worse it must be: this may be how the sender always is."""
        least = (self.pending - sqrt(self.pending)) / max(1, self.recipients - self.left)
        return least < _BLATANT * _PAST / (_PAST + self.good + self.bad)

    @property
    def list_like(self) -> bool:
        """It always wrote to many at once, and most of them are fine: a list that aged, not an abuser."""
        return self.busiest >= BULK and self.share() < _BLATANT

    @property
    def onset(self) -> Mark:
        """The last zero of the best hypothesis; only while elevated."""
        best = self.began[self.levels.index(max(self.levels))]
        assert best is not None
        return best

    def mark(self, time: float) -> Mark:
        """The counters as they stand."""
        return (time, self.recipients, self.refused, self.deferred, self.messages)

    def mark_before(self, time: float) -> Mark:
        """The counters before the outcome being weighed and its message."""
        return (time, self.recipients - 1, self.refused, self.deferred, max(0, self.messages - 1))


class Meter:
    """The meters of all senders and the peers they are measured against."""

    def __init__(self) -> None:
        self.senders: dict[str, Sender] = {}
        self.peers = Peers()
        self.good = self.bad = 0.0  # of all senders' pasts
        self._population = 0

    def join(self, time: float) -> Sender:
        """A sender not seen before."""
        self._population += 1
        return Sender(self._population, time)

    def feed(self, time: float, name: str, bad: bool, soft: bool, recipient: str) -> float:  # noqa: FBT001  as they come
        """One first answer about one recipient, by name; gives nats above the bar for no caution (< 0: under it)."""
        sender = self.senders.get(name)
        if sender is None:
            sender = self.senders[name] = self.join(time)
        reading = self.weigh(sender, time, 1.0 if bad else SOFT if soft else 0.0, recipient.encode())
        return self.verdict(sender, time) if reading >= LOWEST_BAR else float("-inf")

    def verdict(self, sender: Sender, time: float) -> float:
        """Nats above the bar; at most 0 (worth a look) for a list, or a mild share after a short past."""
        unknown = _PAST / (_PAST + sender.good + sender.bad)
        above = max(sender.levels) - self.bar(sender, time) - _UNKNOWN * unknown
        if sender.list_like or sender.mild:
            return min(0.0, above)
        return above

    def weigh(self, sender: Sender, time: float, bad: float, recipient: bytes) -> float:
        """Take one outcome, ``bad`` in [0, 1]; gives the sender's reading in nats.  The hot path."""
        peers = self.peers
        if time >= peers.ends:
            peers.roll(time)
        if time >= sender.burst_ends:
            if not sender.elevated and sender.burst > sender.busiest:
                sender.busiest = sender.burst
            sender.burst, sender.burst_ends = 0, time + _HOUR
        sender.recipients += 1
        sender.burst += 1
        if sender.round != peers.round:
            sender.round, sender.voted = peers.round, 0
        if sender.voted < VOTES:
            sender.voted += 1
            past = PRIOR_BAD + sender.bad
            usual = past / (past + PRIOR_GOOD + sender.good)
            peers.vote(sender.number, recipient.rpartition(b"@")[2], bad, usual, first=sender.voted == 1)
        if not sender.elevated:
            if bad <= SOFT:  # a mere deferral begins nothing
                good = 1.0 - bad
                sender.good += good
                self.good += good
                sender.bad += bad
                self.bad += bad
                return 0.0
            self._leave_zero(sender, time)
        elif time - sender.since > _HABIT and sender.mild:
            sender.peak = 0.0
            self._settle(sender)
            return 0.0
        return self._move(sender, time, bad, peers.excess(sender.number, recipient.rpartition(b"@")[2]))

    def bar(self, sender: Sender, time: float) -> float:
        """The reading that is worth a look, in nats; caution is added by whoever accuses."""
        days = max(1.0, (time - sender.first) / _DAY)
        yearly = 365 * (sender.good + sender.bad) / days
        return log(max(_LEAST_YEARLY, yearly)) + log(1 + self._population / _CROWD)

    def _move(self, sender: Sender, time: float, bad: float, excess: float) -> float:
        usual = sender.usual
        if excess:
            usual = max(usual, sender.rate + _PEER_MARGIN * excess)
        steps = _steps(min(_GRAIN, ceil(usual * _GRAIN)))
        weight = 1 / (1 + _DAMPING * sender.burst)
        good, levels = 1 - bad, sender.levels
        for index, up, down in steps:
            level = levels[index]
            new = level + weight * (bad * up + good * down)
            if new <= 0.0:
                levels[index] = 0.0
            else:
                levels[index] = new if new < _CEILING else _CEILING  # noqa: FURB136  # a call less
                if level == 0.0:
                    sender.began[index] = sender.mark_before(time)
        sender.pending += bad
        reading = max(levels)
        if reading > sender.peak:
            sender.peak = reading
        elif reading == 0.0:
            self._settle(sender)
        return reading

    def _leave_zero(self, sender: Sender, time: float) -> None:
        past = sender.good + sender.bad
        if past > _REMEMBERED:
            faded = _REMEMBERED / past - 1
            self._learn(sender, faded * sender.good, faded * sender.bad)
        sender.usual = upper(PRIOR_BAD + sender.bad, PRIOR_GOOD + sender.good)
        sender.elevated = True
        sender.levels, sender.began = [0.0] * len(ABUSED), [None] * len(ABUSED)
        sender.pending = sender.peak = 0.0
        sender.left, sender.since = sender.recipients - 1, time

    def _settle(self, sender: Sender) -> None:
        """Back at zero: what was seen meanwhile is the sender's own past, unless it looked like abuse."""
        sender.elevated = False
        sender.levels, sender.began = _NO_LEVELS, _NEVER
        sender.busiest = max(sender.busiest, sender.burst)
        if sender.peak < LOWEST_BAR:
            self._learn(sender, sender.recipients - sender.left - sender.pending, sender.pending)

    def _learn(self, sender: Sender, good: float, bad: float) -> None:
        sender.good += good
        sender.bad += bad
        self.good += good
        self.bad += bad

    def others(self, sender: Sender) -> tuple[float, float]:
        """Bad outcomes, and all, in the pasts of everybody else; rounded, for sums of fractions are not exact."""
        bad = round(self.bad - sender.bad, _DIGITS)
        return bad, bad + round(self.good - sender.good, _DIGITS)
