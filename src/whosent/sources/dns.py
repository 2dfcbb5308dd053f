"""Many questions to the DNS at once: few under way, fewer when a server struggles; each answered or said why not.

Questions go by UDP over sockets whose ports the system chose, and again by TCP where the answer did not fit.  Nothing
is kept between runs.  An answer counts only if it repeats the question asked under its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from whosent.model.check import Obstacle, Problem, Resolve, Resolved
from whosent.sources.text import shown

IN_FLIGHT: Final = 128  # questions to one server at once; halved each time a hundred in a row bring time-outs
WITHIN: Final = (1.0, 2.0)  # seconds for an answer; a question without one is put again
_SOCKETS: Final = 8
_MOST: Final = 40  # records kept
_FEW: Final = 8
_LONGEST: Final = 4_096  # characters of a record
_RESPONSE: Final = 0x80  # the flag of an answer, without that of one cut short
_CHAIN: Final = 12  # aliases of aliases
_PLAIN: Final = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_CODES: Final[dict[dns.rcode.Rcode, tuple[Obstacle, str]]] = {
    dns.rcode.SERVFAIL: ("failed", "could not find out (SERVFAIL)"),
    dns.rcode.REFUSED: ("refused", "refuses to answer (REFUSED)"),
}


def resolve(questions: Sequence[Resolve], server: str = "") -> Iterator[Resolved]:
    """An answer to each; ``server`` is used where a question names none; empty: this machine's resolvers."""
    by_server: dict[tuple[tuple[str, int], ...], list[Resolve]] = defaultdict(list)
    for question in questions:
        by_server[_servers(question.server or server)].append(question)
    for servers, asked in by_server.items():
        if servers:
            yield from asyncio.run(_all(asked, servers))
        else:
            problem = Problem("missing", "This machine has no resolver (/etc/resolv.conf names none).")
            yield from (Resolved(key=one.key, at=time.time(), problem=problem) for one in asked)


def _servers(named: str) -> tuple[tuple[str, int], ...]:
    """Addresses and ports; a name or an unreadable configuration gives none."""
    if named:
        address, _, port = named.partition("#")
        return ((address, int(port or 53)),)
    try:
        configured = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return ()
    return tuple((str(one), configured.port) for one in configured.nameservers if _is_address(str(one)))


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


async def _all(questions: list[Resolve], servers: tuple[tuple[str, int], ...]) -> list[Resolved]:
    async with _Asking(servers) as asking:
        return list(await asyncio.gather(*(asking.answer(one) for one in questions)))


class _Wire(asyncio.DatagramProtocol):
    """One socket: answers by their number."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[bytes]] = {}

    def datagram_received(self, data: bytes, _address: object) -> None:
        future = self.waiting.get(int.from_bytes(data[:2], "big"))
        if future is not None and not future.done():
            future.set_result(data)

    def error_received(self, error: Exception) -> None:
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(error)


class _Asking:
    """Sockets to the servers, and how many questions may be under way."""

    def __init__(self, servers: tuple[tuple[str, int], ...]) -> None:
        self._servers = servers
        self._open: list[tuple[asyncio.DatagramTransport, _Wire, tuple[str, int]]] = []
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._places_left = IN_FLIGHT
        self._owed = 0
        self._silent = 0

    async def __aenter__(self) -> _Asking:
        loop = asyncio.get_running_loop()
        for server in self._servers[:3]:
            for _ in range(_SOCKETS):
                with contextlib.suppress(OSError):
                    transport, wire = await loop.create_datagram_endpoint(_Wire, remote_addr=server)
                    self._open.append((transport, wire, server))
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport, _wire, _server in self._open:
            transport.close()

    async def answer(self, question: Resolve) -> Resolved:
        await self._places.acquire()
        try:
            at, clock = time.time(), time.monotonic()
            try:
                query = _Query(question.name, question.type)
            except (dns.exception.DNSException, ValueError, UnicodeError) as error:
                problem = Problem("protocol", f"{question.name[:255]!r} cannot be asked: {type(error).__name__}.")
                return Resolved(key=question.key, at=at, problem=problem)
            heard = await self._heard(query)
            took = round(time.monotonic() - clock, 4)
        finally:
            self._leave()
        if isinstance(heard, Problem):
            return Resolved(key=question.key, at=at, took=took, problem=heard)
        return _told(question.key, at, took, heard, query)

    async def _heard(self, query: _Query) -> dns.message.Message | Problem:
        """What a server says; another is asked where one does not."""
        problem = Problem("unreachable", "No resolver can be reached.")
        for turn, within in enumerate(WITHIN):
            server = self._servers[turn % len(self._servers)]
            mine = [one for one in self._open if one[2] == server]
            if not mine:
                continue
            transport, wire, _ = random.choice(mine)  # noqa: S311  # which socket is no secret
            try:
                answer = await self._once(query, transport, wire, server, within)
            except TimeoutError:
                self._struggles()
                problem = Problem("timeout", f"{server[0]} did not answer within {sum(WITHIN):g} seconds.")
            except OSError as error:
                problem = Problem("unreachable", f"{server[0]} cannot be asked: {error.strerror or error}.")
            except (dns.exception.DNSException, ValueError) as error:
                problem = Problem("protocol", f"{server[0]} answers something that is no DNS: {type(error).__name__}.")
            else:
                self._silent = 0
                if answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
                    return answer
                obstacle, words = _CODES.get(answer.rcode(), ("failed", f"answers {dns.rcode.to_text(answer.rcode())}"))
                problem = Problem(obstacle, f"{server[0]} {words}.")
        return problem

    async def _once(
        self,
        query: _Query,
        transport: asyncio.DatagramTransport,
        wire: _Wire,
        server: tuple[str, int],
        within: float,
    ) -> dns.message.Message:
        number = self._number(wire)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        wire.waiting[number] = future
        try:
            transport.sendto(query.wire(number))
            async with asyncio.timeout(within):
                raw = await future
        finally:
            del wire.waiting[number]
        if query.is_nothing(raw):
            return NOTHING
        answer = dns.message.from_wire(raw, ignore_trailing=True)
        asked = query.message(number)
        if not asked.is_response(answer):
            raise dns.exception.FormError
        if answer.flags & dns.flags.TC:
            try:
                return await dns.asyncquery.tcp(asked, server[0], within, server[1])
            except dns.exception.Timeout as error:
                raise TimeoutError from error
        return answer

    @staticmethod
    def _number(wire: _Wire) -> int:
        while (number := random.SystemRandom().randrange(1 << 16)) in wire.waiting:
            pass
        return number

    def _struggles(self) -> None:
        """A server that lets many questions time out is asked fewer at once: places are not given back."""
        self._silent += 1
        if self._silent % 100 == 0 and self._places_left > _FEW:
            self._owed += self._places_left // 2
            self._places_left -= self._places_left // 2

    def _leave(self) -> None:
        if self._owed:
            self._owed -= 1
        else:
            self._places.release()


NOTHING: Final = dns.message.Message()


class _Query:
    """One question as bytes; most answers of blocklists are "no such name", which bytes alone tell."""

    def __init__(self, name: str, kind: str) -> None:
        self._text = name
        self.kind = _kind(kind)
        said = encoded(name) if _PLAIN.fullmatch(name) else self.name.to_wire() or b""
        self._question = said + int(self.kind).to_bytes(2, "big") + b"\0\1"

    @property
    def name(self) -> dns.name.Name:
        """As dnspython has it."""
        return dns.name.from_text(self._text)

    def wire(self, number: int) -> bytes:
        """The query under a number, with EDNS."""
        head = number.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\1"
        return head + self._question + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"

    def message(self, number: int) -> dns.message.Message:
        """The same as dnspython has it."""
        return dns.message.from_wire(self.wire(number))

    def is_nothing(self, raw: bytes) -> bool:
        """Whether an answer to this very question says that there is no such name, or no such record."""
        end = 12 + len(self._question)
        plain = len(raw) >= end and raw[2] & 0x82 == _RESPONSE and raw[3] & 0x0F in {0, 3} and raw[4:8] == b"\0\1\0\0"
        return plain and raw[12:end].lower() == self._question.lower()


_kind = lru_cache(dns.rdatatype.from_text)


def encoded(name: str) -> bytes:
    """A plain name as bytes: most questions to blocklists are such, and there are thousands."""
    labels = name.rstrip(".").encode("ascii").split(b".")
    return b"".join(len(label).to_bytes(1, "big") + label for label in labels) + b"\0"


def _told(key: str, at: float, took: float, heard: dns.message.Message, question: _Query) -> Resolved:
    """The records at the end of the aliases."""
    name = question.name
    for _ in range(_CHAIN):
        records = next((one for one in heard.answer if one.name == name and one.rdtype == question.kind), None)
        if records is not None:
            texts = tuple(_text(record)[:_LONGEST] for record in list(records)[:_MOST])
            return Resolved(key=key, at=at, took=took, records=texts)
        alias = next((one for one in heard.answer if one.name == name and one.rdtype == dns.rdatatype.CNAME), None)
        if alias is None:
            break
        name = alias[0].target
    return Resolved(key=key, at=at, took=took)


def _text(record: object) -> str:
    """As text, nothing in it can move or colour; the strings of a TXT record are one."""
    strings = getattr(record, "strings", None)
    if strings is not None:
        return shown(b"".join(strings), _LONGEST)
    return str(record)
