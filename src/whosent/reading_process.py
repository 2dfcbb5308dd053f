"""What a reading process does: it reads one input and writes its rows as frames to standard output.

The order comes pickled on standard input.  Beside the size of a frame's body, which is compressed, stand the stored
bytes consumed; the last frame, marked in its size, is the pickled :class:`Ending`.
"""

from __future__ import annotations

import gc
import pickle
import signal
import sys
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import zstandard

from whosent.configuration import zone_of
from whosent.frames import BUILD, HEADER, Packing, Passed
from whosent.join import tables
from whosent.join.messages import Join
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.reading.counts import Counts
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Marks, Source

ENDING: Final = 1 << 63  # set in the size of the last frame
_ALLOCATIONS: Final = 50_000  # rows make no cycles: looking for them every 700 allocations costs a fifth
_ROWS_A_FRAME: Final = 8_000


class Order(NamedTuple):
    """What to read, and how."""

    number: int
    path: Path
    settings: Settings
    with_ids: bool = False  # Message-IDs too
    continues: bool = True  # it is a later part of a stream: what began before it is passed on
    build: tuple[tuple[int, int], ...] = BUILD  # of the process that will read the rows


class Ending(NamedTuple):
    """What is known of an input when all of it was read."""

    join: Join
    counts: Counts
    marks: Marks
    last: float
    guessed_year: bool


def _read(order: Order, out: BinaryIO) -> None:
    source = Source(str(order.path), order.path)
    logs = order.settings.logs
    clock = Clock(zone_of(logs.timezone), source.written, logs.year)
    reader = Reader(source.head(), clock, tables.layout_with_ids if order.with_ids else tables.layout)
    source.longest_line = reader.longest_line
    join = tables.join_for(reader.form)(Surroundings(order.settings.ours), passes_on=order.continues)
    join.continue_with(order.number, clock)
    packing, compress = Packing(), zstandard.ZstdCompressor(level=1).compress
    waiting: list[Passed] = []
    consumed = 0
    for offset, chunk, consumed in source.chunks():  # the last one is told at the end
        waiting += join.rows(reader.tokens(chunk, offset, source.chunk_lines), offset)
        if len(waiting) >= _ROWS_A_FRAME:
            _write(out, compress(packing.pack(waiting)), consumed)
            waiting.clear()
    waiting += join.rows(reader.finish(), source.size)
    _write(out, compress(packing.pack(waiting)), consumed)
    ending = Ending(join, reader.counts, source.marks, join.time, clock.guessed_year)
    _write(out, pickle.dumps(ending), consumed, ENDING)


def _write(out: BinaryIO, body: bytes, consumed: int, mark: int = 0) -> None:
    out.write(HEADER.pack(len(body) | mark, consumed) + body)
    out.flush()


def main() -> None:
    """Read what standard input orders."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever is interrupted with us says so
    gc.set_threshold(_ALLOCATIONS)
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301  # from our own parent
    if order.build != BUILD:
        sys.exit("whosent: another version was installed while it ran; run it again")
    _read(order, sys.stdout.buffer)
