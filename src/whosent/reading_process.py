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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import zstandard

from whosent.configuration import zone_of
from whosent.dialects import Rule, discover
from whosent.join import tables
from whosent.join.messages import Begun, Early, Join
from whosent.model.rows import (
    Actor,
    Arrived,
    Attempted,
    Call,
    Closed,
    Forward,
    Handover,
    JoinedRow,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Reported,
    Request,
    Result,
    Session,
)
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.reading.counts import Counts
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Marks, Source

ENDING: Final = 1 << 63  # set in the size of the last frame
HEADER: Final = struct.Struct("<QQ")
_ALLOCATIONS: Final = 50_000  # rows make no cycles: looking for them every 700 allocations costs a fifth
_MARSHAL: Final = 2  # the version without references: quickest for rows that share little
_KINDS: Final = (Message, Outcome, Login, Rejection, Request, Call, Handover, Closed, Early, Begun, Arrived,
                 Attempted, Session, Forward, Reported)  # fmt: skip
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}
_OUTCOME: Final = _NUMBERS[Outcome]
_ROWS_A_FRAME: Final = 4_000

Passed = JoinedRow | Early | Begun


class Order(NamedTuple):
    """What to read, and how."""

    number: int
    path: Path
    settings: Settings


class Ending(NamedTuple):
    """What is known of an input when all of it was read."""

    join: Join
    counts: Counts
    marks: Marks
    last: float
    guessed_year: bool


def packed(rows: Iterable[Passed], rules: dict[int, int]) -> bytes:
    """Rows as one frame body."""
    plain: list[tuple[Any, ...]] = []
    for row in rows:
        kind = row.__class__
        if kind is Outcome:
            time, ref, actor, queue_id, sender, recipient, result, reason, relay, forwarded = row  # type: ignore[misc]
            plain.append((
                _OUTCOME, time, ref, tuple(actor), queue_id, sender, recipient, int(result), int(reason), relay,
                forwarded,
            ))  # fmt: skip
        elif kind is Message or kind is Handover:
            plain.append((_NUMBERS[kind], row[0], row[1], tuple(row[2]), *row[3:]))  # type: ignore[arg-type]  # its actor
        elif kind is Early:
            plain.append((_NUMBERS[kind], row[0], row[1], rules[id(row[2])], row[3]))
        else:
            plain.append((_NUMBERS[kind], *row))
    return zstandard.ZstdCompressor(level=1).compress(marshal.dumps(plain, _MARSHAL))


def unpacked(body: bytes, rules: list[Rule]) -> Iterator[Passed]:
    """The rows of a frame body."""
    new = tuple.__new__
    for number, *fields in marshal.loads(zstandard.ZstdDecompressor().decompress(body)):  # noqa: S302  # our own frame
        kind = _KINDS[number]
        if kind is Outcome:
            fields[2] = new(Actor, fields[2])
            fields[6] = _RESULTS[fields[6]]
            fields[7] = _REASONS[fields[7]]
        elif kind is Message or kind is Handover:
            fields[2] = new(Actor, fields[2])
        elif kind is Early:
            fields[2] = rules[fields[2]]
        yield new(kind, fields)  # type: ignore[misc]  # of that kind


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
    reader = Reader(source.head(), clock, tables.layout)
    source.longest_line = reader.longest_line
    join = tables.join_for(reader.form)(Surroundings(order.settings.ours), passes_on=True)
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
