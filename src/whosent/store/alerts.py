"""What was told and what is still to be told: an outbox, so that restarts tell nothing twice and lose nothing.

An alert becomes due in the same transaction that remembers what its reader will then know, and leaves the outbox in one
that says which channel took it.  Whoever delivers leases an alert first: two processes do not send the same one.  A
process killed between the channel's yes and that transaction sends it again after its lease, under the same id.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from whosent.alerts.due import Told
from whosent.model.alert import Alert, ChannelHealth, KeptAlert
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE alert (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        subject TEXT NOT NULL,
        state TEXT NOT NULL,
        made REAL NOT NULL,
        due REAL NOT NULL,
        leased REAL NOT NULL DEFAULT 0,
        owner INTEGER NOT NULL DEFAULT 0,
        tries INTEGER NOT NULL DEFAULT 0,
        before TEXT,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX alert_state ON alert (state, due);
    CREATE INDEX alert_made ON alert (made);
    CREATE TABLE alert_taken (
        alert TEXT NOT NULL,
        channel TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (alert, channel)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE alert_told (
        subject TEXT PRIMARY KEY,
        told TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE alert_channel (
        name TEXT PRIMARY KEY,
        taken REAL,
        failed REAL,
        failures INTEGER NOT NULL DEFAULT 0,
        alerts INTEGER NOT NULL DEFAULT 0,
        failed_ever INTEGER NOT NULL DEFAULT 0,
        problem TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE alert_feed (
        name TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)
_NEVER: Final = 4_000.0  # seconds: nothing is put off so long, unless the clock was set back
_DUE: Final = (
    "WHERE state = 'waiting' AND (due <= ? OR due > ?) AND (leased <= ? OR leased > ?) ORDER BY number LIMIT 1"
)
_FEED: Final = "incidents"


class Waiting(NamedTuple):
    """An alert that somebody still has to be told."""

    number: int
    alert: Alert
    tries: int
    before: Told | None  # what its reader knew before


class Outbox:
    """The alerts of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._base = ledger.base
        ledger.bring_up("alerts", _MIGRATIONS)

    # ---------------------------------------------------------------- what becomes due

    def told(self, subject: str) -> Told | None:
        """What its reader knows of a subject, once all that is waiting is told."""
        row = self._base.execute("SELECT told FROM alert_told WHERE subject = ?", (subject,)).fetchone()
        return msgspec.json.decode(row[0], type=Told) if row else None

    def remember(self, subject: str, told: Told) -> None:
        """What its reader will know."""
        self._base.execute(
            "INSERT OR REPLACE INTO alert_told VALUES (?, ?)", (subject, msgspec.json.encode(told).decode())
        )

    def subjects(self, prefix: str) -> list[str]:
        """Those of which something is known and that begin so."""
        rows = self._base.execute(
            "SELECT subject FROM alert_told WHERE substr(subject, 1, ?) = ?", (len(prefix), prefix)
        )
        return [name for (name,) in rows]

    def forget(self, subject: str) -> None:
        """Nothing is known of it any more."""
        self._base.execute("DELETE FROM alert_told WHERE subject = ?", (subject,))

    def put(self, alert: Alert, subject: str, now: float, before: Told | None = None) -> None:
        """An alert to be told from now on."""
        told = msgspec.json.encode(before).decode() if before else None
        self._base.execute(
            "INSERT OR IGNORE INTO alert (id, subject, state, made, due, before, body) VALUES (?, ?, 'waiting', ?, ?, "
            "?, ?)",
            (alert.id, subject, now, now, told, msgspec.json.encode(alert).decode()),
        )

    def take_back(self, subject: str, now: float) -> list[Waiting]:
        """The alerts on a subject that no channel has taken and nobody is delivering: they go into a later one."""
        rows = self._base.execute(
            "SELECT number, body, tries, before FROM alert WHERE subject = ? AND state = 'waiting' AND leased <= ? AND "
            "NOT EXISTS (SELECT 1 FROM alert_taken WHERE alert = alert.id) ORDER BY number",
            (subject, now),
        ).fetchall()
        self._base.executemany("UPDATE alert SET state = 'replaced' WHERE number = ?", [(row[0],) for row in rows])
        return [_waiting(row) for row in rows]

    def opened_between(self, begin: float, end: float) -> int:
        """How many incidents' openings became due, one by one."""
        (count,) = self._base.execute(
            "SELECT count(*) FROM alert WHERE made BETWEEN ? AND ? AND before IS NULL AND body ->> 'about' = "
            "'incident'",
            (begin, end),
        ).fetchone()
        return int(count)

    def summarised_between(self, begin: float, end: float) -> bool:
        """Whether a summary became due."""
        row = self._base.execute(
            "SELECT 1 FROM alert WHERE made BETWEEN ? AND ? AND subject = 'incidents'", (begin, end)
        ).fetchone()
        return row is not None

    def position(self) -> int:
        """How far the feed of incidents was followed."""
        row = self._base.execute("SELECT sequence FROM alert_feed WHERE name = ?", (_FEED,)).fetchone()
        return int(row[0]) if row else 0

    def follow(self, sequence: int) -> None:
        """The feed is followed up to here."""
        self._base.execute("INSERT OR REPLACE INTO alert_feed VALUES (?, ?)", (_FEED, sequence))

    # ---------------------------------------------------------------- what is delivered

    def lease(self, now: float, seconds: float) -> Waiting | None:
        """The next alert that is due, for this process alone for so long."""
        due = (now, now + _NEVER, now, now + _NEVER)
        if self._base.execute(f"SELECT 1 FROM alert {_DUE}", due).fetchone() is None:  # noqa: S608  # our own constant
            return None
        with self.ledger.transaction():
            row = self._base.execute(
                f"SELECT number, body, tries, before FROM alert {_DUE}",  # noqa: S608  # our own constant
                due,
            ).fetchone()
            if row is None:
                return None
            self._base.execute(
                "UPDATE alert SET leased = ?, owner = ? WHERE number = ?", (now + seconds, os.getpid(), row[0])
            )
        return _waiting(row)

    def free(self) -> None:
        """End the leases of processes that have died."""
        with self.ledger.transaction():
            rows = self._base.execute("SELECT DISTINCT owner FROM alert WHERE state = 'waiting' AND leased > 0")
            dead = [row for row in rows.fetchall() if not _alive(row[0])]
            self._base.executemany("UPDATE alert SET leased = 0 WHERE owner = ? AND state = 'waiting'", dead)

    def taken_by(self, alert: str) -> list[str]:
        """The channels that took it."""
        rows = self._base.execute("SELECT channel FROM alert_taken WHERE alert = ? ORDER BY at", (alert,))
        return [name for (name,) in rows]

    def took(self, alert: str, channel: str, now: float, complaint: str = "") -> None:
        """A channel took it."""
        with self.ledger.transaction():
            self._base.execute("INSERT OR IGNORE INTO alert_taken VALUES (?, ?, ?)", (alert, channel, now))
            self._base.execute(
                "INSERT INTO alert_channel (name, taken, alerts, problem) VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE "
                "SET taken = excluded.taken, alerts = alerts + 1, failures = 0, problem = excluded.problem",
                (channel, now, complaint),
            )

    def failed(self, channel: str, problem: str, now: float) -> None:
        """A channel did not take it."""
        with self.ledger.transaction():
            self._base.execute(
                "INSERT INTO alert_channel (name, failed, failures, failed_ever, problem) VALUES (?, ?, 1, 1, ?) ON "
                "CONFLICT DO UPDATE SET failed = excluded.failed, failures = failures + 1, failed_ever = "
                "failed_ever + 1, problem = excluded.problem",
                (channel, now, problem),
            )

    def done(self, number: int) -> None:
        """Enough channels took it."""
        with self.ledger.transaction():
            self._base.execute("UPDATE alert SET state = 'told' WHERE number = ?", (number,))

    def again(self, number: int, due: float) -> None:
        """Too few channels took it: once more, then."""
        with self.ledger.transaction():
            self._base.execute(
                "UPDATE alert SET due = ?, leased = 0, tries = tries + 1 WHERE number = ?", (due, number)
            )

    # ---------------------------------------------------------------- what there is

    def channels(self) -> list[ChannelHealth]:
        """Every channel that was ever used."""
        fields = ChannelHealth.__struct_fields__
        rows = self._base.execute(f"SELECT {', '.join(fields)} FROM alert_channel ORDER BY name")  # noqa: S608  # our own fields
        return [ChannelHealth(**dict(zip(fields, row, strict=True))) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many alerts are in each state."""
        return dict(self._base.execute("SELECT state, count(*) FROM alert GROUP BY state"))

    def latest(self, limit: int) -> list[KeptAlert]:
        """The latest alerts, the newest first."""
        rows = self._base.execute(
            "SELECT state, tries, body, id FROM alert ORDER BY number DESC LIMIT ?", (limit,)
        ).fetchall()
        return [
            KeptAlert(
                state=state, tries=tries, taken_by=self.taken_by(name), alert=msgspec.json.decode(body, type=Alert)
            )
            for state, tries, body, name in rows
        ]

    def drop(self, before: float) -> None:
        """Forget alerts that were told before then; what is known of incidents stays."""
        with self.ledger.transaction():
            self._base.execute("DELETE FROM alert WHERE state != 'waiting' AND made < ?", (before,))
            self._base.execute(
                "DELETE FROM alert_taken WHERE at < ? AND alert NOT IN (SELECT id FROM alert)", (before,)
            )


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def merged(rows: Iterable[Waiting]) -> Told | None:
    """What the reader knew before the first of these."""
    return next((row.before for row in rows), None)


def _waiting(row: tuple[int, str, int, str | None]) -> Waiting:
    number, body, tries, before = row
    told = msgspec.json.decode(before, type=Told) if before else None
    return Waiting(number, msgspec.json.decode(body, type=Alert), tries, told)
