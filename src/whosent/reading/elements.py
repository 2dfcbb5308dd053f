"""XML tables: one repeated element a row, with the values that stand before it in its document.

expat reads, and refuses a document that declares a type or an entity: nothing is ever expanded, fetched or looked up.
A document that breaks off or is no XML costs itself alone; several may follow each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from xml.parsers import expat

from whosent.tables import folded

_DEEPEST: Final = 32
_LONGEST_TEXT: Final = 4_000  # characters of one value
_MOST: Final = 500  # values of one row
_MOST_ROWS: Final = 1_000_000  # of one document
_SLICE: Final = 1 << 14  # bytes handed to expat at once
_ROOT: Final = re.compile(rb"<(?:[\w.-]{1,40}+:)?+([A-Za-z][\w.-]{0,60}+)[\s/>]")  # declarations begin otherwise
_LONGEST_TAG: Final = 1 << 22  # bytes without a whole tag
_PIECES: Final = 100  # of the text of one element
_TAIL: Final = 80  # bytes that an end tag may be cut in


class Element(NamedTuple):
    """One row: its first byte, relative to the chunk; its values by path, None for a document that is broken."""

    at: int
    cells: dict[str, bytes] | None


def root_of(head: bytes) -> str:
    """The folded name of the element that a document begins with, "" if this is no XML."""
    match = _ROOT.search(head, 0, 1 << 16) if head.lstrip()[:1] == b"<" else None
    return folded(match[1]) if match else ""


class BrokenError(Exception):
    """What stands here is not read any further."""


class _Document:
    """One document while it is read."""

    def __init__(self, row: str, begin: int) -> None:
        self.begin = begin  # of its first byte in the source
        self.found: list[tuple[int, dict[str, bytes]]] = []
        self._row = row
        self._path: list[str] = []
        self._text: list[str] = []
        self._shared: dict[str, bytes] = {}
        self._cells: dict[str, bytes] | None = None  # of the open row
        self._start = 0
        self._rows = self._fed = self._marked = 0  # bytes given to expat, and up to the latest tag
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._say
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse

    def feed(self, data: bytes, *, last: bool) -> None:
        """Read on; what is wrong with it raises :class:`BrokenError`."""
        try:
            for at in range(0, len(data), _SLICE):
                piece = data[at : at + _SLICE]
                self._fed += len(piece)
                self._parser.Parse(piece, False)  # noqa: FBT003  # expat's own signature
                if self._fed - self._marked > _LONGEST_TAG:
                    raise BrokenError
            if last:
                self._parser.Parse(b"", True)  # noqa: FBT003  # expat's own signature
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise BrokenError from error

    def _say(self, text: str) -> None:
        if len(self._text) < _PIECES:
            self._text.append(text[:_LONGEST_TEXT])

    @staticmethod
    def _refuse(*_declared: object) -> None:
        raise BrokenError

    def _open(self, name: str, _attributes: dict[str, str]) -> None:
        self._marked = self._parser.CurrentByteIndex
        self._path.append(folded(name.rpartition(":")[2].encode()))
        self._text.clear()
        if len(self._path) > _DEEPEST:
            raise BrokenError
        if self._cells is None and self._path[-1] == self._row:
            self._cells, self._start = {}, self.begin + self._parser.CurrentByteIndex

    def _close(self, _name: str) -> None:
        self._marked = self._parser.CurrentByteIndex
        text = "".join(self._text).strip()[:_LONGEST_TEXT]
        self._text.clear()
        if text:
            cells = self._shared if self._cells is None else self._cells
            path, value = ".".join(self._path[1:]), text.encode("utf-8", "surrogatepass")
            if path in cells:
                cells[path] = (cells[path] + b";" + value)[:_LONGEST_TEXT]
            elif len(cells) < _MOST:
                cells[path] = value
        if self._cells is not None and self._path[-1] == self._row:
            self._rows += 1
            if self._rows > _MOST_ROWS:
                raise BrokenError
            self.found.append((self._start, {**self._shared, **self._cells}))
            self._cells = None
        self._path.pop()


class Elements:
    """Finds the rows of documents that come in chunks, cut anywhere."""

    def __init__(self, root: str, row: str) -> None:
        self._row = row
        self._end = re.compile(rb"(?i)</(?:[\w.-]{1,40}+:)?%b\s{0,20}+>" % re.escape(root.encode()))
        self._document: _Document | None = None
        self._skipping = False  # a broken document, to its end
        self._left = b""  # too short to tell whether an end tag begins in it

    def feed(self, chunk: bytes, offset: int) -> Iterator[Element]:
        """The rows that end in this chunk, which stands at ``offset`` of the source."""
        text, at = self._left + chunk, offset - len(self._left)
        while (end := self._end.search(text)) is not None:
            yield from self._read(text[: end.end()], at, offset, last=True)
            text, at = text[end.end() :], at + end.end()
        keep = max(0, len(text) - _TAIL)
        yield from self._read(text[:keep], at, offset, last=False)
        self._left = text[keep:]

    def finish(self, offset: int) -> Iterator[Element]:
        """A document without its end."""
        yield from self._read(self._left, offset - len(self._left), offset, last=True)
        self._left = b""

    def _read(self, text: bytes, at: int, offset: int, *, last: bool) -> Iterator[Element]:
        """On with the present document, or the next one if there is none."""
        if self._document is None and not self._skipping:
            begin = text.find(b"<")
            if begin < 0:
                return
            text, at = text[begin:], at + begin
            self._document = _Document(self._row, at)
        if self._document is not None:
            try:
                self._document.feed(text, last=last)
            except BrokenError:
                yield from self._rows(offset)
                yield Element(self._document.begin - offset, None)
                self._document, self._skipping = None, True
            else:
                yield from self._rows(offset)
        if last:
            self._document, self._skipping = None, False

    def _rows(self, offset: int) -> Iterator[Element]:
        assert self._document is not None
        for start, cells in self._document.found:
            yield Element(start - offset, cells)
        self._document.found.clear()
