"""Relaying for strangers: an outside client without a login, a recipient outside, and we delivered it.

A backup MX or a gateway also takes strangers' mail for domains elsewhere, but for few domains and from many
strangers; an open relay serves few strangers who write to many domains that nobody else writes to through us.  So
a client is judged by the domains that (almost) only it reaches through us; own and relayed domains and forwarded
mail never count.  Clients whose senders bear our domains are perhaps hosts of ours that nobody listed; if they come
from unrelated networks, or are refused like spam, whoever uses our name is let through: that is direction confusion.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from whosent.measures import phrases, regard, who
from whosent.measures.networks import network
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import ANSWERS, Message, Outcome, Result
from whosent.model.surroundings import domain_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_CLIENTS: Final = 5000
_DOMAINS: Final = 50_000
_DOMAINS_EACH: Final = 200
_HOSTED: Final = 4  # networks of strangers that write to a domain which is somebody's we serve
_FOREIGN: Final = 10  # domains of its own that make a client a relaying one
_SHARE: Final = 0.7  # of its domains that suffices
_SOME: Final = 0.3  # of its domains that suffices if it is refused like spam
_OPEN: Final = 100  # domains that strangers are refused at like spam, which makes none of them ours to serve
_OPEN_REFUSED: Final = 0.15
_CROWD: Final = 10  # strangers that make a gateway
_FEW_DOMAINS: Final = 2.0  # domains each of them writes to through a gateway, on average
_REFUSED: Final = 0.05  # share that tells spam from a gateway's mail
_OUR_SENDERS: Final = 0.8  # share of them that suggests a host of ours
_UNRELATED: Final = 3  # networks that such hosts of ours would hardly be spread over
_NAMED: Final = 5  # relaying clients told of one by one


class _Client:
    """A stranger whose mail we delivered outside."""

    __slots__ = ("deferred", "domains", "first", "host", "last", "messages", "named_us", "refused", "sent", "trail")

    def __init__(self, host: str, time: float) -> None:
        self.host = host
        self.first = self.last = time
        self.domains: set[str] = set()
        self.messages = self.sent = self.refused = self.deferred = 0
        self.named_us = 0  # recipients of mail whose envelope sender is of our domains
        self.trail = Trail()


class Detector:
    """Follows strangers and the domains they reach through us."""

    name = "relaying"
    kinds = ("stranger",)
    results = ANSWERS

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._clients: OrderedDict[str, _Client] = OrderedDict()
        self._far: dict[str, _Client] = {}  # those of them who reach many domains
        self._reaching = self._reached = 0  # clients that reach any, and those domains, counted for each
        self._sent = self._refused = 0  # of all clients
        self._domains: dict[str, set[str]] = {}  # domain -> networks of strangers writing to it, a few
        self._hosted: set[str] = set()  # those that many write to

    def message(self, row: Message) -> None:
        """Only counted."""
        client = self._clients.get(row[2][1])
        if client is not None:
            client.messages += 1

    def outcome(self, row: Outcome) -> None:
        """A stranger's mail left us again."""
        if row.forwarded or not row.relay:
            return
        domain = domain_of(row.recipient)
        if not domain or self._surroundings.is_own_domain(domain):
            return
        client = self._client(row)
        client.last = row.time
        client.named_us += self._is_ours(domain_of(row.sender))
        if row.result is Result.SENT:
            client.sent += 1
            self._sent += 1
            if domain not in client.domains and len(client.domains) < _DOMAINS_EACH:
                self._reach(row.actor.name, client, domain)
            client.trail.add(row.time, row.ref, f"delivered to {domain} for an outside client")
            self._seen(domain, row.actor.name)
        elif row.result is Result.BOUNCED:
            client.refused += 1
            self._refused += 1
            client.trail.add(row.time, row.ref, regard.note(row.result, row.reason), telling=True)
        else:
            client.deferred += 1

    def _client(self, row: Outcome) -> _Client:
        client = self._clients.pop(row.actor.name, None)
        if client is None:
            client = _Client(row.actor.host, row.time)
            client.messages = 1
            if len(self._clients) >= _CLIENTS:
                self._forget(*self._clients.popitem(last=False))
        self._clients[row.actor.name] = client
        return client

    def _reach(self, address: str, client: _Client, domain: str) -> None:
        self._reaching += not client.domains
        self._reached += 1
        client.domains.add(domain)
        if len(client.domains) == _FOREIGN:
            self._far[address] = client

    def _forget(self, address: str, client: _Client) -> None:
        self._far.pop(address, None)
        self._reaching -= bool(client.domains)
        self._reached -= len(client.domains)
        self._sent -= client.sent
        self._refused -= client.refused

    def _is_ours(self, domain: str) -> bool:
        own = self._surroundings.is_own_domain
        return bool(domain) and (own(domain) or own(domain.partition(".")[2]))

    def _seen(self, domain: str, address: str) -> None:
        networks = self._domains.get(domain)
        if networks is None:
            if len(self._domains) < _DOMAINS:
                self._domains[domain] = {network(address)}
        elif len(networks) < _HOSTED:
            networks.add(network(address))
            if len(networks) == _HOSTED:
                self._hosted.add(domain)

    def findings(self) -> Iterator[Finding]:
        """Each relaying stranger, or the worst of many with the others beside it."""
        gateway = self._is_gateway()
        counts = [(self._foreign(client), address, client) for address, client in self._far.items()]
        relaying = [one for one in counts if _relays(one[2], one[0], gateway=gateway)]
        perhaps_ours = [one for one in relaying if _perhaps_ours(one[2])]
        if len({network(address) for _, address, _ in perhaps_ours}) < _UNRELATED:
            for foreign, address, client in perhaps_ours:
                yield self._confusion(foreign, address, client)
            relaying = [one for one in relaying if one not in perhaps_ours]
        relaying.sort(key=lambda one: (-one[2].sent, one[1]))
        if len(relaying) <= _NAMED:
            for foreign, address, client in relaying:
                yield self._finding(foreign, address, client)
        elif relaying:
            yield self._finding_of_many(relaying)

    def _foreign(self, client: _Client) -> int:
        """Its domains that are not ours to serve: ours, and those many strangers write to and are not refused at."""
        is_open = len(self._domains) >= _OPEN and self._refused >= _OPEN_REFUSED * (self._sent + self._refused)
        foreign = client.domains if is_open else client.domains - self._hosted
        own = self._surroundings.is_own_domain
        return sum(not own(domain) for domain in foreign)

    def _is_gateway(self) -> bool:
        """Many strangers, each writing to a domain or two."""
        return self._reaching >= _CROWD and self._reached <= _FEW_DOMAINS * self._reaching

    def _finding(self, foreign: int, address: str, client: _Client) -> Finding:
        suspect = Suspect(kind="relay", name=address, host=client.host or None, address=address)
        sentence = (
            f"The outside client {address} relays through {client.host or 'this host'} without a login since "
            f"{phrases.moment(client.first)}: {phrases.count(client.sent, 'recipient')} in "
            f"{phrases.count(foreign, 'domain')} that are not ours delivered, {phrases.count(client.refused)} "
            f"refused{_IN_OUR_NAME if _uses_our_name(client) else ''}."
        )
        return self._build(suspect, client, foreign, sentence)

    def _confusion(self, foreign: int, address: str, client: _Client) -> Finding:
        sentence = (
            f"The client {address} sends through {client.host or 'this host'} without a login since "
            f"{phrases.moment(client.first)}, to {phrases.count(client.sent, 'recipient')} in "
            f"{phrases.count(foreign, 'domain')} that are not ours, and its senders bear our domains: a host of ours "
            f"whose network is not configured as ours, or a stranger who relays."
        )
        suspect = Suspect(kind="relay", name=address, host=client.host or None, address=address)
        found = self._build(suspect, client, foreign, sentence)
        return msgspec.structs.replace(
            found, cause=Cause.DIRECTION_CONFUSION, accuses=False, severity="warning", strength=Strength.UNPROVABLE
        )

    def _finding_of_many(self, relaying: list[tuple[int, str, _Client]]) -> Finding:
        foreign, address, worst = relaying[0]
        others = tuple(Suspect(kind="relay", name=name, address=name) for _, name, _ in relaying[1 : _NAMED + 1])
        total = sum(client.sent for _, _, client in relaying)
        sentence = (
            f"{worst.host or 'This host'} is an open relay: {phrases.count(len(relaying), 'outside client')} without "
            f"a login had {phrases.count(total, 'recipient')} in domains that are not ours delivered since "
            f"{phrases.moment(min(client.first for _, _, client in relaying))}, most of them {address} "
            f"({phrases.count(worst.sent, 'recipient')} in {phrases.count(foreign, 'domain')})"
            f"{_IN_OUR_NAME if _uses_our_name(worst) else ''}."
        )
        suspect = Suspect(kind="relay", name=address, host=worst.host or None, address=address)
        return self._build(suspect, worst, foreign, sentence, others)

    def _build(
        self, suspect: Suspect, client: _Client, foreign: int, sentence: str, others: tuple[Suspect, ...] = ()
    ) -> Finding:
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=Cause.DIRECTION_CONFUSION if _uses_our_name(client) else Cause.OPEN_RELAY,
            since=client.first,
            until=client.last,
            sentence=sentence,
            measure=foreign,
            norm=0,
            unit="foreign domains",
            accuses=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(client.host),),
            quotes=client.trail.quotes(),
            facts={
                "messages": client.messages,
                "recipients": client.sent + client.refused,
                "refused": client.refused,
                "deferred": client.deferred,
                "foreign_domains": foreign,
            },
            candidates=others,
        )


_IN_OUR_NAME: Final = "; each with a sender of our own domains, which this server takes for proof that it is one of us"


def _uses_our_name(client: _Client) -> bool:
    """Nearly all its senders bear our domains."""
    return client.named_us >= _OUR_SENDERS * (client.sent + client.refused + client.deferred)


def _perhaps_ours(client: _Client) -> bool:
    """Nearly all its senders bear our domains, and it is not refused like spam."""
    return _uses_our_name(client) and client.refused < _OPEN_REFUSED * (client.sent + client.refused)


def _relays(client: _Client, foreign: int, *, gateway: bool) -> bool:
    refused = client.refused >= _REFUSED * (client.sent + client.refused)
    if foreign < _FOREIGN or foreign < (_SOME if refused else _SHARE) * len(client.domains):
        return False
    return refused or not gateway
