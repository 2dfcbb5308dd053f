"""A proxy of ours carries mail for strangers: a web server answered CONNECT to port 25 from outside.

Apache and nginx log ``CONNECT host:25`` in the ordinary access log when they forward, and so do most HTTP proxies in
common format.  An attempt that was refused is nobody's fault; one that was answered 200 for an address that is not
ours is an open proxy, and where its mail went the mail log cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from whosent.measures import phrases
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import Request
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings

_PORTS: Final = frozenset({"25", "465", "587"})  # where mail is handed in
_ANSWERED: Final = 200
_PROXIES: Final = 1_000
_CLIENTS: Final = 10_000
_TARGETS: Final = 10_000


class _Proxy:
    """One virtual host that carried connections to mail ports."""

    __slots__ = ("clients", "first", "last", "refused", "targets", "trail", "tunnels")

    def __init__(self, time: float) -> None:
        self.first = self.last = time
        self.tunnels = 0
        self.refused = 0
        self.clients: set[str] = set()
        self.targets: set[str] = set()
        self.trail = Trail()


class Detector:
    """Counts tunnels to mail ports by the host that carried them."""

    name = "proxying"
    self_contained = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._proxies: dict[str, _Proxy] = {}
        self._now = float("-inf")

    def request(self, row: Request) -> None:
        """Only CONNECT to a mail port from outside counts."""
        self._now = row.time
        if row.method != "CONNECT" or self._surroundings.is_own_address(row.address):
            return
        target, _, port = row.path.removesuffix("/").rpartition(":")
        if port not in _PORTS:
            return
        proxy = self._proxies.get(row.host)
        if proxy is None:
            if len(self._proxies) >= _PROXIES:
                return
            proxy = self._proxies[row.host] = _Proxy(row.time)
        if row.status != _ANSWERED:
            proxy.refused += 1
            return
        if not proxy.tunnels:
            proxy.first = row.time
        proxy.tunnels += 1
        proxy.last = row.time
        proxy.trail.add(row.time, row.ref, f"tunnel to port {port}", telling=target not in proxy.targets)
        _remember(proxy.clients, row.address, _CLIENTS)
        _remember(proxy.targets, target, _TARGETS)

    def findings(self) -> Iterator[Finding]:
        """One for each host that carried tunnels."""
        for host, proxy in self._proxies.items():
            if proxy.tunnels:
                yield self._finding(host, proxy)

    def _finding(self, host: str, proxy: _Proxy) -> Finding:
        name = host or "the web server"
        tunnels = phrases.count(proxy.tunnels, "tunnel")
        clients = phrases.count(len(proxy.clients), "outside address", "outside addresses")
        servers = phrases.count(len(proxy.targets), "mail server")
        when = phrases.since(proxy.first, proxy.last, self._now)
        return Finding(
            detector=self.name,
            suspect=Suspect(kind="proxy", name=name, host=host or None),
            cause=Cause.OPEN_PROXY,
            since=proxy.first,
            until=proxy.last,
            sentence=(
                f"The proxy on {name} carries strangers to mail servers {when}: "
                f"{tunnels} from {clients} to {servers} were opened; what was sent through them no log of ours shows."
            ),
            clause=f"{tunnels} from {clients} to {servers} through the proxy on {name}",
            measure=proxy.tunnels,
            norm=0,
            unit="tunnels to mail ports",
            accuses=True,
            strength=Strength.SHOWN,
            witnesses=("web access log",),
            quotes=proxy.trail.quotes(),
            facts={
                "tunnels": proxy.tunnels,
                "refused_tunnels": proxy.refused,
                "clients": len(proxy.clients),
                "targets": len(proxy.targets),
                "messages": None,
                "recipients": None,
                "refused": None,
                "deferred": None,
            },
        )


def _remember(known: set[str], name: str, most: int) -> None:
    if len(known) < most:
        known.add(name)
