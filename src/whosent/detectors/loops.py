"""A mail loop that servers name: "too many hops", "loops back to myself", "mail forwarding loop".

Each message in a loop passes us some twenty times and ends with such a reply, so a few of them are a loop and no
chance.  A stranger's domain whose MX points to a wrong place loops too; that is its own fault, and told of only where
we accepted the mail from outside or handed it to another host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, regard, who
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import Outcome, Reason, Result
from whosent.model.surroundings import domain_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_LOOP: Final = Reason.LOOP
_DOMAINS: Final = 5_000
_ADDRESSES: Final = 1_000  # told apart for each domain
_LEAST: Final = 3


class _Loop:
    """What went round in one domain."""

    __slots__ = ("addresses", "deferred", "first", "forwarded", "host", "last", "refused", "relays", "trail")

    def __init__(self, host: str, time: float) -> None:
        self.host = host
        self.first = self.last = time
        self.refused = self.deferred = self.forwarded = 0
        self.addresses: dict[bytes, int] = {}
        self.relays: dict[str, int] = {}
        self.trail = Trail()

    def add(self, row: Outcome) -> None:
        """One more reply."""
        self.last = row.time
        self.refused += row.result is Result.BOUNCED
        self.deferred += row.result is Result.DEFERRED
        self.forwarded += row.forwarded
        address = row.original_recipient or row.recipient
        if address in self.addresses or len(self.addresses) < _ADDRESSES:
            self.addresses[address] = self.addresses.get(address, 0) + 1
        if row.relay in self.relays or len(self.relays) < _ADDRESSES:
            self.relays[row.relay] = self.relays.get(row.relay, 0) + 1
        self.trail.add(row.time, row.ref, regard.note(row.result, row.reason))


class Detector:
    """Collects replies that name a loop."""

    name = "loops"
    results = (Result.DEFERRED, Result.BOUNCED)

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._loops: dict[tuple[str, str], _Loop] = {}

    def outcome(self, row: Outcome) -> None:
        """Nothing but such replies."""
        if row[7] is not _LOOP:
            return
        domain = domain_of(row.original_recipient or row.recipient)
        ours = row.forwarded or row.relay or self._surroundings.is_own_domain(domain)
        if not ours and (row.actor.kind != "stranger" or not row.sender):
            return
        key = (row.actor.host, domain)
        loop = self._loops.get(key)
        if loop is None:
            if len(self._loops) >= _DOMAINS:
                return
            loop = self._loops[key] = _Loop(row.actor.host, row.time)
        loop.add(row)

    def findings(self) -> Iterator[Finding]:
        """One finding for each domain whose mail goes round."""
        for (_, domain), loop in sorted(self._loops.items()):
            if loop.refused + loop.deferred >= _LEAST:
                yield self._finding(domain, loop)

    def _finding(self, domain: str, loop: _Loop) -> Finding:
        worst = max(sorted(loop.addresses), key=lambda address: loop.addresses[address])
        name = worst.decode("utf-8", "backslashreplace") if len(loop.addresses) == 1 or not domain else domain
        count = loop.refused + loop.deferred
        relay = max(sorted(loop.relays), key=lambda one: loop.relays[one])
        where = f"between {loop.host or 'this host'} and {relay}" if relay else f"inside {loop.host or 'this host'}"
        how = "is forwarded in a circle" if loop.forwarded * 2 > count else "is sent round in a circle"
        sentence = (
            f"Mail for {name} {how} {where} since {phrases.moment(loop.first)}: {phrases.count(count, 'message')} came "
            f"to an end because of too many hops or because the next host would be the same again; that is an error in "
            f"routing or forwarding, not a break-in."
        )
        return Finding(
            detector=self.name,
            suspect=Suspect(kind="forwarder", name=name, host=loop.host or None),
            cause=Cause.MAIL_LOOP,
            since=loop.first,
            until=loop.last,
            sentence=sentence,
            measure=count,
            norm=0,
            unit="messages that went round",
            accuses=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(loop.host),),
            quotes=loop.trail.quotes(),
            facts={
                "messages": count,
                "recipients": count,
                "refused": loop.refused,
                "deferred": loop.deferred,
                "forwarded": loop.forwarded,
                "next_hop": relay or None,
            },
            severity="warning",
        )
