"""Queue lengths, as ``whosent watch`` writes them down each time it has looked at a queue: one line a queue.

They stand in a file of its own, never in syslog, so that nobody else can write them.  The folder's name is the last
thing on the line.

What a line cannot prove: whose the messages were; the queue itself tells that while they wait.
"""

from __future__ import annotations

from typing import Final

from whosent.dialects import Dialect, Rule

_APART: Final = str.maketrans(" :", "__")
_STAMP: Final = rb"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d++)?Z)"

dialect = Dialect(
    name="queue_lengths",
    title="Whosent's queue lengths",
    lines=(
        Rule(
            "length",
            rb"queue at " + _STAMP + rb" on (?P<host>[^ :\n]++): "
            rb"(?P<count>\d{1,12}+) messages, (?P<size>\d{1,18}+) bytes in (?P<queue>[^\n]++)",
        ),
    ),
)


def line(stamp: str, host: str, messages: int, size: int, queue: str) -> bytes:
    """The line that is read as this; ``stamp`` is RFC 3339 in UTC, ``host`` and ``queue`` print."""
    name = host.translate(_APART) or "-"
    return f"queue at {stamp} on {name}: {messages} messages, {size} bytes in {queue}\n".encode()
