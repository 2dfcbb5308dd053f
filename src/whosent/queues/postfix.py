"""A Postfix queue file: typed records, envelope first, then the message, then what was found in its headers.

Read from the source of Postfix 3.7 and 3.11 (``rec_type.h``, ``record.c``, ``cleanup_envelope.c``, ``pickup.c``,
``postdrop.c``, ``smtpd.c``) and checked on files that Postfix wrote.  A record is a type byte, a length in groups of
seven bits, and so many bytes.  Records of type ``p`` point elsewhere in the file: a milter's edits, added recipients.

Whose word it is: ``client_address``, ``sasl_username`` and their kin are written by smtpd; postdrop, the only
way in for local users, lets none of them pass.  The uid stands in the Received field that pickup puts first.  All
other header fields and the sender's full name are the sender's own words.

What it cannot tell: the uid where a header check of the operator removes that Received field; who handed in what a
content filter brought back from the loopback; recipients already delivered are only counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from whosent.model.pile import Letter, Record
from whosent.queues import DamagedError, TooLongError
from whosent.queues.heading import FIRST, LONGEST, Heading

FOLDERS: Final = ("maildrop", "incoming", "active", "deferred", "hold")
NAME: Final = re.compile(r"[0-9A-Za-z]{6,64}")  # of a queue file, short or long
_RECORDS: Final = 60_000  # of one file that are looked at
_JUMPS: Final = 1000  # pointers that are followed
_KEPT: Final = 50  # recipients kept by name
_LENGTH_BYTES: Final = 5
_CLIENT: Final = (b"log_client_address", b"client_address")
_ACCOUNT: Final = b"sasl_username"
_ATTRIBUTES: Final = frozenset((*_CLIENT, _ACCOUNT, b"create_time"))
_BEGINNINGS: Final = frozenset(name[0] for name in _ATTRIBUTES)
_MESSAGE, _EXTRA, _END, _POINTER, _TEXT, _LONG, _DELETED = b"MXEpNLw"
_ATTRIBUTE, _RECIPIENT, _ORIGINAL, _DONE, _SENDER, _TIME, _SIZE, _FULLNAME = b"ARODSTCF"
_ENVELOPE: Final = frozenset(b"ARODSTCFILWVwrePfd>Q")  # what may stand outside the message
_BY: Final = re.compile(rb"(?:Received:|[ \t]+) ?by (\S{1,255}) \([^()]{0,200}\)")
STAMP: Final = re.compile(rb"Received: by (\S{1,255}) \([^()]{0,200}, from userid (\d{1,10})\)")
NUMBERS: Final = re.compile(rb" *(\d{1,15}) +(\d{1,15}) +(\d{1,15}) ")
_DIGITS: Final = 12  # of seconds

_new: Final = tuple.__new__  # half the cost of calling a named tuple's class
_NOTE: Final = re.compile(rb"^(recipient|status|reason)=(.*)$", re.MULTILINE)  # of a file in defer

Fetch = Callable[[int], bytes]
"""Bytes of the file from an offset on: some, or none at its end."""


Typed = tuple[int, bytes, int]
"""Type, bytes and offset of a record."""


class _File:
    """A queue file read record by record; ``fetch`` gives what ``buffer`` does not hold."""

    def __init__(self, head: bytes, fetch: Fetch | None) -> None:
        self._buffer = head
        self._start = 0  # of the buffer in the file
        self._fetch = fetch
        self.at = 0  # of the next record

    def records(self) -> Iterator[Typed]:
        """All records but pointers; goes where those lead."""
        jumps = 0
        for _ in range(_RECORDS):
            at = self.at
            kind, raw, self.at = self._record(at)
            if kind != _POINTER:
                yield kind, raw, at
                continue
            jumps += 1
            if jumps > _JUMPS:
                raise DamagedError("points in circles")
            self.at = _target(raw) or self.at
        raise DamagedError("has too many records")

    def _record(self, at: int) -> tuple[int, bytes, int]:
        """(Type, bytes, offset of the next) of the record at this offset."""
        found = _whole(self._buffer, at - self._start)
        if found is None and self._fetch is not None:
            self._start, self._buffer = at, self._fetch(at)
            found = _whole(self._buffer, 0)
        if found is None:
            raise DamagedError(f"breaks off in the record at byte {at}")
        return found[0], found[1], found[2] + self._start


def _whole(buffer: bytes, place: int) -> tuple[int, bytes, int] | None:
    """The record at this place of the buffer, if all of it is there."""
    if place < 0 or place + 2 > len(buffer):
        return None
    length = 0
    for count in range(_LENGTH_BYTES):
        at = place + 1 + count
        if at >= len(buffer):
            return None
        length |= (buffer[at] & 127) << 7 * count
        if buffer[at] < 128:  # noqa: PLR2004  # the last byte of the length
            end = at + 1 + length
            return (buffer[place], buffer[at + 1 : end], end) if end <= len(buffer) else None
    raise DamagedError("has a record of impossible length")


def _target(raw: bytes) -> int:
    """Where a pointer leads; 0: it was never filled in."""
    word = raw.strip()
    if not word.isdigit() or len(word) > 15:  # noqa: PLR2004  # as Postfix writes it
        raise DamagedError("has a pointer that is no number")
    return int(word)


class _Envelope:
    """What the records outside the message say."""

    __slots__ = ("arrived", "data", "done", "first", "forwarded", "fullname", "kept", "original", "said", "sender",
                 "size", "waiting")  # fmt: skip

    def __init__(self) -> None:
        self.said: dict[bytes, tuple[int, bytes]] = {}  # the attributes that are wanted
        self.kept: list[bytes] = []
        self.sender: bytes | None = None
        self.first = b""
        self.original = self.fullname = b""
        self.arrived = 0.0
        self.size = self.data = self.waiting = self.done = 0
        self.forwarded = False

    def read(self, records: Iterator[Typed], until: int) -> None:
        """Take in records up to the one of this type."""
        for kind, raw, at in records:
            if kind == _ATTRIBUTE:
                name = raw[: raw.find(b"=")]
                if name in _ATTRIBUTES:
                    self.said[name] = (at, raw)
            elif kind == _ORIGINAL:
                self.original = raw
            elif kind == _RECIPIENT:
                self.recipient(raw)
            elif kind == until:
                return
            elif kind in _ENVELOPE:
                self.rare(kind, raw)
            else:
                raise DamagedError(f"has an unknown record at byte {at}")

    def recipient(self, raw: bytes) -> None:
        """One more that waits."""
        self.waiting += 1
        if len(self.kept) < _KEPT:
            self.kept.append(raw)
        if self.original != raw and self.original:
            self.forwarded |= self.original.rpartition(b"@")[2].lower() != raw.rpartition(b"@")[2].lower()
        self.original = b""

    def rare(self, kind: int, raw: bytes) -> None:
        """A record that is neither an attribute nor a recipient."""
        if kind == _DONE:
            self.done += 1
            self.original = b""
        elif kind == _SENDER:
            self.sender = raw
        elif kind == _TIME:
            self.arrived = seconds(raw)
            self.first = self.first or raw
        elif kind == _FULLNAME:
            self.fullname = raw
        elif kind == _SIZE:
            found = NUMBERS.match(raw)
            if found:
                self.size, self.data = int(found[1]), int(found[2])

    def value(self, name: bytes) -> bytes:
        """The value of an attribute, empty if there is none."""
        record = self.said.get(name)
        return record[1][len(name) + 1 :] if record else b""

    def proof(self, name: bytes) -> Record:
        """The record of an attribute."""
        return Record(*self.said[name])


class _Top(NamedTuple):
    """The first Received fields: ours is the first."""

    fields: list[Record]  # their first lines, at most two
    second: bytes  # the second line of the first
    ended: bool  # the header's end was that of the message


def _quick(head: bytes, envelope: _Envelope, heading: Heading) -> _Top | None:
    """The same as going through record by record, where the file is whole, short and was not edited; else None.

    Nearly all files are so, and this takes a third of the time.
    """
    numbers = NUMBERS.match(head, 2)
    if numbers is None or head[0] != _SIZE:
        return None
    envelope.size, envelope.data = int(numbers[1]), int(numbers[2])
    data, text = envelope.data, envelope.data + envelope.size
    try:
        if _quick_envelope(head, 2 + head[1], data, envelope) != _MESSAGE:
            return None
        top = _quick_header(head, data, text, heading)
        if top is None or head[text] != _EXTRA or _quick_envelope(head, text + 2, len(head), envelope) != _END:
            return None
    except IndexError:
        return None
    return top


def _quick_envelope(head: bytes, at: int, end: int, envelope: _Envelope) -> int:
    """Take in the records up to here; gives the type of the last, or 0 if something is out of the ordinary."""
    kind = 0
    while at < end:
        kind, length = head[at], head[at + 1]
        stop = at + 2 + length
        if length > 127:  # noqa: PLR2004  # seven bits a byte
            return 0
        if kind == _ATTRIBUTE:
            if length > 10 and head[at + 2] in _BEGINNINGS:  # noqa: PLR2004  # shorter than any that is wanted
                raw = head[at + 2 : stop]
                name = raw[: raw.find(b"=")]
                if name in _ATTRIBUTES:
                    envelope.said[name] = (at, raw)
        elif kind == _RECIPIENT:
            envelope.recipient(head[at + 2 : stop])
        elif kind == _ORIGINAL:
            envelope.original = head[at + 2 : stop]
        elif kind in _ENVELOPE:
            envelope.rare(kind, head[at + 2 : stop])
        elif stop != end:
            return 0
        at = stop
    return kind if at == end else 0


def _quick_header(head: bytes, at: int, end: int, heading: Heading) -> _Top | None:
    """The header fields, if nothing is out of the ordinary."""
    top: list[Record] = []
    second, number, first = b"", 0, False
    while at < end:
        length = head[at + 1]
        stop = at + 2 + length
        if head[at] != _TEXT or length > 127:  # noqa: PLR2004  # seven bits a byte
            return None
        if not length:
            break
        begins = head[at + 2]
        if begins > 32:  # noqa: PLR2004  # no blank: a field begins
            number += 1
            if number > LONGEST:
                break
            first = False
            if begins in FIRST:
                raw = head[at + 2 : stop]
                if heading.field(raw, at) and len(top) < 2:  # noqa: PLR2004
                    top.append(Record(at, raw))
                    first = len(top) == 1
        elif first:
            first, second = False, head[at + 2 : stop]
        at = stop
    return _Top(top, second, at >= end)


def letter(name: str, head: bytes, fetch: Fetch | None = None, owner: int = -1, *, dropped: bool = False) -> Letter:
    """What the queue file of this ``name`` says, from its first bytes and, where they do not suffice, from more of it.

    ``owner`` is the uid the file belongs to: of a ``dropped`` one (maildrop) whoever handed it in, else the MTA's own;
    -1 where that is not to be believed, as in a copy.
    """
    envelope, heading = _Envelope(), Heading()
    top = None if fetch else _quick(head, envelope, heading)
    if top is None:
        envelope, heading = _Envelope(), Heading()
        file = _File(head, fetch)
        envelope.read(file.records(), _MESSAGE)
        top = _headers(file.records(), heading)
        with suppress(TooLongError):
            _extracted(file, envelope, ended=top.ended)
    if envelope.sender is None:
        raise DamagedError("names no sender")
    kind, who, address, proof = _dropped(envelope, owner) if dropped else _actor(name, envelope, top, owner)
    requeued = len(top.fields) > 1 and proof is top.fields[1]
    created = envelope.value(b"create_time")
    by = _BY.match(top.second) or (_BY.match(top.fields[0].raw) if top.fields else None)
    return _new(Letter, (
        kind, who, address, proof, by[1] if by else b"",
        envelope.arrived, int(created) if created.isdigit() and len(created) < _DIGITS else int(envelope.arrived),
        envelope.sender, tuple(envelope.kept), envelope.waiting, envelope.done, envelope.size or len(head),
        heading.script, heading.script_proof, heading.subject, heading.message_id, heading.author,
        max(0, heading.hops - (not dropped) - requeued), envelope.forwarded, False, heading.automatic, "",
    ))  # fmt: skip


def _headers(records: Iterator[Typed], heading: Heading) -> _Top:  # noqa: C901  # one state, one loop
    """The header fields, up to the empty line or the end of the message."""
    top: list[Record] = []
    second, number, whole, first, kind = b"", 0, True, False, 0
    for kind, raw, at in records:
        if kind in (_TEXT, _LONG):
            if whole:
                if not raw:
                    break
                if raw[0] > 32:  # noqa: PLR2004  # no blank: a field begins
                    number += 1
                    if number > LONGEST:
                        break
                    first = False
                    if raw[0] in FIRST and heading.field(raw, at) and len(top) < 2:  # noqa: PLR2004
                        top.append(Record(at, raw))
                        first = len(top) == 1
                elif first:
                    first, second = False, raw
            whole = kind == _TEXT  # what follows a long one is the same line
        elif kind == _EXTRA:
            break
        elif kind != _DELETED:
            raise DamagedError(f"has an unknown record at byte {at}")
    return _Top(top, second, kind == _EXTRA)


def _extracted(file: _File, envelope: _Envelope, *, ended: bool) -> None:
    """Recipients behind the message; where they begin stands at the file's beginning, once Postfix is done with it."""
    if ended:
        envelope.read(file.records(), _END)
        return
    start = envelope.data + envelope.size
    if envelope.data and start > file.at:
        file.at, text = start, file.at
        if next(file.records())[0] == _EXTRA:
            envelope.read(file.records(), _END)
            return
        file.at = text
    for kind, _, at in file.records():
        if kind == _EXTRA:
            envelope.read(file.records(), _END)
            return
        if kind not in (_TEXT, _LONG, _DELETED):
            raise DamagedError(f"has an unknown record at byte {at}")


_Actor = tuple[str, str, str, Record | None]
"""Kind, name, address, the record that says so; ``client`` is a host of ours or a stranger."""


def _dropped(envelope: _Envelope, owner: int) -> _Actor:
    if owner < 0:
        return "unknown", "", envelope.fullname.decode("utf-8", "backslashreplace"), None
    stamp = Record(0, envelope.first)  # its owner is no part of the file: the first record stands for all of it
    return "local_user", str(owner), envelope.fullname.decode("utf-8", "backslashreplace"), stamp


def _actor(name: str, envelope: _Envelope, top: _Top, owner: int) -> _Actor:
    said = envelope.said
    if said:
        client = _CLIENT[0] if _CLIENT[0] in said else _CLIENT[1]
        where = envelope.value(client).decode("ascii", "backslashreplace")
        account = envelope.value(_ACCOUNT)
        if account:
            return "account", account.decode("utf-8", "backslashreplace"), where, envelope.proof(_ACCOUNT)
        if where:
            return "client", where, where, envelope.proof(client)
    fullname = envelope.fullname.decode("utf-8", "backslashreplace")
    if not top.fields or top.second.split(b";")[0].split() != [b"id", name.encode()]:
        return "unknown", "", fullname, None  # not stamped for this file: whoever wrote it, it is no witness
    stamp = top.fields[0]
    stamped = STAMP.fullmatch(stamp.raw)
    before = STAMP.fullmatch(top.fields[1].raw) if len(top.fields) > 1 else None
    if stamped and before and before[1] == stamped[1]:
        if owner < 0:  # requeued by postsuper, or a forged stamp below the true one: only the file's owner tells
            return "unknown", "", fullname, None
        if int(stamped[2]) == owner:  # requeued: the stamp before counts
            stamp, stamped = top.fields[1], before
    if stamped:
        return "local_user", stamped[2].decode(), fullname, stamp
    return ("mta", "", "", stamp) if _BY.fullmatch(stamp.raw) else ("unknown", "", fullname, None)


def seconds(raw: bytes) -> float:
    """A time: ``1795776215 964000`` or ``1795776215``: seconds, microseconds."""
    words = raw.split(None, 2)
    if not words or not all(word.isdigit() and len(word) < _DIGITS for word in words[:2]):
        return 0.0
    return int(words[0]) + (int(words[1]) / 1e6 if len(words) > 1 else 0.0)


def attempts(notes: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(Status, reply) of each recipient that a file of the ``defer`` folder speaks of, the latest attempt."""
    latest: dict[bytes, tuple[bytes, bytes]] = {}
    recipient = status = b""
    for found in _NOTE.finditer(notes):
        if found[1] == b"recipient":
            recipient = found[2]
        elif found[1] == b"status":
            status = found[2]
        else:
            latest[recipient] = (status, found[2])
    yield from latest.values()
