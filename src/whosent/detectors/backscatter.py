"""Backscatter: mail is accepted first and returned or answered later, to senders that spam has forged.

Two things send it: the MTA's own bounces of what it should have refused while the sender was still connected, and
programs that answer every letter (vacation replies, ticket systems).  A bounce is laid to the domain whose mail could
not be delivered, an answer to the mailbox the letter was written to.  A few bounces of honest mistakes are normal; what
makes them backscatter is their number, or that many of those who get them refuse them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, regard, who
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import ANSWERS, Outcome, Reason, Result
from whosent.model.surroundings import domain_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_BOUNCED: Final = Result.BOUNCED
_FROM_OUTSIDE: Final = ("stranger", "unknown", "host")
_REMEMBERED: Final = 20_000  # undelivered letters, twice
_SOURCES: Final = 5_000
_STRANGERS: Final = 10_000  # told apart for each source
_MANY: Final = 100  # strangers that make backscatter although most of them take it
_LEAST: Final = 20  # bounces or answers, and
_REFUSED: Final = 0.2  # share of them refused or put off, for want of such a sender
_NAMED: Final = 3  # local parts told of


class _Source:
    """What one domain of ours returned, or one mailbox of ours answered."""

    __slots__ = ("addresses", "answers", "deferred", "first", "host", "last", "reasons", "recipients", "refused",
                 "strangers", "trail")  # fmt: skip

    def __init__(self, host: str, time: float, *, answers: bool) -> None:
        self.host = host
        self.answers = answers  # else the MTA's own bounces
        self.first = self.last = time
        self.recipients = self.refused = self.deferred = 0
        self.reasons: dict[Reason, int] = {}  # why the letters could not be delivered
        self.addresses: dict[bytes, int] = {}  # of ours, to which they were written
        self.strangers: set[bytes] = set()
        self.trail = Trail()

    def add(self, row: Outcome, letter: Outcome) -> None:
        """One bounce or answer arrived, or did not."""
        self.last = row.time
        self.recipients += 1
        self.refused += row.result is _BOUNCED
        self.deferred += row.result is Result.DEFERRED
        self.reasons[letter.reason] = self.reasons.get(letter.reason, 0) + 1
        if letter.recipient in self.addresses or len(self.addresses) < _STRANGERS:
            self.addresses[letter.recipient] = self.addresses.get(letter.recipient, 0) + 1
        if len(self.strangers) < _STRANGERS:
            self.strangers.add(row.recipient)
        what = "answer" if self.answers else "bounce"
        fate = "sent to a stranger" if row.result is _SENT else regard.note(row.result, row.reason)
        self.trail.add(
            letter.time, letter.ref, "the letter it answers" if self.answers else "accepted, then undeliverable"
        )
        self.trail.add(row.time, row.ref, f"{what}, {fate}", telling=row.result is not _SENT)

    @property
    def is_backscatter(self) -> bool:
        """Whether it is more than honest mistakes and honest answers."""
        unwanted = self.refused + self.deferred >= _REFUSED * self.recipients
        return len(self.strangers) >= (_LEAST if unwanted else _MANY) and (unwanted or not self.answers)


class Detector:
    """Finds the letter behind each bounce and each answer."""

    name = "backscatter"
    results = ANSWERS

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._correspondents = surroundings.correspondents
        self._fresh: dict[bytes, Outcome] = {}  # sender -> its letter that could not be delivered
        self._old: dict[bytes, Outcome] = {}
        self._sources: dict[tuple[str, bool, str], _Source] = {}

    def outcome(self, row: Outcome) -> None:
        """Mail with a sender matters only if it bounces; mail without one is a bounce or an answer."""
        if row[4]:
            if row[6] is _BOUNCED and row[2][0] in _FROM_OUTSIDE and not row[9]:
                self._undeliverable(row)
        elif row[8]:
            self._without_sender(row)

    def _undeliverable(self, row: Outcome) -> None:
        if len(self._fresh) >= _REMEMBERED:
            self._old, self._fresh = self._fresh, {}
        self._fresh[row.sender] = row

    def _without_sender(self, row: Outcome) -> None:
        own = self._surroundings.is_own_domain
        if own(domain_of(row.recipient)):
            return
        if row.actor.kind == "mta":
            letter = self._fresh.get(row.recipient) or self._old.get(row.recipient)
            domain = domain_of(letter.recipient) if letter is not None else ""
            # what was relayed for somebody else is not ours to know
            if letter is not None and (own(domain) or self._surroundings.is_own_address(letter.relay)):
                self._count(domain, row, letter, answers=False)
        elif row.actor.kind in _FROM_HERE:
            self._correspondents.ask(row, self._answered)

    def _answered(self, row: Outcome, letter: Outcome) -> None:
        self._count(letter.recipient.decode("utf-8", "backslashreplace"), row, letter, answers=True)

    def _count(self, name: str, row: Outcome, letter: Outcome, *, answers: bool) -> None:
        key = (row.actor.host, answers, name)
        source = self._sources.get(key)
        if source is None:
            if len(self._sources) >= _SOURCES:
                return
            source = self._sources[key] = _Source(row.actor.host, row.time, answers=answers)
        source.add(row, letter)

    def findings(self) -> Iterator[Finding]:
        """One finding for each domain that returns, and each mailbox that answers, too much."""
        for (_, _, name), source in sorted(self._sources.items()):
            if source.is_backscatter:
                yield self._finding(name, source)

    def _finding(self, name: str, source: _Source) -> Finding:
        if not source.answers and len(source.addresses) == 1:
            name = next(iter(source.addresses)).decode("utf-8", "backslashreplace")
        host = source.host or "this host"
        unwanted = source.refused + source.deferred
        counts = (
            f"{phrases.count(source.recipients)} to {phrases.count(len(source.strangers), 'stranger')} since "
            f"{phrases.moment(source.first)}, {phrases.count(unwanted)} of them refused or put off"
        )
        if source.answers:
            sentence = (
                f"The automatic answer of {name} also answers spam, whose senders are forged: {counts}; nobody broke "
                f"in, but strangers who never wrote get mail from {host}."
            )
        else:
            sentence = (
                f"{host} accepts mail for {name} that it cannot deliver ({_why(source)}) and returns it later, to "
                f"senders that spam has forged: {counts}; nobody broke in, but strangers get bounces of "
                f"what they never wrote."
            )
        return Finding(
            detector=self.name,
            suspect=Suspect(
                kind="backscatter", name=name, host=source.host or None, account=name if source.answers else None
            ),
            cause=Cause.BACKSCATTER,
            since=source.first,
            until=source.last,
            sentence=sentence,
            measure=unwanted / source.recipients,
            norm=_REFUSED,
            unit="refused share",
            accuses=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(source.host),),
            quotes=source.trail.quotes(),
            facts={
                "messages": source.recipients,
                "recipients": source.recipients,
                "refused": source.refused,
                "deferred": source.deferred,
                "strangers": len(source.strangers),
                "unknown_users": source.reasons.get(Reason.UNKNOWN_USER, 0),
                "own_addresses": len(source.addresses),
                "sent_by": "automatic answers" if source.answers else "the mail server's bounces",
            },
            severity="warning",
        )


_FROM_HERE: Final = ("local_user", "host", "account")
_WHY: Final = {
    Reason.UNKNOWN_USER: "no such user",
    Reason.MAILBOX: "mailbox full or closed",
    Reason.POLICY: "refused by a filter behind it",
    Reason.LOOP: "going round in a loop",
}


def _why(source: _Source) -> str:
    """The commonest reason, and the addresses it happened to."""
    reason = max(source.reasons, key=lambda one: (source.reasons[one], -one))
    worst = sorted(source.addresses, key=lambda address: (-source.addresses[address], address))
    local_parts = [address.rpartition(b"@")[0].decode("utf-8", "backslashreplace") for address in worst]
    told = phrases.listing(local_parts, _NAMED)
    return f"{_WHY.get(reason, 'undeliverable')}: {told}"
