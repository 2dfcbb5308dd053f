"""The one walk, driven by lines as they are written: the same joins, chain, audience, detectors and casebook as a scan.

Rows are released in the merge order of a scan: a row must wait until every log was read up to its time.  A log that was
read to its end at some moment can hold nothing older than that moment, less the lateness that is allowed it.  What is
concluded from all rows, released or not, is what a scan of the same lines says (:meth:`Live.conclude`); it uses the
state up, so it is asked of a copy: a forked process, or what was saved and loaded.

All state can be saved between two chunks (:mod:`whosent.preserved`); the zone stands aside and is given anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import tzinfo
from math import isinf
from typing import Final

import msgspec

from whosent.audience import Audience
from whosent.bouncing import weighed
from whosent.casebook import Case, open_cases
from whosent.detectors import Detector, discover
from whosent.join import tables
from whosent.join.in_order import InTimeOrder
from whosent.join.messages import Join
from whosent.join.once import Once
from whosent.join.systems import systems, told_better
from whosent.join.tracked import Tracked
from whosent.measures.phrases import times_in
from whosent.measures.rates import NOWHERE, Rates, Reached
from whosent.model.finding import Finding
from whosent.model.rows import JoinedRow, Row, dereference, reference
from whosent.model.settings import Settings
from whosent.queue_reading import Snapshot
from whosent.reading.formats import Form
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Chunk, Source
from whosent.walk import Input, Learner, Pass, around, conclude, lateness_of, observe_queues, recorder_of

PARTS: Final = 1 << 13  # files a log may have had before their numbers are used again
STREAMS: Final = (1 << 6) - 1
_HELD: Final = 1 << 17  # rows that wait at most for logs whose lines are long past
_HOLDING: Final = 30.0  # times the lateness of lines that this may go on: a host's clock may be wrong for good
_KEPT_PARTS: Final = 64  # of one log: older ones are no longer quoted


class Stream:
    """One log, part after part, and its rows that were not released yet."""

    def __init__(self, number: int, name: str, join: Join, slack: float) -> None:
        self.number = number
        self.name = name
        self.join = join
        self.slack = slack  # seconds its lines may be written, or reach us, after their stamp
        self.parts: list[Input] = []
        self.rows: deque[JoinedRow] = deque()
        self.frontier = float("-inf")  # it holds nothing older that was not read
        self.order: InTimeOrder | None = None
        self.begun = 0  # parts so far
        self._present: Input | None = None

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        if self._present is not None:
            self.join.go_by(self._present.clock)

    def turn_to(self, part: Input) -> None:
        """The chunks that follow are of this part."""
        if self._present is not part:
            self.join.continue_with(part.number, part.clock)
            self._present = part

    def take(self, rows: Iterable[JoinedRow]) -> None:
        """Rows in the order of its lines."""
        self.rows.extend(self.order.ready(rows) if self.order else rows)

    def caught_up(self, now: float) -> None:
        """All that was written before now was read."""
        self.frontier = max(self.frontier, now - self.slack - (self.parts[0].lateness if self.parts else 0.0))
        if self.order:
            self.rows.extend(self.order.before(self.frontier))

    def rest(self) -> None:
        """Nothing more will come."""
        self.frontier = float("inf")
        if self.order:
            self.rows.extend(self.order.rest())


class Live:
    """The state of the walk between two chunks."""

    def __init__(
        self, settings: Settings, zone: tzinfo, examples: Collection[Input], *, reads_queue: bool, known: Reached
    ) -> None:
        """``examples`` are inputs whose heads tell which hosts are ours.

        Rows up to ``known`` were counted by an earlier run: they are heard, but neither counted nor passed to the sink.
        """
        self._zone = zone
        self._settings, self.surroundings = around(examples, settings, zone)
        self.surroundings.reads_queue = reads_queue
        self.done = Pass([], self.surroundings)
        if any(one.reader.form is Form.TABLE for one in examples):
            self.done.tracked = Tracked(self.surroundings)
        self.streams: list[Stream] = []
        self.rates = Rates()
        self._reached = NOWHERE  # by the rows that were released
        self._known = known
        self.fresh = 0  # rows taken in since somebody asked
        self._held: tuple[float, float] | None = None  # since when and until when nothing is released, by the clock
        self._tables: dict[int, str] = {}  # parts that are tables, and which
        self.sink: Callable[[Sequence[Row]], None] | None = None  # told of the rows that are released
        self._once: Once | None = None
        self._detectors: list[Detector] = [detector(self._settings, self.surroundings) for detector in discover()]
        observers = [Learner(self.surroundings), self.done.tally, self.done.witnessed, self.rates]
        self._audience = Audience([*observers, *self._detectors])
        self._observers = [*observers, *self._detectors]

    # ------------------------------------------------------------------ lines in

    def follow(self, name: str, slack: float = 0.0) -> Stream:
        """Another log; those of the same time come in the order in which they were given here."""
        assert len(self.streams) < STREAMS
        stream = Stream(len(self.streams), name, Join(self.surroundings), slack)
        self.streams.append(stream)
        return stream

    def repeated(self, pairs: Iterable[tuple[Stream, Stream]]) -> None:
        """Pairs of logs that hold the same lines; the second begins later."""
        told = [(earlier.number, later.number) for earlier, later in pairs]
        if told:
            together = {number for pair in told for number in pair}
            logs = {number * PARTS + part: number for number in together for part in range(PARTS)}
            self._once = Once(logs, {later for _, later in told})

    def part(self, stream: Stream, source: Source, head: bytes) -> Input | None:
        """Begin with another file of a log; None if it does not grow line by line, or not as the parts before."""
        clock = Clock(self._zone, source.written, self._settings.logs.year)
        reader = Reader(head, clock, tables.layout_with_ids)
        is_table = reader.form is Form.TABLE
        is_export = is_table and (not reader.longest_line or isinf(reader.disorder))
        if reader.form is Form.MAILBOX or is_export:
            return None  # nothing is added at its end
        kind = tables.join_for(reader.form)
        if type(stream.join) is not kind:
            if stream.begun:
                return None
            stream.join = kind(self.surroundings)
        number = stream.number * PARTS + stream.begun % PARTS
        one = Input(number, source, reader, clock, with_ids=True)
        one.lateness = lateness_of(reader)
        stream.begun += 1
        if is_table:
            source.longest_line = reader.longest_line
            self._tables[number] = reader.table
            self.done.tracked = self.done.tracked or Tracked(self.surroundings)
            self.done.tracked.unheard = told_better(self._tables)
        if one.lateness and stream.order is None:
            stream.order = InTimeOrder(one.lateness)
        stream.parts.append(one)
        del stream.parts[:-_KEPT_PARTS]
        return one

    def read(self, stream: Stream, part: Input, chunk: Chunk) -> None:
        """Whole lines of a part, behind those before."""
        stream.turn_to(part)
        tokens = part.reader.tokens(chunk.lines, chunk.offset, part.source.chunk_lines)
        self._take(stream, part, stream.join.rows(tokens, chunk.offset))

    def finish(self, stream: Stream, part: Input) -> None:
        """Nothing more will come of this part."""
        stream.turn_to(part)
        self._take(stream, part, stream.join.rows(part.reader.finish(), part.source.size))

    def _take(self, stream: Stream, part: Input, rows: Iterable[JoinedRow]) -> None:
        before = len(stream.rows)
        stream.take(rows)
        part.last = max(part.last, stream.join.time)
        self.fresh += len(stream.rows) - before + (stream.order is not None)

    # ------------------------------------------------------------------ rows on

    def hold(self, stream: Stream, now: float) -> None:
        """Lines were read; if they are long past, other logs may follow suit, and get as long as lines may be late.

        Somebody copies old logs in, a host hands over what it could not send for a while, or we were away.  The
        frontier of every log that was read to its end is far beyond such rows, and would let them go before its own.
        """
        if stream.join.time < now - 2 * stream.slack:
            since = self._held[0] if self._held else now
            self._held = (since, min(now + stream.slack, since + _HOLDING * stream.slack))

    def resume(self, now: float) -> None:
        """Nobody read for a while: what waited for old lines of other logs goes on waiting, for those may be unread."""
        if self._held:
            self._held = (now, now + max(stream.slack for stream in self.streams))

    def release(self, now: float = float("inf")) -> None:
        """Pass on the rows that no other log can still precede."""
        if self._held:
            since, until = self._held  # a clock set back ends it, too
            if since <= now < until and sum(len(stream.rows) for stream in self.streams) < _HELD:
                return
            self._held = None
        for rows in self.done.chain.batches(_in_lists(self._joined(self._merged()))):
            self._hear(rows)

    def _hear(self, rows: Sequence[Row]) -> None:
        if rows:
            self.fresh += len(rows)  # what was counted as pending is counted for good
            known = self._known_of(rows) if self._reached < self._known else 0
            self._reached = self._reached.after(rows)
            if known:
                self._audience.hear(rows[:known])
                self.rates.taken()
                rows = rows[known:]
            self._audience.hear(rows)
            if self.sink is not None:
                self.sink(rows)

    def _known_of(self, rows: Sequence[Row]) -> int:
        """How many of these were counted by an earlier run: all of them, or the first few."""
        reached = self._reached
        for number, row in enumerate(rows):
            reached = reached.after([row])
            if reached > self._known:
                return number
        return len(rows)

    @property
    def settled(self) -> float:
        """Time of the latest row that was released."""
        return self._reached.time

    @property
    def counted(self) -> Reached:
        """How far rows were counted, by this run or an earlier one."""
        return max(self._reached, self._known)

    def _joined(self, merged: Iterator[JoinedRow]) -> Iterator[JoinedRow]:
        return self._tracked(self._once.ready(merged) if self._once else merged)

    def _tracked(self, rows: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
        return self.done.tracked.ready(rows) if self.done.tracked else iter(rows)

    def _merged(self) -> Iterator[JoinedRow]:
        """As heapq.merge does: always the head that is least, of the streams as they stand."""
        while True:
            heads = sorted((one.rows[0][:2], one.number) for one in self.streams if one.rows)
            if not heads:
                return
            frontier = min((one.frontier for one in self.streams if not one.rows), default=float("inf"))
            second = heads[1][0] if len(heads) > 1 else (float("inf"), 0)
            rows = self.streams[heads[0][1]].rows
            if rows[0][0] > frontier:
                return
            while rows and rows[0][0] <= frontier and rows[0][:2] <= second:
                yield rows.popleft()

    # ------------------------------------------------------------------ what it amounts to

    def cases(self) -> list[Case]:
        """What the rows that were released amount to; asking changes nothing."""
        parts = {part.number: part for stream in self.streams for part in stream.parts}

        def recorder(ref: int) -> str:
            part = parts.get(dereference(ref)[0])
            return recorder_of(part) if part else ""

        with times_in(self._zone):
            found = [one for detector in self._detectors for one in detector.findings()]
        return open_cases([weighed(finding, recorder) for finding in found], recorder)

    def conclude(self, snapshots: Sequence[Snapshot] = ()) -> Pass:
        """What a scan of all lines so far would find; afterwards this state is used up."""
        for stream in self.streams:
            stream.rest()
        self.sink = None
        reached = self._reached
        self.release()
        rest = [*self._tracked(self._once.rest() if self._once else ())]
        rest += self.done.tracked.rest() if self.done.tracked else ()
        for rows in self.done.chain.batches([rest]):
            self._hear(rows)
        self._hear(list(self.done.chain.rest()))
        self._reached = reached
        read = [stream for stream in self.streams if stream.parts]
        self.done.joins = [stream.join for stream in read]
        self.done.systems = systems((stream.parts[0].reader.system, stream.join.hosts()) for stream in read)
        self.done.inputs = [part for stream in read for part in reversed(stream.parts)]
        self.done.snapshots = list(snapshots)
        numbers = {part.number: number for number, part in enumerate(self.done.inputs)}
        for number, snapshot in enumerate(snapshots):
            snapshot.number = STREAMS * PARTS + number
            numbers[snapshot.number] = len(self.done.inputs) + number
        observe_queues(snapshots, self.surroundings, self._observers)
        with times_in(self._zone):
            found = [_renumbered(one, numbers) for detector in self._detectors for one in detector.findings()]
        for part in self.done.inputs:
            part.known_as, part.number = part.number, numbers[part.number]
        for snapshot in snapshots:
            snapshot.renumber(numbers[snapshot.number])
        conclude(self.done, found)
        return self.done

    # ------------------------------------------------------------------ kept and loaded

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "sink": None}


def _in_lists(rows: Iterator[JoinedRow]) -> Iterator[list[JoinedRow]]:
    batch: list[JoinedRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= 4096:  # noqa: PLR2004  # it changes nothing but the pace
            yield batch
            batch = []
    yield batch


def _renumbered(finding: Finding, numbers: dict[int, int]) -> Finding:
    """The finding with its quotes numbered as inputs of a scan; of parts long gone it has none."""
    kept = []
    for quote in finding.quotes:
        source, offset = dereference(quote.ref)
        number = numbers.get(source)
        if number is not None:
            kept.append(msgspec.structs.replace(quote, ref=reference(number, offset)))
    return msgspec.structs.replace(finding, quotes=tuple(kept))
