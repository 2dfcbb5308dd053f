"""Counters for each minute and host, and samples of the queues: what metrics, the live screen and the norms read.

Counters are deltas added in the same transaction as the position in the logs that they come from: nothing counts twice.
What was read since then stands apart, is replaced as a whole, and is part of every sum.
``host`` is the machine whose log it was; a total is the sum over hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from whosent.store.ledger import Ledger

Measure = Literal[
    "messages",  # entered a queue
    "recipients",  # of these messages, as the MTA counted them
    "sent", "local", "deferred", "deferred_again", "bounced",  # outcomes, a recipient and attempt each
    "unknown_user", "policy", "listed", "rate", "greylisted", "mailbox", "route", "loop", "other",  # why not sent
    "rejected",  # refused before it became a message
    "logins", "failed_logins",
]  # fmt: skip
_MIGRATIONS: Final = (
    """
    CREATE TABLE rate (
        minute INTEGER NOT NULL,
        host TEXT NOT NULL,
        measure TEXT NOT NULL,
        value INTEGER NOT NULL,
        PRIMARY KEY (minute, host, measure)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recent_rate (
        minute INTEGER NOT NULL,
        host TEXT NOT NULL,
        measure TEXT NOT NULL,
        value INTEGER NOT NULL,
        PRIMARY KEY (minute, host, measure)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE queue_sample (
        time REAL NOT NULL,
        host TEXT NOT NULL,
        queue TEXT NOT NULL,
        folder TEXT NOT NULL,
        messages INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (time, host, queue, folder)
    ) STRICT, WITHOUT ROWID;
    """,
)
_MINUTE: Final = 60
_BOTH: Final = "(SELECT * FROM rate UNION ALL SELECT * FROM recent_rate)"


class QueueLength(msgspec.Struct, frozen=True):
    """How long one folder of a queue was at one moment."""

    time: float  # seconds since the epoch
    host: str
    queue: str  # its folder in the file system
    folder: str  # active, deferred, hold, incoming, maildrop, input, frozen
    messages: int
    bytes: int = 0


class Rates:
    """The counters of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = ledger.base
        ledger.bring_up("rates", _MIGRATIONS)

    def add(self, counts: Mapping[tuple[int, str, str], int]) -> None:
        """Add to counters: (minute, host, measure) -> how many; a minute is seconds since the epoch // 60."""
        with self._ledger.transaction():
            self._base.executemany(
                "INSERT INTO rate VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
                [(*key, value) for key, value in counts.items()],
            )

    def recent(self, counts: Mapping[tuple[int, str, str], int]) -> None:
        """Replace what was counted since the last :meth:`add`."""
        with self._ledger.transaction():
            self._base.execute("DELETE FROM recent_rate")
            self._base.executemany("INSERT INTO recent_rate VALUES (?, ?, ?, ?)", [(*k, v) for k, v in counts.items()])

    def sampled(self, lengths: Iterable[QueueLength]) -> None:
        """Keep a sample of a queue."""
        with self._ledger.transaction():
            self._base.executemany(
                "INSERT OR REPLACE INTO queue_sample VALUES (?, ?, ?, ?, ?, ?)",
                [(one.time, one.host, one.queue, one.folder, one.messages, one.bytes) for one in lengths],
            )

    def between(self, begin: float, end: float, host: str | None = None) -> list[tuple[int, str, str, int]]:
        """(minute, host, measure, value) from ``begin`` to before ``end``, seconds since the epoch, by minute."""
        rows = self._base.execute(
            f"SELECT minute, host, measure, sum(value) FROM {_BOTH} WHERE minute >= ? AND minute < ? AND "  # noqa: S608
            "(? IS NULL OR host = ?) GROUP BY minute, host, measure ORDER BY minute, host, measure",
            (begin // _MINUTE, end // _MINUTE, host, host),
        )
        return list(rows)

    def sums(self, begin: float, end: float, *, kept: bool = False) -> dict[tuple[str, str], int]:
        """(host, measure) -> its sum over that time; of what is ``kept`` alone it never falls, also after a crash."""
        rows = self._base.execute(
            f"SELECT host, measure, sum(value) FROM {'rate' if kept else _BOTH} WHERE minute >= ? AND minute < ? "  # noqa: S608
            "GROUP BY host, measure",
            (begin // _MINUTE, end // _MINUTE),
        )
        return {(host, measure): value for host, measure, value in rows}

    def totals(self) -> dict[tuple[str, str], int]:
        """(host, measure) -> its sum over all time that is kept, and what was forgotten of it: never falls."""
        return self.sums(0, 1 << 40)

    def begun(self) -> float | None:
        """When the first minute that is kept began; None: there is none."""
        (minute,) = next(self._base.execute("SELECT min(minute) FROM rate WHERE minute > 0"))
        return None if minute is None else float(minute * _MINUTE)

    def queued(self, begin: float, end: float) -> float | None:
        """How many messages waited in all queues in that time, on average; None if nobody looked."""
        (messages,) = next(
            self._base.execute(
                "SELECT sum(mean) FROM (SELECT sum(messages) * 1.0 / count(DISTINCT time) AS mean FROM queue_sample "
                "WHERE time >= ? AND time < ? GROUP BY host, queue)",
                (begin, end),
            )
        )
        return None if messages is None else float(messages)

    def queues(self, since: float = 0.0) -> list[QueueLength]:
        """Samples of queues from that time on, the oldest first."""
        rows = self._base.execute(
            "SELECT time, host, queue, folder, messages, bytes FROM queue_sample WHERE time >= ? ORDER BY time",
            (since,),
        )
        return [QueueLength(*row) for row in rows]

    def latest_queues(self) -> list[QueueLength]:
        """The last sample of each folder of each queue."""
        rows = self._base.execute(
            "WITH late AS (SELECT * FROM queue_sample WHERE time > (SELECT max(time) FROM queue_sample) - 86400) "
            "SELECT time, host, queue, folder, messages, bytes FROM late JOIN (SELECT host, queue, max(time) AS last "
            "FROM late GROUP BY host, queue) USING (host, queue) WHERE time = last ORDER BY host, queue, folder"
        )
        return [QueueLength(*row) for row in rows]

    def forget(self, before: float) -> None:
        """Drop what is older; its sums stay, in minute 0."""
        minute = before // _MINUTE
        with self._ledger.transaction():
            self._base.execute(
                "INSERT INTO rate SELECT 0, host, measure, sum(value) FROM rate WHERE minute > 0 AND minute < ? GROUP "
                "BY host, measure ON CONFLICT DO UPDATE SET value = value + excluded.value",
                (minute,),
            )
            self._base.execute("DELETE FROM rate WHERE minute > 0 AND minute < ?", (minute,))
            self._base.execute("DELETE FROM queue_sample WHERE time < ?", (before,))
