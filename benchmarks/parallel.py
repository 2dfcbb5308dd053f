"""What a second core gives: for several files, and for one; and what it gives to scans that share nothing."""

from __future__ import annotations

import shlex
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, lacks, tell, whosent
from benchmarks.findings import Section, costs
from benchmarks.generator.recipe import Recipe
from benchmarks.measure import Command, interleave
from benchmarks.sizes import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Summary

JOBS = 2
ROUNDS = 3
"""At least: what a run takes on a shared host says little."""


def measure(bench: Bench) -> Section:
    """Scan a rotated log, and one in a single file, with one job and with two, taking turns."""
    section = Section(
        "parallel",
        f"{written(bench.size)} of log scanned by one job and by {JOBS}: in {JOBS} rotated files, and in one. CPU and "
        f"memory are those of all processes together. What the second core of this machine gives is told by {JOBS} "
        "scans at once, of a file each, which have nothing to do with each other.",
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
        beside = {f"{JOBS} scans that share nothing, a file each": apart(log.paths)} if files == JOBS else {}
        measured = interleave(jobs | beside, max(bench.rounds, ROUNDS), tell)
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
        for name in beside:
            most, work = (ratios(one, measured[name], quantity) for quantity in ("wall", "cpu"))
            section.notes.append(
                f"{name}, are {median(most):.2f} times as fast together as one scan of both ({min(most):.2f} to "
                f"{max(most):.2f}), with {1 / median(work):.2f} times its CPU: what a second core here gives."
            )
    return section


def apart(logs: Sequence[str]) -> Command:
    """Scans of one job and one log each, all at once."""
    scan = shlex.join(whosent("scan", "--json", "--jobs", "1").arguments)
    return Command(arguments=["sh", "-c", f'for log; do {scan} "$log" > /dev/null & done; wait', "_", *logs])


def ratios(one: Summary, two: Summary, quantity: str) -> list[float]:
    """One by the other of all runs that followed each other: a machine whose speed changes spoils few of them."""
    ones, twos = ([getattr(run, quantity) for run in each.runs] for each in (one, two))
    neighbours = chain(zip(ones, twos, strict=True), zip(ones[1:], twos, strict=False))
    return [former / latter for former, latter in neighbours]
