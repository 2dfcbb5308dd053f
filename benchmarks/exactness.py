"""How far counts are from the truth: which senders, which actors, which deliveries under a wrong account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.generator.truth import Counts, Truth

TABLES = ("lines_by_sender", "lines_by_actor", "messages_by_actor")


@dataclass(frozen=True, slots=True)
class Exactness:
    """One table of counts against the truth's."""

    table: str
    rows: int
    mismatching: list[str]
    misplaced: int
    """Outcomes counted where the truth has none: for actors, deliveries given to a wrong account."""

    def sentence(self) -> str:
        """Say it."""
        verdict = "all exact" if not self.mismatching else f"{len(self.mismatching):,} wrong"
        examples = f", such as {', '.join(self.mismatching[:3])}" if self.mismatching else ""
        return f"{self.table}: {self.rows:,} rows, {verdict}{examples}; {self.misplaced:,} outcomes misplaced"


def compare(truth: Truth, counted: Mapping[str, Mapping[str, Counts]]) -> list[Exactness]:
    """Compare every table that was counted."""
    return [
        _compare(table, getattr(truth, table), counted[table]) for table in TABLES if counted.get(table) is not None
    ]


def _compare(table: str, true: Mapping[str, Counts], counted: Mapping[str, Counts]) -> Exactness:
    nothing = [0, 0, 0, 0]
    wrong, misplaced = [], 0
    for name in sorted(true.keys() | counted.keys()):
        expected, found = true.get(name, nothing), counted.get(name, nothing)
        if list(expected) != list(found):
            wrong.append(f"{name or '<>'} {list(found)} instead of {list(expected)}")
            misplaced += sum(max(0, got - due) for got, due in zip(found[1:], expected[1:], strict=True))
    return Exactness(table, len(true), wrong, misplaced)
