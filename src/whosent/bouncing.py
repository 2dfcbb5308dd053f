"""Mailboxes among the inputs of a scan: their bounces and the reports attached to them, every line accounted for."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

import msgspec

from whosent.join.tables import TableJoin, layout
from whosent.model.complaint import Told
from whosent.model.finding import Finding, Level, Strength
from whosent.model.rows import JoinedRow, reference
from whosent.model.surroundings import Surroundings
from whosent.reading.counts import Counts
from whosent.reading.formats import Form
from whosent.reading.mailboxes import Message, messages
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.reading.table import TableTokens
from whosent.sources.files import Source

RECORDER: Final = "bounces"  # who wrote such a line down
_OTHER_MAIL: Final = "mail that is no bounce and brings no report"


class Box(Protocol):
    """An input of the walk."""

    number: int
    source: Source
    reader: Reader
    clock: Clock
    last: float


class Received(NamedTuple):
    """What the mailboxes among the inputs hold: bounces, each with where it was read, and what receivers report."""

    bounces: list[tuple[Told, int]]
    reported: list[JoinedRow]


def received(inputs: Iterable[Box], surroundings: Surroundings) -> Received:
    """The bounces and the DMARC reports in the mailboxes among the inputs; a report that came twice counts once."""
    boxes = [one for one in inputs if one.reader.form is Form.MAILBOX]
    if not boxes:
        return Received([], [])
    from whosent.complaints.reading import read  # noqa: PLC0415  # a third of the start of a scan without mailboxes

    bounces: list[tuple[Told, int]] = []
    reported: list[JoinedRow] = []
    seen: set[bytes] = set()
    for one in boxes:
        counts = one.reader.counts
        for message in messages((offset, chunk) for offset, chunk, _ in one.source.chunks()):
            told = [each for each in read(message.raw) if each.kind == "bounce"]
            bounces += [(each, reference(one.number, message.offset)) for each in told]
            one.last = max([one.last, *(each.reported for each in told if each.reported is not None)])
            if not told:
                reported += _reported(one, message, TableJoin(surroundings), seen)
        counts.lines = one.source.lines
    return Received(bounces, sorted(reported, key=itemgetter(0, 1)))


def _reported(one: Box, message: Message, join: TableJoin, seen: set[bytes]) -> list[JoinedRow]:
    """The rows of the reports attached to a message; its lines go to the account of the mailbox."""
    from whosent.complaints.enclosed import tables  # noqa: PLC0415  # see above
    from whosent.complaints.mail import parse  # noqa: PLC0415

    counts, rows, whole = one.reader.counts, list[JoinedRow](), False
    join.continue_with(one.number, one.clock)
    problem = ""
    for enclosed in tables(parse(message.raw)):
        problem = problem or enclosed.problem
        digest = hashlib.sha256(enclosed.text).digest()
        if enclosed.header is None:
            continue
        whole = True
        if digest in seen:
            continue
        seen.add(digest)
        tokens = TableTokens(enclosed.header, layout, Counts())
        said = itertools.chain(tokens.feed(enclosed.text, 0), tokens.finish(len(enclosed.text)))
        rows += join.rows(((rule, 0, fields) for rule, _, fields in said), message.offset)
    one.last = max(one.last, join.time)
    if problem:
        counts.lost(problem.encode(), message.offset, b"mail", message.lines)
    elif not whole:
        counts.other_programs[_OTHER_MAIL] = counts.other_programs.get(_OTHER_MAIL, 0) + message.lines
    return rows


def weighed(finding: Finding, recorder: Callable[[int], str]) -> Finding:
    """A finding that rests on bounces is a join with others' words: likely, its lines corroborated at most."""
    unweighed = (quote.ref for quote in finding.quotes if quote.level is not Level.CLAIMED)  # which is weak enough
    returned = {ref for ref in unweighed if recorder(ref) == RECORDER}
    if not returned:
        return finding
    weaker = finding.strength if finding.strength in {Strength.CANDIDATES, Strength.UNPROVABLE} else Strength.LIKELY
    quotes = tuple(
        msgspec.structs.replace(quote, level=Level.CORROBORATED) if quote.ref in returned else quote
        for quote in finding.quotes
    )
    witnesses = (*finding.witnesses, "bounces that came back")
    return msgspec.structs.replace(finding, strength=weaker, quotes=quotes, witnesses=witnesses)
