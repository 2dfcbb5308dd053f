"""Tables as tokens: comma-separated rows (RFC 4180) below their header, each with the offset of its first byte.

Rows without a quote are split where they stand; others are read as RFC 4180 says, line ends inside quotes included.
A quote that is never closed costs its own line and no other: after :data:`LONGEST_ROW` bytes the lines behind it are
read one by one.  Cells are text and nothing else; what a spreadsheet would take for a formula is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple, Protocol, TypeAlias

from whosent.dialects import Rule
from whosent.reading.counts import Counts
from whosent.reading.elements import Element, Elements, root_of
from whosent.reading.objects import LONGEST_ROW, Found, Objects, cells_of, depth_of
from whosent.reading.patterns import portable
from whosent.reading.stamps import Clock
from whosent.reading.tokens import Layout, Token
from whosent.tables import Cells, Reading, Table, discover, folded, identify

MOST_LINES: Final = 1_000  # of one row
DELIMITERS: Final = (b",", b";", b"\t")
BOM: Final = b"\xef\xbb\xbf"
ASIDE: Final = b"#"  # the text of what is no row: the header, a comment
_BLANK: Final = b"\0 \t\r"
_ANYWHERE: Final = 1  # rows that lines say nothing of
_OBJECTS: Final = 20  # looked at to tell which table it is
_FIELDS: Final = b"#Fields:"
_LOG_TYPE: Final = b"#Log-type:"
_SEPARATOR: Final = re.compile(rb"(?i)sep=.\r?\Z")  # what a spreadsheet wants to be told
_QUOTED: Final = rb'"[^"]*+(?:""[^"]*+)*+"'
_INSIDE: Final = re.compile(portable(rb'[^"]*+(?:""[^"]*+)*+'))


Row: TypeAlias = tuple[int, Cells | None, bytes]
"""One row: its first byte, relative to the chunk; the wanted cells, None if they cannot be told apart; its text."""


class Header(NamedTuple):
    """A table that was recognised, and how its rows are written."""

    table: Table
    delimiter: bytes  # b"": the rows are JSON objects
    depth: int = 0  # brackets around each of these

    @property
    def longest_line(self) -> int:
        """Bytes of the longest line that is a row; 0: rows need no lines."""
        return 0 if self.depth else LONGEST_ROW


def header_of(head: bytes) -> Header | None:
    """The table that begins like this, None if it is none of ours."""
    if head.removeprefix(BOM).lstrip()[:1] == b"<":
        return _xml_header(head.removeprefix(BOM))
    if head.removeprefix(BOM).lstrip()[:1] in {b"{", b"["}:
        return _json_header(head.removeprefix(BOM))
    log_type = b""
    for line in head.removeprefix(BOM).split(b"\n"):
        text = line.rstrip(b"\r")
        if text.startswith(_LOG_TYPE):
            log_type = text.removeprefix(_LOG_TYPE).strip()
        elif text.startswith(_FIELDS):
            return _header(text.removeprefix(_FIELDS), log_type)
        elif text.strip() and not text.startswith(b"#") and not _SEPARATOR.match(text):
            return _header(text, log_type)
    return None


def _header(text: bytes, log_type: bytes) -> Header | None:
    for delimiter in DELIMITERS:
        cells = Splitter(delimiter).cells(text)
        if cells is not None and len(cells) > 1:
            table = identify(map(folded, cells), log_type)
            if table is not None:
                return Header(table, delimiter)
    return None


def first_row(head: bytes) -> bytes:
    """What a table begins with that others of its kind do not: the line behind its header."""
    lines = [line for line in head.removeprefix(BOM).split(b"\n", 100)[:100] if not line.startswith(b"#")]
    named = _FIELDS not in head[:10_000]
    return b"\n".join(lines[named : named + 1])


def _xml_header(head: bytes) -> Header | None:
    root = root_of(head)
    table = next((table for table in discover() if root and table.element and table.element[0] == root), None)
    return Header(table, b"", _ANYWHERE) if table is not None else None


def _json_header(head: bytes) -> Header | None:
    """By the first objects: those with most of what a table tells itself by."""
    depth = depth_of(head)
    for found in islice(Objects(depth).feed(head), _OBJECTS):
        table = identify(cells_of(found.text) or ())
        if table is not None and not table.log_type:
            return Header(table, b"", depth)
    return None


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

    def __init__(self, header: Header) -> None:
        self._table = header.table
        self._splitter = Splitter(header.delimiter)
        self._pick: Callable[[list[bytes]], Cells] | None = None  # once the header is behind us
        self._width = 0
        self._open: list[bytes] = []  # the lines of a row whose quote is open
        self._size = 0  # of those lines, with their ends

    def rows(self, chunk: bytes, _offset: int = 0) -> Iterator[Row]:
        """The rows that end in this chunk, in order."""
        split, delimiter, at = self._splitter.cells, self._splitter.delimiter, 0
        for line in chunk.split(b"\n")[:-1]:
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
            if clean.startswith(_FIELDS):
                self._rename(self._splitter.cells(clean.removeprefix(_FIELDS)))
            return (at, None, ASIDE)
        if cells is None or not clean.strip(_BLANK):
            return (at, None, text)
        if self._pick is None:
            if not _SEPARATOR.match(clean):
                self._rename(self._splitter.cells(clean))
            return (at, None, ASIDE)
        if len(cells) != self._width:
            return (at, None, text)
        cells.append(b"")
        return (at, self._pick(cells), text)

    def _rename(self, cells: list[bytes] | None) -> None:
        names = list(map(folded, cells or []))
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


class JsonRows:
    """The rows of a table of JSON objects, chunk after chunk, cut anywhere."""

    def __init__(self, header: Header) -> None:
        self._columns = [column.split("|") for column in header.table.columns]
        self._telling = [column.split("|") for column in header.table.telling]
        self._objects = Objects(header.depth)

    def rows(self, chunk: bytes, _offset: int = 0) -> Iterator[Row]:
        """The objects that end in this chunk, in order."""
        return map(self._row, self._objects.feed(chunk))

    def finish(self, _offset: int = 0) -> Iterator[Row]:
        """An object without its end."""
        return map(self._row, self._objects.finish())

    def _row(self, found: Found) -> Row:
        cells = cells_of(found.text) if found.whole else None
        if cells is None or not all(any(name in cells for name in names) for names in self._telling):
            return (found.at, None, found.text)
        return (found.at, tuple(_first(cells, names) for names in self._columns), found.text)


def _first(cells: Mapping[str, bytes], names: Iterable[str]) -> bytes:
    return next((cells[name] for name in names if cells.get(name)), b"")


class XmlRows:
    """The rows of a table of XML elements, chunk after chunk, cut anywhere."""

    def __init__(self, table: Table) -> None:
        assert table.element is not None
        self._columns = [column.split("|") for column in table.columns]
        self._elements = Elements(*table.element)

    def rows(self, chunk: bytes, offset: int) -> Iterator[Row]:
        """The elements that end in this chunk, in order."""
        return map(self._row, self._elements.feed(chunk, offset))

    def finish(self, offset: int) -> Iterator[Row]:
        """A document without its end."""
        return map(self._row, self._elements.finish(offset))

    def _row(self, element: Element) -> Row:
        if element.cells is None:
            return (element.at, None, b"document that is broken, or declares a type or entities")
        cells = element.cells
        return (element.at, tuple(_first(cells, names) for names in self._columns), b"record without its fields")


class Rows(Protocol):
    """The rows of one form of table, chunk after chunk."""

    def rows(self, chunk: bytes, offset: int) -> Iterator[Row]:
        """The rows that end in this chunk, which stands at ``offset`` of the source, in order."""

    def finish(self, offset: int) -> Iterator[Row]:
        """What is left at the end of the source, at ``offset``."""


class TableTokens:
    """Turns rows into the tokens the caller laid out, and counts those that say nothing it can use."""

    def __init__(self, header: Header, layout: Layout, counts: Counts) -> None:
        self._table = header.table
        self._counts = counts
        self._wanted = {
            id(rule): (dict(_fixed(rule)), layout(rule, tuple(_NAMES.findall(rule.pattern.decode()))))
            for rule in header.table.rules
        }
        self._read: Reading = header.table.begin()
        self._rows = _rows(header)
        self._offset = 0
        self._program = header.table.name.encode()

    def feed(self, chunk: bytes, offset: int) -> Iterator[Token]:
        """The tokens of the rows that end in this chunk."""
        self._offset = offset
        return self._tokens(self._rows.rows(chunk, offset))

    def finish(self, offset: int) -> Iterator[Token]:
        """The tokens of what is left at the end of the source, which is at ``offset``."""
        self._offset = offset
        return self._tokens(self._rows.finish(offset))

    def _tokens(self, rows: Iterable[Row]) -> Iterator[Token]:
        counts, read, wanted = self._counts, self._read, self._wanted
        for at, cells, text in rows:
            counts.lines += 1
            said = read(cells) if cells is not None else None
            if said is None:
                self._aside(at, text)
                continue
            for rule, fields in said:
                fixed, names = wanted[id(rule)]
                if names is not None:
                    yield rule, at, tuple(map(({**fixed, **fields} if fixed else fields).get, names))

    def _aside(self, at: int, text: bytes) -> None:
        """A row that says nothing, the header, a comment, or an empty line."""
        if not text.strip(_BLANK):
            self._counts.blank += 1
        elif text is not ASIDE:
            self._counts.lost(text, self._offset + at, self._program)


def first_time(header: Header, head: bytes, clock: Clock) -> float:
    """The earliest time near the beginning of a table, 0 if no row there tells one."""
    tokens = TableTokens(header, lambda _rule, _names: ("stamp",), Counts())
    stamps = {stamp for _, _, (stamp,) in tokens.feed(head, 0) if stamp}
    return min(map(clock.seconds, sorted(stamps)), default=0.0)


def _rows(header: Header) -> Rows:
    if header.table.element:
        return XmlRows(header.table)
    return CsvRows(header) if header.delimiter else JsonRows(header)


def _fixed(rule: Rule) -> Iterator[tuple[str, bytes]]:
    return ((name, value.encode()) for name, value in rule.fixed)


_NAMES: Final = re.compile(r"\(\?P<(\w+)>")


def picker(table: Table, names: Iterable[str]) -> Callable[[list[bytes]], Cells]:
    """A function from the cells of a row, and an empty one behind them, to those that the table wants."""
    positions = {name: number for number, name in reversed(list(enumerate(names)))}
    return itemgetter(*(
        next((positions[one] for one in column.split("|") if one in positions), -1) for column in table.columns
    ))  # fmt: skip
