"""Which format a source has: tried on its first lines, never asked for."""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.dialects import Dialect, Rule, discover
from whosent.reading.mailboxes import is_mailbox
from whosent.reading.patterns import portable
from whosent.reading.table import Header, header_of
from whosent.reading.tokens import BSD, RFC5424, Envelope, Layout, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Form(Enum):
    """What a source's lines are wrapped in; the value is what people call it."""

    BSD = "syslog"
    RFC5424 = "syslog (RFC 5424)"
    JSON = "journal (JSON)"
    EXPORT = "journal (export)"
    LINES = "lines"
    TABLE = "table"
    MAILBOX = "mailbox"
    UNKNOWN = "unknown"


ENVELOPES: Final[dict[Form, Envelope | None]] = {Form.BSD: BSD, Form.RFC5424: RFC5424, Form.LINES: None}

_MARKS: Final = {
    Form.BSD: re.compile(
        portable(
            rb"(?m)^(?:<\d{1,3}>)?"
            rb"(?P<stamp>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d"
            rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d++)?+(?: ?(?:Z|[+-]\d\d:?\d\d))?+) "
            rb"(?![^ \n]*+(?<=:) )[^ \n]++ (?:\w[\w./@-]*+(?:\[\d++\])?:|last message repeated)"
        )
    ),
    Form.RFC5424: re.compile(rb"(?m)^<\d{1,3}>1 (?P<stamp>\d{4}-\d\d-\d\dT[^ \n]++) "),
    Form.JSON: re.compile(rb'(?m)^\{[^\n]{0,4000}?"__REALTIME_TIMESTAMP"\s*:\s*"(?P<stamp>\d++)"'),
    Form.EXPORT: re.compile(rb"(?m)^__REALTIME_TIMESTAMP=(?P<stamp>\d++)\n"),
}
_NO_TEXT: Final = b"\0"


@cache
def tokenizer(form: Form, layout: Layout) -> Tokenizer:
    """The alternation of all dialects for one form; compiled once a process, since that takes a while."""
    dialects = discover()
    if form is Form.RFC5424:
        cut = (Dialect(one.name, one.title, programs=one.shortened) for one in dialects if one.shortened)
        dialects = (*dialects, *cut)
    return Tokenizer(dialects, ENVELOPES[form], layout)


class Format(NamedTuple):
    """What a source turned out to be: ``title`` for people, ``stamp`` of its first line, ``late`` as in Dialect.

    ``header``: of a table.
    """

    form: Form
    title: str
    stamp: bytes = b""
    late: bool = False
    header: Header | None = None


def sniff(head: bytes) -> Format:
    """The form most of the first lines have; a table is known by its header."""
    if is_mailbox(head):
        return Format(Form.MAILBOX, Form.MAILBOX.value)
    header = header_of(head)
    if header is not None:
        return Format(Form.TABLE, header.table.title, header=header)
    head = head.replace(b"\r\n", b"\n").lstrip(b"\xef\xbb\xbf" + _NO_TEXT)
    votes: Counter[Form] = Counter()
    first: dict[Form, bytes] = {}
    for form, mark in _MARKS.items():
        for match in mark.finditer(head):
            first.setdefault(form, match["stamp"])
            votes[form] += 1
    votes[Form.EXPORT] *= head.count(b"\n")  # one mark in many lines, and no other form has it
    whole = list(_whole_lines(head))
    votes[Form.LINES] = len(whole)
    form, most = votes.most_common(1)[0]
    if not most:
        return Format(Form.UNKNOWN, Form.UNKNOWN.value)
    if form is not Form.LINES:
        return Format(form, form.value, first[form])
    dialect = Counter(dialect for dialect, _ in whole).most_common(1)[0][0]
    return Format(form, dialect.title, whole[0][1], dialect.late)


def _whole_lines(head: bytes) -> Iterator[tuple[Dialect, bytes]]:
    """The dialect and stamp of each of the first lines that is a whole line of one."""
    text = head[: head.rfind(b"\n") + 1] or head + b"\n"
    dialects = {id(rule): dialect for dialect in discover() for rule in dialect.lines}
    for rule, _, fields in tokenizer(Form.LINES, _stamp_alone).read(text, lambda _offset, _line: ()):
        if fields[0]:  # a line without stamp may be anybody's
            yield dialects[id(rule)], fields[0]


def _stamp_alone(_rule: Rule, _names: tuple[str, ...]) -> tuple[str, ...]:
    return ("stamp", "host")


class Claims:
    """Which dialect speaks for a program named in a syslog tag."""

    def __init__(self) -> None:
        self._claims = tuple(
            (re.compile(portable(_plain(_programs(dialect)))), dialect) for dialect in discover() if dialect.programs
        )
        self._ambiguous = {
            dialect.name: tuple(re.compile(portable(pattern)) for pattern in dialect.ambiguous)
            for dialect in discover()
        }

    def dialect(self, program: bytes) -> Dialect | None:
        """The dialect that claims the program, if any."""
        return next((dialect for pattern, dialect in self._claims if pattern.fullmatch(program)), None)

    def is_ambiguous(self, dialect: Dialect, body: bytes) -> bool:
        """Whether a stranger's text imitates fields in this body, so that they cannot be told apart."""
        return any(pattern.match(body) for pattern in self._ambiguous[dialect.name])


def _programs(dialect: Dialect) -> bytes:
    names = rb"|".join(name for name, _ in dialect.programs)
    cut = rb"".join(rb"|" + name for name, _ in dialect.shortened)
    return dialect.head + rb"(?:" + names + rb")" + cut


def _plain(pattern: bytes) -> bytes:
    """The pattern without the names of its groups, which dialects share."""
    return re.sub(rb"\(\?P<\w+>", rb"(?:", pattern)


@cache
def claims() -> Claims:
    """The claims of all dialects, compiled once."""
    return Claims()
