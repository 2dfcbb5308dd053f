"""Which mail servers are ours: by name and by address, and how each is known."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_network

from whosent.model.surroundings import Surroundings
from whosent.trace.addresses import is_loopback, is_private

_SINGLE = {4: 32, 6: 128}


class Ours:
    """Answers whether a server's name or address is ours.

    ``names`` are names of our mail servers as they call themselves in ``by``; ``*.example.org`` stands for all below
    it.  ``hosts`` are the machines whose logs were given, ``learnt`` the domains with which accounts log in there.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        names: Iterable[str] = (),
        hosts: Iterable[str] = (),
        learnt: Iterable[str] = (),
    ) -> None:
        self._surroundings = surroundings
        words = [name.lower().strip(".") for name in names]
        self.names = frozenset(word for word in words if not word.startswith("*."))
        self._below = tuple(word.removeprefix("*") for word in words if word.startswith("*."))
        self.authserv_ids = frozenset(name.lower() for name in surroundings.configured.authserv_ids)
        self.hosts = frozenset(host.lower() for host in hosts)
        self._learnt = frozenset(learnt)
        networks = [ip_network(text, strict=False) for text in surroundings.configured.networks]
        self._servers = frozenset(str(n.network_address) for n in networks if n.prefixlen == _SINGLE[n.version])
        self._configured = networks
        self.is_name = lru_cache(4096)(self._is_name)

    @property
    def named(self) -> bool:
        """Whether any name of a server of ours is known; if not, whoever delivered the copy is taken to be ours."""
        return bool(self.names or self._below or self.hosts - {""})

    def _is_name(self, name: str | None) -> bool:
        """Whether a server that calls itself so is one of ours."""
        if not name:
            return False
        name = name.lower()
        return name in self.names or name.endswith(self._below) or self.log_of(name) is not None

    def log_of(self, name: str | None) -> str | None:
        """The host, among those whose logs were given, that calls itself so; a short name needs a domain of ours."""
        name = (name or "").lower()
        if name and name in self.hosts:
            return name
        if "" in self.hosts and (name in self.names or name.endswith(self._below)):
            return ""  # a log that does not name its host (Exim's main log): that of some server of ours
        short, _, domain = name.partition(".")
        if domain:
            return short if short in self.hosts and self._is_own_domain(domain) else None
        return next((host for host in self.hosts if name and "." in host and host.partition(".")[0] == name), None)

    def may_be_log_of(self, name: str | None) -> str | None:
        """The host whose log could be that of a server of this name; its domain is not known to be ours."""
        short = (name or "").lower().partition(".")[0]
        return short if short in self.hosts else "" if "" in self.hosts else None

    def learnt_from(self, name: str | None) -> str | None:
        """The domain that alone makes a server of this name ours, if accounts log in with it."""
        short, _, domain = (name or "").lower().partition(".")
        if short not in self.hosts or name in self.names or self._is_below(domain, self._told_domains()):
            return None
        return next((one for one in self._learnt if self._is_below(domain, (one,))), None)

    def _is_own_domain(self, domain: str) -> bool:
        return self._is_below(domain, (*self._told_domains(), *self._learnt))

    def _told_domains(self) -> tuple[str, ...]:
        return (
            *(name.partition(".")[2] for name in self.names),
            *(name[1:] for name in self._below),
            *self._surroundings.domains,
        )

    @staticmethod
    def _is_below(domain: str, own: Iterable[str]) -> bool:
        return any(one and (domain == one or domain.endswith(f".{one}")) for one in own)

    def is_address(self, address: str) -> bool:
        """Whether the address lies in our networks; private and loopback ones always do."""
        return is_private(address) or self._surroundings.is_own_address(address)

    def is_public_own(self, address: str) -> bool:
        """Whether the address was named as ours, and strangers could have addresses beside it."""
        return not is_private(address) and self._surroundings.is_own_address(address)

    def is_server(self, address: str) -> bool:
        """Whether this very address was named as ours: then it is a mail server, not some machine of a network."""
        return address in self._servers

    @staticmethod
    def is_loopback(address: str) -> bool:
        """Whether it is the server itself."""
        return is_loopback(address)
