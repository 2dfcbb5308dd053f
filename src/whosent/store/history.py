"""The rows themselves, for people's questions: written as lines first, sealed as Parquet segments, forgotten in time.

A file of lines grows; how much of it counts stands in the ledger, in the transaction that names the state it belongs
to.  After a crash it is cut to that.  When it is long or old it is sealed: another process makes a Parquet file of it
(:mod:`whosent.store.parquet`), which counts once the ledger names it.  Files nobody names are removed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from whosent.model.rows import Row
from whosent.store.columns import TABLE_OF
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE segment (
        file TEXT PRIMARY KEY,
        subject TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('growing', 'sealed', 'parquet')),
        size INTEGER NOT NULL,
        begun REAL NOT NULL,
        until REAL NOT NULL
    ) STRICT;
    """,
)
_LONGEST: Final = 64 << 20  # bytes of lines in one file
_OLDEST: Final = 3600.0  # seconds it grows
_HELD: Final = 2 << 20  # bytes of lines that are not written out yet
_TRIES: Final = 3
_READ: Final = 300.0  # seconds for which somebody who asks may still read what counts no more


class Mark(NamedTuple):
    """How far a file of lines counts."""

    file: str
    table: str
    size: int
    begun: float
    until: float  # when it was last written to
    sealed: bool


class _Growing:
    """The file of lines of one table."""

    def __init__(self, folder: Path, table: str, number: int) -> None:
        self.name = f"{table}-{number}.jsonl"
        self.table = table
        self.begun = time.time()
        self.until = 0.0
        self.size = 0
        self._file = os.open(folder / self.name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, lines: bytes) -> None:
        written = os.write(self._file, lines)
        if written < len(lines):
            os.ftruncate(self._file, self.size)
            raise OSError(28, "no space left on device")
        self.size += written

    def close(self) -> None:
        os.close(self._file)


class History:
    """The rows of a ledger's folder."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the files up as the last commit left them."""
        self._ledger = ledger
        self.folder = ledger.place / "rows"
        self.problem = ""
        ledger.bring_up("history", _MIGRATIONS)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._number = int(time.time() * 1000)
        self._growing: dict[str, _Growing] = {}
        self._lines: defaultdict[str, list[bytes]] = defaultdict(list)  # whole lines, many in each
        self._held = 0  # bytes of them
        self._encoder = msgspec.json.Encoder()
        self._sealing: tuple[subprocess.Popen[bytes], str] | None = None
        self._failed: dict[str, int] = {}
        self._past: list[tuple[float, str]] = []  # since when a file counts no more
        self._take_up()

    def _take_up(self) -> None:
        """Cut what grew beyond its mark, seal it, and remove what nobody names."""
        known = {}
        for file, state, size in self._ledger.base.execute("SELECT file, state, size FROM segment"):
            known[file] = state
            path = self.folder / file
            if state == "growing" and path.exists():
                os.truncate(path, size)
        for path in self.folder.iterdir():
            if path.name not in known:
                path.unlink()
        with self._ledger.transaction():
            self._ledger.base.execute("UPDATE segment SET state = 'sealed' WHERE state = 'growing'")

    def take(self, rows: Sequence[Row]) -> None:
        """Rows to be kept."""
        fresh: defaultdict[str, list[object]] = defaultdict(list)
        for row in rows:
            found = TABLE_OF.get(row.__class__)
            if found is not None:
                table, made_of = found
                fresh[table].append(made_of(row))
        for table, kept in fresh.items():
            lines = self._encoder.encode_lines(kept)
            self._lines[table].append(lines)
            self._held += len(lines)
        if self._held > _HELD:
            self.flush()

    def flush(self) -> None:
        """Write them out, so that questions see them."""
        self._held = 0
        for table, lines in self._lines.items():
            if not lines:
                continue
            growing = self._growing.get(table)
            try:
                if growing is None:
                    self._number += 1
                    growing = self._growing[table] = _Growing(self.folder, table, self._number)
                growing.write(b"".join(lines))
            except OSError as error:
                self.problem = f"rows for `whosent query` cannot be kept: {self.folder}: {error.strerror}"
                if sum(map(len, lines)) > _LONGEST:
                    lines.clear()
                continue
            growing.until = time.time()
            lines.clear()
            self.problem = ""

    def marks(self) -> list[Mark]:
        """How far each file counts from now on; those that are long or old end here."""
        self.flush()
        marks = []
        for table, one in list(self._growing.items()):
            over = one.size > _LONGEST or time.time() - one.begun > _OLDEST
            marks.append(Mark(one.name, table, one.size, one.begun, one.until, over))
            if over:
                one.close()
                del self._growing[table]
        return marks

    def persist(self, marks: Sequence[Mark]) -> None:
        """Have the disk hold what the marks count; takes its time, so a copy of the process does it."""
        for one in marks:
            descriptor = os.open(self.folder / one.file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def commit(self, marks: Sequence[Mark]) -> None:
        """Within the transaction that names the state."""
        self._ledger.base.executemany(
            "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?)",
            [(one.file, one.table, "sealed" if one.sealed else "growing", one.size, one.begun, one.until)
             for one in marks],
        )  # fmt: skip

    def seal(self) -> None:
        """Go on making Parquet of what is sealed, one file at a time, by another process."""
        self._remove()
        if self._sealing is not None:
            process, file = self._sealing
            code = process.poll()
            if code is None:
                return
            self._sealing = None
            self._sealed(file, code)
        row = next((row for row in self._ledger.base.execute(
            "SELECT file, subject FROM segment WHERE state = 'sealed' ORDER BY begun"
        ) if self._failed.get(row[0], 0) < _TRIES), None)  # fmt: skip
        if row is not None:
            command = [sys.executable, "-P", "-m", "whosent.store.parquet", str(self.folder / row[0]), row[1]]
            self._sealing = (subprocess.Popen(command, stdin=subprocess.DEVNULL), row[0])  # noqa: S603  # ourselves

    def _sealed(self, file: str, code: int) -> None:
        if code:
            self._failed[file] = self._failed.get(file, 0) + 1
            self.problem = f"{self.folder / file}: could not be made a Parquet file; it is kept as it is"
            return
        with self._ledger.transaction():
            self._ledger.base.execute(
                "UPDATE segment SET file = ?, state = 'parquet' WHERE file = ?", (parquet_of(file), file)
            )
        self._past.append((time.monotonic(), file))

    def _remove(self) -> None:
        """Remove what counted a while ago; questions that were asked then have been answered."""
        while self._past and time.monotonic() - self._past[0][0] >= _READ:
            (self.folder / self._past.pop(0)[1]).unlink(missing_ok=True)

    def forget(self, before: float) -> None:
        """Remove segments whose rows were all written down before."""
        with self._ledger.transaction():
            old = [row[0] for row in self._ledger.base.execute(
                "DELETE FROM segment WHERE until < ? AND state = 'parquet' RETURNING file", (before,)
            )]  # fmt: skip
        self._past += [(time.monotonic(), file) for file in old]

    def close(self) -> None:
        """Give the files back."""
        for one in self._growing.values():
            one.close()
        if self._sealing is not None:
            self._sealing[0].wait()


def parquet_of(file: str) -> str:
    """The name of the Parquet file that is made of a file of lines."""
    return f"{file.removesuffix('.jsonl')}.parquet"


def segments(ledger: Ledger) -> dict[str, list[Path]]:
    """The files of each table that count."""
    ledger.bring_up("history", _MIGRATIONS)
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for file, table in ledger.base.execute("SELECT file, subject FROM segment ORDER BY begun"):
        path = ledger.place / "rows" / file
        if path.exists():
            found[table].append(path)
    return found
