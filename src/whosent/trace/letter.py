"""What of a message the trace looks at: its Received lines, and the headers that name who submitted it."""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from whosent.trace.heads import FIELDS_LIMIT, Block, fields
from whosent.trace.received import LONGEST, Received, read
from whosent.trace.results import Field
from whosent.trace.stamps import STAMPS

HOPS_LIMIT: Final = 10_000
_FOLD: Final = re.compile(r"[ \t\r\n]+")
_PAGES: Final = re.compile(rb"[\v\f]")  # blanks to Python, but no folding
_ORDINARY: Final = frozenset({"from", "to", "cc", "subject", "date"})
_RECIPIENT: Final = ("delivered-to", "x-original-to", "envelope-to", "x-delivered-to", "x-envelope-to")
_LOOKED_AT: Final = frozenset({"message-id", "subject", *_RECIPIENT, *STAMPS})


class Line(NamedTuple):
    """One Received line: its fields, and its text unfolded."""

    read: Received
    text: str


class Letter(NamedTuple):
    """The trace of one message, before anything is judged."""

    lines: list[Line]  # topmost first
    more: int  # Received lines beyond :data:`HOPS_LIMIT`, not read
    headers: list[tuple[str, str]]  # others that are looked at, name in lower case and value unfolded, in their order
    results: list[Field]  # of Authentication-Results
    below_ordinary: int  # first Received line that stands below From, To or Subject, from 0; -1: none does
    message_id: str | None
    subject: str | None
    recipients: frozenset[str]  # whom the copy was delivered to, as its last hosts wrote it above all Received lines
    sha256: str
    problem: str | None


def letter(block: Block) -> Letter:
    """Read a header block."""
    lines: list[Line] = []
    headers: list[tuple[str, str]] = []
    results: list[Field] = []
    more, below, ordinary = 0, -1, False
    found = fields(block.raw)
    for name, value in found:
        if name == "received":
            if len(lines) >= HOPS_LIMIT:
                more += 1
                continue
            if ordinary and below < 0:
                below = len(lines)
            text = unfolded(value)
            lines.append(Line(read(text), text))
        elif name == "authentication-results":
            results.append(Field(unfolded(value), len(lines)))
        else:
            ordinary = ordinary or name in _ORDINARY
            if name in _LOOKED_AT:
                headers.append((name, unfolded(value)))
    problem = block.problem
    if len(found) >= FIELDS_LIMIT:
        problem = f"more than {FIELDS_LIMIT:,} header fields: the rest was not read"
    first = dict(reversed(headers))
    return Letter(
        lines=lines,
        more=more,
        headers=headers,
        results=results,
        below_ordinary=below,
        message_id=first.get("message-id"),
        subject=first.get("subject"),
        recipients=frozenset(first[name].strip("<> ").lower() for name in _RECIPIENT if name in first),
        sha256=hashlib.sha256(block.raw).hexdigest(),
        problem=problem,
    )


def unfolded(value: bytes) -> str:
    r"""A field's value on one line; bytes that are not UTF-8 as ``\xNN``, and no longer than a line that is read."""
    value = value[: 4 * LONGEST]
    if _PAGES.search(value) is None:
        return b" ".join(value.split()).decode("utf-8", "backslashreplace").strip()[: 2 * LONGEST]
    return _FOLD.sub(" ", value.decode("utf-8", "backslashreplace")).strip()[: 2 * LONGEST]
