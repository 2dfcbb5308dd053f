"""Questions to the DNS, asked only where the operator wants that: an adversary's name servers may see them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol

from whosent.model.inquiry import Resolution
from whosent.model.mistake import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMEOUT: Final = 5.0
_MOST: Final = 20  # answers kept
_REFUSED: Final = "127.255.255."  # a blocklist's answer to who may not ask it


class Lookup(Protocol):
    """Asks the DNS one question."""

    def __call__(self, name: str, kind: str) -> list[str]:
        """The answers as text, none if there is no such name; OSError with a sentence if nobody answered."""


def resolver(server: str = "") -> Lookup:
    """The resolver of this machine, or another; ``server`` is an address, with its port behind # if it is not 53."""
    try:
        import dns.exception  # noqa: PLC0415  # an extra
        import dns.resolver  # noqa: PLC0415  # the same
    except ImportError as error:
        raise Mistake("questions to the DNS need dnspython: pip install 'whosent[investigate]'.") from error
    asking = dns.resolver.Resolver(configure=not server)
    if server:
        address, _, port = server.partition("#")
        asking.nameservers, asking.port = [address], int(port or 53)
    asking.lifetime = _TIMEOUT

    def look_up(name: str, kind: str) -> list[str]:
        try:
            return sorted(answer.to_text() for answer in asking.resolve(name, kind, search=False))[:_MOST]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, ValueError) as error:
            raise OSError(type(error).__name__) from error

    return look_up


class Names:
    """Asks each question once."""

    def __init__(self, look_up: Lookup, blocklists: Iterable[str]) -> None:
        self._look_up = look_up
        self._blocklists = tuple(blocklists)
        self._known: dict[tuple[str, str], Resolution] = {}

    def of_host(self, host: str, domain: str | None) -> list[Resolution]:
        """Name servers of the domain, addresses of the host."""
        asked = [("NS", domain)] if domain else []
        return [self._ask(name, kind) for kind, name in (*asked, ("A", host), ("AAAA", host))]

    def of_address(self, address: str) -> list[Resolution]:
        """The name of an address, who announces its network, and whether blocklists have it."""
        reverse = ip_address(address).reverse_pointer
        labels = reverse.rsplit(".", 2)[0]
        origin = "origin" if ip_address(address).version == 4 else "origin6"  # noqa: PLR2004  # IPv4
        found = [self._ask(reverse, "PTR"), self._ask(f"{labels}.{origin}.asn.cymru.com", "TXT")]
        return [*found, *(self._listed(labels, zone) for zone in self._blocklists)]

    def _listed(self, labels: str, zone: str) -> Resolution:
        told = self._ask(f"{labels}.{zone}", "A")
        if any(answer.startswith(_REFUSED) for answer in told.answers):
            return Resolution(name=told.name, type=zone, answers=[], problem="it does not answer this resolver")
        return Resolution(name=told.name, type=zone, answers=told.answers, problem=told.problem)

    def _ask(self, name: str, kind: str) -> Resolution:
        known = self._known.get((name, kind))
        if known is None:
            try:
                known = Resolution(name=name, type=kind, answers=self._look_up(name, kind), problem=None)
            except OSError as error:
                known = Resolution(name=name, type=kind, answers=[], problem=f"no answer: {error}")
            self._known[name, kind] = known
        return known
