"""Who is ours: addresses and domains, from configuration and from what was delivered here or logged in here.

Accepted relaying never teaches: an open relay must not make strangers ours.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network

from whosent.model.correspondents import Correspondents
from whosent.model.rows import Login, Message, Outcome, Result
from whosent.model.settings import Ours

_ALWAYS_OURS = (
    "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10",
)  # fmt: skip
_REMEMBERED_ADDRESSES = 100_000
_LOCAL = Result.LOCAL  # looking members up costs more than the rest
_HANDED_OVER = Result.HANDED_OVER
_OUTSIDERS = ("stranger", "unknown")  # actors whose mail may be answered


def domain_of(address: bytes) -> str:
    """The case-folded domain of a mail address, "" if it has none."""
    return address.rpartition(b"@")[2].decode("utf-8", "backslashreplace").lower() if b"@" in address else ""


class Surroundings:
    """Answers "is this ours?"; learns from messages and outcomes."""

    def __init__(self, ours: Ours) -> None:
        self.configured = ours
        self.networks = [ip_network(text, strict=False) for text in (*_ALWAYS_OURS, *ours.networks)]
        self._ranges = [(n.version, int(n.network_address), int(n.broadcast_address)) for n in self.networks]
        self.domains = {name.lower() for name in ours.domains}
        self.relay_domains = {name.lower() for name in ours.relay_domains}
        self.learnt_domains: dict[str, str] = {}  # domain -> why we think so
        self.learnt_addresses: dict[str, str] = {}  # among the networks: address -> why we think so
        self.correspondents = Correspondents(self._is_ours)
        self._own_address: dict[str, bool] = {}
        self.reads_queue = False  # whether a queue is looked at besides the logs
        self._places: dict[str, str] = {}
        self.place_of: Callable[[str], str | None] = self._places.get  # an address's country or network operator

    def is_own_address(self, address: str) -> bool:
        """Whether the address lies in our networks (private and loopback ranges always do)."""
        known = self._own_address.get(address)
        if known is None:
            if len(self._own_address) >= _REMEMBERED_ADDRESSES:
                self._own_address.clear()
            known = self._own_address[address] = self._in_networks(address)
        return known

    def _in_networks(self, address: str) -> bool:
        parts = address.split(".")
        if len(parts) == 4 and all(part.isdecimal() and len(part) < 4 for part in parts):  # noqa: PLR2004  # fast path
            first, second, third, fourth = map(int, parts)
            return self._in_ranges(4, (first << 24) + (second << 16) + (third << 8) + fourth)
        try:
            parsed = ip_address(address.removeprefix("IPv6:").partition("%")[0])
        except ValueError:
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return self._in_ranges(parsed.version, int(parsed))

    def _in_ranges(self, version: int, number: int) -> bool:
        for kind, first, last in self._ranges:  # noqa: SIM110  # any() with a generator takes twice as long
            if first <= number <= last and version == kind:
                return True
        return False

    def is_own_domain(self, domain: str) -> bool:
        """Whether mail to or from this domain is ours to handle."""
        return domain in self.domains or domain in self.learnt_domains or domain in self.relay_domains

    def learn_login(self, login: Login) -> None:
        """A log that names the country of an address is believed where no database was given."""
        if login.place and len(self._places) < _REMEMBERED_ADDRESSES:
            self._places[login.address] = login.place

    def learnt(self) -> tuple[dict[str, str], dict[str, str]]:
        """All that rows taught and answers may ask for, for :meth:`adopt` in another process."""
        return dict(self.learnt_domains), dict(self._places)

    def adopt(self, learnt: tuple[dict[str, str], dict[str, str]]) -> None:
        """Know what the same rows taught elsewhere."""
        domains, places = learnt
        self.learnt_domains.update(domains)
        self._places.update(places)

    def _is_ours(self, address: bytes) -> bool:
        return self.is_own_domain(domain_of(address))

    def learn_account(self, name: str) -> None:
        """A login name with a domain makes that domain ours."""
        if "@" in name:
            domain = name.rpartition("@")[2].lower()
            if domain not in self.learnt_domains:
                self.learnt_domains[domain] = f"accounts log in as …@{domain}"

    def learn_message(self, message: Message) -> None:
        """A login name with a domain makes that domain ours; an outside sender may get an answer."""
        kind, name, *_ = message[2]
        if kind in _OUTSIDERS:  # a machine of ours may pass letters on, but what it hands in may be its own
            if message[4]:
                self.correspondents.arrived(message)
        elif kind == "account":
            self.learn_account(name)

    def learn_outcome(self, outcome: Outcome) -> None:
        """A delivery to a mailbox of ours makes its domain ours; its sender may get an answer."""
        result = outcome[6]
        if result is not _LOCAL and result is not _HANDED_OVER:
            return
        kind, sender = outcome[2][0], outcome[4]
        if sender and (kind in _OUTSIDERS or (kind == "host" and not self.is_own_domain(domain_of(sender)))):
            self.correspondents.delivered(outcome)
        if result is _LOCAL and not outcome[9]:
            domain = domain_of(outcome.recipient)
            if domain and domain not in self.learnt_domains:
                self.learnt_domains[domain] = f"mail to {domain} is delivered to mailboxes here"
