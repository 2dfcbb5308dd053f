"""Entries of the systemd journal as syslog lines: ``journalctl -o json`` and ``-o export``.

Fields that begin with an underscore are the journal's own word (systemd.journal-fields(7)): a user may choose any
SYSLOG_IDENTIFIER, but not the ``_UID``, ``_COMM`` and ``_SYSTEMD_UNIT`` behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

_LIMIT: Final = 1 << 20  # an entry longer than this is given up
_FIRST_PERSON: Final = 1000  # login.defs(5): people have uids from here, daemons below
_TELLERS: Final = frozenset({"logger", "postlog", "systemd-cat"})  # programs that log whatever they are told
_NOT_A_TAG: Final = re.compile(rb"[^\w./@+-]")
_FIELD: Final = re.compile(rb"([A-Z0-9_]{1,64}+)(?:=([^\n]*+)\n|\n)")

Entry = Mapping[str, bytes]
_KEPT: Final = frozenset({
    b"__REALTIME_TIMESTAMP", b"_SOURCE_REALTIME_TIMESTAMP", b"_HOSTNAME", b"SYSLOG_IDENTIFIER", b"SYSLOG_PID",
    b"_PID", b"_UID", b"_COMM", b"_SYSTEMD_UNIT", b"MESSAGE",
})  # fmt: skip


class Line(NamedTuple):
    """One entry in the form of a syslog line, without line end; ``offset`` is its first byte in the source.

    ``tag`` is the program it claims to be, ``doubt`` why the trusted fields contradict that ("" if they do not).
    """

    text: bytes
    offset: int
    tag: bytes
    doubt: str


class _Json(msgspec.Struct, gc=False):
    """What is read of an entry of ``-o json``; a field given twice is a list, one that is no UTF-8 a list of bytes."""

    realtime: str | None = msgspec.field(default=None, name="__REALTIME_TIMESTAMP")
    host: object = msgspec.field(default=None, name="_HOSTNAME")
    identifier: object = msgspec.field(default=None, name="SYSLOG_IDENTIFIER")
    pid: object = msgspec.field(default=None, name="_PID")
    uid: object = msgspec.field(default=None, name="_UID")
    comm: object = msgspec.field(default=None, name="_COMM")
    unit: object = msgspec.field(default=None, name="_SYSTEMD_UNIT")
    message: object = msgspec.field(default=None, name="MESSAGE")


_decode: Final = msgspec.json.Decoder(_Json).decode


def _bytes(value: object) -> bytes:
    """A JSON field as the bytes that were logged."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, list) and value:
        if all(isinstance(item, int) and 0 <= item < 256 for item in value):  # noqa: PLR2004  # a byte
            return bytes(value)
        return _bytes(value[0])
    return b""


class _Stamps:
    """Microseconds since the epoch as RFC 3339; formats each second once."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, microseconds: str) -> bytes:
        second, fraction = divmod(int(microseconds), 1_000_000)
        if second != self._second:
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._text}.{fraction:06}Z".encode()


class JsonEntries:
    """Reads ``journalctl -o json``: one entry a line."""

    def __init__(self) -> None:
        self._stamps = _Stamps()

    def line(self, raw: bytes, offset: int) -> Line | None:
        """The entry as a line; None if it is no journal entry."""
        try:
            entry = _decode(raw)
            stamp = self._stamps.text(entry.realtime or "")
        except (msgspec.DecodeError, ValueError, OverflowError, OSError, RecursionError):
            return None
        tag = _bytes(entry.identifier) or _bytes(entry.comm)
        doubt = doubt_of(tag, _bytes(entry.uid), _bytes(entry.comm), _bytes(entry.unit))
        return _line(stamp, offset, tag, doubt, (_bytes(entry.host), _bytes(entry.pid), _bytes(entry.message)))


class ExportEntries:
    """Reads ``journalctl -o export``: entries of ``NAME=value`` lines with an empty line behind each.

    A value with line ends stands behind its name as a length (64 bits, little endian) and that many bytes, so
    entries may be cut at any line end between two chunks.
    """

    def __init__(self) -> None:
        self._stamps = _Stamps()
        self._left = b""
        self._offset = 0  # of the first byte of what is left

    def feed(self, chunk: bytes, offset: int) -> Iterator[tuple[int, Line | None]]:
        """The complete entries, as (offset, line); None for one without a time."""
        if not self._left:
            self._offset = offset
        yield from self._entries(self._left + chunk, _LIMIT)

    def finish(self) -> Iterator[tuple[int, Line | None]]:
        """The last entry, if the source ended without an empty line."""
        if self._left:
            yield from self._entries(self._left + b"\n", 0)

    def _entries(self, data: bytes, limit: int) -> Iterator[tuple[int, Line | None]]:
        """Complete entries; an incomplete one stays for the next time, unless more than ``limit`` bytes follow it."""
        base, start = self._offset, 0
        while start < len(data):
            end, fields = _entry(data, start)
            if end == 0 and len(data) - start <= limit:
                break
            if end == 0:  # a length that is a lie: go on behind the next empty line
                yield base + start, None
                end = data.find(b"\n\n__CURSOR=", start) + 2
                end = end if end > 1 else len(data)
            elif fields:
                yield base + start, self._line(fields, base + start)
            start = end
        self._left, self._offset = data[start:], base + start

    def _line(self, entry: Mapping[bytes, bytes], offset: int) -> Line | None:
        get = entry.get
        try:
            stamp = self._stamps.text(get(b"__REALTIME_TIMESTAMP", b"").decode("ascii"))
        except (ValueError, OverflowError, OSError):
            return None
        tag = get(b"SYSLOG_IDENTIFIER") or get(b"_COMM", b"")
        doubt = doubt_of(tag, get(b"_UID", b""), get(b"_COMM", b""), get(b"_SYSTEMD_UNIT", b""))
        return _line(stamp, offset, tag, doubt, (get(b"_HOSTNAME", b""), get(b"_PID", b""), get(b"MESSAGE", b"")))


def _entry(data: bytes, start: int) -> tuple[int, dict[bytes, bytes]]:
    """The end and the kept fields of the entry at ``start``; end 0 if the data stops before the entry does."""
    fields: dict[bytes, bytes] = {}
    at, size = start, len(data)
    while at < size:
        if data[at] == ord("\n"):
            return at + 1, fields
        match = _FIELD.match(data, at)
        if match is None:  # no field at all: skip the line
            at = data.find(b"\n", at) + 1
            if not at:
                return 0, fields
            continue
        name, value = match.groups()
        at = match.end()
        if value is None:
            end = at + 8 + int.from_bytes(data[at : at + 8], "little")
            if end >= size:
                return 0, fields
            value, at = data[at + 8 : end], end + 1
        if name in _KEPT:
            fields.setdefault(name, value)
    return 0, fields


def _line(stamp: bytes, offset: int, tag: bytes, doubt: str, texts: tuple[bytes, bytes, bytes]) -> Line:
    host, pid, message = texts
    tag = _NOT_A_TAG.sub(b"_", tag) or b"-"
    process = b"[%b]" % pid if pid.isdigit() else b""
    message = message.rstrip(b"\n").replace(b"\n", b" ")
    text = b"%b %b %b%b: %b" % (stamp, _NOT_A_TAG.sub(b"_", host) or b"-", tag, process, message)
    return Line(text, offset, tag, doubt)


def doubt_of(tag: bytes, uid: bytes, comm: bytes, unit: bytes) -> str:
    """Why the journal contradicts that the daemon named by ``tag`` wrote this entry; "" if it does not.

    An entry without trusted fields (relayed from another host) is as good as a syslog line.
    """
    name = comm.decode("utf-8", "replace")
    if name in _TELLERS:
        return f"written by {name}"
    if uid.isdigit() and int(uid) >= _FIRST_PERSON:
        return f"written by uid {int(uid)}"
    service, family = unit.lower(), _family(tag)
    if uid not in {b"", b"0"} and service.endswith(b".service") and not any(name in service for name in family):
        return f"written in {service.decode('utf-8', 'replace')}"
    return ""


def _family(tag: bytes) -> tuple[bytes, ...]:
    """Words one of which the unit of an honest daemon has in its name: postfix-out/smtpd runs in postfix@out."""
    names = [part for part in tag.lower().split(b"/") if part]
    first = names[0].split(b"-")[0] if names else b"-"
    return (first, *names, b"postfix")
