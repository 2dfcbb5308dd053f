"""The account of a source's lines: every one is understood, another program's, or not understood, by shape."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_SHAPES: Final = 500  # distinct shapes kept; the rest is counted together
_PROGRAMS: Final = 200
_EXAMPLES: Final = 10
_SHAPE_LENGTH: Final = 160
_REST: Final = "(others)"

# What varies between two lines of one kind: quoted and bracketed text, addresses, ids, numbers.
_VARIABLE: Final = re.compile(
    rb'"[^"]*+"?+|<[^>]*+>?+|\[[^\]]*+\]?+|[^\s@=,;:(]++@[^\s,;:)>]++|\b(?=[A-Za-z]*+\d)[0-9A-Za-z._-]++|\d++'
)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(slots=True)
class Shape:
    """One kind of line that no dialect understood: how often, and where the first one starts."""

    count: int
    offset: int


@dataclass(slots=True)
class Counts:
    """What became of a source's lines; ``lines`` is the sum of all the other numbers.

    ``ambiguous``: the fields of the line cannot be told apart, because a stranger's text imitates them.
    ``forged``: the journal's trusted fields contradict the program the entry claims to be.
    Both are counted and never used; ``ambiguous_at`` and ``forged_at`` hold the offsets of the first ones.
    """

    lines: int = 0
    blank: int = 0
    other_programs: dict[str, int] = field(default_factory=dict)
    not_understood: dict[str, Shape] = field(default_factory=dict)
    ambiguous: int = 0
    ambiguous_at: list[int] = field(default_factory=list)
    forged: int = 0
    forged_at: list[int] = field(default_factory=list)

    @property
    def unknown(self) -> int:
        """How many lines were not understood."""
        return sum(shape.count for shape in self.not_understood.values())

    @property
    def others(self) -> int:
        """How many lines come from programs that no dialect speaks for."""
        return sum(self.other_programs.values())

    @property
    def understood(self) -> int:
        """How many lines a dialect recognised (as a fact or as nothing of interest)."""
        return self.lines - self.blank - self.others - self.unknown - self.ambiguous - self.forged

    def other(self, program: bytes) -> None:
        """Count a line of a program that no dialect claims."""
        name = printable(program)
        if name not in self.other_programs and len(self.other_programs) >= _PROGRAMS:
            name = _REST
        self.other_programs[name] = self.other_programs.get(name, 0) + 1

    def lost(self, line: bytes, offset: int, program: bytes = b"", lines: int = 1) -> None:
        """Count a line that nothing recognised (or several), by its shape (of what the program said, if known)."""
        name = f"{printable(program)}: {shape_of(line)}" if program else shape_of(line)
        if name not in self.not_understood and len(self.not_understood) >= _SHAPES:
            name = _REST
        shape = self.not_understood.get(name)
        if shape is None:
            self.not_understood[name] = Shape(lines, offset)
        else:
            shape.count += lines

    def imitated(self, offset: int) -> None:
        """Count a line whose fields cannot be told apart."""
        self.ambiguous += 1
        if len(self.ambiguous_at) < _EXAMPLES:
            self.ambiguous_at.append(offset)

    def forgery(self, offset: int) -> None:
        """Count a journal entry whose writer is not the program it claims to be."""
        self.forged += 1
        if len(self.forged_at) < _EXAMPLES:
            self.forged_at.append(offset)


def shape_of(line: bytes) -> str:
    """The line with everything that varies replaced by ``*``; printable whatever the line holds."""
    return printable(_VARIABLE.sub(b"*", line[: 2 * _SHAPE_LENGTH])[:_SHAPE_LENGTH])


def printable(text: bytes) -> str:
    """ASCII as it is, everything else (escape codes, NULs, other scripts) as ``?``."""
    return _UNPRINTABLE.sub("?", text.decode("latin-1"))
