"""What a second core gives: for several files, and for one."""

from __future__ import annotations

from itertools import chain
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, lacks, tell, whosent
from benchmarks.findings import Section, costs
from benchmarks.generator.recipe import Recipe
from benchmarks.measure import interleave
from benchmarks.sizes import written

if TYPE_CHECKING:
    from benchmarks.measure import Summary

JOBS = 2
ROUNDS = 3
"""At least: what a run takes on a shared host says little."""


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
        measured = interleave(jobs, max(bench.rounds, ROUNDS), tell)
        section.tables.append(costs(measured, log.size))
        one, two = (measured[name] for name in jobs)
        reports = {(log.folder / f"jobs-{number}.json").read_bytes() for number in (1, JOBS)}
        faster = ratios(one, two, "wall")
        section.notes.append(
            f"{files} {'file' if files == 1 else 'files'}: two jobs are {median(faster):.2f} times as fast by the wall "
            f"clock as one ({min(faster):.2f} to {max(faster):.2f}), with {1 / median(ratios(one, two, 'cpu')):.2f} "
            "times its CPU (medians of runs that followed each other); "
            f"the reports are {'the same, byte for byte' if len(reports) == 1 else 'NOT THE SAME'}."
        )
    return section


def ratios(one: Summary, two: Summary, quantity: str) -> list[float]:
    """One by the other of all runs that followed each other: a machine whose speed changes spoils few of them."""
    ones, twos = ([getattr(run, quantity) for run in each.runs] for each in (one, two))
    neighbours = chain(zip(ones, twos, strict=True), zip(ones[1:], twos, strict=False))
    return [former / latter for former, latter in neighbours]
