"""The account of the lines: what was understood, what was not, source by source, with the commonest unknown shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from whosent.model.report import LinesRead, SourceCoverage, Unrecognised
from whosent.model.rows import reference
from whosent.reading.counts import Shape
from whosent.reading.stamps import rfc3339
from whosent.sources.files import Line
from whosent.sources.text import shown
from whosent.walk import Input

_SHOWN_SHAPES: Final = 10
_SHOWN_PROGRAMS: Final = 20

Quotes = Mapping[int, Line]
"""Lines read back, by reference."""


def quoted(inputs: Sequence[Input], wanted: Mapping[int, Iterable[int]]) -> dict[int, Line]:
    """The wanted offsets of each source (by number) and the examples of what was not understood, read again."""
    offsets = {one.number: set(wanted.get(one.number, ())) for one in inputs}
    for one, _, shape in _commonest(inputs):
        offsets[one.number].add(shape.offset)
    return {
        reference(one.number, offset): line
        for one in inputs
        for offset, line in one.source.quote(offsets[one.number]).items()
    }


def lines_read(inputs: Sequence[Input], quotes: Quotes, missing: Iterable[str]) -> LinesRead:
    """Everything added up; ``missing`` names arguments that matched no file."""
    counts = [one.reader.counts for one in inputs]
    programs = sum((Counter(count.other_programs) for count in counts), Counter[str]())
    sources = [_source(one) for one in inputs]
    lines = sum(source.lines for source in sources)
    understood = sum(source.understood for source in sources)
    other = sum(source.other_programs for source in sources)
    return LinesRead(
        lines=lines,
        understood=understood,
        other_programs=other,
        not_understood=lines - understood - other,
        forged=sum(count.forged for count in counts),
        ambiguous=sum(count.ambiguous for count in counts),
        bytes=sum(source.bytes for source in sources),
        sources=[*sources, *map(_missing, missing)],
        programs=dict(programs.most_common(_SHOWN_PROGRAMS)),
        unrecognised=[_unrecognised(one, name, shape, quotes) for one, name, shape in _commonest(inputs)],
    )


def _commonest(inputs: Iterable[Input]) -> list[tuple[Input, str, Shape]]:
    shapes = [(one, name, shape) for one in inputs for name, shape in one.reader.counts.not_understood.items()]
    return sorted(shapes, key=lambda item: -item[2].count)[:_SHOWN_SHAPES]


def _source(one: Input) -> SourceCoverage:
    counts = one.reader.counts
    return SourceCoverage(
        source=one.source.name,
        format=one.reader.format,
        bytes=one.source.size,
        lines=counts.lines,
        understood=counts.understood + counts.blank,
        other_programs=counts.others,
        first=rfc3339(one.reader.starts) if one.reader.starts else None,
        last=rfc3339(one.last) if one.last > float("-inf") else None,
        problem=one.source.problem,
    )


def _missing(argument: str) -> SourceCoverage:
    return SourceCoverage(
        source=argument, format="not recognised", bytes=0, lines=0, understood=0, other_programs=0, first=None,
        last=None, problem="no such file",
    )  # fmt: skip


def _unrecognised(one: Input, name: str, shape: Shape, quotes: Quotes) -> Unrecognised:
    line = quotes.get(reference(one.number, shape.offset))
    return Unrecognised(
        shape=name,
        count=shape.count,
        source=one.source.name,
        line=line.number if line else 0,
        excerpt=shown(line.raw) if line else "",
    )
