"""The world says so: replies that name a blocklist, our reputation, policy, spam or a rate, and who got them.

Whoever gets many more of them than everybody else has earned them; where several senders get them alike, they are
about our address, and nobody is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from whosent.measures import phrases, regard, who
from whosent.measures.resting import Norm, Senders
from whosent.measures.resting import Sender as Key
from whosent.measures.trail import Trail, in_order
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import OUR_SENDERS, Actor, Message, Outcome, Reason, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_SAID: Final = (Reason.LISTED, Reason.POLICY, Reason.RATE)
_REFUSALS: Final = (Result.BOUNCED, Result.DEFERRED)
_LEAST: Final = 5  # such replies before they are worth a word
_SHARE: Final = 0.08  # of a sender's recipients
_APART: Final = 3.0  # times everybody else's share
_EVERYBODY: Final = 3  # senders that met a listing: then it is our address
_PRIOR: Final = 30.0  # recipients without such a reply, for everybody else
_BLOCKLISTED: Final = regard.note(Result.BOUNCED, Reason.LISTED).rpartition(" ")[2]  # as its lines are noted
_QUOTES: Final = 12


class _Sender:
    """The replies one sender got."""

    __slots__ = ("actor", "deferred", "first", "last", "messages", "recipients", "refused", "said", "seen", "start",
                 "trail")  # fmt: skip

    def __init__(self, actor: Actor, time: float) -> None:
        self.actor = actor
        self.seen = time  # when there last was an answer to it
        self.recipients = self.messages = 0  # ever
        self.said: dict[Reason, int] | None = None  # replies by kind
        self.start = (0, 0)  # messages and recipients before the first
        self.refused = self.deferred = 0  # among those replies
        self.first = self.last = 0.0
        self.trail: Trail | None = None


class Detector:
    """Collects what receivers say about us."""

    name = "worldsays"
    kinds = OUR_SENDERS

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._correspondents = surroundings.correspondents
        self._senders: Senders[_Sender] = Senders()
        self._loud: list[_Sender] = []  # who were told often enough to be worth a word
        self._listed: dict[str, list[_Sender]] = {}  # those of each host who met a listing
        self._recipients = self._said = 0  # of everybody
        self._by_actor = self._senders.by_actor

    def message(self, row: Message) -> None:
        """Only counted."""
        sender = self._by_actor.get(row[2])
        if sender is None:
            sender = self._senders.get(row[2][:3], _wake)
        if sender is not None:
            sender.messages += 1

    def outcome(self, row: Outcome) -> None:
        """Count; read on only where it was refused."""
        sender = self._by_actor.get(row[2])
        if sender is None:
            sender = self._senders.meet(row.actor, row.time, _norm, _wake, _Sender)
        sender.seen = row[0]
        if row[6] is _SENT:
            sender.recipients += 1
            self._recipients += 1
        elif row.result in _REFUSALS and not row.forwarded:
            sender.recipients += 1
            self._recipients += 1
            if row.reason in _SAID and not self._correspondents.explains(row):
                self._note(sender, row)

    def _note(self, sender: _Sender, row: Outcome) -> None:
        if sender.said is None or sender.trail is None:
            sender.said, sender.trail = {}, Trail()
            sender.first = row.time
            sender.start = (max(0, sender.messages - 1), sender.recipients - 1)
        if row.reason is Reason.LISTED and not _listed(sender):
            self._listed.setdefault(sender.actor.host, []).append(sender)
        self._said += 1
        sender.said[row.reason] = sender.said.get(row.reason, 0) + 1
        if _count(sender) == _LEAST:
            self._loud.append(sender)
        sender.last = row.time
        refused = row.result is Result.BOUNCED
        sender.refused += refused
        sender.deferred += not refused
        sender.trail.add(row.time, row.ref, regard.note(row.result, row.reason), telling=row.reason is Reason.LISTED)

    def findings(self) -> Iterator[Finding]:
        """Who is told so more than others; and whether our address is listed for everybody."""
        crowds = {host: senders for host, senders in self._listed.items() if len(senders) >= _EVERYBODY}
        everywhere = {host: sum(map(_listed, senders)) for host, senders in crowds.items()}
        said = self._said - sum(
            _excused(sender, everywhere[host]) for host, senders in crowds.items() for sender in senders
        )
        for sender in self._loud:
            count = _count(sender) - _excused(sender, everywhere.get(sender.actor.host, 0))
            share = count / max(1, sender.recipients - sender.start[1])
            others = (said - count) / (self._recipients - sender.recipients + _PRIOR)
            if count >= _LEAST and share >= _SHARE and share >= _APART * others:
                yield self._about_sender(sender, count, share, others)
        for host in sorted(everywhere):
            yield self._about_us(host, crowds[host])

    def _about_sender(self, sender: _Sender, count: int, share: float, others: float) -> Finding:
        suspect = who.suspect(sender.actor)
        assert sender.said is not None
        assert sender.trail is not None
        kinds = [f"{phrases.count(n)} for {_WHAT[reason]}" for reason, n in sorted(sender.said.items())]
        sentence = (
            f"{who.subject(suspect)} is told by receivers what they think of its mail since "
            f"{phrases.moment(sender.first)}: {phrases.count(count)} replies, {phrases.listing(kinds)}; that is "
            f"{phrases.share(share)} of its recipients, everybody else {phrases.share(others)}."
        )
        found = self._finding(suspect, who.CAUSES[sender.actor.kind], [sender], sentence, share, others)
        return msgspec.structs.replace(found, clause=f"receivers say so: {phrases.listing(kinds)}")

    def _about_us(self, host: str, listed: list[_Sender]) -> Finding:
        count = sum(_listed(sender) for sender in listed)
        first = min(sender.first for sender in listed)
        sentence = (
            f"Our address is on a blocklist for everybody: {phrases.count(count, 'reply', 'replies')} to "
            f"{phrases.count(len(listed), 'sender')} of {host or 'this host'} named one since {phrases.moment(first)}; "
            f"that is about the address, not about them."
        )
        suspect = Suspect(kind="host", name=host or "this host", host=host or None)
        found = self._finding(suspect, Cause.UNKNOWN, listed, sentence, float(count), None)
        entries = (entry for sender in listed if sender.trail for entry in sender.trail.entries())
        naming = in_order(entry for entry in entries if _BLOCKLISTED in entry[2])
        return msgspec.structs.replace(found, stands_alone=True, measure=count, quotes=naming[:_QUOTES])

    def _finding(  # noqa: PLR0913, PLR0917  what differs between a sender and our address
        self, suspect: Suspect, cause: Cause, senders: list[_Sender], sentence: str, measure: float, norm: float | None
    ) -> Finding:  # fmt: skip
        worst = max(senders, key=_count)
        assert worst.trail is not None
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=cause,
            since=min(sender.first for sender in senders),
            until=max(sender.last for sender in senders),
            sentence=sentence,
            measure=measure,
            norm=norm,
            unit="replies" if norm is None else "share of such replies",
            accuses=False,
            strength=Strength.SHOWN,
            witnesses=(who.witness(worst.actor.host),),
            quotes=worst.trail.quotes(),
            facts={
                "messages": sum(sender.messages - sender.start[0] for sender in senders),
                "recipients": sum(sender.recipients - sender.start[1] for sender in senders),
                "refused": sum(sender.refused for sender in senders),
                "deferred": sum(sender.deferred for sender in senders),
                "listed": sum(_listed(sender) for sender in senders),
                "senders": len(senders),
            },
            severity="warning",
        )


_WHAT: Final = {Reason.LISTED: "a blocklist", Reason.POLICY: "policy or spam", Reason.RATE: "too much at once"}


def _norm(sender: _Sender, quiet: float) -> Norm | None:
    """The counts of a sender whom no receiver told anything."""
    if sender.seen > quiet or sender.said is not None:
        return None
    return (sender.actor.address, sender.actor.script, sender.messages, sender.recipients)


def _wake(key: Key, norm: Norm) -> _Sender:
    address, script, *counts = norm
    sender = _Sender(Actor(*key, address, script), 0.0)
    sender.messages, sender.recipients = counts
    return sender


def _count(sender: _Sender) -> int:
    return sum(sender.said.values()) if sender.said else 0


def _excused(sender: _Sender, everywhere: int) -> int:
    """Replies it did not earn: a listing that several met is held against none, unless most replies were its."""
    listed = _listed(sender)
    return listed if 2 * listed <= everywhere else 0


def _listed(sender: _Sender) -> int:
    return sender.said.get(Reason.LISTED, 0) if sender.said else 0
