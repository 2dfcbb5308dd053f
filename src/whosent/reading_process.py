"""What a reading process does: it reads one input and writes its rows as frames to standard output.

The order comes pickled on standard input.  A frame is a header (size, stored bytes consumed) and a body: rows
marshalled and compressed; the last one, marked in its size, is the pickled :class:`Ending`.
"""

from __future__ import annotations

import gc
import marshal
import pickle
import signal
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import zstandard

from whosent.configuration import zone_of
from whosent.dialects import Rule, discover
from whosent.join import tables
from whosent.join.lives import Begun, Early
from whosent.join.messages import Join
from whosent.model.rows import (
    Actor,
    Arrived,
    Attempted,
    Call,
    Closed,
    Forward,
    Handover,
    JoinedRow,
    Length,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Reported,
    Request,
    Result,
    Session,
    Subject,
    Verdict,
)
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.reading.counts import Counts
from whosent.reading.native import native
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Marks, Source

ENDING: Final = 1 << 63  # set in the size of the last frame
HEADER: Final = struct.Struct("<QQ")
_ALLOCATIONS: Final = 50_000  # rows make no cycles: looking for them every 700 allocations costs a fifth
_MARSHAL: Final = 2  # the version without references: quickest for rows that share little
_KINDS: Final = (Message, Outcome, Login, Rejection, Request, Call, Verdict, Subject, Handover, Closed, Early, Begun,
                 Arrived, Attempted, Session, Forward, Reported, Length)  # fmt: skip
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}
_WITH_ACTOR: Final = frozenset({Message, Outcome, Handover, Verdict, Subject})
_ROWS_A_FRAME: Final = 8_000
_KNOWN: Final = 50_000  # actors that are one object whatever frame names them

Passed = JoinedRow | Early | Begun


class Order(NamedTuple):
    """What to read, and how."""

    number: int
    path: Path
    settings: Settings
    with_ids: bool = False  # Message-IDs too
    continues: bool = True  # it is a later part of a stream: what began before it is passed on


class Ending(NamedTuple):
    """What is known of an input when all of it was read."""

    join: Join
    counts: Counts
    marks: Marks
    last: float
    guessed_year: bool


def packed(rows: list[Passed], rules: dict[int, int]) -> bytes:
    """Rows as one frame body: the actors they name, each once, and the rows."""
    known = [row._replace(rule=rules[id(row.rule)]) if isinstance(row, Early) else row for row in rows]  # type: ignore[arg-type]  # by number
    actors: dict[Actor, int] = {}
    plain = native.plain_rows(known, _NUMBERS, actors) if native else [_plain(row, actors) for row in known]
    return zstandard.ZstdCompressor(level=1).compress(marshal.dumps((list(map(tuple, actors)), plain), _MARSHAL))


def _plain(row: Passed, actors: dict[Actor, int]) -> tuple[Any, ...]:
    """The number of its class and its fields, all of them plain values; an actor is a number in ``actors``."""
    number, actor = _NUMBERS[row.__class__], row[2]
    told = actors.setdefault(actor, len(actors)) if isinstance(actor, Actor) else actor
    if isinstance(row, Outcome):
        return (number, *row[:2], told, *row[3:6], int(row.result), int(row.reason), *row[8:])
    return (number, *row[:2], told, *row[3:])


def unpacked(body: bytes, rules: list[Rule], known: dict[Actor, Actor]) -> list[Passed]:
    """The rows of a frame body; ``known`` are actors of frames before, which are the same objects again."""
    told, plain = marshal.loads(zstandard.ZstdDecompressor().decompress(body))  # noqa: S302  # our own frame
    if len(known) > _KNOWN:
        known.clear()
    actors = [known.setdefault(one, one) for one in map(Actor._make, told)]
    rows: list[Passed]
    if native:
        rows = native.whole_rows(plain, _KINDS, _WITH_ACTOR, Outcome, actors, _RESULTS, _REASONS)
    else:
        rows = [_whole(actors, *one) for one in plain]
    if Early in map(type, rows):
        rows = [row._replace(rule=rules[row.rule]) if isinstance(row, Early) else row for row in rows]  # type: ignore[call-overload]  # a number
    return rows


def _whole(actors: list[Actor], number: int, *fields: Any) -> Passed:  # noqa: ANN401  # what marshal gives
    """The row that was made plain."""
    kind, values = _KINDS[number], list(fields)
    if kind in _WITH_ACTOR:
        values[2] = actors[values[2]]
    if kind is Outcome:
        values[6], values[7] = _RESULTS[values[6]], _REASONS[values[7]]
    return tuple.__new__(kind, values)  # type: ignore[return-value]  # of that kind


_RESULTS: Final = list(Result)
_REASONS: Final = list(Reason)


def all_rules() -> list[Rule]:
    """Every rule of every dialect, in an order that all processes of one version share."""
    return [
        rule
        for dialect in discover()
        for rules in (*(rules for _, rules in dialect.programs), dialect.lines)
        for rule in rules
    ]


def _read(order: Order, out: BinaryIO) -> None:
    source = Source(str(order.path), order.path)
    logs = order.settings.logs
    clock = Clock(zone_of(logs.timezone), source.written, logs.year)
    reader = Reader(source.head(), clock, tables.layout_with_ids if order.with_ids else tables.layout)
    source.longest_line = reader.longest_line
    join = tables.join_for(reader.form)(Surroundings(order.settings.ours), passes_on=order.continues)
    join.continue_with(order.number, clock)
    rules = {id(rule): number for number, rule in enumerate(all_rules())}
    waiting: list[Passed] = []
    consumed = 0
    for offset, chunk, consumed in source.chunks():  # the last one is told at the end
        waiting += join.rows(reader.tokens(chunk, offset, source.chunk_lines), offset)
        if len(waiting) >= _ROWS_A_FRAME:
            _write(out, packed(waiting, rules), consumed)
            waiting.clear()
    waiting += join.rows(reader.finish(), source.size)
    _write(out, packed(waiting, rules), consumed)
    ending = Ending(join, reader.counts, source.marks, join.time, clock.guessed_year)
    _write(out, pickle.dumps(ending), consumed, ENDING)


def _write(out: BinaryIO, body: bytes, consumed: int, mark: int = 0) -> None:
    out.write(HEADER.pack(len(body) | mark, consumed) + body)
    out.flush()


def main() -> None:
    """Read what standard input orders."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever is interrupted with us says so
    gc.set_threshold(_ALLOCATIONS)
    _read(pickle.load(sys.stdin.buffer), sys.stdout.buffer)  # noqa: S301  # from our own parent
