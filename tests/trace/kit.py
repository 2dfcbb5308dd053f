"""Messages and knowledge for the tests of the trace."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.join.kit import START
from whosent.join.sightings import Sightings, Wanted, layout
from whosent.model.settings import Ours as Configured
from whosent.model.surroundings import Surroundings
from whosent.model.trace import Trace
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.trace.assembly import trace
from whosent.trace.heads import Block
from whosent.trace.ours import Ours

DATE = "Mon, 16 Nov 2026 00:00:05 +0000"  # five seconds after the start of the logs of tests.join.kit
STRANGER = "203.0.113.66"
INNOCENT = "198.51.100.7"


def ours(*networks: str, names: tuple[str, ...] = ("mx.example.org",), logs: Sightings | None = None) -> Ours:
    configured = Configured(networks=networks, mail_servers=names)
    return Ours(Surroundings(configured), names, logs.hosts if logs else (), logs.domains if logs else ())


def message(*lines: str, headers: tuple[str, ...] = ()) -> Block:
    text = "".join(f"Received: {line}\n" for line in lines) + "".join(f"{header}\n" for header in headers)
    return Block(text.encode("utf-8", "surrogatepass"), None)


def traced(
    *lines: str, known: Ours | None = None, logs: Sightings | None = None, headers: tuple[str, ...] = ()
) -> Trace:
    return trace(message(*lines, headers=headers), "a.eml", 1, known or ours(logs=logs), logs)


def ledger(
    log: bytes, *queue_ids: str, message_ids: tuple[str, ...] = (), moments: tuple[float, ...] = ()
) -> Sightings:
    read = Sightings(Wanted(frozenset(queue_ids), frozenset(message_ids), moments=moments))
    timer = Clock(UTC, datetime.fromtimestamp(START, UTC))
    reader = Reader(log, timer, layout)
    read.read(reader.tokens(log, 0), 0, 0, timer)
    read.read(reader.finish(), 0, len(log), timer)
    read.finish()
    return read


def by_mx(
    client: str = f"mail.stranger.example (unknown [{STRANGER}])", queue_id: str = "4A1B2C3D4E", date: str = DATE
) -> str:
    """A line of our own Postfix."""
    return f"from {client} by mx.example.org (Postfix) with ESMTP id {queue_id} for <bob@example.org>; {date}"
