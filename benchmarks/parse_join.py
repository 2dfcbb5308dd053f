"""Reading and joining alone: outcomes per sender and per actor, beside the peer, against the truth."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Log, lacks
from benchmarks.exactness import compare
from benchmarks.findings import Section, costs
from benchmarks.generator.recipe import Recipe
from benchmarks.measure import Command
from benchmarks.sizes import written

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "whosent, parse and join"
HOSTS = 3


def count(log: Log, output: Path) -> Command:
    """Count a log's outcomes with the library."""
    return Command(arguments=[sys.executable, "-m", "benchmarks.count_outcomes", *log.paths, "--json"], output=output)


def measure(bench: Bench) -> Section:
    """Compare cost with the peer and counts with the truth."""
    section = Section(
        "parse_join",
        f"A Postfix log of {written(bench.size)} from {HOSTS} hosts: every line read, queue ids joined into "
        "messages, outcomes counted per envelope sender and per account, uid or client address. The peer "
        "reports more (hours, hosts, warnings) and joins less (no client, no account, no uid).",
    )
    if lacks("whosent.join"):
        section.missing = True
        return section
    log = bench.log(Recipe(seed=bench.seed, size=bench.size, hosts=HOSTS))
    output = log.folder / "counted.json"
    measured = bench.compare({PROGRAM: count(log, output)}, log)
    section.tables.append(costs(measured, log.size))
    section.notes += exactness(log, output)
    return section


def exactness(log: Log, output: Path) -> list[str]:
    """Hold the counts against the truth."""
    counted, truth = json.loads(output.read_text(encoding="utf-8")), log.truth()
    facts = truth.log
    lines = counted.get("lines", 0)
    ids = f"{facts['lives']:,} queue ids ({facts['reused_ids']:,} of them used before)"
    log_itself = f"The log: {facts['lines']:,} lines, {facts['messages']:,} messages under {ids}"
    return [f"{log_itself}; {lines:,} lines accounted for."] + [each.sentence() for each in compare(truth, counted)]
