"""Questions to the DNS, asked only where the operator wants that: an adversary's name servers may see them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from whosent.blocklists import ENDED, asked
from whosent.blocklists.answers import listing, name_of, reversed_address
from whosent.model.check import Resolve, Resolved
from whosent.model.inquiry import Resolution
from whosent.sources.dns import resolve

_MOST: Final = 20  # answers kept


class Names:
    """Asks each question once; ``server`` is an address, with its port behind # if it is not 53."""

    def __init__(self, server: str, blocklists: Iterable[str]) -> None:
        self._server = server
        self._zones = tuple(zone.lower().rstrip(".") for zone in blocklists)
        self._lists = {one.zone: one for one in asked(self._zones, ())[0]}
        self._known: dict[tuple[str, str], Resolved] = {}

    def of_host(self, host: str, domain: str | None) -> list[Resolution]:
        """Name servers of the domain, addresses of the host."""
        wanted = [("NS", domain)] if domain else []
        return [self._resolution(name, kind) for kind, name in (*wanted, ("A", host), ("AAAA", host))]

    def of_address(self, address: str) -> list[Resolution]:
        """The name of an address, who announces its network, and whether blocklists have it."""
        origin = "origin" if ip_address(address).version == 4 else "origin6"  # noqa: PLR2004  # IPv4
        found = [
            self._resolution(ip_address(address).reverse_pointer, "PTR"),
            self._resolution(f"{reversed_address(address)}.{origin}.asn.cymru.com", "TXT"),
        ]
        return [*found, *(self._listed(address, zone) for zone in self._zones)]

    def _listed(self, address: str, zone: str) -> Resolution:
        one = self._lists.get(zone)
        if one is None:
            return Resolution(name=zone, type=zone, answers=[], problem=ENDED.get(zone, "it lists no addresses"))
        name = name_of(one, address)
        told = listing(one, self._ask(name, "A"))
        return Resolution(name=name, type=zone, answers=list(told.codes), problem=told.problem or None)

    def _resolution(self, name: str, kind: str) -> Resolution:
        told = self._ask(name, kind)
        problem = f"no answer: {told.problem.sentence}" if told.problem else None
        return Resolution(name=name, type=kind, answers=sorted(told.records)[:_MOST], problem=problem)

    def _ask(self, name: str, kind: str) -> Resolved:
        known = self._known.get((name, kind))
        if known is None:
            (known,) = resolve([Resolve(key=name, name=name, type=kind)], self._server)
            self._known[name, kind] = known
        return known
