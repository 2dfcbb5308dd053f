"""What a variable of a script may hold: words of the script, and marks where a visitor's words stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

NO, MAYBE, YES = 0, 1, 2
_MOST: Final = 120  # pieces kept of a value
_LONGEST: Final = 4_000  # characters kept of a piece: its beginning and its end


class Mark(NamedTuple):
    """A visitor's words: how sure each is of ``NO``, ``MAYBE``, ``YES``."""

    origin: str  # the field it came from, as the script calls it
    line: int
    chosen: int = YES  # the visitor decides what it is
    breaks: int = YES  # it may hold line breaks (a bare line feed is enough)
    free: int = YES  # it may hold any text

    def at_most(self, *, chosen: int = YES, breaks: int = YES, free: int = YES) -> Mark:
        """The same, less sure."""
        return self._replace(
            chosen=min(self.chosen, chosen), breaks=min(self.breaks, breaks), free=min(self.free, free)
        )


Piece: TypeAlias = str | Mark
Value: TypeAlias = tuple[Piece, ...]


def joined(*values: Value) -> Value:
    """One behind the other; a value of very many pieces keeps its beginning and its marks."""
    pieces: list[Piece] = []
    for value in values:
        for piece in value:
            if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
                pieces[-1] = _kept(pieces[-1] + piece)
            elif piece:
                pieces.append(piece)
    if len(pieces) > _MOST:
        return (*pieces[: _MOST - 8], *_strongest(pieces[_MOST - 8 :]))
    return tuple(pieces)


def _kept(words: str) -> str:
    half = _LONGEST // 2
    return words if len(words) <= _LONGEST else words[:half] + words[-half:]


def _strongest(pieces: Iterable[Piece]) -> list[Mark]:
    marks = [piece for piece in pieces if isinstance(piece, Mark)]
    return sorted(marks, key=lambda mark: (mark.breaks, mark.chosen, mark.free))[-4:]


def either(one: Value, other: Value) -> Value:
    """Whichever it is: what both begin with, then what each goes on with."""
    if one == other or not other:
        return one
    if not one:
        return other
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return joined(one[:same], one[same:], other[same:])


def marks(value: Value) -> list[Mark]:
    """The visitor's words in a value."""
    return [piece for piece in value if isinstance(piece, Mark)]


def changed(value: Value, change: Callable[[Mark], Mark | None]) -> Value:
    """The value with each mark changed; None: it is no longer the visitor's."""
    pieces = [change(piece) if isinstance(piece, Mark) else piece for piece in value]
    return tuple(piece for piece in pieces if piece is not None)


def text(value: Value) -> str:
    """The script's own words in a value."""
    return "".join(piece for piece in value if isinstance(piece, str))


def sureness(value: Value, of: Callable[[Mark], int]) -> int:
    """The surest of its marks."""
    return max((of(mark) for mark in marks(value)), default=NO)
