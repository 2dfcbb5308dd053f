"""Several files at once: what a second core gives."""

from __future__ import annotations

from benchmarks.bench import Bench, lacks, tell, whosent
from benchmarks.findings import Section, costs
from benchmarks.generator.recipe import Recipe
from benchmarks.measure import interleave
from benchmarks.sizes import written

FILES = 2


def measure(bench: Bench) -> Section:
    """Scan a rotated log with one job and with two, taking turns."""
    section = Section(
        "parallel",
        f"{FILES} rotated files, {written(bench.size)} together, scanned by one job and by {FILES}.",
    )
    if lacks("whosent.cli"):
        section.missing = True
        return section
    log = bench.log(Recipe(seed=bench.seed, size=bench.size, files=FILES))
    jobs = {
        f"whosent scan --jobs {number}": whosent("scan", "--json", "--jobs", str(number), *log.paths)
        for number in (1, FILES)
    }
    measured = interleave(jobs, bench.rounds, tell)
    section.tables.append(costs(measured, log.size))
    one, two = (measured[name].median("wall") for name in jobs)
    section.notes.append(f"Two jobs are {one / two:.2f} times as fast by the wall clock as one.")
    return section
