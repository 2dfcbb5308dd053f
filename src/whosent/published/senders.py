"""Where our mail leaves from: the addresses that our own records name, and those of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Final

from whosent.published.lookups import Lookups
from whosent.published.spf import follow

MOST: Final = 1_024  # addresses
_WIDEST: Final = 256  # addresses of one network


def networks(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """The addresses that words name, networks written out; and words that name none, or too many."""
    found: dict[str, None] = {}
    odd = []
    for word in words:
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            odd.append(word)
            continue
        if network.num_addresses > _WIDEST or len(found) > MOST:
            odd.append(word)
            continue
        found |= dict.fromkeys(str(address) for address in network)
    return list(found), odd


def of_domain(domain: str, lookups: Lookups) -> list[str]:
    """Addresses in the domain's own SPF record and those of its mail servers; none of what it includes of others."""
    found: dict[str, None] = {}
    for one in follow(domain, lookups).covered:
        if one.own and one.sign == "+" and one.network.num_addresses <= _WIDEST:
            found |= dict.fromkeys(str(address) for address in one.network)
    for record in lookups.records(domain, "MX"):
        host = record.split()[-1].rstrip(".")
        if host:
            found |= dict.fromkeys(lookups.addresses(host))
    return list(dict.fromkeys(public(found)))[:MOST]


def public(addresses: Iterable[str]) -> Iterator[str]:
    """Those that others can see."""
    for address in addresses:
        try:
            parsed = ip_address(address)
        except ValueError:
            continue
        documentation = any(parsed in network for network in _DOCUMENTATION if network.version == parsed.version)
        if parsed.is_global or documentation:
            yield str(parsed)


_DOCUMENTATION: Final = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)  # laboratories use them as the world outside
