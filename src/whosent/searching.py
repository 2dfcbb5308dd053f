"""A pass over the logs for messages that a report speaks of: one look, and a second for the hosts before."""

from __future__ import annotations

from collections.abc import Iterable
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
    found = _look(logs, wanted, zone, year)
    more = also_wanted(found.kept, wanted) if found.kept else None
    return _look(logs, more, zone, year) if more else found


def _look(logs: Iterable[Log], wanted: Wanted, zone: tzinfo, year: int) -> Sightings:
    found = Sightings(wanted)
    for log in logs:
        clock = Clock(zone, log.source.written, year)
        reader = Reader(log.source.head(), clock, layout)
        found.continue_with(log.number, clock.seconds)
        for offset, chunk, _ in log.source.chunks():
            found.feed(reader.tokens(chunk, offset, log.source.chunk_lines), offset)
        found.feed(reader.finish(), log.source.size)
    found.finish()
    return found
