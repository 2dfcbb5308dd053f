"""The ledger: complaints with their answers, in SQLite (WAL); one transaction a report, nothing lost or doubled.

A report is known by the digest of its bytes: adding it again changes nothing but its answers, if newer logs say more.
The schema has a version (``user_version``); a ledger of a later version is refused, an earlier one is brought up.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from whosent.model.complaint import Complaint
from whosent.model.finding import Strength
from whosent.model.mistake import Mistake

NAME: Final = "ledger.sqlite3"
_SYSTEM: Final = Path("/var/lib/whosent")
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
_WAIT: Final = 10.0  # seconds for another process that writes


def folder(configured: str, environment: Mapping[str, str], *, root: bool) -> Path:
    """Where the state lives: as configured; /var/lib/whosent for root; else the user's XDG state folder."""
    if configured:
        return Path(configured)
    if root:
        return _SYSTEM
    base = environment.get("XDG_STATE_HOME") or str(
        Path(environment.get("HOME") or "~").expanduser() / ".local" / "state"
    )
    return Path(base) / "whosent"


class Kept(msgspec.Struct, frozen=True):
    """A complaint of the ledger, and when it was added (seconds since the epoch)."""

    complaint: Complaint
    added: float


class Ledger:
    """One process's door to the ledger; any number may be open."""

    def __init__(self, place: Path) -> None:
        self._place = place
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._base = sqlite3.connect(place / NAME, timeout=_WAIT, isolation_level=None)
            os.chmod(place / NAME, 0o600)  # noqa: PTH101  # complaints name people
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.execute("PRAGMA foreign_keys = ON")
            self._bring_up()
        except (OSError, sqlite3.Error) as error:
            raise Mistake(f"{place}: the ledger cannot be opened: {error}. Name a folder you may write to with "
                          "WHOSENT_STATE__FOLDER or state.folder.") from error  # fmt: skip

    def close(self) -> None:
        """Give the files back."""
        self._base.close()

    def _bring_up(self) -> None:
        with self._transaction():
            (version,) = self._base.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise Mistake(f"{self._place}: the ledger was written by a later version of Whosent (its schema is "
                              f"{version}, this one "
                              f"knows {len(_MIGRATIONS)}). Use that version, or another state folder.")  # fmt: skip
            for migration in _MIGRATIONS[version:]:
                for statement in migration.split(";"):
                    if statement.strip():
                        self._base.execute(statement)
            self._base.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    def add(self, complaints: Iterable[Complaint]) -> bool:
        """Keep the events of one report, all or none; tells whether the report is new.

        Of a report that is known, an answer is replaced only by a stronger one.
        """
        events = list(complaints)
        if not events:
            return False
        first = events[0]
        try:
            with self._transaction():
                done = self._base.execute(
                    "INSERT INTO report (sha256, source, added) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (first.sha256, first.source, time.time()),
                )
                for place, event in enumerate(events):
                    self._put(event, place)
                return done.rowcount > 0
        except sqlite3.Error as error:
            raise Mistake(f"{self._place}: the ledger cannot be written: {error}.") from error

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
