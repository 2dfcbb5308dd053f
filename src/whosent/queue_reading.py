"""A queue as it stands now: read by several processes where it is long, added up to piles, its records quotable."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple

from whosent.join.piles import Seen
from whosent.model.pile import Pile, Record
from whosent.model.rows import dereference, reference
from whosent.model.surroundings import Surroundings
from whosent.queues import Unread
from whosent.sources import queue
from whosent.sources.files import Line
from whosent.sources.queue import Reading
from whosent.sources.spools import Spool
from whosent.sources.text import shown

_WORTH_A_PROCESS: Final = 20_000  # messages
_ALLOCATIONS: Final = 50_000
_EXPLAINED: Final = 20_000  # messages whose reasons are read, of all piles together


class Quotable(NamedTuple):
    """A record of a queue file, kept when the file was read: it may be gone when it is quoted."""

    path: str
    record: Record


@dataclass
class Snapshot:
    """What a queue held when it was looked at."""

    spool: Spool
    number: int  # as that of an input, behind them
    reading: Reading
    time: float  # when reading began
    host: str  # the machine's name, used where the files name none
    broken: bool = False  # a process that read a part of it ended early
    piles: list[Pile] = field(default_factory=list)
    quotable: dict[int, Quotable] = field(default_factory=dict)  # by reference

    def fold(self, ours: Surroundings) -> None:
        """Make the piles, once it is known who is ours."""
        self.quotable.clear()
        seen = Seen(self.time, self.spool.name, self.spool.mta, self.host)
        self.piles = list(self.reading.piles.rows(seen, self._note, ours))

    def _note(self, path: str, record: Record | None) -> int:
        if record is None:
            return 0
        ref = reference(self.number, len(self.quotable) + 1)
        self.quotable[ref] = Quotable(path, record)
        return ref

    def renumber(self, number: int) -> None:
        """Be known as another input."""
        self.number = number
        self.quotable = {reference(number, dereference(ref)[1]): one for ref, one in self.quotable.items()}

    def lines(self) -> dict[int, Line]:
        """The records that can be quoted, by reference; records have no line numbers."""
        return {ref: Line(0, one.record.raw) for ref, one in self.quotable.items()}

    def place(self, ref: int) -> tuple[str, int]:
        """(File, offset) of a record."""
        one = self.quotable[ref]
        return shown(one.path.encode(errors="surrogateescape")), one.record.offset

    @property
    def riddle(self) -> bool:
        """Whether there is something in it, and none of it could be read."""
        return not self.reading.folders and self.reading.unread.total() > self.reading.unread[Unread.VANISHED]

    @property
    def problem(self) -> str | None:
        """Why not all of it was read, in a sentence."""
        if self.broken:
            return "not all was read, a process that read a part of it ended early: try again with --jobs 1"
        closed, forbidden = len(self.reading.closed), self.reading.unread[Unread.FORBIDDEN]
        if not closed and not forbidden:
            return None
        what = f"{closed:,} of its folders" if closed else f"{forbidden:,} of its files"
        return f"{what} may not be read by this user: run as root (sudo whosent scan --queue)"


def snapshot(spool: Spool, number: int, jobs: int, host: str, progress: Callable[[int], None]) -> Snapshot:
    """Look at a queue once."""
    began = time.time()
    long = jobs > 1 and queue.size(spool) >= _WORTH_A_PROCESS
    broken = False
    with _others(spool, jobs if long else 1) as others:
        reading = queue.read(spool, 0, jobs if long else 1, progress)
        for other in others:
            other_reading = other()
            if other_reading is None:
                broken = True
            else:
                reading.merge(other_reading)
                progress(other_reading.folders.total())
    _explain(spool, reading)
    return Snapshot(spool, number, reading, began, host, broken)


@contextmanager
def _others(spool: Spool, parts: int) -> Iterator[list[Callable[[], Reading | None]]]:
    """What gives the other parts' readings, from processes that have begun with them."""
    running = [_Part(spool, part, parts) for part in range(1, parts)]
    try:
        yield [one.reading for one in running]
    finally:
        for one in running:
            one.stop()


class _Part:
    """One part of a queue being read by a process of its own, which writes to an unnamed file and never waits."""

    def __init__(self, spool: Spool, part: int, parts: int) -> None:
        self._out: IO[bytes] = tempfile.TemporaryFile(prefix="whosent-")  # noqa: SIM115  # lives as long as this
        self._process = subprocess.Popen(  # ourselves
            [sys.executable, "-P", "-c", "from whosent.queue_reading import main; main()"],  # -P: no module from here
            stdin=subprocess.PIPE,
            stdout=self._out,
        )
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(pickle.dumps((spool, part, parts)))

    def reading(self) -> Reading | None:
        """What it read; None if it ended early."""
        if self._process.wait():
            return None
        self._out.seek(0)
        reading: Reading = pickle.load(self._out)  # noqa: S301  # written by our own process
        return reading

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._out.close()


def main() -> None:
    """Read the part that standard input names."""
    gc.set_threshold(_ALLOCATIONS)
    spool, part, parts = pickle.load(sys.stdin.buffer)  # noqa: S301  # from our own parent
    pickle.dump(queue.read(spool, part, parts), sys.stdout.buffer)


def _explain(spool: Spool, reading: Reading) -> None:
    """Read why messages wait, of a fair choice from each pile, the biggest first."""
    left = _EXPLAINED
    for heap in sorted(reading.piles.heaps.values(), key=lambda heap: -heap.messages):
        for _, queue_id, inner in heap.chosen.values():
            heap.explain(queue.attempts(spool, queue_id, inner))
        left -= len(heap.chosen)
        if left < 0:
            return
