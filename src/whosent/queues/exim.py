"""An Exim spool header file (``input/ID-H``): who handed a message in, its envelope, and its headers.

Read from the source of Exim 4.92 to 4.97 (``spool_in.c``, ``spool_out.c``) and checked on files of 4.96.  Lines: the
file's own name; login, uid and gid of the process that wrote it; the sender; time; settings that begin with a hyphen
(two if a stranger chose the value); the tree of those already served; the recipients; the headers, each with its length
and a letter, ``*`` for one that is not sent.

Whose word it is: everything before the headers is Exim's own, except the texts of HELO, ident and sender, none of
which is used to name anybody.  A local submission carries the caller's login and uid; one from the network carries
Exim's uid and the client's address, and the login if it authenticated.

What it cannot tell: what has left already, and the script behind a local user unless PHP's header names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from whosent.model.pile import Letter, Record
from whosent.queues import DamagedError
from whosent.queues.heading import FIRST, LONGEST, Heading

NAME: Final = re.compile(r"[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})-H")
_KEPT: Final = 50  # recipients kept by name
_RECIPIENTS: Final = 16_384  # Exim's own bound
_TREE: Final = 20_000  # those already served that are read
_SETTINGS: Final = 2000
_VARIABLE: Final = 1 << 20  # bytes of one ACL variable
_TOP: Final = re.compile(rb".*\n((.*) (-?\d{1,10}) -?\d{1,10}[^\S\n]*)\n<(.*)>\n(\d{1,11}) \d+[^\S\n]*\n")
_HEADER: Final = re.compile(rb"(\d{1,7})(.) ", re.DOTALL)
_BY: Final = re.compile(rb"\bby (\S{1,255}) with ")
_NAMED: Final = rb"-{1,2}(?:\([^)\n]*\))?"  # how a setting begins
_ACL: Final = re.compile(_NAMED + rb"acl[cm]? \S+ (\d{1,7})\n")
_RUN: Final = re.compile(rb"(?:(?!%b)-.*\n){0,%d}" % (_ACL.pattern, _SETTINGS))
_SETTING: Final = re.compile(
    rb"\n(%b(auth_id|host_address|local|localerror|frozen|received_protocol)\b ?(.*))" % _NAMED
)
_FROZEN: Final = re.compile(rb"\n%bfrozen\b" % _NAMED)
_FIRST: Final = frozenset(bytes((byte,)) for byte in FIRST)
_CALLED_LOCALLY: Final = frozenset((b"local", b"local-smtp", b"local-esmtp", b"local-bsmtp", b"utf8local"))
_PARENT: Final = re.compile(rb" \d+(?:,\d+,\d+)?$")  # of Exim 3 and early 4

_CODE: Final = re.compile(rb"\b([45]\.\d{1,3}\.\d{1,3})\b")
_DEFER: Final = re.compile(
    rb"^\S+ \S+ (?:\S+ )?(\S+@\S+?):? .*?(?:defer \((-?\d+)\)(?:: )?|: (?=\w))(.*)$", re.MULTILINE
)


class _Lines:
    """The file's lines, with where they stand."""

    __slots__ = ("at", "text")

    def __init__(self, text: bytes, at: int = 0) -> None:
        self.text = text
        self.at = at

    def next(self) -> tuple[bytes, int]:
        """The next line without its end, and where it begins."""
        at = self.at
        end = self.text.find(b"\n", at)
        if end < 0:
            raise DamagedError(f"breaks off in the line at byte {at}")
        self.at = end + 1
        return self.text[at:end], at

    def skip(self, count: int) -> bytes:
        """So many bytes and a line end that follow."""
        at = self.at
        raw = self.text[at : at + count]
        if len(raw) < count:
            raise DamagedError(f"breaks off in the text at byte {at}")
        self.at = at + count
        return raw


def letter(name: str, head: bytes) -> Letter:
    """What the header file of this ``name`` says."""
    top = _top(name, head)
    said: dict[bytes, re.Match[bytes]] = {}
    end = top.end()
    for begin, end in _settings(head, top.end()):
        said.update((found[2], found) for found in _SETTING.finditer(head, begin - 1, end))
    lines = _Lines(head, end)
    served = _served(lines, lines.next()[0])
    recipients = _recipients(lines)
    waiting = [one for one in recipients if one not in served]
    heading, host = _headers(lines)
    kind, who, address, proof = _actor(said, top)
    return Letter(
        kind, who, address, proof, host, float(top[5]), int(top[5]), top[4], tuple(waiting[:_KEPT]),
        len(waiting), len(recipients) - len(waiting), len(head), heading.script, heading.script_proof, heading.subject,
        heading.message_id, heading.author, max(0, heading.hops - 1), False, b"frozen" in said, heading.automatic,  # noqa: FBT003
    )  # fmt: skip


def frozen(name: str, head: bytes) -> bool:
    """Whether it is frozen: the same as :func:`letter` says, at a tenth of what that costs."""
    return any(_FROZEN.search(head, begin - 1, end) for begin, end in _settings(head, _top(name, head).end()))


def _top(name: str, head: bytes) -> re.Match[bytes]:
    """The first four lines: name; who wrote it (1), login (2) and uid (3); sender (4); time (5)."""
    if _Lines(head).next()[0] != name.encode():
        raise DamagedError("does not begin with its own name")
    top = _TOP.match(head)
    if top is None:
        raise DamagedError("does not begin as Exim begins it")
    return top


def _settings(text: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Where each run of settings begins and ends: between two stands an ACL variable, which may hold any text."""
    for _ in range(_SETTINGS):
        run = _RUN.match(text, at)
        assert run is not None
        yield run.span()
        variable = _ACL.match(text, run.end())
        if variable is None:
            if text.startswith(b"-", run.end()) and text.find(b"\n", run.end()) > 0:
                break
            return
        lines = _Lines(text, variable.end())
        if not lines.skip(min(int(variable[1]), _VARIABLE) + 1).endswith(b"\n"):
            raise DamagedError(f"has a variable of another length than it says at byte {run.end()}")
        at = lines.at
    raise DamagedError("has too many settings")


def _served(lines: _Lines, line: bytes) -> frozenset[bytes]:
    """Addresses that need no delivery any more: a tree, each node before its branches."""
    if line == b"XX":
        return frozenset()
    served, open_branches = [], 1
    for _ in range(_TREE):
        if line[:1] not in b"YN" or line[1:2] not in b"YN" or line[2:3] != b" ":
            raise DamagedError("has a damaged tree of those served")
        served.append(line[3:])
        open_branches += (line[0] == 89) + (line[1] == 89) - 1  # noqa: PLR2004  # Y
        if not open_branches:
            return frozenset(served)
        line, _ = lines.next()
    raise DamagedError("has too many recipients served")


def _recipients(lines: _Lines) -> list[bytes]:
    word = lines.next()[0]
    if not word.isdigit() or len(word) > 5 or int(word) > _RECIPIENTS:  # noqa: PLR2004  # digits
        raise DamagedError("has no count of recipients")
    recipients = [_address(lines.next()[0]) for _ in range(int(word))]
    if lines.next()[0]:
        raise DamagedError("has more recipients than it says")
    return recipients


def _address(line: bytes) -> bytes:
    """The address of a recipient's line: what else stands there is read from the right, as Exim does."""
    head, mark, flags = line.rpartition(b"#")
    if not (mark and flags.isdigit() and len(flags) < 3):  # noqa: PLR2004  # two bits
        return _PARENT.sub(b"", line)
    for bit in (1, 2):
        if int(flags) & bit:
            head, _, numbers = head.rpartition(b" ")
            length = numbers.partition(b",")[0]
            if length.isdigit() and len(length) < 5:  # noqa: PLR2004  # of an address
                head = head[: len(head) - int(length)].removesuffix(b" ")
    return head


def _headers(lines: _Lines) -> tuple[Heading, bytes]:
    """The headers that are sent, and the host in our own Received."""
    heading, host = Heading(), b""
    for _ in range(LONGEST):
        found = _HEADER.match(lines.text, lines.at)
        if found is None:
            break
        lines.at = at = found.end()
        text = lines.skip(int(found[1]))
        if found[2] == b"*" or text[:1] not in _FIRST:
            continue
        if heading.field(text.partition(b"\n")[0], at) and heading.hops == 1:
            by = _BY.search(text)
            host = by[1] if by else b""
    return heading, host


def _actor(said: dict[bytes, re.Match[bytes]], top: re.Match[bytes]) -> tuple[str, str, str, Record | None]:
    """Kind, name, address, the record that says so; ``client`` is a host of ours or a stranger."""

    def value(name: bytes) -> bytes:
        return said[name][3] if name in said else b""

    def record(name: bytes) -> Record:
        return Record(said[name].start(1), said[name][1])

    address = _without_port(value(b"host_address").decode("ascii", "backslashreplace"))
    account = value(b"auth_id").decode("utf-8", "backslashreplace")
    if address and account:
        return "account", account, address, record(b"auth_id")
    if address:
        return "client", address, address, record(b"host_address")
    stamp = Record(top.start(1), top[1])
    if b"localerror" in said and not top[4]:
        return "mta", "", "", stamp
    if b"local" in said or value(b"received_protocol") in _CALLED_LOCALLY:
        return "local_user", str(int(top[3])), top[2].decode("utf-8", "backslashreplace"), stamp
    return "unknown", "", "", None


def _without_port(address: str) -> str:
    """``[192.0.2.1]:25``; older ones write ``192.0.2.1.25`` and ``2001:db8::1.25``."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    before, _, port = address.rpartition(".")
    return before if port.isdigit() and (":" in before or before.count(".") == 3) else address  # noqa: PLR2004  # IPv4


def attempts(notes: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(Status, reply) of each recipient that a message's log speaks of, the latest attempt.

    Exim notes no status: it is the one in the reply, or that of a destination that did not answer.
    """
    latest: dict[bytes, tuple[bytes, bytes]] = {}
    for found in _DEFER.finditer(notes):
        code = _CODE.search(found[3])
        latest[found[1]] = (code[1].replace(b"-", b".") if code else b"4.4.1", found[3])
    yield from latest.values()
