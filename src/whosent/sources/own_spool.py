"""What reaches us over a socket or from the journal, written to files of our own first: so it can be read again.

A line is written at once and whole; a crash of this process loses nothing of what was taken.  The file is renamed when
it is long, as logrotate does, and the oldest go.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

_LONGEST: Final = 64 << 20  # bytes of one file
_TAIL: Final = 1 << 20


class OwnSpool:
    """A log that we write ourselves; ``keep`` is how many bytes may stay."""

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        self.lost = 0  # bytes that could not be written
        self.problem = ""
        self._files = max(1, keep // _LONGEST - 1)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = self._open()
        self._size = os.fstat(self._file).st_size

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def last_line(self) -> bytes:
        """The last whole line; what stands behind it, from a crash in the middle of writing, is cut off."""
        at = max(0, self._size - _TAIL)
        tail = os.pread(self._file, _TAIL, at)
        end = tail.rfind(b"\n") + 1
        if end < len(tail):
            self._size = at + end
            os.ftruncate(self._file, self._size)
        return tail[:end].rstrip(b"\n").rpartition(b"\n")[2]

    def write(self, lines: bytes) -> None:
        """Whole lines, each with its end; what cannot be written is counted and said."""
        try:
            written = os.write(self._file, lines)
        except OSError as error:
            self.lost += len(lines)
            self.problem = f"{self.path}: {error.strerror}; {self.lost:,} bytes of lines could not be kept"
            return
        if written < len(lines):  # the disk is full: no half lines
            os.ftruncate(self._file, self._size)
            self.lost += len(lines)
            self.problem = f"{self.path}: no space left; {self.lost:,} bytes of lines could not be kept"
            return
        self.problem = ""
        self._size += written
        if self._size > _LONGEST:
            self._rotate()

    def _rotate(self) -> None:
        for number in range(self._files, 0, -1):
            old = self.path.with_name(f"{self.path.name}.{number}")
            if old.exists():
                old.rename(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.with_name(f"{self.path.name}.{self._files + 1}").unlink(missing_ok=True)
        self.path.rename(self.path.with_name(f"{self.path.name}.1"))
        os.close(self._file)
        self._file, self._size = self._open(), 0

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


class Feed(Protocol):
    """What brings lines that are no file of somebody else's; it writes them to a spool of its own."""

    @property
    def problem(self) -> str:
        """What troubles it; "" if nothing does."""

    def sockets(self) -> Sequence[Any]:
        """To wait for."""

    def ready(self) -> bool:
        """Take what has come; whether anything did."""

    def close(self) -> None:
        """End it."""
