"""The ledger's file: SQLite (WAL), one transaction a change, each part with tables and a schema version of its own.

A part (complaints, incidents, rates ...) is one module with its migrations: :meth:`Ledger.bring_up` runs those that its
tables have not seen.  A part of a later version of Whosent is refused, an earlier one is brought up.  Any number of
processes may have it open.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from whosent.model.mistake import Mistake

NAME: Final = "ledger.sqlite3"
_SYSTEM: Final = Path("/var/lib/whosent")
_WAIT: Final = 30.0  # seconds for another process that writes
_AGAIN: Final = 0.01  # seconds until it is tried again where SQLite does not wait by itself
_SCHEMA: Final = 2  # of the file itself; 1 had complaints alone and no parts
_FIRST_PART: Final = "complaints"


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


class Ledger:
    """One process's door to the ledger; any number may be open."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._depth = 0
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.base = sqlite3.connect(place / NAME, timeout=_WAIT, isolation_level=None)
            os.chmod(place / NAME, 0o600)  # noqa: PTH101  # complaints name people
            self._share()
            self.base.execute("PRAGMA synchronous = FULL")
            self.base.execute("PRAGMA foreign_keys = ON")
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise Mistake(f"{place}: the ledger cannot be opened: {error}. Name a folder you may write to with "
                          "WHOSENT_STATE__FOLDER or state.folder.") from error  # fmt: skip

    def close(self) -> None:
        """Give the files back."""
        self.base.close()

    def _share(self) -> None:
        """Turn to WAL, which of a new file one alone can do at a time.

        SQLite asks to write while it reads already, and waits for nobody then, whatever its time-out.
        """
        end = time.monotonic() + _WAIT
        while True:
            try:
                self.base.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(_AGAIN)
            else:
                return

    def _open(self) -> None:
        if self._version() == _SCHEMA:
            return  # so that whoever comes to read waits for nobody who writes
        with self._begun():
            version = self._version()
            if version > _SCHEMA:
                raise self._too_new("the ledger", version, _SCHEMA)
            self.base.execute(
                "CREATE TABLE IF NOT EXISTS part (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT"
            )
            if version == 1:
                self.base.execute("INSERT INTO part VALUES (?, 1)", (_FIRST_PART,))
            self.base.execute(f"PRAGMA user_version = {_SCHEMA}")

    def _version(self) -> int:
        (version,) = self.base.execute("PRAGMA user_version").fetchone()
        return int(version)

    def _too_new(self, what: str, version: int, known: int) -> Mistake:
        return Mistake(
            f"{self.place}: {what} was written by a later version of Whosent (its schema is {version}, this one knows "
            f"{known}). Use that version, or another state folder."
        )

    def bring_up(self, part: str, migrations: Sequence[str]) -> None:
        """Give a part its tables; a migration is statements that end in semicolons, and never changes once released."""
        if self._version_of(part) == len(migrations):
            return
        with self.transaction():
            version = self._version_of(part)
            if version > len(migrations):
                raise self._too_new(f"its part {part!r}", version, len(migrations))
            for migration in migrations[version:]:
                for statement in migration.split(";"):
                    if statement.strip():
                        self.base.execute(statement)
            self.base.execute("INSERT OR REPLACE INTO part VALUES (?, ?)", (part, len(migrations)))

    def _version_of(self, part: str) -> int:
        try:
            row = self.base.execute("SELECT version FROM part WHERE name = ?", (part,)).fetchone()
        except sqlite3.Error as error:
            raise Mistake(f"{self.place}: the ledger cannot be read: {error}.") from error
        return int(row[0]) if row else 0

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """All of it or nothing; one inside another belongs to the outer one.

        One that is not ``durable`` may be undone by a loss of power, not by the death of this process; it waits for no
        disk.
        """
        if self._depth:
            yield
            return
        try:
            self.base.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with self._begun():
                yield
        except sqlite3.Error as error:
            raise Mistake(f"{self.place}: the ledger cannot be written: {error}.") from error

    @contextmanager
    def _begun(self) -> Iterator[None]:
        self.base.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
            self.base.execute("COMMIT")
        except BaseException:
            if self.base.in_transaction:
                self.base.execute("ROLLBACK")
            raise
        finally:
            self._depth -= 1
