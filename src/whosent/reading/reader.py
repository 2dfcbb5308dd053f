"""Reads one source: settles its format, hands out tokens, accounts for every line.

The hot path of a plain syslog file is :meth:`Tokenizer.read <whosent.reading.tokens.Tokenizer.read>` alone; what no
rule recognises comes to :meth:`Reader._otherwise`, which may take its time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from whosent.reading.counts import Counts
from whosent.reading.formats import Form, claims, sniff, tokenizer
from whosent.reading.journal import ExportEntries, JsonEntries
from whosent.reading.table import TableTokens, first_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whosent.reading.journal import Line
    from whosent.reading.stamps import Clock
    from whosent.reading.tokens import Layout, Token

LONGEST_LINE: Final = 64 * 1024  # a longer one that no rule recognised is not looked at any further
MOST_REPEATS: Final = 10_000  # of one "message repeated" line

_UNUSUAL: Final = frozenset(
    {Form.UNKNOWN, Form.JSON, Form.EXPORT, Form.MAILBOX, Form.TABLE}
)  # lines among them are tried as syslog's
_BSD_LINE: Final = re.compile(
    rb"(?P<envelope>(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d++)?+(?: ?(?:Z|[+-]\d\d:?\d\d))?+) (?P<host>[^ ]++) )"
    rb"(?:(?P<last>last message repeated (?P<times>\d{1,9}+) times?)"
    rb"|(?P<tag>(?P<program>[^ :\[]{1,64})(?:\[\d+\])?): ?(?P<body>.*+))",
    re.DOTALL,
)
_RFC5424_LINE: Final = re.compile(
    rb"<\d{1,3}>1 (?P<stamp>[^ ]++) (?P<host>[^ ]++) (?P<program>[^ ]++) [^ ]++ [^ ]++ (?:- *+)?(?P<body>.*+)",
    re.DOTALL,
)
_REPEATED: Final = re.compile(rb"message repeated (\d{1,9}+) times?: \[ ?(.*)\]\s*\Z", re.DOTALL)
_JUNK: Final = b"\0\xef\xbb\xbf \t\r"  # what a crash or an editor leaves before a line


class Reader:
    """Tokens and counts of one source.

    ``head`` is the source's beginning (256 KiB are plenty), only looked at.  Feed :meth:`tokens` whole lines, chunk
    after chunk, and call :meth:`finish` at the end; offsets count from the first byte of the chunk as it was given
    (an entry that began in an earlier chunk has a negative one).  ``starts`` is the time of its first line (0 if
    that has none), ``late`` whether stamps may run back because lines are written at the end of what they stamp.
    """

    def __init__(self, head: bytes, clock: Clock, layout: Layout) -> None:
        found = sniff(head)
        self.form, self.format, self.late = found.form, found.title, found.late
        self.starts = clock.seconds(found.stamp) if found.stamp else 0.0
        self.counts = Counts()
        self._table: TableTokens | None = None
        self.table = self.system = ""  # its name and what writes it, if it is one
        self.disorder = 0.0  # seconds its rows may be out of order
        if found.header is not None:
            self._table = TableTokens(found.header, layout, self.counts)
            self.table, self.system = found.header.table.name, found.header.table.system
            self.disorder = found.header.table.disorder
            self.starts = first_time(found.header, head, clock)
        self.longest_line = found.header.longest_line if found.header else None
        self._layout = layout
        usual = Form.BSD if self.form in _UNUSUAL else self.form
        self._tokenizer = tokenizer(usual, layout)
        self._usual = usual
        self._json = JsonEntries()
        self._export = ExportEntries()
        self._offset = self._end = 0  # of the present chunk in the source
        self._chunk = b""  # the present one, without carriage returns
        self._carriage_returns: list[int] = []
        self._last = b""  # the last line of the chunk before
        self._repeated = b""  # what the latest "last message repeated" spoke of
        self._starts: dict[int, int] = {}  # of journal entries: offset in our chunk to offset in the given one

    def __getstate__(self) -> dict[str, object]:
        """What is kept between two chunks: no compiled patterns, and of the chunk only its last line."""
        last = self._line_before(len(self._chunk))
        gone: dict[str, object] = {
            "_tokenizer": None,
            "_chunk": b"",
            "_last": last,
            "_starts": {},
            "_carriage_returns": [],
        }
        return {**self.__dict__, **gone}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._tokenizer = tokenizer(self._usual, self._layout)

    def tokens(self, chunk: bytes, offset: int | None = None, lines: int | None = None) -> Iterator[Token]:
        """The wanted tokens of the next chunk, in order; those of the one before must have been taken.

        ``offset`` is where the chunk starts, if not behind the last; ``lines`` how many it has, if that is known.
        No generator, so that the tokens of a plain chunk come straight from the hot loop.
        """
        self._offset = self._end if offset is None else offset
        if self._table is not None:
            self._end = self._offset + len(chunk)
            return self._table.feed(chunk, self._offset)
        self._last = self._line_before(len(self._chunk))
        if not chunk.endswith(b"\n"):
            if not chunk:
                return iter(())
            chunk += b"\n"
        self._end = self._offset + len(chunk)
        if self.form is Form.EXPORT:
            return self._exported(self._export.feed(chunk, self._offset))
        self.counts.lines += chunk.count(b"\n") if lines is None else lines
        if self.form is Form.JSON:
            return self._journal(self._json_lines(chunk))
        if b"\r" in chunk and b"\r\n" in chunk:
            return self._without_carriage_returns(chunk)
        self._chunk = chunk
        return self._tokenizer.read(chunk, self._otherwise)

    def finish(self) -> Iterator[Token]:
        """What is left at the end of the source (a journal export that was cut off)."""
        self._offset = self._end
        if self.form is Form.EXPORT:
            yield from self._exported(self._export.finish())
        elif self._table is not None:
            yield from self._table.finish(self._offset)

    # ------------------------------------------------------------------ other forms, turned into plain lines

    def _without_carriage_returns(self, chunk: bytes) -> Iterator[Token]:
        ends = self._carriage_returns = [match.start() for match in re.finditer(rb"\r\n", chunk)]
        for removed, end in enumerate(ends):
            ends[removed] = end - removed
        self._chunk = chunk.replace(b"\r\n", b"\n")
        for rule, at, fields in self._tokenizer.read(self._chunk, self._otherwise):
            yield rule, at + bisect_right(ends, at - 1), fields
        ends.clear()

    def _json_lines(self, chunk: bytes) -> Iterator[Line]:
        """The journal's entries; lines that are none go the way of unknown lines."""
        at = 0
        while at < len(chunk):
            end = chunk.index(b"\n", at)
            raw = chunk[at:end]
            line = self._json.line(raw, at)
            if line is not None:
                yield line
            elif raw.strip(_JUNK):
                self.counts.lost(raw, self._offset + at)
            else:
                self.counts.blank += 1
            at = end + 1

    def _exported(self, entries: Iterable[tuple[int, Line | None]]) -> Iterator[Token]:
        """An entry of many lines counts as one."""
        lines = []
        for offset, line in entries:
            self.counts.lines += 1
            if line is None:
                self.counts.lost(b"journal entry without time", offset)
            else:
                lines.append(line._replace(offset=offset - self._offset))
        yield from self._journal(lines)

    def _journal(self, lines: Iterable[Line]) -> Iterator[Token]:
        """Entries as one chunk of plain lines; what their trusted fields contradict is left out and counted."""
        texts: list[bytes] = []
        starts: dict[int, int] = {}
        size = 0
        for line in lines:
            if line.doubt and claims().dialect(line.tag) is not None:
                self._doubtful(line)
                continue
            starts[size] = line.offset
            texts.append(line.text)
            size += len(line.text) + 1
        self._chunk = b"\n".join([*texts, b""])
        self._starts = starts
        for rule, at, fields in tokenizer(Form.BSD, self._layout).read(self._chunk, self._otherwise):
            yield rule, starts[at], fields

    def _doubtful(self, line: Line) -> None:
        """A forgery if it would be a fact; what a program says of itself does no harm."""
        tokens = self._read(Form.BSD, line.text, 0)
        if tokens is None:
            self.counts.lost(line.text, self._offset + line.offset)
        elif tokens:
            self.counts.forgery(self._offset + line.offset)

    # ------------------------------------------------------------------ lines that no rule recognised

    def _otherwise(self, at: int, line: bytes) -> Iterable[Token]:
        if len(line) > LONGEST_LINE:
            self.counts.lost(b"line longer than 64 KiB", self._original(at))
            return ()
        clean = line.strip(_JUNK)
        if not clean:
            self.counts.blank += 1
            return ()
        if clean is not line and len(clean) != len(line):
            tokens = self._read(self._usual, clean, at)
            if tokens is not None:
                return tokens
        return self._unusual(at, clean)

    def _unusual(self, at: int, line: bytes) -> Iterable[Token]:
        """A line that is not as most lines of its source are."""
        known = _BSD_LINE.match(line)
        if known is not None and known["last"]:
            return self._repeat_last(at, known)
        if known is not None and not known["host"].endswith(b":"):
            return self._tagged(at, line, known)
        for form in (Form.RFC5424, Form.LINES):
            tokens = self._read(form, line, at) if form is not self._usual else None
            if tokens is not None:
                return tokens
        if line.startswith(b"{"):
            return self._single_entry(at, line)
        return self._unrecognised(at, line, _RFC5424_LINE.match(line))

    def _tagged(self, at: int, line: bytes, known: re.Match[bytes]) -> Iterable[Token]:
        tokens = self._read(Form.BSD, line, at) if self._usual is not Form.BSD else None
        if tokens is None:
            tokens = self._repeat_inner(at, known)
        return self._unrecognised(at, line, known) if tokens is None else tokens

    def _unrecognised(self, at: int, line: bytes, known: re.Match[bytes] | None) -> tuple[()]:
        """Count a line that stays without an event."""
        if known is None:
            if line.endswith(b"-- MARK --"):
                self.counts.other(b"syslogd")
            else:
                self.counts.lost(line, self._original(at))
            return ()
        dialect = claims().dialect(known["program"])
        if dialect is None:
            self.counts.other(known["program"])
        elif claims().is_ambiguous(dialect, known["body"]):
            self.counts.imitated(self._original(at))
        else:
            self.counts.lost(known["body"], self._original(at), known["program"])
        return ()

    def _single_entry(self, at: int, line: bytes) -> Iterable[Token]:
        """A journal entry amid other lines."""
        entry = self._json.line(line, at)
        if entry is None:
            self.counts.lost(line, self._original(at))
            return ()
        if entry.doubt and claims().dialect(entry.tag) is not None:
            self._doubtful(entry._replace(offset=self._original(at) - self._offset))
            return ()
        tokens = self._read(Form.BSD, entry.text, at)
        return self._unrecognised(at, entry.text, _BSD_LINE.match(entry.text)) if tokens is None else tokens

    def _read(self, form: Form, line: bytes, at: int) -> list[Token] | None:
        """The tokens of one line as that form has it; None if no rule recognises it."""
        missed: list[int] = []

        def miss(offset: int, _line: bytes) -> tuple[()]:
            missed.append(offset)
            return ()

        tokens = [(rule, at, fields) for rule, _, fields in tokenizer(form, self._layout).read(line + b"\n", miss)]
        return None if missed else tokens

    # ------------------------------------------------------------------ "message repeated N times"

    def _repeat_last(self, at: int, known: re.Match[bytes]) -> Iterable[Token]:
        """syslogd(8): "last message repeated N times" speaks of the line before it in the file, from the same host."""
        line = self._line_before(at)
        before = _BSD_LINE.match(line)
        if before is not None and before["last"]:  # again: what that one repeated
            line = self._repeated
        self._repeated = line
        before = _BSD_LINE.match(line)
        if before is None or before["host"] != known["host"] or not before["tag"]:
            return ()
        text = known["envelope"] + before["tag"] + b": " + before["body"]
        return (self._read(Form.BSD, text, at) or []) * min(int(known["times"]), MOST_REPEATS)

    def _repeat_inner(self, at: int, known: re.Match[bytes]) -> list[Token] | None:
        """rsyslog: "tag: message repeated N times: [ body]"."""
        repeated = _REPEATED.match(known["body"])
        if repeated is None:
            return None
        text = known["envelope"] + known["tag"] + b": " + repeated[2]
        tokens = self._read(Form.BSD, text, at)
        return None if tokens is None else tokens * min(int(repeated[1]), MOST_REPEATS)

    def _line_before(self, at: int) -> bytes:
        """The line that ends where ``at`` begins, without its end."""
        if at == 0:
            return self._last
        return self._chunk[self._chunk.rfind(b"\n", 0, at - 1) + 1 : at - 1]

    def _original(self, at: int) -> int:
        """An offset in the present chunk as an offset in the source."""
        if self._starts:
            return self._offset + self._starts[at]
        return self._offset + at + (bisect_right(self._carriage_returns, at - 1) if self._carriage_returns else 0)
