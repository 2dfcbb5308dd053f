"""An alternation as PCRE2 gets it: rules share the numbers of their groups, and a mark tells which rule matched.

PCRE2 clears and copies every group of a pattern for every line, a thousand words where all rules together have
hundreds of groups.  A line matches one rule, so those that cannot match together share numbers (``(?|...|...)``).
Python's ``re`` has no such thing; there each rule's groups are its own, and an empty one at its end tells the rule.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from whosent.reading.patterns import PART

_CHOICE: Final = b"\x00"  # stands behind the "(?:" of a choice until the pattern is written out
_LINE_END: Final = rb"\n"


class _Choice:
    """An open choice: the number its branches begin behind, and the highest of any."""

    __slots__ = ("begin", "most")

    def __init__(self, begin: int) -> None:
        self.begin = self.most = begin

    def passed(self, number: int) -> int:
        """A branch ends at this number; the next begins behind the one returned."""
        self.most = max(self.most, number)
        return self.begin


def choice(branches: Iterable[bytes]) -> bytes:
    """An alternation of patterns of which one alone can match a line."""
    return rb"(?:" + _CHOICE + rb"|".join(branches) + rb")"


def apart(pattern: bytes) -> bytes:
    """As Python's ``re`` gets it."""
    return pattern.replace(_CHOICE, b"")


def shared(pattern: bytes, ends: Container[int]) -> tuple[bytes, dict[int, int]]:
    """As PCRE2 gets it, and the new number of each group.

    The groups in ``ends`` are empty; in the place of each stands a mark of its number, behind the next line end.
    """
    out: list[bytes] = []
    numbers: dict[int, int] = {}
    choices: list[_Choice | None] = []  # of each open group
    count = number = 0  # groups of the pattern so far; the latest new number
    mark = b""
    parts = iter(PART.findall(pattern))
    for part in parts:
        if part == _CHOICE:
            out[-1], choices[-1] = b"(?|", _Choice(number)
            continue
        if part == b"(":
            count += 1
            if count in ends:
                mark = b"(*:%d)" % count
                next(parts)  # its end
                continue
            number += 1
            numbers[count] = number
        if part[:1] == b"(":
            choices.append(None)
        elif part in {b"|", b")"}:
            number = choices[-1].passed(number) if choices and choices[-1] else number
            if part == b")" and (closed := choices.pop()):
                number = closed.most
        out.append(part)
        if part == _LINE_END and mark:
            out.append(mark)
            mark = b""
    return b"".join(out), numbers
