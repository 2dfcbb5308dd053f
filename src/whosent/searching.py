"""A pass over the logs for messages that a report speaks of: one look, and a second for the hosts before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import NamedTuple

from whosent.join.matching import also_wanted
from whosent.join.sightings import Sightings, Wanted, layout
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Source


class Log(NamedTuple):
    """A log to be looked through; those of a rotated set in their order, the oldest first."""

    number: int
    source: Source


def search(logs: Iterable[Log], wanted: Wanted, zone: tzinfo, year: int = 0) -> Sightings:
    """The wanted messages, and those they were before on other hosts of ours."""
    logs = list(logs)
    found = look(logs, wanted, zone, year)
    more = also_wanted(found.kept, wanted) if found.kept else None
    return look(logs, more, zone, year) if more else found


def look(
    logs: Iterable[Log], wanted: Wanted, zone: tzinfo, year: int, progress: Callable[[int], None] | None = None
) -> Sightings:
    """The wanted messages in one pass; ``progress`` is told of consumed bytes."""
    found = Sightings(wanted)
    for log in logs:
        clock = Clock(zone, log.source.written, year)
        reader = Reader(log.source.head(), clock, layout)
        before = 0
        for offset, chunk, consumed in log.source.chunks():
            found.read(reader.tokens(chunk, offset, log.source.chunk_lines), log.number, offset, clock)
            if progress:
                progress(consumed - before)
            before = consumed
        found.read(reader.finish(), log.number, log.source.size, clock)
        found.whole &= log.source.problem is None
    found.finish()
    return found
