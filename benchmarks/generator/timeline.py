"""Lines said in any order, written in time order, rotated into files."""

from __future__ import annotations

import os
from bisect import bisect
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.generator.recipe import Recipe
    from benchmarks.generator.stamps import Envelope

BUFFER = 1 << 20


class Timeline:
    """Whoever speaks may say now what will be logged hours later.

    `put((time, text))` is a list's own `append`: a million lines are said every few seconds.
    """

    def __init__(self, folder: Path, recipe: Recipe, envelope: Envelope) -> None:
        """Open the oldest file."""
        ages = reversed(range(recipe.files))
        self.paths = [folder / (f"mail.log.{age}" if age else "mail.log") for age in ages]
        self.size = self.lines = 0
        self.first = self.last = float(recipe.start)
        self._said: list[tuple[float, str]] = []
        self.put = self._said.append
        self._batch = max(64, min(recipe.size // 2_000, 4_096))
        self._enough = self._batch
        self._share = recipe.size // recipe.files
        self._envelope = envelope
        self._number = 0
        self._file = self._open()

    def advance(self, now: float) -> None:
        """Write what lies before now, when enough has gathered."""
        if len(self._said) >= self._enough:
            self._said.sort()
            self._write(bisect(self._said, (now,)))
            self._enough = len(self._said) + self._batch

    def close(self) -> None:
        """Write all that is still due."""
        self._said.sort()
        self._write(len(self._said))
        self._close_file()

    def _write(self, count: int) -> None:
        due = self._said[:count]
        del self._said[:count]
        if not due:
            return
        text = self._envelope.write(due)[1:] + "\n"
        if not self.lines:
            self.first = due[0][0]
        self.lines += count
        self.last = due[-1][0]
        self.size += len(text)
        surplus = self.size - self._share * (self._number + 1)
        if surplus >= 0 and self._number + 1 < len(self.paths):
            cut = text.index("\n", len(text) - surplus - 1) + 1
            self._file.write(text[:cut])
            self._close_file()
            self._number += 1
            self._file = self._open()
            text = text[cut:]
        self._file.write(text)

    def _open(self) -> TextIO:
        return self.paths[self._number].open("w", encoding="ascii", buffering=BUFFER)

    def _close_file(self) -> None:
        """Date the file by its last line, as a mail server leaves it."""
        self._file.close()
        os.utime(self._file.name, (self.last, self.last))
