"""A bounded memory of the lines that show something: the first, the most telling and the last."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Quote

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST: Final = 4
_TELLING: Final = 4
_LAST: Final = 4


class Trail:
    """At most twelve references, however many lines pass."""

    __slots__ = ("_first", "_last", "_telling")

    def __init__(self) -> None:
        self._first: list[tuple[float, int, str]] = []
        self._telling: list[tuple[float, int, str]] = []
        self._last: deque[tuple[float, int, str]] = deque(maxlen=_LAST)

    def add(self, time: float, ref: int, note: str, *, telling: bool = False) -> None:
        """Remember a line; ``note`` says in a few words what it shows."""
        entry = (time, ref, note)
        if len(self._first) < _FIRST:
            self._first.append(entry)
        elif telling and len(self._telling) < _TELLING:
            self._telling.append(entry)
        else:
            self._last.append(entry)

    def quotes(self, since: float = float("-inf")) -> tuple[Quote, ...]:
        """What is remembered from ``since`` on, in the order of the lines."""
        return in_order(self.entries(since))

    def entries(self, since: float = float("-inf")) -> list[tuple[float, int, str]]:
        """The same as ``(time, ref, note)``."""
        return sorted(entry for entry in (*self._first, *self._telling, *self._last) if entry[0] >= since)


def in_order(entries: Iterable[tuple[float, int, str]]) -> tuple[Quote, ...]:
    """Quotes of ``(time, ref, note)``, each line once, in the order of time."""
    notes = {(time, ref): note for time, ref, note in entries}
    return tuple(Quote(ref, notes[time, ref]) for time, ref in sorted(notes))
