"""Tables as tokens: which table a source is, and what its rows say, whatever form they are written in.

Cells are text and nothing else; what a spreadsheet would take for a formula is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple, Protocol

from whosent.dialects import Rule
from whosent.reading.counts import Counts
from whosent.reading.elements import Element, Elements, root_of
from whosent.reading.objects import LONGEST_ROW, Found, Objects, cells_of, depth_of
from whosent.reading.patterns import portable
from whosent.reading.separated import ASIDE, BLANK, BOM, FIELDS, SEPARATOR, CsvRows, Row, Splitter
from whosent.reading.stamps import Clock
from whosent.reading.tokens import Layout, Token
from whosent.tables import Reading, Table, discover, folded, identify

DELIMITERS: Final = (b",", b";", b"\t")
_ANYWHERE: Final = 1  # rows that lines say nothing of
_OBJECTS: Final = 20  # looked at to tell which table it is
_LOG_TYPE: Final = b"#Log-type:"


class Header(NamedTuple):
    """A table that was recognised, and how its rows are written."""

    table: Table
    delimiter: bytes  # b"": the rows are JSON objects
    depth: int = 0  # brackets around each of these
    names: tuple[str, ...] = ()  # of its columns, where no line names them

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
        elif text.startswith(FIELDS):
            return _header(text.removeprefix(FIELDS), log_type)
        elif text.strip() and not text.startswith(b"#") and not SEPARATOR.match(text):
            return _header(text, log_type) or _shaped(text)
    return None


def _shaped(row: bytes) -> Header | None:
    """The table whose rows look like this one, which stands where a header should."""
    for table in discover():
        if table.shape and re.fullmatch(portable(table.shape[0]), row):
            return Header(table, DELIMITERS[0], names=table.shape[1])
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
    found = header_of(head)
    named = FIELDS not in head[:10_000] and not (found and found.names)
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
        self._layout = layout
        self._wanted = _wanted(header.table, layout)
        self._read: Reading = header.table.begin()
        self._rows = _rows(header)
        self._offset = 0
        self._program = header.table.name.encode()

    def __getstate__(self) -> dict[str, object]:
        """What is kept between two chunks: what rows before said, and a row whose end was not there yet."""
        return {**self.__dict__, "_wanted": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._wanted = _wanted(self._table, self._layout)

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
        if not text.strip(BLANK):
            self._counts.blank += 1
        elif text is not ASIDE:
            self._counts.lost(text, self._offset + at, self._program)


def _wanted(table: Table, layout: Layout) -> dict[int, tuple[dict[str, bytes], tuple[str, ...] | None]]:
    """What each rule implies, and which fields of it the caller wants."""
    return {
        id(rule): (dict(_fixed(rule)), layout(rule, tuple(_NAMES.findall(rule.pattern.decode()))))
        for rule in table.rules
    }


def first_time(header: Header, head: bytes, clock: Clock) -> float:
    """The earliest time near the beginning of a table, 0 if no row there tells one."""
    tokens = TableTokens(header, lambda _rule, _names: ("stamp",), Counts())
    stamps = {stamp for _, _, (stamp,) in tokens.feed(head, 0) if stamp}
    return min(map(clock.seconds, sorted(stamps)), default=0.0)


def _rows(header: Header) -> Rows:
    if header.table.element:
        return XmlRows(header.table)
    return CsvRows(header.table, header.delimiter, header.names) if header.delimiter else JsonRows(header)


def _fixed(rule: Rule) -> Iterator[tuple[str, bytes]]:
    return ((name, value.encode()) for name, value in rule.fixed)


_NAMES: Final = re.compile(r"\(\?P<(\w+)>")
