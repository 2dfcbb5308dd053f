"""Detection on the simulated population: delay, innocents accused, precision and recall, per detector."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from statistics import median, quantiles
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, say
from benchmarks.findings import Section, Table
from benchmarks.population import own_meter
from benchmarks.population.detectors import Detector, FixedCusum, HourlyCount
from benchmarks.population.senders import ABUSES, Town
from benchmarks.population.trial import Score, run

if TYPE_CHECKING:
    from collections.abc import Sequence

VERDICTS = [
    "detector",
    "precision",
    "recall",
    "false alarms a sender-year",
    "accused: people, newsletters, applications",
]
NOTES = (
    "Delay: recipients the abuser had written to at the alarm, median / 90th percentile of those caught.",
    "Bound: ln(recipients a year) / KL(share refused in abuse || usual share), the median of each class.",
    "No detector with one false alarm a sender-year can beat the bound on average by refusals alone.",
    "An alarm before the abuse begins is a false alarm and a miss.",
    "Precision depends on how many accounts are taken over (here 320 a month), the rate of alarms does not.",
)


def candidates() -> dict[str, Detector]:
    """List who is judged: fresh ones, for one month."""
    judged: dict[str, Detector] = {
        "more than 100 an hour": HourlyCount(100),
        "CUSUM .05/.30, bar 7.5": FixedCusum(),
    }
    if own_meter.is_there():
        judged |= {f"whosent, caution {caution}": own_meter.OwnMeter(caution) for caution in (0, 2, 4)}
    return judged


def measure(bench: Bench) -> Section:
    """Judge all detectors on a month for each seed."""
    town, seeds = Town(), bench.population_seeds
    say(f"  seeds {', '.join(map(str, seeds))}")
    totals: dict[str, Score] = {}
    with ProcessPoolExecutor() as pool:
        for scores in pool.map(_month, seeds):
            for name, score in scores.items():
                totals.setdefault(name, Score()).add(score)
    section = Section("population", _setting(town, seeds, next(iter(totals.values()))))
    section.tables = [_verdicts(totals), _delays(totals)]
    section.notes = list(NOTES)
    return section


def _month(seed: int) -> dict[str, Score]:
    return run(Town(), seed, candidates())


def _setting(town: Town, seeds: Sequence[int], score: Score) -> str:
    senders = town.people + town.newsletters + town.applications
    return (
        f"{senders:,} simulated senders for {town.days} days ({town.burn_in} to learn), seeds "
        f"{', '.join(map(str, seeds))}, {score.recipients:,} recipients: {town.people:,} people (some with a "
        f"wedding list), {town.newsletters} newsletters with lists up to 20 % bad, {town.applications} "
        f"applications, {town.outages} outages of a provider with 35 % of all recipients, and "
        f"{town.takeovers_of_each} takeovers of each class a month."
    )


def _verdicts(totals: dict[str, Score]) -> Table:
    table = Table(VERDICTS)
    for name, score in totals.items():
        alarms = score.caught + score.false_alarms
        precision = f"{score.caught / alarms:.2f}" if alarms else "-"
        accused = ", ".join(f"{number:,}" for number in score.accused.values())
        rate = f"{score.false_alarms / score.sender_years:.3f}"
        table.rows.append([name, precision, f"{score.caught / len(score.catches):.2f}", rate, accused])
    return table


def _delays(totals: dict[str, Score]) -> Table:
    classes = [abuse.name for abuse in ABUSES]
    table = Table(["detector", *(f"{name}: delay (caught)" for name in classes)])
    some = next(iter(totals.values()))
    bounds = [median(catch.bound for catch in some.catches if catch.abuse == name) for name in classes]
    table.rows.append(["bound", *(f"{bound:.0f}" for bound in bounds)])
    for detector, score in totals.items():
        table.rows.append([detector, *(_delay(score, name) for name in classes)])
    return table


def _delay(score: Score, abuse: str) -> str:
    catches = [catch for catch in score.catches if catch.abuse == abuse]
    delays = [catch.delay for catch in catches if catch.delay is not None]
    share = f"({len(delays) / len(catches):.0%})"
    if len(delays) < 2:
        return f"- {share}"
    return f"{median(delays):.0f} / {quantiles(delays, n=10)[-1]:.0f} {share}"
