"""The account of the lines on a terminal: what was understood of each source, and what was not."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from whosent.model.report import LinesRead
from whosent.report import words

_SHAPE: int = 72  # columns of an example


def render(read: LinesRead, console: Console) -> None:
    """A line in sum, a table of sources, the commonest unknown shapes with an example each."""
    console.print(Text(_sum(read)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Source", overflow="fold")
    for heading in ("Lines", "Understood", "Other", "Unknown"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Format")
    for source in read.sources:
        lost = source.lines - source.understood - source.other_programs
        numbers = (source.lines, source.understood, source.other_programs, lost)
        table.add_row(Text(words.visible(source.source)), *(f"{number:,}" for number in numbers), source.format)
    console.print(table)
    for shape in read.unrecognised:
        example = words.shortened(words.visible(shape.excerpt), _SHAPE)
        where = f"{words.visible(shape.source)}:{shape.line}"
        console.print(Text(f"\n{words.counted(shape.count, 'line')} like {where}\n  {example}"))


def _sum(read: LinesRead) -> str:
    understood = 100 * (read.understood + read.other_programs) / read.lines if read.lines else 0.0
    doubts = []
    if read.ambiguous:
        lines = words.counted(read.ambiguous, "line", "lines")
        doubts.append(f"{lines} with fields a stranger imitated")
    if read.forged:
        doubts.append(words.counted(read.forged, "forged journal entry", "forged journal entries"))
    return f"{words.counted(read.lines, 'line')}: {understood:.1f} % accounted for" + "".join(
        f"; {doubt} not used" for doubt in doubts
    )
