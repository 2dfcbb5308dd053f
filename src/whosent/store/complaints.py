"""Complaints with their answers, kept once: a report is known by the digest of its bytes.

Adding it again changes nothing but its answers, if newer logs say more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from whosent.model.complaint import Complaint
from whosent.model.finding import Strength
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE report (
        sha256 TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        added REAL NOT NULL
    ) STRICT;
    CREATE TABLE complaint (
        id TEXT PRIMARY KEY,
        report TEXT NOT NULL REFERENCES report (sha256),
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        ours TEXT NOT NULL,
        incident TEXT,
        arrival TEXT,
        told TEXT NOT NULL
    ) STRICT;
    CREATE INDEX complaint_incident ON complaint (incident, arrival);
    """,
)


class Kept(msgspec.Struct, frozen=True):
    """A complaint of the ledger, and when it was added (seconds since the epoch)."""

    complaint: Complaint
    added: float


class Complaints:
    """The complaints of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = ledger.base
        ledger.bring_up("complaints", _MIGRATIONS)

    def add(self, complaints: Iterable[Complaint]) -> bool:
        """Keep the events of one report, all or none; tells whether the report is new.

        Of a report that is known, an answer is replaced only by a stronger one.
        """
        events = list(complaints)
        if not events:
            return False
        first = events[0]
        with self._ledger.transaction():
            done = self._base.execute(
                "INSERT INTO report (sha256, source, added) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (first.sha256, first.source, time.time()),
            )
            for place, event in enumerate(events):
                self._put(event, place)
            return done.rowcount > 0

    def _put(self, event: Complaint, place: int) -> None:
        known = self.get(event.id)
        if known and not _says_more(event, known.complaint):
            return
        self._base.execute(
            "INSERT INTO complaint (id, report, place, kind, ours, incident, arrival, told) VALUES (?, ?, ?, ?, ?, "
            "?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET ours = excluded.ours, incident = excluded.incident, told = excluded.told",
            (event.id, event.sha256, place, event.kind, event.ours, event.incident, event.arrival_date,
             msgspec.json.encode(event).decode()),
        )  # fmt: skip

    def get(self, name: str) -> Kept | None:
        """The complaint with this id, or with the only id that begins so."""
        rows = self._base.execute(
            "SELECT told, added FROM complaint JOIN report ON report = sha256 WHERE id = ? OR (length(?) >= 4 AND "
            "substr(id, 1, length(?)) = ?) LIMIT 2",
            (name, name, name, name),
        ).fetchall()
        return _kept(rows[0]) if len(rows) == 1 else None

    def all(self) -> Iterator[Kept]:
        """Every complaint, by the time its message came."""
        rows = self._base.execute(
            "SELECT told, added FROM complaint JOIN report ON report = sha256 ORDER BY arrival, id"
        )
        return map(_kept, rows)


def _kept(row: tuple[str, float]) -> Kept:
    return Kept(msgspec.json.decode(row[0], type=Complaint), row[1])


def _says_more(new: Complaint, old: Complaint) -> bool:
    """Whether a later answer is stronger: it knows whether it is ours, or it names somebody."""
    order = list(Strength)
    return (new.ours != "unknown", new.suspect is not None, -order.index(new.strength)) > (
        old.ours != "unknown", old.suspect is not None, -order.index(old.strength))  # fmt: skip
