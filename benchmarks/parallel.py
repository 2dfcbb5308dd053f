"""What a second core gives: for several files, and for one."""

from __future__ import annotations

from benchmarks.bench import Bench, lacks, tell, whosent
from benchmarks.findings import Section, costs
from benchmarks.generator.recipe import Recipe
from benchmarks.measure import interleave
from benchmarks.sizes import written

JOBS = 2


def measure(bench: Bench) -> Section:
    """Scan a rotated log, and one in a single file, with one job and with two, taking turns."""
    section = Section(
        "parallel",
        f"{written(bench.size)} of log scanned by one job and by {JOBS}: in {JOBS} rotated files, and in one. CPU and "
        "memory are those of all processes together.",
    )
    if lacks("whosent.cli"):
        section.missing = True
        return section
    for files in (JOBS, 1):
        log = bench.log(Recipe(seed=bench.seed, size=bench.size, files=files))
        jobs = {
            f"whosent scan --jobs {number}, {files} {'file' if files == 1 else 'files'}": whosent(
                "scan", "--json", "--jobs", str(number), *log.paths, output=log.folder / f"jobs-{number}.json"
            )
            for number in (1, JOBS)
        }
        measured = interleave(jobs, bench.rounds, tell)
        section.tables.append(costs(measured, log.size))
        one, two = (measured[name] for name in jobs)
        reports = {(log.folder / f"jobs-{number}.json").read_bytes() for number in (1, JOBS)}
        section.notes.append(
            f"{files} {'file' if files == 1 else 'files'}: two jobs are {one.median('wall') / two.median('wall'):.2f} "
            f"times as fast by the wall clock as one, with {two.median('cpu') / one.median('cpu'):.2f} times its CPU; "
            f"the reports are {'the same, byte for byte' if len(reports) == 1 else 'NOT THE SAME'}."
        )
    return section
