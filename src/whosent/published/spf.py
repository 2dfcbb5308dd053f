"""An SPF record (RFC 7208) followed through its includes: syntax, limits, and which addresses it covers."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeAlias

from whosent.published.lookups import Lookups

LOOKUPS: Final = 10  # terms that ask the DNS (RFC 7208 section 4.6.4)
VOID: Final = 2  # of them without any answer
_MX: Final = 10  # names of one mx term
_DEEPEST: Final = 12
_MOST_TERMS: Final = 400
_MECHANISM: Final = re.compile(
    r"(?P<sign>[-+~?]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)"
    r"(?::(?P<value>[^\s/]+(?:/[^\s/]+)*?)|)(?P<cidr>(?:/\d+)?(?://\d+)?)$",
    re.IGNORECASE,
)
_MODIFIER: Final = re.compile(r"(?P<name>[a-z][\w.-]*)=(?P<value>\S*)$", re.IGNORECASE)
_IP: Final = re.compile(r"(?P<sign>[-+~?]?)ip[46]:(?P<value>\S+)$", re.IGNORECASE)
Network: TypeAlias = IPv4Network | IPv6Network


class Fault(NamedTuple):
    """Something wrong with a record."""

    grave: bool  # receivers give up on the whole record (permerror)
    words: str  # of a sentence that begins with the domain


class Covered(NamedTuple):
    """A network that a term names."""

    network: Network
    sign: str  # + - ~ ?
    own: bool  # in the domain's own record, not in one it includes
    term: str


class Spf(NamedTuple):
    """What following a record gave."""

    record: str | None
    faults: tuple[Fault, ...]
    covered: tuple[Covered, ...]  # in the order in which receivers look
    ending: str  # sign of "all", or empty
    lookups: int
    void: int
    dynamic: bool  # macros, ptr or exists: coverage depends on the message
    unknown: tuple[str, ...]  # why parts could not be followed
    broken: frozenset[str]  # domains it includes that have no record


def follow(domain: str, lookups: Lookups) -> Spf:
    """The record of a domain, as far as answers are known."""
    walk = _Walk(lookups)
    record = walk.record(domain)
    if record is not None:
        walk.terms(domain, record, own=True, depth=0, seen=(domain.lower(),))
    if walk.lookups > LOOKUPS:
        words = f"needs {walk.lookups} look-ups where {LOOKUPS} are allowed, so receivers treat it as broken"
        walk.faults.append(Fault(grave=True, words=words))
    if walk.void > VOID:
        words = f"names {walk.void} things that do not exist in the DNS where {VOID} are allowed"
        walk.faults.append(Fault(grave=True, words=words))
    return Spf(
        record, tuple(dict.fromkeys(walk.faults)), tuple(walk.covered), walk.ending, walk.lookups, walk.void,
        walk.dynamic, tuple(dict.fromkeys(walk.unknown)), frozenset(walk.broken),
    )  # fmt: skip


def verdict(spf: Spf, address: str) -> str:
    """What receivers make of mail from an address: pass, fail, softfail, neutral, none, or permerror."""
    if spf.record is None:
        return "none"
    if any(fault.grave for fault in spf.faults):
        return "permerror"
    parsed = ip_address(address)
    words = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
    for one in spf.covered:
        if one.network.version == parsed.version and parsed in one.network:
            return words[one.sign]
    return words.get(spf.ending, "neutral")


class _Walk:
    def __init__(self, lookups: Lookups) -> None:
        self.faults: list[Fault] = []
        self.covered: list[Covered] = []
        self.ending = ""
        self.lookups = 0
        self.void = 0
        self.dynamic = False
        self.unknown: list[str] = []
        self.broken: set[str] = set()
        self._ask = lookups
        self._terms = 0

    def record(self, domain: str) -> str | None:
        problem = self._ask.problem(domain, "TXT")
        if problem:
            self.unknown.append(f"{domain}: {problem}")
        found = [one for one in self._ask.records(domain, "TXT") if one.lower().split(" ")[0] == "v=spf1"]
        if len(found) > 1:
            self.faults.append(
                Fault(grave=True, words=f"publishes {len(found)} SPF records at {domain} where one is allowed")
            )
        return found[0] if found else None

    def terms(self, domain: str, record: str, *, own: bool, depth: int, seen: tuple[str, ...]) -> None:
        """Each term in order; ``redirect`` at the end, if there is no ``all``."""
        redirect = ""
        ended = False
        for term in record.split()[1:]:
            self._terms += 1
            if self._terms > _MOST_TERMS:
                self.faults.append(Fault(grave=True, words="goes on for ever"))
                return
            modifier = _MODIFIER.match(term)
            if modifier is not None and not _IP.match(term):
                if modifier["name"].lower() == "redirect":
                    redirect = modifier["value"]
                continue
            if ended:
                continue
            ended = self._term(domain, term, own=own, depth=depth, seen=seen)
        if redirect and not ended:
            self._counted()
            self._into(redirect, "redirect", sign="+", own=own, depth=depth, seen=seen, whole=True)

    def _term(self, domain: str, term: str, *, own: bool, depth: int, seen: tuple[str, ...]) -> bool:
        """Follow a mechanism; whether it was ``all``."""
        network = _IP.match(term)
        if network is not None:
            self._network(network["value"], network["sign"] or "+", term, own=own)
            return False
        match = _MECHANISM.match(term)
        if match is None:
            self.faults.append(Fault(grave=True, words=f"has a term that is none: {term[:80]!r}"))
            return False
        name, sign, value = match["name"].lower(), match["sign"] or "+", match["value"] or domain
        if name == "all":
            if depth == 0:
                self.ending = sign
            return True
        self._counted()
        if "%" in value:
            self.dynamic = True
        elif name == "include":
            self._into(value, "include", sign=sign, own=False, depth=depth, seen=seen, whole=False)
        elif name in {"ptr", "exists"}:
            self.dynamic = True
            if name == "ptr":
                self.faults.append(Fault(grave=False, words="uses ptr, which RFC 7208 says not to use"))
        else:
            self._hosts(name, value, match["cidr"], sign, term, own=own)
        return False

    def _counted(self) -> None:
        self.lookups += 1

    def _into(  # noqa: PLR0913  # where we are on the walk
        self, domain: str, how: str, *, sign: str, own: bool, depth: int, seen: tuple[str, ...], whole: bool
    ) -> None:
        low = domain.lower().rstrip(".")
        if low in seen or depth >= _DEEPEST:
            self.faults.append(Fault(grave=True, words=f"comes back to {domain} by its own {how}"))
            return
        if self.lookups > LOOKUPS * 3:
            return
        if self._ask.ask(low, "TXT") is None:
            return
        record = self.record(low)
        if record is None:
            if self._ask.problem(low, "TXT") is None:
                self.broken.add(low)
                self.faults.append(Fault(grave=True, words=f"has {how}:{domain}, which has no SPF record"))
            return
        before = len(self.covered)
        self.terms(low, record, own=own, depth=depth if whole else depth + 1, seen=(*seen, low))
        if not whole:  # an include matches where the other record says pass
            inner = self.covered[before:]
            self.covered[before:] = [one._replace(sign=sign) for one in inner if one.sign == "+"]

    def _hosts(self, name: str, value: str, cidr: str, sign: str, term: str, *, own: bool) -> None:  # noqa: PLR0913  # parts of a term
        hosts = [value]
        if name == "mx":
            answer = self._ask.ask(value, "MX")
            if answer is None:
                return
            hosts = [record.split()[-1] for record in answer.records if record.split()[-1] != "."]
            self._empty(hosts, f"{value} MX", self._ask.problem(value, "MX"))
            if len(hosts) > _MX:
                self.faults.append(Fault(grave=True, words=f"has {term}, and {value} has more than {_MX} MX records"))
        found: list[str] = []
        known = True
        for host in hosts[:_MX]:
            known = known and self._ask.ask(host, "A") is not None and self._ask.ask(host, "AAAA") is not None
            found += self._ask.addresses(host)
        if name == "a" and known:
            self._empty(found, value, self._ask.problem(value, "A"))
        four, six = _lengths(cidr)
        for address in found:
            self._network(f"{address}/{six if ':' in address else four}", sign, term, own=own)

    def _empty(self, found: list[str], what: str, problem: str | None) -> None:
        if problem:
            self.unknown.append(f"{what}: {problem}")
        elif not found:
            self.void += 1

    def _network(self, value: str, sign: str, term: str, *, own: bool) -> None:
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            self.faults.append(Fault(grave=True, words=f"has a term that names no network: {term[:80]!r}"))
            return
        self.covered.append(Covered(network, sign, own, term))


def _lengths(cidr: str) -> tuple[int, int]:
    four, _, six = cidr.partition("//")
    return int(four.strip("/") or 32), int(six.strip("/") or 128)
