"""Strangers among the recipients: an hour in which a sender writes to far more people it never wrote to than ever.

New addresses and many domains are how spam differs from mail when nothing bounces; so are the traces of a list:
recipients in alphabetical order, or one name tried over many domains.  All of that is also what a newsletter does,
so this never accuses: it supports, and only against the sender's own past.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, who
from whosent.measures.bloom import Seen
from whosent.measures.resting import Norm, Senders
from whosent.measures.resting import Sender as Key
from whosent.measures.trail import Trail
from whosent.model.finding import Finding, Strength
from whosent.model.rows import ANSWERS, OUR_SENDERS, Actor, Message, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_BOUNCED: Final = Result.BOUNCED
_DEFERRED: Final = Result.DEFERRED
_HOUR: Final = 3600.0
_NEW: Final = 50  # recipients never written to, within an hour
_TIMES: Final = 5.0  # the most of any hour before
_SHARE: Final = 0.7  # of the hour's recipients
_DOMAINS: Final = 15
_PAST: Final = 20  # recipients before, without which there is nothing to compare with
_IN_ORDER: Final = 0.8  # share of neighbours in alphabetical order that is a list's
_SAME_NAME: Final = 0.3  # share of neighbours with one local part over different domains
_MOST_DOMAINS: Final = 500
_FEW: Final = 4  # domains that are no set yet


class _Hour:
    """What happened since the sender's hour began."""

    __slots__ = ("before", "deferred", "domains", "last", "messages", "new", "ordered", "previous", "recipients",
                 "refused", "same", "start", "trail")  # fmt: skip

    def __init__(self, time: float, before: int) -> None:
        self.start = self.last = time
        self.before = before  # recipients ever before
        self.new = self.recipients = self.messages = self.refused = self.deferred = 0
        self.ordered = self.same = 0
        self.previous = b""
        self.domains: set[bytes] | tuple[bytes, ...] = ()  # a set would be much for one or two
        self.trail: Trail | None = None


class _Sender:
    __slots__ = ("actor", "found", "hour", "most", "number", "recipients")

    def __init__(self, actor: Actor, number: int, time: float) -> None:
        self.actor = actor
        self.number = number
        self.recipients = 0
        self.most = 0  # new recipients in the busiest ordinary hour before
        self.hour = _Hour(time, 0)
        self.found: tuple[_Hour, int] | None = None


class Detector:
    """Remembers who wrote to whom, in eight megabytes."""

    name = "novelty"
    kinds = OUR_SENDERS
    results = ANSWERS
    self_contained = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings, surroundings
        self._seen = Seen()
        self._senders: Senders[_Sender] = Senders()
        self._by_actor = self._senders.by_actor
        self._suspects: dict[int, _Sender] = {}  # by number: whoever ever wrote to many new ones in an hour

    def message(self, row: Message) -> None:
        """Only counted."""
        sender = self._by_actor.get(row[2])
        if sender is not None:
            sender.hour.messages += 1

    def outcome(self, row: Outcome) -> None:
        """The first answer about a recipient."""
        result = row[6]
        if row[9]:
            return
        sender = self._by_actor.get(row[2])
        if sender is None:
            sender = self._senders.meet(row[2], row[0], self._norm, _wake, self._begin)
        time, recipient, hour = row[0], row[5], sender.hour
        if time - hour.start >= _HOUR:
            hour = _next(sender, time)
        sender.recipients += 1
        hour.recipients += 1
        hour.last = time
        if result is _BOUNCED:
            hour.refused += 1
        elif result is _DEFERRED:
            hour.deferred += 1
        if self._seen.add(sender.number, recipient):
            _stranger(hour, time, row[1], recipient)
            if hour.new == _NEW:
                self._suspects[sender.number] = sender

    def _begin(self, actor: Actor, time: float) -> _Sender:
        return _Sender(actor, len(self._senders) + 1, time)

    def _norm(self, sender: _Sender, quiet: float) -> Norm | None:
        """How many it wrote to, and the most of any hour, of a sender whose hour is over and ordinary."""
        if sender.hour.last > quiet or _worse(sender) is not None or _unlike(sender, sender.hour):
            return None
        self._suspects.pop(sender.number, None)
        actor = sender.actor
        return (actor.address, actor.script, sender.number, sender.recipients, max(sender.most, sender.hour.new))

    def findings(self) -> Iterator[Finding]:
        """The worst hour of each sender that had one unlike any before."""
        for sender in self._suspects.values():
            found = _worse(sender)
            if found is not None:
                yield self._finding(sender, *found)

    def _finding(self, sender: _Sender, hour: _Hour, most: int) -> Finding:
        suspect = who.suspect(sender.actor)
        domains = (
            f"{phrases.count(len(hour.domains))}{' or more' if len(hour.domains) >= _MOST_DOMAINS else ''} domains"
        )
        traces = []
        if hour.ordered >= _IN_ORDER * hour.new:
            traces.append("in alphabetical order, as from a list")
        if hour.same >= _SAME_NAME * hour.new:
            traces.append("one name after the other tried over several domains")
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=who.CAUSES[sender.actor.kind],
            since=hour.start,
            until=hour.last,
            sentence=(
                f"{who.subject(suspect)} wrote to {phrases.count(hour.new, 'recipient')} it had never written to, in "
                f"{domains}, within {phrases.duration(hour.last - hour.start)} from {phrases.moment(hour.start)}"
                f"{': ' + phrases.listing(traces) if traces else ''}; before, it was never more than "
                f"{phrases.count(most)} an hour."
            ),
            clause=f"{phrases.count(hour.new)} recipients it had never written to, in {domains}",
            measure=hour.new,
            norm=most,
            unit="new recipients an hour",
            accuses=False,
            strength=Strength.SHOWN,
            witnesses=(who.witness(sender.actor.host),),
            quotes=hour.trail.quotes() if hour.trail else (),
            facts={
                "messages": hour.messages,
                "recipients": hour.recipients,
                "refused": hour.refused,
                "deferred": hour.deferred,
                "new_recipients": hour.new,
                "domains": len(hour.domains),
                "in_order": hour.ordered,
            },
            severity="warning",
        )


def _stranger(hour: _Hour, time: float, ref: int, recipient: bytes) -> None:
    hour.new += 1
    name, _, domain = recipient.rpartition(b"@")
    domains = hour.domains
    if not isinstance(domains, tuple):
        if len(domains) < _MOST_DOMAINS:
            domains.add(domain)
    elif domain not in domains:
        hour.domains = (*domains, domain) if len(domains) < _FEW else {*domains, domain}
    before = hour.previous
    if before:
        hour.ordered += before < recipient
        hour.same += before.startswith(name + b"@") and before != recipient
    hour.previous = recipient
    if hour.trail is None:
        hour.trail = Trail()
    if hour.new <= _NEW:
        hour.trail.add(time, ref, "never written to before")


def _unlike(sender: _Sender, hour: _Hour) -> bool:
    return (
        hour.new >= max(_NEW, _TIMES * sender.most)
        and hour.new >= _SHARE * hour.recipients
        and len(hour.domains) >= _DOMAINS
        and hour.before >= _PAST
    )


def _wake(key: Key, norm: Norm) -> _Sender:
    address, script, number, *counts = norm
    sender = _Sender(Actor(*key, address, script), number, float("-inf"))  # its hour is over
    sender.recipients, sender.most = counts
    return sender


def _next(sender: _Sender, time: float) -> _Hour:
    """Close the hour: ordinary ones make the norm, others are kept if worse than what was found."""
    hour = sender.hour
    found = _worse(sender)
    if found is not None and found[0] is hour:
        sender.found = found
    elif not _unlike(sender, hour):
        sender.most = max(sender.most, hour.new)
    sender.hour = _Hour(time, sender.recipients)
    return sender.hour


def _worse(sender: _Sender) -> tuple[_Hour, int] | None:
    """The running hour if it is unlike any and worse than the found one, else that."""
    hour, found = sender.hour, sender.found
    if _unlike(sender, hour) and (found is None or hour.new > found[0].new):
        return (hour, sender.most)
    return found
