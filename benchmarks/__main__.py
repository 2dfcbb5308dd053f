"""`python -m benchmarks`: measure Whosent beside its peer and against the truth; write the tables."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    alerting,
    audit,
    complaints,
    drill,
    exchange,
    exim,
    formats,
    listings,
    live,
    live_month,
    memory,
    parallel,
    parse_join,
    queue,
    scan,
    sendmail,
    trace,
)
from benchmarks.bench import Bench, say
from benchmarks.findings import circumstances, save
from benchmarks.population import benchmark as population
from benchmarks.sizes import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.findings import Section

BENCHMARKS: dict[str, Callable[[Bench], Section]] = {
    "parse_join": parse_join.measure,
    "scan": scan.measure,
    "parallel": parallel.measure,
    "memory": memory.measure,
    "live": live.measure,
    "live_month": live_month.measure,
    "formats": formats.measure,
    "exchange": exchange.measure,
    "exim": exim.measure,
    "sendmail": sendmail.measure,
    "trace": trace.measure,
    "complaints": complaints.measure,
    "queue": queue.measure,
    "drill": drill.measure,
    "drill_exim": drill.measure_exim,
    "alerting": alerting.measure,
    "audit": audit.measure,
    "listings": listings.measure,
    "population": population.measure,
}


def main() -> int:
    """Run the benchmarks asked for."""
    arguments = _arguments()
    if path := os.environ.get("PYTHONPATH"):  # a host of the lab begins in a folder of its own
        os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, path.split(os.pathsep)))
    bench = Bench(
        size=arguments.size,
        rounds=arguments.rounds,
        seed=arguments.seed,
        workdir=arguments.workdir,
        population_seeds=tuple(arguments.population_seed or (secrets.randbelow(10**6) for _ in range(3))),
    )
    measured = 0
    try:
        for section in _measure(bench, arguments.only or list(BENCHMARKS)):
            save([section], arguments.output, circumstances(bench.rounds))  # at once: the next one may take an hour
            measured += 1
    finally:
        if not arguments.keep:
            shutil.rmtree(bench.workdir, ignore_errors=True)
    if not measured:
        return 1
    say(f"written: {arguments.output} and {arguments.output.with_suffix('.json')}")
    return 0


def _measure(bench: Bench, names: list[str]) -> Iterator[Section]:
    for name in names:
        say(f"{name}:")
        section = BENCHMARKS[name](bench)
        if section.missing:
            say(f"  what {name} measures is not there yet")
        else:
            print(section.markdown(), flush=True)
            yield section


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--bytes", type=size, default=10**9, dest="size", help="of the big log; say 100m, 1g")
    parser.add_argument("--rounds", type=int, default=3, help="how often the programs take turns")
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), help="may be given several times")
    parser.add_argument("--seed", type=int, default=1, help="of the generated logs")
    parser.add_argument("--population-seed", type=int, action="append", help="default: three fresh ones")
    parser.add_argument("--workdir", type=Path, default=Path("build/bench"), help="gets the logs")
    parser.add_argument("--keep", action="store_true", help="leave the logs there")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.md"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
