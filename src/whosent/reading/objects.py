"""JSON tables: one object a row, each with the offset of its first byte, whatever lies around and between them.

Objects one a line, in an array, or in the array of an answer (``value`` of Microsoft Graph, ``items`` of Google), on
one line or indented over many.  An object larger than :data:`LONGEST_ROW` is given up, and reading goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from whosent.reading.patterns import portable
from whosent.tables import folded

LONGEST_ROW: Final = 1 << 20
_DEEPEST: Final = 8  # levels of names in one path
_MOST: Final = 400  # fields of one object
_MARK: Final = re.compile(portable(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("|\\?\Z)|[\[\]{}]'), re.DOTALL)
_DOCUMENT: Final = re.compile(
    portable(rb'\s*+(?:(?P<array>\[)|\{(?:\s*+"[^"\\]{0,200}+"\s*+:\s*+(?:"(?:[^"\\]|\\.){0,1000}+"|\d++)\s*+,)*+'
             rb'\s*+"(?:value|items)"\s*+:\s*+\[)')
)  # fmt: skip


def depth_of(head: bytes) -> int:
    """How many brackets stand around each row: none in JSON lines, one in an array, two in an answer that has one."""
    match = _DOCUMENT.match(head)
    if match is None:
        return 0
    return 1 if match["array"] else 2


class Found(NamedTuple):
    """One object: its first byte, relative to the chunk, and its text; ``whole`` unless it was given up."""

    at: int
    text: bytes
    whole: bool = True


class Objects:
    """Finds the objects of a text that comes in chunks, cut anywhere."""

    def __init__(self, depth: int) -> None:
        self._around = depth
        self._depth = 0
        self._left = b""
        self._looked = 0  # bytes of what is left that were looked at
        self._start = -1  # of the open object in what is left

    def feed(self, chunk: bytes) -> Iterator[Found]:
        """The objects that end in this chunk."""
        text = self._left + chunk
        base = -len(self._left)
        at = self._looked
        while (mark := _MARK.search(text, at)) is not None:
            if mark[1] not in {None, b'"'} and mark.end() == len(text):
                at = mark.start()  # a string that goes on in the next chunk
                break
            at = mark.end()
            sign = mark[0]
            if sign in {b"{", b"["}:
                if self._depth == self._around and self._start < 0:
                    self._start = mark.start()
                self._depth += 1
            elif sign in {b"}", b"]"}:
                self._depth = max(0, self._depth - 1)
                if self._start >= 0 and self._depth <= self._around:
                    yield Found(base + self._start, text[self._start : at])
                    self._start = -1
        else:
            at = len(text)
        yield from self._keep(text, at, base)

    def _keep(self, text: bytes, at: int, base: int) -> Iterator[Found]:
        keep = self._start if self._start >= 0 else at
        if len(text) - keep > LONGEST_ROW:
            yield Found(base + keep, text[keep : keep + 1000], whole=False)
            self._start, self._depth, keep, at = -1, self._around, len(text), len(text)
        self._start = min(0, self._start)
        self._left, self._looked = text[keep:], at - keep

    def finish(self) -> Iterator[Found]:
        """An object without its end."""
        if self._start >= 0:
            yield Found(-len(self._left), self._left[:1000], whole=False)
            self._start, self._left = -1, b""


def cells_of(text: bytes) -> dict[str, bytes] | None:
    """An object as cells by the path of their folded names, ``status.errorcode``; None if it is no object."""
    if text.count(b"[") + text.count(b"{") > _MOST:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if not isinstance(found, dict):
        return None
    cells: dict[str, bytes] = {}
    _gather(found, "", cells, _DEEPEST)
    return cells


def _gather(value: object, path: str, cells: dict[str, bytes], left: int) -> None:
    """Leaves by path; what a list holds under one name is joined with semicolons."""
    if len(cells) >= _MOST or not left:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            here = folded(name.encode("utf-8", "surrogatepass")).replace(".", "")
            _gather(inner, f"{path}.{here}" if path else here, cells, left - 1)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, path, cells, left - 1)
    elif path not in cells:
        cells[path] = _bytes(value)
    elif isinstance(value, str) and len(cells[path]) < LONGEST_ROW:
        cells[path] += b";" + _bytes(value)


def _bytes(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode("utf-8", "surrogatepass")
