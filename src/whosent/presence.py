"""Reads logs for nothing but when each host is proven to have logged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from whosent.join.presence import Presence, layout
from whosent.model.settings import Settings
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Source


def of(sources: Iterable[Source], settings: Settings, zone: tzinfo) -> Presence:
    """The minutes in which the hosts of these logs wrote."""
    found = Presence()
    for source in sources:
        clock = Clock(zone, source.written, settings.logs.year)
        reader = Reader(source.head(), clock, layout)
        if reader.late:  # a web server's log proves nothing of mail
            continue
        for offset, chunk, _ in source.chunks():
            found.feed(reader.tokens(chunk, offset, source.chunk_lines), clock)
        found.feed(reader.finish(), clock)
    return found
