"""The registries of names and addresses: RDAP by IANA's bootstrap files (RFC 9224), else WHOIS by IANA's referral.

Only servers that IANA names are asked: a redirect elsewhere, or a registrar's own server that an answer names, is not
followed.  Nothing here ever connects to a host of a message.
"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from email.message import Message
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import IO, Any, Final, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from whosent.trace.registrations import Answer, of_rdap, of_whois, referred

TIMEOUT: Final = 10.0  # seconds for one question
_MOST: Final = 4 << 20  # bytes of one answer
_WHOIS_MOST: Final = 256 << 10
_PORT: Final = 43


class Transport(Protocol):
    """How questions leave: a web address fetched, a line said to a WHOIS server."""

    def fetch(self, url: str, may_follow: Callable[[str], bool]) -> bytes:
        """What stands at a web address; redirects only where ``may_follow`` allows the new one."""

    def say(self, server: str, line: str) -> str:
        """What a WHOIS server answers to a line."""


class Asked(NamedTuple):
    """What a registry said, or why it did not."""

    server: str | None
    answer: Answer | None
    problem: str | None


class Network:
    """The transport of the world."""

    def fetch(self, url: str, may_follow: Callable[[str], bool]) -> bytes:
        """By HTTP, with a limit of size and time; no proxy of the environment is used."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Redirects(may_follow))
        question = urllib.request.Request(url, headers={"Accept": "application/rdap+json, application/json"})  # noqa: S310  # of IANA's list
        with opener.open(question, timeout=TIMEOUT) as answer:
            read: bytes = answer.read(_MOST + 1)
        if len(read) > _MOST:
            raise OSError("the answer is too long")
        return read

    def say(self, server: str, line: str) -> str:
        """By TCP, to port 43 unless the server's name has one."""
        host, _, port = server.partition(":")
        with closing(socket.create_connection((host, int(port or _PORT)), TIMEOUT)) as connection:
            connection.sendall(line.encode("ascii", "ignore") + b"\r\n")
            heard = b""
            while len(heard) < _WHOIS_MOST and (piece := connection.recv(65_536)):
                heard += piece
        return heard.decode("utf-8", "replace")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, may_follow: Callable[[str], bool]) -> None:
        self._may_follow = may_follow

    def redirect_request(  # noqa: PLR0913, PLR0917  # as the base class has it
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        """Only to a server that IANA names."""
        if not self._may_follow(newurl):
            raise urllib.error.URLError("it sends elsewhere, to a server that IANA does not name")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]  # HTTPMessage


class Registries:
    """Asks each question once."""

    def __init__(self, bootstrap: str, whois: str, transport: Transport) -> None:
        self._bootstrap = bootstrap.rstrip("/")
        self._whois = whois
        self._transport = transport
        self._files: dict[str, list[tuple[list[str], list[str]]]] = {}
        self._known: dict[str, Asked] = {}

    def domain(self, name: str) -> Asked:
        """What the registry of a domain says of it."""
        return self._once(name, f"domain/{quote(name)}", self._of_name(name))

    def network(self, address: str) -> Asked:
        """What the registry of an address says of its network."""
        return self._once(address, f"ip/{quote(address, safe=':')}", self._of_address(address))

    def _once(self, about: str, path: str, base: Callable[[], str | None]) -> Asked:
        known = self._known.get(about)
        if known is None:
            known = self._known[about] = self._ask(about, path, base)
        return known

    def _ask(self, about: str, path: str, base: Callable[[], str | None]) -> Asked:
        problem = "no RDAP server is known for it"
        try:
            server = base()
            if server is not None:
                url = f"{server.rstrip('/')}/{path}"
                answer = of_rdap(json.loads(self._transport.fetch(url, self._is_registry)))
                if answer is not None:
                    return Asked(url, answer, None)
                problem = f"{urlsplit(server).hostname} answers nothing that is RDAP"
        except (OSError, ValueError, RecursionError) as error:
            problem = f"RDAP: {_why(error)}"
        return self._by_whois(about, problem)

    def _by_whois(self, about: str, problem: str) -> Asked:
        try:
            first = self._transport.say(self._whois, about)
            server = referred(first)
            answer = of_whois(self._transport.say(server, about)) if server else of_whois(first)
        except (OSError, ValueError) as error:
            return Asked(None, None, f"{problem}; WHOIS: {_why(error)}")
        if answer is None:
            return Asked(None, None, f"{problem}; WHOIS: nothing that can be read")
        return Asked(server or self._whois, answer, None)

    def _of_name(self, name: str) -> Callable[[], str | None]:
        def base() -> str | None:
            labels = name.lower().split(".")
            endings = {".".join(labels[place:]): len(labels) - place for place in range(len(labels))}
            return self._longest("dns", lambda entry: endings.get(entry.lower().strip("."), 0))

        return base

    def _of_address(self, address: str) -> Callable[[], str | None]:
        def base() -> str | None:
            parsed = ip_address(address)
            return self._longest(f"ipv{parsed.version}", lambda entry: _covers(entry, address))

        return base

    def _longest(self, file: str, fits: Callable[[str], int]) -> str | None:
        """The server of the entry that fits best; HTTPS before HTTP."""
        best = max(
            ((fits(entry), urls) for entries, urls in self._services(file) for entry in entries), default=(0, [])
        )
        return next((url for url in sorted(best[1], reverse=True)), None) if best[0] else None

    def _services(self, file: str) -> list[tuple[list[str], list[str]]]:
        if file not in self._files:
            read = json.loads(self._transport.fetch(f"{self._bootstrap}/{file}.json", self._is_registry))
            self._files[file] = (
                [_service(one) for one in read["services"] if isinstance(one, list)] if isinstance(read, dict) else []
            )
        return self._files[file]

    def _is_registry(self, url: str) -> bool:
        """Whether IANA's files name this server."""
        host = urlsplit(url).hostname
        named = {
            urlsplit(server).hostname for services in self._files.values() for _, urls in services for server in urls
        }
        return host in named or host == urlsplit(self._bootstrap).hostname


def _service(one: list[Any]) -> tuple[list[str], list[str]]:
    """Entries and servers, the last two lists of a service (RFC 9224)."""
    parts = [[word for word in part if isinstance(word, str)] for part in one if isinstance(part, list)]
    if len(parts) < 2:  # noqa: PLR2004  # broken
        return [], []
    return parts[-2], [url for url in parts[-1] if url.startswith(("https://", "http://"))]


def _covers(entry: str, address: str) -> int:
    """How narrow a network is that holds the address, from 1; 0 if it does not."""
    try:
        network: IPv4Network | IPv6Network = ip_network(entry, strict=False)
    except ValueError:
        return 0
    parsed = ip_address(address)
    return network.prefixlen + 1 if parsed.version == network.version and parsed in network else 0


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{urlsplit(error.url or '').hostname} answers {error.code}"
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return str(reason) or type(error).__name__
