"""Several inputs read at once, one process each; their rows come out as if one process had read them all.

A reading process never waits for this one: it writes to an unnamed temporary file, so that the parts of a rotated
set are read side by side although their rows are used one after the other.  Messages that cross from one part
into the next are finished here (see :class:`whosent.join.messages.Early`).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import IO, Final, cast

import zstandard

from whosent.frames import HEADER, Passed, Unpacking
from whosent.join.lives import Begun, Early
from whosent.join.messages import Join
from whosent.model.rows import JoinedRow
from whosent.reading_process import ENDING, Ending, Order

_UNFINISHED: Final = frozenset({Early, Begun})
_POLL: Final = 0.02  # seconds between looks at a spool that is still being written


class Reading:
    """One input being read by a process of its own."""

    def __init__(self, order: Order) -> None:
        self.ending: Ending | None = None
        self._spool: IO[bytes] = tempfile.TemporaryFile(prefix="whosent-")  # noqa: SIM115  # lives as long as this
        self._process = subprocess.Popen(  # ourselves
            [sys.executable, "-P", "-c", "from whosent.reading_process import main; main()"],  # -P: no module from here
            stdin=subprocess.PIPE,
            stdout=self._spool,
        )
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(pickle.dumps(order))

    def running(self) -> bool:
        """Whether it still reads."""
        return self._process.poll() is None

    def frames(self) -> Iterator[tuple[list[Passed], int]]:
        """Rows in order, with the stored bytes consumed so far; the last frame sets ``ending``."""
        position, unpacking, decompress = 0, Unpacking(), zstandard.ZstdDecompressor().decompress
        while (header := self._at(position, HEADER.size)) is not None:
            size, consumed = HEADER.unpack(header)
            body = self._at(position + HEADER.size, size & ~ENDING)
            if body is None:
                return
            position += HEADER.size + len(body)
            if size & ENDING:
                self.ending = pickle.loads(body)  # noqa: S301  # written by our own process
                return
            yield unpacking.unpack(decompress(body)), consumed

    def _at(self, position: int, size: int) -> bytes | None:
        """So many bytes of the spool, as soon as they are written; None if the process ended before that."""
        while True:
            running = self.running()
            if os.fstat(self._spool.fileno()).st_size >= position + size:
                return os.pread(self._spool.fileno(), size, position)
            if not running:
                return None
            try:
                self._process.wait(_POLL)
            except subprocess.TimeoutExpired:
                continue

    def stop(self) -> None:
        """End the process, whatever it is doing, and drop its spool."""
        if self.running():
            self._process.kill()
        self._process.wait()
        self._spool.close()


class Readings:
    """Starts the reading processes, a bounded number at a time, in the order their rows will be wanted."""

    def __init__(self, orders: list[Order], jobs: int) -> None:
        self._waiting = list(orders)
        self._jobs = jobs
        self._started: dict[int, Reading] = {}

    def frames(self, number: int, join: Join) -> Iterator[tuple[Iterable[JoinedRow], int]]:
        """Rows of one input and the stored bytes consumed, frame by frame.

        They are finished with the lives that ``join`` still holds of the parts before it.
        """
        self._start_more()
        while number not in self._started:
            time.sleep(_POLL)
            self._start_more()
        for passed, consumed in self._started[number].frames():
            self._start_more()
            yield _finished(passed, join), consumed

    def _start_more(self) -> None:
        running = sum(reading.running() for reading in self._started.values())
        while self._waiting and running < self._jobs:
            order = self._waiting.pop(0)
            self._started[order.number] = Reading(order)
            running += 1

    def ending(self, number: int) -> Ending | None:
        """What the process knew at its end; None if it died before."""
        return self._started[number].ending

    def stop(self) -> None:
        """End every process that still runs."""
        for reading in self._started.values():
            reading.stop()


def _finished(passed: list[Passed], join: Join) -> Iterable[JoinedRow]:
    """The rows, once what began in an earlier part is done with the lives known here."""
    if _UNFINISHED.isdisjoint(map(type, passed)):
        return cast("list[JoinedRow]", passed)
    return _with_lives(passed, join)


def _with_lives(passed: list[Passed], join: Join) -> Iterator[JoinedRow]:
    for row in passed:
        if isinstance(row, Early):
            yield from join.early(row)
        elif isinstance(row, Begun):
            join.begun(row)
        else:
            yield row
