"""Where the live walk was: its state in a file, and the row that makes that file the one that counts.

The file is written, fsynced and renamed first; the row names it in the same transaction as everything that was counted
up to it.  So whenever the process dies, state, positions and counts are of one moment; files nobody names are removed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

import zstandard

from whosent.measures.rates import Reached
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE checkpoint (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        at REAL NOT NULL,
        version TEXT NOT NULL,
        settled REAL NOT NULL,
        file TEXT NOT NULL,
        sha256 TEXT NOT NULL
    ) STRICT;
    """,
    "ALTER TABLE checkpoint ADD COLUMN rows INTEGER NOT NULL DEFAULT 0;",
)
_LEVEL: Final = 1  # quick
_SUFFIX: Final = ".state"
_PIECE: Final = 1 << 20


class Checkpoint(NamedTuple):
    """What the last run left."""

    at: float  # seconds since the epoch
    version: str  # of whoever wrote it
    counted: Reached  # the rows that were counted
    state: BinaryIO | None  # None: the file is gone or damaged


class Written(NamedTuple):
    """A state file that no row names yet."""

    file: str
    sha256: str


class Checkpoints:
    """The checkpoint of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._folder = ledger.place / "state"
        ledger.bring_up("checkpoints", _MIGRATIONS)
        self._folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def folder(self) -> Path:
        """Where state files stand."""
        return self._folder

    def commit(
        self, written: Written, version: str, at: float, counted: Reached, also: Callable[[], None] | None = None
    ) -> None:
        """Make a state file the one that counts, together with whatever ``also`` writes to the ledger."""
        with self._ledger.transaction():
            self._ledger.base.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?, ?, ?, ?)",
                (at, version, counted.time, written.file, written.sha256, counted.rows),
            )
            if also is not None:
                also()
        self.tidy()

    def latest(self) -> Checkpoint | None:
        """What the last run left, if there was one."""
        row = self._ledger.base.execute("SELECT at, version, settled, file, sha256, rows FROM checkpoint").fetchone()
        if row is None:
            return None
        at, version, settled, file, digest, rows = row
        state: BinaryIO | None = None
        with suppress(OSError):
            packed = (self._folder / file).read_bytes()
            if hashlib.sha256(packed).hexdigest() == digest:
                state = cast("BinaryIO", BufferedReader(zstandard.ZstdDecompressor().stream_reader(packed), _PIECE))
        return Checkpoint(at, version, Reached(settled, rows), state)

    def tidy(self) -> None:
        """Remove files that nobody names."""
        row = self._ledger.base.execute("SELECT file FROM checkpoint").fetchone()
        for path in self._folder.glob(f"*{_SUFFIX}*"):
            if row is None or path.name != row[0]:
                path.unlink(missing_ok=True)


def write(folder: Path, save: Callable[[BinaryIO], None], number: int) -> Written:
    """Write a state file, whole and on the disk before it has its name; for a process of its own, too.

    It is compressed as it comes: all of it never stands in memory at once.
    """
    fresh = folder / f"{number}{_SUFFIX}.part"
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        with zstandard.ZstdCompressor(level=_LEVEL).stream_writer(file, closefd=False) as packed:
            save(cast("BinaryIO", packed))
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = f"{number}-{digest[:12]}{_SUFFIX}"
    fresh.rename(folder / name)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
    return Written(name, digest)
