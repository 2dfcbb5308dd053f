"""Unusual volume and backlog: far more mail in an hour or a day than this sender ever sent, or far more deferred.

Volume is no guilt: on real senders every rule about it raises false alarms for weddings and Mondays.  So this
needs a past, asks for five times the own maximum and an absolute number, and says "unusual", never more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.measures import phrases, who
from whosent.measures.resting import Norm, Senders
from whosent.measures.resting import Sender as Key
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength
from whosent.model.rows import OUR_SENDERS, Actor, Message, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_BOUNCE: Final = Result.BOUNCED
_DEFERRAL: Final = Result.DEFERRED
_TIMES: Final = 5.0  # the own maximum before
_ACTIVE: Final = 3  # spans with mail before, without which there is no past
_NOTED: Final = 12


class Span(NamedTuple):
    """A length of time and how much in it is unusual whatever came before."""

    seconds: float
    name: str
    recipients: int


_DAY: Final = 86_400.0
_SPANS: Final = (Span(3600.0, "hour", 300), Span(_DAY, "day", 1500))
_BACKLOG: Final = 100  # deferred recipients in an hour
_DEFERRED: Final = 0.5  # share of them
_OUTAGE: Final = 0.15  # share deferred of everybody else's that makes it the world's fault


class _Count:
    """Recipients in the running span of one length, and the most of any before."""

    __slots__ = ("active", "deferred", "last", "messages", "most", "others", "recipients", "refused", "start", "trail")

    def __init__(self, time: float) -> None:
        self.start = self.last = time
        self.recipients = self.messages = self.refused = self.deferred = 0
        self.most = self.active = 0
        self.others = (0, 0)  # everybody's recipients and deferrals when the span began
        self.trail: Trail | None = None


class Unusual(NamedTuple):
    """A span unlike any before."""

    span: Span
    start: float
    last: float
    recipients: int
    messages: int
    refused: int
    deferred: int
    most: int
    backlog: bool
    trail: Trail


@lru_cache(1000)
def _handed_in(recipients: int) -> str:
    return f"handed in, {phrases.count(recipients, 'recipient')}"


class _Sender:
    __slots__ = ("actor", "counts", "found")

    def __init__(self, actor: Actor, time: float) -> None:
        self.actor = actor
        self.counts = tuple(_Count(time) for _ in _SPANS)
        self.found: dict[tuple[str, bool], Unusual] = {}


def _wake(key: Key, norm: Norm) -> _Sender:
    address, script, *numbers = norm
    sender = _Sender(Actor(*key, address, script), float("-inf"))  # its spans are over
    for place, count in enumerate(sender.counts):
        count.most, count.active = numbers[2 * place], numbers[2 * place + 1]
    return sender


class Detector:
    """Counts recipients by hour and day of each sender's own."""

    name = "volume"
    kinds = OUR_SENDERS
    results = (_BOUNCE, _DEFERRAL)
    self_contained = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings, surroundings
        self._senders: Senders[_Sender] = Senders(_DAY)
        self._by_actor = self._senders.by_actor
        self._suspects: dict[Key, _Sender] = {}  # who ever had a span that may be unusual
        self._recipients = self._deferred = 0  # of everybody

    def message(self, row: Message) -> None:
        """Where volume is counted: what a sender handed us, whatever becomes of it."""
        sender = self._by_actor.get(row[2]) or self._meet(row)
        time, recipients = row[0], row[6]
        self._recipients += recipients
        for span, count in zip(_SPANS, sender.counts, strict=True):
            if time - count.start >= span.seconds:
                self._next(sender, span, count, time)
            count.recipients += recipients
            count.messages += 1
            count.last = time
            if count.recipients > span.recipients:
                self._suspects[row[2][:3]] = sender
            if count.messages <= _NOTED or count.recipients >= span.recipients:
                if count.trail is None:
                    count.trail = Trail()
                count.trail.add(time, row[1], _handed_in(recipients))

    def outcome(self, row: Outcome) -> None:
        """Only refusals are counted."""
        result = row[6]
        self._deferred += result is _DEFERRAL
        sender = self._by_actor.get(row[2])
        if sender is None or row.forwarded:
            return
        for count in sender.counts:
            count.refused += result is _BOUNCE
            count.deferred += result is _DEFERRAL
        if sender.counts[0].deferred >= _BACKLOG:
            self._suspects[row[2][:3]] = sender

    def _meet(self, row: Message) -> _Sender:
        return self._senders.meet(row.actor, row.time, self._norm, _wake, _Sender)

    def _next(self, sender: _Sender, span: Span, count: _Count, time: float) -> None:
        unusual = self._unusual(span, count)
        for one in unusual:
            _keep(sender.found, one)
        if not unusual:
            count.most = max(count.most, count.recipients)
            count.active += count.recipients > 0
        count.start = time
        count.recipients = count.messages = count.refused = count.deferred = 0
        count.others = (self._recipients, self._deferred)
        count.trail = None

    def _norm(self, sender: _Sender, quiet: float) -> Norm | None:
        """The most of any span and how many there were, of a sender whose spans are over and ordinary."""
        numbers: list[int] = []
        for span, count in zip(_SPANS, sender.counts, strict=True):
            if count.last > quiet or sender.found or self._unusual(span, count):
                return None
            numbers += max(count.most, count.recipients), count.active + (count.recipients > 0)
        self._suspects.pop(sender.actor[:3], None)
        return (sender.actor.address, sender.actor.script, *numbers)

    def _unusual(self, span: Span, count: _Count) -> list[Unusual]:
        if count.active < _ACTIVE or count.trail is None:
            return []
        if count.recipients <= span.recipients and count.deferred < _BACKLOG:  # as nearly always
            return []
        found = []
        if count.recipients > max(span.recipients, _TIMES * count.most):
            found.append(_picture(span, count, backlog=False))
        others = self._recipients - count.others[0] - count.recipients
        deferred = self._deferred - count.others[1] - count.deferred
        stuck = count.deferred >= max(_BACKLOG, _DEFERRED * count.recipients)
        if span is _SPANS[0] and stuck and deferred <= _OUTAGE * others:
            found.append(_picture(span, count, backlog=True))
        return found

    def findings(self) -> Iterator[Finding]:
        """The worst hour, the worst day and the worst backlog of each sender."""
        for sender in self._suspects.values():
            now = [one for span, count in zip(_SPANS, sender.counts, strict=True) for one in self._unusual(span, count)]
            if now or sender.found:
                found = dict(sender.found)
                for unusual in now:
                    _keep(found, unusual)
                for unusual in found.values():
                    yield self._finding(sender, unusual)

    def _finding(self, sender: _Sender, one: Unusual) -> Finding:
        suspect = who.suspect(sender.actor)
        when = f"within {phrases.duration(one.last - one.start)} from {phrases.moment(one.start)}"
        if one.backlog:
            sentence = (
                f"Unusual backlog: {phrases.count(one.deferred)} of {phrases.count(one.recipients, 'recipient')} of "
                f"{suspect.name} were put off {when}, while everybody else's mail went out."
            )
        else:
            sentence = (
                f"Unusual volume: {who.subject(suspect)[0].lower()}{who.subject(suspect)[1:]} sent to "
                f"{phrases.count(one.recipients, 'recipient')} {when}; the most in any {one.span.name} before was "
                f"{phrases.count(one.most)}."
            )
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=Cause.UNUSUAL_VOLUME,
            since=one.start,
            until=one.last,
            sentence=sentence,
            measure=one.deferred if one.backlog else one.recipients,
            norm=None if one.backlog else one.most,
            unit=f"{'deferred' if one.backlog else 'recipients'} per {one.span.name}",
            accuses=False,
            stands_alone=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(sender.actor.host),),
            quotes=one.trail.quotes(),
            facts={
                "messages": one.messages,
                "recipients": one.recipients,
                "refused": one.refused,
                "deferred": one.deferred,
                "most_before": one.most,
            },
            severity="warning",
        )


def _picture(span: Span, count: _Count, *, backlog: bool) -> Unusual:
    assert count.trail is not None
    return Unusual(
        span, count.start, count.last, count.recipients, count.messages, count.refused, count.deferred, count.most,
        backlog, count.trail,
    )  # fmt: skip


def _keep(found: dict[tuple[str, bool], Unusual], one: Unusual) -> None:
    known = found.get((one.span.name, one.backlog))
    if known is None or one.recipients > known.recipients:
        found[one.span.name, one.backlog] = one
