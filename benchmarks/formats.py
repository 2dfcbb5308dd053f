"""The same log with each kind of time stamp."""

from __future__ import annotations

import json
from typing import get_args

from benchmarks.bench import Bench, lacks
from benchmarks.exactness import compare
from benchmarks.findings import Section, Table
from benchmarks.generator.recipe import Recipe, Stamp
from benchmarks.parse_join import PROGRAM, count
from benchmarks.peer import NAME
from benchmarks.sizes import written

MOST = 100_000_000
BLIND: tuple[Stamp, ...] = ("rfc5424",)
"""The peer finishes on these, but every count it gives is 0."""


def measure(bench: Bench) -> Section:
    """Parse and join each, beside the peer where it can read the format."""
    size = min(bench.size, MOST)
    section = Section("formats", f"Parse and join of {written(size)} with each kind of syslog envelope.")
    if lacks("whosent.join"):
        section.missing = True
        return section
    table = Table(["stamps", "CPU s", "MB/s of CPU", "peer CPU s", "x peer CPU", "tables wrong"])
    for stamps in get_args(Stamp):
        log = bench.log(Recipe(seed=bench.seed, size=size, stamps=stamps))
        output = log.folder / "counted.json"
        measured = bench.compare({PROGRAM: count(log, output)}, log)
        cpu = measured[PROGRAM].median("cpu")
        peer = ["-", "-"]
        if NAME in measured and stamps not in BLIND:
            theirs = measured[NAME].median("cpu")
            peer = [f"{theirs:.2f}", f"{theirs / cpu:.2f}"]
        tables = compare(log.truth(), json.loads(output.read_text(encoding="utf-8")))
        wrong = [each.table for each in tables if each.mismatching]
        row = [stamps, f"{cpu:.2f}", f"{log.size / 1e6 / cpu:.0f}", *peer, ", ".join(wrong) or "none"]
        table.rows.append(row)
    section.tables.append(table)
    section.notes.append(f"{NAME} understands no line with {' or '.join(BLIND)} stamps, so it is no measure there.")
    return section
