"""Peak memory at two sizes of log: it should not grow with the log."""

from __future__ import annotations

from benchmarks.bench import Bench, lacks, whosent
from benchmarks.findings import Section, Table
from benchmarks.generator.recipe import Recipe
from benchmarks.sizes import written

BOUND = 256
"""MiB, whatever the log's size."""


def measure(bench: Bench) -> Section:
    """Scan a tenth of the size and the whole size."""
    section = Section("memory", f"Peak memory of the process tree of `whosent scan --json`; the bound is {BOUND} MiB.")
    if lacks("whosent.cli"):
        section.missing = True
        return section
    table = Table(["log", "whosent scan, peak MiB", "peer, peak MiB", "within the bound"])
    peaks = []
    for size in (bench.size // 10, bench.size):
        log = bench.log(Recipe(seed=bench.seed, size=size))
        measured = bench.compare({"whosent scan": whosent("scan", "--json", *log.paths)}, log, rounds=1)
        ours, *theirs = (summary.span("peak")[1] for summary in measured.values())
        peaks.append(ours)
        peer = f"{theirs[0]:.0f}" if theirs else "-"
        table.rows.append([written(log.size), f"{ours:.0f}", peer, "yes" if ours <= BOUND else "NO"])
    section.tables.append(table)
    section.notes.append(f"Ten times the log takes {peaks[1] / peaks[0]:.2f} times the memory.")
    return section
