"""The one pass: sources to rows to findings to a report.  Everyone knows the nouns; only the walk knows everyone."""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from operator import itemgetter
from typing import Final

from whosent.casebook import Case, open_cases
from whosent.detectors import Detector, discover
from whosent.join.chain import Chain
from whosent.join.messages import Join, layout
from whosent.model.finding import Finding
from whosent.model.rows import JoinedRow, Message, Outcome, Row
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.overview import Tally
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Source

_ROTATED: Final = re.compile(r"(?:[.-]\d{1,8}(?:-\d+)?)?(?:\.(?:gz|bz2|xz|zst))?$")
_HANDLERS: Final = {"message": "Message", "outcome": "Outcome", "login": "Login", "rejection": "Rejection",
                    "request": "Request", "call": "Call"}  # fmt: skip
_LATENESS: Final = 60.0  # seconds a web server may log a request after its stamp, which is that of its beginning

Progress = Callable[[int], None]  # told how many stored bytes were consumed since the last call


@dataclass
class Input:
    """One source, how it is read, and what came of it."""

    number: int
    source: Source
    reader: Reader
    clock: Clock
    last: float = float("-inf")  # time of the latest row


@dataclass
class Pass:
    """What one pass over the inputs left behind."""

    inputs: list[Input]
    surroundings: Surroundings
    tally: Tally = field(default_factory=Tally)
    findings: list[Finding] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    chain: Chain = field(default_factory=Chain)


def prepare(sources: Iterable[Source], settings: Settings, zone: tzinfo) -> list[Input]:
    """Look at the head of each source and decide how to read it."""
    inputs = []
    for number, source in enumerate(sources):
        head = source.head()
        clock = Clock(zone, source.written, settings.logs.year)
        inputs.append(Input(number, source, Reader(head, clock, layout), clock))
    return inputs


def streams(inputs: Iterable[Input]) -> list[list[Input]]:
    """Inputs that continue each other (a rotated set), oldest first; each set is one stream of queue ids."""
    sets: dict[str, list[Input]] = defaultdict(list)
    for one in inputs:
        sets[_ROTATED.sub("", one.source.name)].append(one)
    return [sorted(members, key=_age) for members in sets.values()]


def _age(one: Input) -> tuple[float, int]:
    return (one.reader.starts, one.number)


def joined_rows(stream: Iterable[Input], join: Join, progress: Progress) -> Iterator[JoinedRow]:
    """The rows of one stream, in the order of its lines."""
    for one in stream:
        join.continue_with(one.number, one.clock)
        before = 0
        for offset, chunk, consumed in one.source.chunks():
            yield from join.rows(one.reader.tokens(chunk), offset)
            one.last = max(one.last, join.time)
            progress(consumed - before)
            before = consumed
        yield from join.rows(one.reader.finish(), one.source.size)


def in_time_order(rows: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
    """Rows of a log whose lines are written at the end of what they stamp with its beginning."""
    waiting: list[tuple[float, int, JoinedRow]] = []
    latest = float("-inf")
    for row in rows:
        heapq.heappush(waiting, (row.time, row.ref, row))
        latest = max(latest, row.time)
        while waiting[0][0] < latest - _LATENESS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def observe(rows: Iterable[Row], observers: Iterable[object]) -> None:
    """Give each row to every observer that has a method for it."""
    observers = list(observers)
    handlers = {
        row_type: [getattr(observer, method) for observer in observers if hasattr(observer, method)]
        for method, row_type in _HANDLERS.items()
    }
    for row in rows:
        for handle in handlers[row.__class__.__name__]:
            handle(row)


def scan(inputs: list[Input], settings: Settings, progress: Progress, jobs: int = 1) -> Pass:  # noqa: ARG001
    """Replay the logs from first to last line."""
    surroundings = Surroundings(settings.ours)
    done = Pass(inputs, surroundings)
    detectors: list[Detector] = [detector(settings, surroundings) for detector in discover()]
    sequences = []
    for stream in streams(inputs):
        join = Join(surroundings)
        done.joins.append(join)
        rows = joined_rows(stream, join, progress)
        sequences.append(in_time_order(rows) if stream[0].reader.late else rows)
    merged = sequences[0] if len(sequences) == 1 else heapq.merge(*sequences, key=itemgetter(0, 1))
    observers = [_Learner(surroundings), done.tally, *detectors]
    observe(done.chain.rows(merged), observers)
    observe(done.chain.rest(), observers)
    for detector in detectors:
        done.findings.extend(detector.findings())
    done.cases = open_cases(done.findings)
    return done


class _Learner:
    """Lets the surroundings learn who is ours."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    def message(self, row: Message) -> None:
        self._surroundings.learn_message(row)

    def outcome(self, row: Outcome) -> None:
        self._surroundings.learn_outcome(row)
