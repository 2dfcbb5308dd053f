"""Our own name from outside: mail that claims to come from an address of ours, brought by strangers and let in.

A gateway that takes every sender of our domains for one of us lets spam in "from yourself".  The envelope sender of
lists, forwarders and cloud services may honestly be ours, but those come from few networks or write to few; spam
writes to many, each in the recipient's own name, from networks that have nothing to do with each other.  Only that
accuses; logging in makes the sender one of us.  What leaves again for the world is looked at by ``relaying``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, who
from whosent.measures.networks import network
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import Outcome, Result
from whosent.model.surroundings import domain_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_DOMAINS: Final = 5_000
_CLIENTS: Final = 2_000  # told apart for each domain
_RECIPIENTS: Final = 10  # who get mail in their own name
_NETWORKS: Final = 5  # it comes from
_ONE_NETWORK: Final = 0.5  # share of it, from which on that may be a service of ours


class _Forged:
    """Mail to people of one domain in their own name."""

    __slots__ = ("clients", "first", "host", "last", "messages", "networks", "recipients", "trail")

    def __init__(self, host: str, time: float) -> None:
        self.host = host
        self.first = self.last = time
        self.messages = 0
        self.clients: dict[str, int] = {}
        self.networks: dict[str, int] = {}
        self.recipients: set[bytes] = set()
        self.trail = Trail()

    def add(self, row: Outcome) -> None:
        """One more."""
        self.last = row.time
        self.messages += 1
        client = row.actor.name
        if client in self.clients or len(self.clients) < _CLIENTS:
            self.clients[client] = self.clients.get(client, 0) + 1
            where = network(client)
            self.networks[where] = self.networks.get(where, 0) + 1
        if len(self.recipients) < _CLIENTS:
            self.recipients.add(row.recipient)
        self.trail.add(row.time, row.ref, f"from outside, in the recipient's own name, by {client}")

    @property
    def is_forged(self) -> bool:
        """Whether it is no service or forwarder of ours."""
        if len(self.recipients) < _RECIPIENTS or len(self.networks) < _NETWORKS:
            return False
        return max(self.networks.values()) <= _ONE_NETWORK * self.messages


class Detector:
    """Counts mail to people in their own name, from clients that are neither ours nor logged in."""

    name = "impersonation"
    kinds = ("stranger",)
    results = (Result.LOCAL,)
    self_contained = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings, surroundings  # the actor already says who is ours; what is delivered here is for us
        self._forged: dict[tuple[str, str], _Forged] = {}

    def outcome(self, row: Outcome) -> None:
        """The hot path: nearly no mail has its sender for recipient."""
        if row[4] != row[5] or row[9]:
            return
        key = (row.actor.host, domain_of(row.recipient))
        forged = self._forged.get(key)
        if forged is None:
            if len(self._forged) >= _DOMAINS:
                return
            forged = self._forged[key] = _Forged(row.actor.host, row.time)
        forged.add(row)

    def findings(self) -> Iterator[Finding]:
        """One finding for each domain in whose name strangers write to it."""
        for (_, domain), forged in sorted(self._forged.items()):
            if domain and forged.is_forged:
                yield self._finding(domain, forged)

    def _finding(self, domain: str, forged: _Forged) -> Finding:
        worst = max(sorted(forged.clients), key=lambda client: forged.clients[client])
        sentence = (
            f"{forged.host or 'This host'} lets strangers write in our own name: "
            f"{phrases.count(forged.messages, 'message')} from {phrases.count(len(forged.clients), 'outside client')} "
            f"without a login to {phrases.count(len(forged.recipients), 'address', 'addresses')} of {domain}, each "
            f"with the recipient as its sender, delivered since {phrases.moment(forged.first)}, most of them by "
            f"{worst}; these accounts were not broken into, their names were only forged."
        )
        return Finding(
            detector=self.name,
            suspect=Suspect(kind="relay", name=worst, host=forged.host or None, address=worst),
            cause=Cause.DIRECTION_CONFUSION,
            since=forged.first,
            until=forged.last,
            sentence=sentence,
            measure=len(forged.recipients),
            norm=0,
            unit="addresses written to in their own name",
            accuses=True,
            strength=Strength.LIKELY,
            witnesses=(who.witness(forged.host),),
            quotes=forged.trail.quotes(),
            facts={
                "messages": forged.messages,
                "recipients": forged.messages,
                "refused": 0,
                "deferred": 0,
                "clients": len(forged.clients),
                "networks": len(forged.networks),
                "domain": domain,
            },
            severity="warning",
        )
