"""``whosent parse``: every event of every source as a line of JSON; and the account of what was not understood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import BinaryIO, Final

import msgspec

from whosent.coverage import lines_read, quoted
from whosent.dialects import Rule
from whosent.model.report import LinesRead
from whosent.model.settings import Settings
from whosent.reading.events import Parse
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Source
from whosent.walk import Input, Progress

SCHEMA: Final = "whosent.parse-stats/1"


class Statistics(LinesRead, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """What ``whosent parse --stats --json`` prints."""


def parse(
    sources: Iterable[Source], settings: Settings, zone: tzinfo, out: BinaryIO | None, progress: Progress
) -> list[Input]:
    """Write the events of each source in turn (nowhere if ``out`` is None); gives what was read, for statistics."""
    inputs = []
    for number, source in enumerate(sources):
        clock = Clock(zone, source.written, settings.logs.year)
        if out is None:
            reader = Reader(source.head(), clock, _nothing)
            source.longest_line = reader.longest_line
            _count(reader, _chunks(source, progress))
        else:
            reading = Parse(source.name, source.head(), clock)
            reader = reading.reader
            source.longest_line = reader.longest_line
            for line in reading.lines(_chunks(source, progress)):
                out.write(line)
        inputs.append(Input(number, source, reader, clock))
    return inputs


def _nothing(_rule: Rule, _names: tuple[str, ...]) -> None:
    """No field of any line, where only their number is asked for."""


def _count(reader: Reader, chunks: Iterable[tuple[int, bytes]]) -> None:
    for offset, chunk in chunks:
        for _ in reader.tokens(chunk, offset):
            pass
    for _ in reader.finish():
        pass


def _chunks(source: Source, progress: Progress) -> Iterator[tuple[int, bytes]]:
    before = 0
    for offset, chunk, consumed in source.chunks():
        yield offset, chunk
        progress(consumed - before)
        before = consumed


def statistics(inputs: list[Input], missing: Iterable[str]) -> Statistics:
    """The account of the lines of all sources."""
    read = lines_read(inputs, quoted(inputs, {}), missing)
    return Statistics(**msgspec.structs.asdict(read))


def encode(statistics: Statistics) -> bytes:
    """As one JSON object."""
    return msgspec.json.encode(statistics) + b"\n"
