"""Whether an ordinary queue file of Postfix is a suspect's, at a fifth of what reading all that it says costs.

A proof says "his" only where :func:`whosent.queues.postfix.letter` and :func:`whosent.queues.belonging.judge` say so,
too (a property test), and says nothing of any file that is cut, edited, long, or out of the ordinary: those are read in
full.  It never says "not his".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from whosent.queues import postfix
from whosent.queues.belonging import Claim, same_address, users
from whosent.queues.heading import LONGEST, Heading

Proof = Callable[[str, bytes], float | None]
"""Of a file's name and all its bytes: when the suspect's message came; None: read it in full."""

_RECEIVED: Final = b"received:"
_PHP: Final = b"x-php-"
_ACCOUNT: Final = b"sasl_username="
_CLIENTS: Final = (b"log_client_address=", b"client_address=")
_SIZE: Final = 0x43  # C; each by itself, so that what is compiled compares numbers
_MESSAGE: Final = 0x4D  # M
_EXTRA: Final = 0x58  # X
_END: Final = 0x45  # E
_TEXT: Final = 0x4E  # N
_ATTRIBUTE: Final = 0x41  # A
_TIME: Final = 0x54  # T
_SENDER: Final = 0x53  # S
_REMEMBERED: Final = 64  # header lines, which are much the same throughout a flood
_PLAIN: Final = frozenset(b"RODF")  # kinds of records that may stand outside the message, besides


class _File:
    """An ordinary file."""

    __slots__ = ("_header", "attributes", "fields", "head", "start")

    def __init__(self, head: bytes, start: int, fields: list[int], attributes: list[int]) -> None:
        self.head = head
        self.start = start  # of the header
        self.fields = fields  # where its lines begin, the empty one at their end
        self.attributes = attributes  # where they begin
        self._header = b""

    def header(self) -> bytes:
        """In lower case, framing and all."""
        self._header = self._header or self.head[self.start : self.fields[-1]].lower()
        return self._header

    def raw(self, at: int) -> bytes:
        """A record without type and length."""
        return self.head[at + 2 : at + 2 + self.head[at + 1]]

    def value(self, name: bytes) -> bytes:
        """Of the last attribute of this name; empty if there is none."""
        return next(
            (self.raw(at)[len(name) :] for at in reversed(self.attributes) if self.head.startswith(name, at + 2)), b""
        )


def proof(wanted: Claim, login: str = "") -> Proof:
    """How a message of this claim's is proven quickly; ``login`` as in :func:`~whosent.queues.belonging.judge`."""
    his = _witness(wanted, login)

    def prove(name: str, head: bytes) -> float | None:
        try:
            file = _ordinary(head)
            return postfix.seconds(file.raw(2 + head[1])) if file and his(file, name.encode()) else None
        except IndexError:
            return None

    return prove


def _witness(wanted: Claim, login: str) -> Callable[[_File, bytes], bool]:
    """What has to be seen in the file."""
    if wanted.kind == "everything":
        return lambda _file, _name: True
    if wanted.kind == "account":
        account = wanted.name.lower()
        return lambda file, _name: file.value(_ACCOUNT).decode("utf-8", "backslashreplace").lower() == account
    if wanted.kind == "client":
        return lambda file, _name: _client(file, wanted.name)
    allowed = frozenset(one.encode() for one in users(wanted, login))
    if wanted.kind == "local_user":
        return lambda file, name: _local_user(file, name) in allowed
    if wanted.kind == "script":
        script = wanted.name.encode()
        return lambda file, name: (
            _script(file) == script
            and (_local_user(file, name) in allowed if allowed else bool(_local_user(file, name)))
        )
    return lambda _file, _name: False


def _ordinary(head: bytes) -> _File | None:
    """The file, if each record is short, none is edited, and sizes, time, message and end stand where they belong."""
    found = postfix.NUMBERS.match(head, 2)
    time = 2 + head[1]
    if found is None or head[0] != _SIZE or head[time] != _TIME or head[time + 1] > 127:  # noqa: PLR2004  # seven bits a byte
        return None
    start = int(found[2])
    behind = start + int(found[1])
    attributes: list[int] = []
    if head[behind] != _EXTRA or head[behind + 1]:
        return None
    sender = _outside(head, time + 2 + head[time + 1], start, _MESSAGE, attributes)
    if not sender or _outside(head, behind + 2, len(head), _END, attributes) is None:
        return None
    fields = _fields(head, start, behind)
    return _File(head, start, fields, attributes) if fields else None


def _outside(head: bytes, at: int, end: int, last: int, attributes: list[int]) -> bool | None:
    """Go through the records from here to exactly there, the last of this kind: whether one names the sender."""
    sender, kind = False, 0
    while at < end:
        kind, length = head[at], head[at + 1]
        if kind == _ATTRIBUTE:
            attributes.append(at)
        elif kind == _SENDER:
            sender = True
        elif kind not in _PLAIN and (kind != last or at + 2 + length != end):
            return None
        if length > 127:  # noqa: PLR2004  # seven bits a byte
            return None
        at += 2 + length
    return sender if kind == last and at == end else None


def _fields(head: bytes, at: int, end: int) -> list[int] | None:
    """Where the header's lines begin."""
    found: list[int] = []
    while at < end:
        length = head[at + 1]
        if head[at] != _TEXT or length > 127 or len(found) == LONGEST:  # noqa: PLR2004  # seven bits a byte
            return None
        found.append(at)
        if not length:
            return found
        at += 2 + length
    return None


def _client(file: _File, address: str) -> bool:
    named = file.value(_CLIENTS[0])
    if file.value(_ACCOUNT) or (not named and _CLIENTS[0] in file.head):
        return False
    named = named or file.value(_CLIENTS[1])
    return same_address(named.decode("ascii", "backslashreplace"), address)


def _local_user(file: _File, name: bytes) -> bytes:
    """The uid in the stamp of this very file, where no other stamp and no client stands in it; else nothing."""
    head, fields = file.head, file.fields
    if len(fields) < 3 or head.count(b"address=") or head.count(_ACCOUNT):  # noqa: PLR2004  # a stamp has two lines
        return b""
    if not head.startswith(b"\tid %b;" % name, fields[1] + 2) or file.header().count(_RECEIVED) > 1:
        return b""
    return _stamped(file.raw(fields[0]))


@lru_cache(_REMEMBERED)
def _stamped(line: bytes) -> bytes:
    found = postfix.STAMP.fullmatch(line)
    return found[2] if found else b""


def _script(file: _File) -> bytes:
    """The one that PHP's header names, where there is one such header."""
    text = file.header()
    place = file.start + text.find(_PHP) - 2
    return _named(file.raw(place)) if text.count(_PHP) == 1 and place in file.fields else b""


@lru_cache(_REMEMBERED)
def _named(line: bytes) -> bytes:
    heading = Heading()
    heading.field(line, 0)
    return heading.script
