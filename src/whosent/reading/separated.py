"""Separated values as rows (RFC 4180) below their header, each with the offset of its first byte.

Rows without a quote are split where they stand; others are read as RFC 4180 says, line ends inside quotes included.
A quote that is never closed costs its own line and no other: after :data:`LONGEST_ROW` bytes the lines behind it are
read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from operator import itemgetter
from typing import Final, TypeAlias

from whosent.reading.objects import LONGEST_ROW
from whosent.reading.patterns import portable
from whosent.tables import Cells, Table, folded

MOST_LINES: Final = 1_000  # of one row
BOM: Final = b"\xef\xbb\xbf"
ASIDE: Final = b"#"  # the text of what is no row: the header, a comment
BLANK: Final = b"\0 \t\r"
FIELDS: Final = b"#Fields:"
SEPARATOR: Final = re.compile(rb"(?i)sep=.\r?\Z")  # what a spreadsheet wants to be told
_QUOTED: Final = rb'"[^"]*+(?:""[^"]*+)*+"'
_INSIDE: Final = re.compile(portable(rb'[^"]*+(?:""[^"]*+)*+'))

Row: TypeAlias = tuple[int, Cells | None, bytes]
"""One row: its first byte, relative to the chunk; the wanted cells, None if they cannot be told apart; its text."""


@cache
def _compiled(delimiter: bytes) -> tuple[re.Pattern[bytes], ...]:
    other = rb"[^%b]*+" % re.escape(delimiter)
    mark = re.escape(delimiter)
    cell = rb"(?:%b|(?!\")%b)" % (_QUOTED, other)
    whole = rb"%b(?:%b%b)*+" % (cell, mark, cell)
    each = rb"(?:\A|%b)(?:\"([^\"]*+(?:\"\"[^\"]*+)*+)\"|(%b))" % (mark, other)
    odd = rb"(?:\A|%b)\0(?!%b|\Z)" % (mark, mark)  # a doubled quote that begins a cell
    return re.compile(portable(whole)), re.compile(portable(each)), re.compile(odd)


class Splitter:
    """Cuts the text of one row into cells."""

    def __init__(self, delimiter: bytes) -> None:
        self.delimiter = delimiter
        self._mark = delimiter[0]
        self._begins = delimiter + b"\0"
        self._whole, self._each, self._odd = _compiled(delimiter)

    def cells(self, text: bytes) -> list[bytes] | None:
        """The cells of a whole row; None if its quotes do not match."""
        if b'"' not in text:
            return text.split(self.delimiter)
        plainly = self._plainly(text) if b'""' not in text else self._doubled(text)
        if plainly is not None:
            return plainly
        if self._whole.fullmatch(text) is None:
            return None
        return [quoted.replace(b'""', b'"') if quoted else plain for quoted, plain in self._each.findall(text)]

    def _doubled(self, text: bytes) -> list[bytes] | None:
        """The same where quotes are doubled inside of cells, and a cell that is empty may be quoted."""
        if b"\0" in text:
            return None
        marked = text.replace(b'""', b"\0")
        if (marked[:1] == b"\0" or self._begins in marked) and self._odd.search(marked):
            return None
        cells = self._plainly(marked)
        if cells is None:
            return None
        for number, cell in enumerate(cells):
            if b"\0" in cell:
                cells[number] = b"" if cell == b"\0" else cell.replace(b"\0", b'"')
        return cells

    def _plainly(self, text: bytes) -> list[bytes] | None:
        """The cells where quotes stand around cells and nowhere else, which is quickest seen by cutting at quotes."""
        delimiter = self.delimiter
        parts = text.split(b'"')
        cells = parts[0].split(delimiter)
        last = len(parts) - 1
        for number in range(1, last, 2):
            if cells[-1]:
                return None
            cells[-1] = parts[number]
            behind = parts[number + 1]
            if behind[:1] == delimiter:
                cells += behind[1:].split(delimiter)
            elif behind or number + 1 != last:
                return None
        return None if last % 2 else cells

    def is_open(self, line: bytes, *, inside: bool) -> bool | None:
        """Whether a quote is open at the end of the line, which begins inside one or not; None if it is no row."""
        at, size = 0, len(line)
        while True:
            if inside:
                match = _INSIDE.match(line, at)
                assert match is not None
                at = match.end()
                if at == size:
                    return True
                at += 1
                if at == size:
                    return False
                if line[at] != self._mark:
                    return None
                at += 1
            if at < size and line[at] == ord('"'):
                inside, at = True, at + 1
                continue
            inside = False
            at = line.find(self.delimiter, at) + 1
            if not at:
                return False


class CsvRows:
    """The rows of a table of separated values, chunk after chunk of whole lines."""

    def __init__(self, table: Table, delimiter: bytes, names: tuple[str, ...] = ()) -> None:
        self._table = table
        self._splitter = Splitter(delimiter)
        self._pick: Callable[[list[bytes]], Cells] | None = None  # once the header is behind us
        self._width = 0
        if names:
            self._name(names)
        self._open: list[bytes] = []  # the lines of a row whose quote is open
        self._size = 0  # of those lines, with their ends

    def rows(self, chunk: bytes, _offset: int = 0) -> Iterator[Row]:
        """The rows that end in this chunk, in order."""
        split, delimiter, at = self._splitter.cells, self._splitter.delimiter, 0
        lines = chunk.split(b"\n")
        for line in lines if lines[-1] else lines[:-1]:  # the last of a file may lack its end
            text = line[:-1] if line[-1:] == b"\r" else line
            cells = None if self._open else text.split(delimiter) if b'"' not in text else split(text)
            if cells is not None:
                if len(cells) == self._width and text[:1] != b"#":
                    cells.append(b"")
                    yield (at, self._pick(cells), text)  # type: ignore[misc]  # there is a width
                else:
                    yield self._row(at, cells, text)
            else:
                yield from self._quoted(at, line)
            at += len(line) + 1

    def finish(self, _offset: int = 0) -> Iterator[Row]:
        """What is left at the end: a row whose quote never closes, and the lines it swallowed."""
        if self._open:
            yield from self._give_up(0)

    def _row(self, at: int, cells: list[bytes] | None, text: bytes) -> Row:
        """A row as it is wanted; the header, comments and empty lines are none."""
        clean = text.removeprefix(BOM)
        if clean.startswith(b"#"):
            if clean.startswith(FIELDS):
                self._rename(self._splitter.cells(clean.removeprefix(FIELDS)))
            return (at, None, ASIDE)
        if cells is None or not clean.strip(BLANK):
            return (at, None, text)
        if self._pick is None:
            if not SEPARATOR.match(clean):
                self._rename(self._splitter.cells(clean))
            return (at, None, ASIDE)
        if len(cells) != self._width:
            return (at, None, text)
        cells.append(b"")
        return (at, self._pick(cells), text)

    def _rename(self, cells: list[bytes] | None) -> None:
        self._name(tuple(map(folded, cells or [])))

    def _name(self, names: tuple[str, ...]) -> None:
        self._width, self._pick = len(names), picker(self._table, names)

    def _quoted(self, at: int, line: bytes) -> Iterator[Row]:
        """A line with a quote in it, or behind one that is open."""
        text = line.removesuffix(b"\r")
        if not self._open and line.startswith(b"#"):
            yield self._row(at, None, text)
            return
        state = self._splitter.is_open(text, inside=bool(self._open))
        if state or (state is None and self._open):
            self._open.append(line)
            self._size += len(line) + 1
            if state is None or self._size > LONGEST_ROW or len(self._open) > MOST_LINES:
                yield from self._give_up(at + len(line) + 1)
            return
        whole = b"\n".join([*self._open, text])
        begin = at - self._size
        self._open, self._size = [], 0
        yield self._row(begin, self._splitter.cells(whole), whole)

    def _give_up(self, end: int) -> Iterator[Row]:
        """The lines of a row that has no end, one by one; ``end`` is where they end."""
        lines, at = self._open, end - self._size
        self._open, self._size = [], 0
        for line in lines:
            text = line.removesuffix(b"\r")
            yield self._row(at, self._splitter.cells(text), text)
            at += len(line) + 1


def picker(table: Table, names: Iterable[str]) -> Callable[[list[bytes]], Cells]:
    """A function from the cells of a row, and an empty one behind them, to those that the table wants."""
    positions = {name: number for number, name in reversed(list(enumerate(names)))}
    return itemgetter(*(
        next((positions[one] for one in column.split("|") if one in positions), -1) for column in table.columns
    ))  # fmt: skip
