"""A Sendmail queue control file (``qf``): who handed a message in, its envelope, its headers, and why it waits.

Read from the source of Sendmail 8.14 to 8.17 (``queue.c``: ``queueup``, ``readqf``) and checked on files of 8.17.1.
Lines, each with its kind as first letter; one that begins with white space goes on with the line before; a dot ends the
file.  The text of the message lies in the ``df`` file of the same id, beside it or in a folder ``df`` beside its own.

Whose word it is: ``$_`` is Sendmail's own: the client's name and address, or who called sendmail(1)
(``USER@localhost``, in the queue of the submission program).  What a client says of itself (``$s``, the sender, ``A``)
names nobody.

What it cannot tell: the login of a client that authenticated (``$r`` ends in A, and then nobody is named: the log has
the login), unless our own rules quarantined the message for it and say so in the ``q`` line; the local user behind mail
that the submission program has passed on, which comes from the loopback here (the stamp of that program is kept, but
every program here can write one); recipients that are done, for they are struck out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from whosent.model.pile import Letter, Record
from whosent.queues import DamagedError
from whosent.queues.heading import LONGEST, Heading

NAME: Final = re.compile(r"[qhQ]f([0-9A-Za-z]{10,20})")  # queued, quarantined, lost
LOST: Final = "Qf"
HELD: Final = "hf"
_KEPT: Final = 50  # recipients kept by name
_LINES: Final = 200_000
_CLIENT: Final = re.compile(rb"(?:[^\s\[\]]++ )?\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\](?: \(may be forged\))?")
_CALLER: Final = re.compile(rb"([^@\s\[\]]{1,64})@localhost")
_HEADER: Final = re.compile(rb"H(?:\?[^?\n]*+\?)?+(?:\?[^?\n]*+\?)?+")
_BY: Final = re.compile(rb"\bby (\S{1,255}) \([^()]{0,100}\)(?: with \S{1,40})? id (\w{10,20})\b")
_LOGGED_IN: Final = re.compile(rb"\n[ \t]\(authenticated[ )]")
_STAMP: Final = re.compile(rb"Received: \(from ([^@\s\[\]()]{1,64})@localhost\)")
_TAPPED: Final = re.compile(rb"qwhosentaccount:(\S+)")  # as the rules of `whosent setup sendmail` write it
_LOOPBACK: Final = frozenset(("127.0.0.1", "::1"))
_CODE: Final = re.compile(rb"\b([245]\.\d{1,3}\.\d{1,3})\b")
_SECONDS: Final = 12  # digits
_ITSELF: Final = b"localhost"
_NULL: Final = b"MAILER-DAEMON"  # how it writes the null sender


class _File:
    """What the lines of one file say."""

    __slots__ = ("client", "ended", "forwarded", "heading", "kept", "origin", "protocol", "reason", "sender", "stamped",
                 "time", "top", "waiting")  # fmt: skip

    def __init__(self) -> None:
        self.time = self.origin = self.protocol = b""
        self.client: Record | None = None
        self.reason: Record | None = None  # why it is quarantined
        self.sender: bytes | None = None
        self.kept: list[bytes] = []
        self.waiting = 0
        self.forwarded = self.ended = False
        self.heading = Heading()
        self.stamped = ""  # whom the second Received names as who called sendmail(1)
        self.top = b""  # the first Received, with the lines it goes on in

    def line(self, text: bytes, at: int) -> None:
        """Take in one line (all but the headers)."""
        kind, rest = text[:1], text[1:]
        if kind == b"R":
            self._recipient(rest.partition(b":")[2])
        elif kind == b"r":
            self.origin = _bare(rest.rpartition(b";")[2].strip())
        elif kind == b"S":
            self.sender = b"" if rest == _NULL else _bare(rest)
        elif kind == b"T":
            self.time = rest
        elif kind == b"q":
            self.reason = Record(at, text)
        elif text.startswith(b"$_"):
            self.client = Record(at, text)
        elif text.startswith(b"$r"):
            self.protocol = text[2:]

    def _recipient(self, text: bytes) -> None:
        self.waiting += 1
        address = _bare(text)
        if len(self.kept) < _KEPT:
            self.kept.append(address)
        if self.origin:
            self.forwarded |= _domain(self.origin) != _domain(address)
        self.origin = b""


def _bare(address: bytes) -> bytes:
    return address[1:-1] if address.startswith(b"<") and address.endswith(b">") else address


def _domain(address: bytes) -> bytes:
    return address.rpartition(b"@")[2].lower()


def letter(name: str, text: bytes) -> Letter:
    """What the control file of this ``name`` says."""
    if not text.startswith(b"V"):
        raise DamagedError("does not begin with the version of its format")
    file = _read(text)
    if not file.ended:
        raise DamagedError(f"breaks off at byte {len(text)}")
    if file.sender is None or not (file.time.isdigit() and len(file.time) < _SECONDS):
        raise DamagedError("names no sender or time")
    heading = file.heading
    own = name[2:].encode()
    by = next((found for found in _BY.finditer(file.top) if found[2] == own), None)  # else not stamped for this file
    kind, who, address, proof = _actor(file, logged_in=by is not None and bool(_LOGGED_IN.search(file.top)))
    return Letter(
        kind, who, address, proof, by[1] if by else b"", float(file.time), int(file.time), file.sender,
        tuple(file.kept), file.waiting, 0, len(text), heading.script, heading.script_proof, heading.subject,
        heading.message_id, heading.author, max(0, heading.hops - (by is not None)), file.forwarded,
        name.startswith(HELD), heading.automatic, file.stamped if address in _LOOPBACK and kind == "client" else "",
    )  # fmt: skip


def _read(text: bytes) -> _File:
    file, at, fields = _File(), 0, 0
    inside = False  # the first Received
    for raw in text.split(b"\n", _LINES)[:_LINES]:
        if raw[:1] in {b" ", b"\t"}:
            if inside:
                file.top += b"\n" + raw
        elif raw == b".":
            file.ended = True
            break
        elif raw[:1] == b"H":
            fields += 1
            lead = _HEADER.match(raw)
            assert lead is not None
            inside = False
            if fields <= LONGEST and file.heading.field(raw[lead.end() :], at + lead.end()):
                if file.heading.hops == 1:
                    file.top, inside = raw, True
                elif file.heading.hops == 2 and (stamp := _STAMP.fullmatch(raw[lead.end() :])):  # noqa: PLR2004
                    file.stamped = stamp[1].decode("utf-8", "backslashreplace")
        elif not fields:  # headers come last
            file.line(raw, at)
        at += len(raw) + 1
    return file


def _actor(file: _File, *, logged_in: bool) -> tuple[str, str, str, Record | None]:
    """Kind, name, address, the record that says so; ``client`` is a host of ours or a stranger."""
    said = file.client
    if said is None:
        return "unknown", "", "", None
    where = said.raw[2:]
    client, caller = _CLIENT.fullmatch(where), _CALLER.fullmatch(where)
    if client:
        address = client[1].decode("ascii")
        if logged_in or file.protocol.endswith(b"A"):
            tapped = _TAPPED.fullmatch(file.reason.raw.replace(b" ", b"")) if file.reason else None
            account = tapped[1].decode("utf-8", "backslashreplace") if tapped else ""
            return ("account", account, address, file.reason) if account else ("unknown", "", address, None)
        return "client", address, address, said
    if caller:
        user = caller[1].decode("utf-8", "backslashreplace")
        return "local_user", user, user, said
    if where == _ITSELF and not file.sender:
        return "mta", "", "", said
    return "unknown", "", "", None


def attempts(notes: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(Status, reply) of each recipient that waits: the message that stands before it, else that of the whole."""
    whole = said = b""
    begun = False  # recipients
    for raw in notes.split(b"\n", _LINES)[:_LINES]:
        kind = raw[:1]
        if kind == b"H":
            return
        if kind == b"M":
            said = raw[1:]
            whole = whole if begun else said
        elif kind in {b"C", b"r", b"S"}:
            begun = True
        elif kind == b"R" and (said or whole):
            reply = said or whole
            code = _CODE.search(reply)
            yield code[1] if code else b"4.4.1", reply.removeprefix(b"Deferred: ")
            said = b""
