"""Mailboxes among the sources: whether one is (an mbox, or a single message), and its messages one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST: Final = (4 << 20) + 1  # bytes of a message that are kept; what follows is counted

_MBOX: Final = re.compile(rb"From [^\n]{0,300}\d{4}\s*\n")
_SPLIT: Final = re.compile(rb"(?m)^From [^\n]{0,300} \d\d:\d\d[^\n]{0,40}\d{4}[^\n]{0,40}$")
_FIELD: Final = re.compile(rb"([A-Za-z][A-Za-z0-9-]{0,60}):[ \t\n]|[ \t]")
_KNOWN: Final = frozenset(
    b"from to date subject received message-id return-path mime-version content-type delivered-to auto-submitted "
    b"x-failed-recipients".split()
)
_LEAST: Final = 2  # fields of a message that make one


class Message(NamedTuple):
    """One message: where it starts, its lines, and its bytes without the mbox line before it."""

    offset: int
    lines: int
    raw: bytes


def is_mailbox(head: bytes) -> bool:
    """Whether these are the first bytes of an mbox or of a message: header fields to the first empty line."""
    head = head.replace(b"\r\n", b"\n").lstrip(b"\xef\xbb\xbf\n")
    if _MBOX.match(head):
        return True
    names = set()
    for line in head[:65_536].split(b"\n")[:400]:
        if not line:
            break
        found = _FIELD.match(line + b"\n")
        if not found:
            return False
        if found[1]:
            names.add(found[1].lower())
    return len(names & _KNOWN) >= _LEAST


def messages(chunks: Iterable[tuple[int, bytes]]) -> Iterator[Message]:
    """The messages of a source that is one, from its chunks of whole lines with their offsets; memory is bounded."""
    kept: list[bytes] = []
    size, start, lines, is_mbox, blank = 0, 0, 0, False, True
    for offset, chunk in chunks:
        if offset == 0:
            is_mbox = bool(_MBOX.match(chunk.lstrip(b"\xef\xbb\xbf\r\n").replace(b"\r\n", b"\n")[:400]))
        at = 0
        for found in _SPLIT.finditer(chunk) if is_mbox else ():
            if not _ends_blank(chunk[max(0, found.start() - 3) : found.start()], before=blank):
                continue
            piece = chunk[at : found.start()]
            if kept or piece.strip():
                yield Message(start, lines + piece.count(b"\n"), _unmarked([*kept, piece]))
            kept, size, lines, start, at = [], 0, 0, offset + found.start(), found.start()
        piece = chunk[at:]
        lines += piece.count(b"\n")
        if size < LONGEST:
            kept.append(piece[: LONGEST - size])
            size += len(piece)
        blank = _ends_blank(chunk, before=blank)
    if kept:
        yield Message(start, lines, _unmarked(kept))


def _ends_blank(text: bytes, *, before: bool) -> bool:
    """Whether an empty line stands at its end; ``before``: whether one stands before it."""
    if not text:
        return before
    return text.endswith((b"\n\n", b"\n\r\n")) or text in {b"\n", b"\r\n"}


def _unmarked(pieces: list[bytes]) -> bytes:
    """A message of an mbox without the line before it."""
    raw = b"".join(pieces)[:LONGEST]
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
