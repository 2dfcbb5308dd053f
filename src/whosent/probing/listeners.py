"""Where a target may be spoken to: the ports and families that are tried, and what the name stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

from whosent.model.check import Dialogue, Family, Heard, Knowledge, Replies, Target
from whosent.model.mistake import Mistake
from whosent.probing.letters import helo

PORTS: Final = (25, 465, 587, 2525)
IMPLICIT: Final = 465  # TLS from the first byte
SUBMISSION: Final = (IMPLICIT, 587)
_NAMED: Final = re.compile(r"([A-Za-z0-9_.][A-Za-z0-9_.-]*)(?::(\d{1,5}))?")
_BRACKETED: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?")


class Listener(NamedTuple):
    """One port by one family."""

    port: int
    family: Family

    def __str__(self) -> str:
        return f"port {self.port}, IPv{self.family}"


def hosts(knowledge: Knowledge) -> Iterator[Target]:
    """The configured hosts, or this machine."""
    named = knowledge.settings.audit.hosts
    yield from (Target(name, here=name == knowledge.host) for name in named)
    if not named:
        yield Target(knowledge.host, here=True)


def place(target: Target) -> tuple[str, int]:
    """Host and port of ``mx.example.org``, ``mx.example.org:2525``, ``[2001:db8::1]:25``; 0: no port is named."""
    try:
        return str(ip_address(target.name)), 0
    except ValueError:
        found = _BRACKETED.fullmatch(target.name) or _NAMED.fullmatch(target.name)
    if not found or (found[2] and not 0 < int(found[2]) < 65536):  # noqa: PLR2004  # a port has two bytes
        raise Mistake(f"{target.name}: this is no host. Write mx.example.org, mx.example.org:2525 or an address.")
    return found[1], int(found[2] or 0)


def from_outside(target: Target, knowledge: Knowledge) -> bool:
    """Whether the sink is to do the asking: we stand on the target itself, and it stands elsewhere."""
    sink = knowledge.sink
    return target.here and sink is not None and sink.address not in knowledge.addresses


def greetings(target: Target, knowledge: Knowledge, ports: tuple[int, ...] = PORTS) -> Iterator[Dialogue]:
    """A first word to every port by every family."""
    host, port = place(target)
    outside = from_outside(target, knowledge)
    for number in (port,) if port else ports:
        for family in _families(host):
            yield Dialogue(key=f"greet {number} {family}", host=host, port=number, family=family, outside=outside,
                           tls=number == IMPLICIT, commands=(f"EHLO {helo(knowledge)}",), within=12.0)  # fmt: skip


def _families(host: str) -> tuple[Family, ...]:
    try:
        return (4,) if ip_address(host).version == 4 else (6,)  # noqa: PLR2004
    except ValueError:
        return (4, 6)


def listening(heard: Heard) -> Iterator[tuple[Listener, Replies]]:
    """Those that let us in."""
    for key, answer in heard.items():
        if key.startswith("greet ") and isinstance(answer, Replies):
            last = answer.replies[-1:]
            if last and last[0].command and last[0].code < 400:  # noqa: PLR2004
                yield _of(key), answer


def absent(answer: Replies) -> bool:
    """Whether nothing is there at all."""
    return answer.problem is not None and answer.problem.obstacle in {"refused", "unresolvable", "unreachable"}


def unasked(answer: Replies) -> bool:
    """Whether nobody asked, so that nothing is known of who is there: the sink was to, and could not."""
    return answer.problem is not None and answer.problem.obstacle == "missing"


def silent(heard: Heard) -> Iterator[tuple[Listener, Replies]]:
    """Those that did not, though something may be there."""
    let_in = {one for one, _ in listening(heard)}
    for key, answer in heard.items():
        if key.startswith("greet ") and isinstance(answer, Replies) and _of(key) not in let_in:
            yield _of(key), answer


def _of(key: str) -> Listener:
    _, port, family = key.split()
    return Listener(int(port), 4 if family == "4" else 6)


def offered(answer: Replies) -> frozenset[str]:
    """The extensions that EHLO offered, upper case, with their parameters."""
    return frozenset(line.upper() for reply in answer.replies if reply.command.startswith("EHLO")
                     for line in reply.lines[1:])  # fmt: skip


def called(answer: Replies) -> str:
    """What the server calls itself."""
    first = answer.replies[0].text.split(None, 1) if answer.replies else []
    return first[0].lower() if first and re.fullmatch(r"[\w.-]+\.[\w-]+", first[0]) else ""
