"""A bounded memory of the lines that show something: the first, the most telling and the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.finding import Quote

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST: Final = 4
_TELLING: Final = 4
_LAST: Final = 4

Entry = tuple[float, int, str]


class Trail:
    """At most twelve references, however many lines pass; most have one or two."""

    __slots__ = ("_first", "_last", "_telling")

    def __init__(self) -> None:
        self._first: list[Entry] = []
        self._telling: list[Entry] | None = None
        self._last: list[Entry] | None = None

    def add(self, time: float, ref: int, note: str, *, telling: bool = False) -> None:
        """Remember a line; ``note`` says in a few words what it shows."""
        entry = (time, ref, note)
        if len(self._first) < _FIRST:
            self._first.append(entry)
        elif telling and (self._telling is None or len(self._telling) < _TELLING):
            if self._telling is None:
                self._telling = []
            self._telling.append(entry)
        else:
            if self._last is None:
                self._last = []
            elif len(self._last) >= _LAST:
                del self._last[0]
            self._last.append(entry)

    def quotes(self, since: float = float("-inf")) -> tuple[Quote, ...]:
        """What is remembered from ``since`` on, in the order of the lines."""
        return in_order(self.entries(since))

    def entries(self, since: float = float("-inf")) -> list[Entry]:
        """The same as ``(time, ref, note)``."""
        known = (*self._first, *(self._telling or ()), *(self._last or ()))
        return sorted(entry for entry in known if entry[0] >= since)


def in_order(entries: Iterable[Entry]) -> tuple[Quote, ...]:
    """Quotes of ``(time, ref, note)``, each line once, in the order of time."""
    notes = {(time, ref): note for time, ref, note in entries}
    return tuple(Quote(ref, notes[time, ref]) for time, ref in sorted(notes))
