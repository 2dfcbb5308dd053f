"""Reading an Exim log beside eximstats, Exim's own summary; and its counts against the truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks import exim_log
from benchmarks.bench import Bench, Log, say, tell, whosent
from benchmarks.findings import Section, Table
from benchmarks.measure import Command, interleave
from benchmarks.parse_join import PROGRAM, count
from benchmarks.sizes import written

NAME = "eximstats"
PARSE = "whosent parse --stats"  # every line recognised, none of its fields
BAR = 3.0
UNPACKED = Path("/opt/whosent-lab/exim/usr/sbin/eximstats")  # where tests/lab/packages.sh exim puts it
MOST = 200_000_000


def find() -> str | None:
    """The program, installed or unpacked."""
    return shutil.which(NAME) or (str(UNPACKED) if UNPACKED.exists() else None)


def measure(bench: Bench) -> Section:
    """Let the two take turns; compare the counts."""
    size = min(bench.size, MOST)
    folder = bench.workdir / f"exim-{size}-{bench.seed}"
    if not (folder / "truth.json").exists():
        say(f"generating {written(size)} in {folder}")
        exim_log.write(folder, size, bench.seed)
    log = Log(folder, [str(folder / "mainlog")])
    section = Section(
        "exim", f"An Exim main log of {written(log.size)}: recognised, joined and counted, beside `{NAME} -nr`."
    )
    output = folder / "counted.json"
    commands = {PARSE: whosent("parse", "--stats", *log.paths), PROGRAM: count(log, output)}
    peer = find()
    if peer:
        commands[NAME] = Command(arguments=["perl", peer, "-nr", *log.paths])
    measured = interleave(commands, bench.rounds, tell)
    table = Table(["program", "CPU s", "MB/s of CPU", "x peer CPU"])
    for name, summary in measured.items():
        cpu = summary.median("cpu")
        ratio = f"{measured[NAME].median('cpu') / cpu:.2f}" if NAME in measured else "-"
        table.rows.append([name, f"{cpu:.2f}", f"{log.size / 1e6 / cpu:.0f}", ratio])
    section.tables.append(table)
    if peer:
        times = measured[NAME].median("cpu") / measured[PARSE].median("cpu")
        reached = "reached" if times >= BAR else "NOT reached"
        section.notes.append(f"{NAME} takes {times:.2f} times the CPU of parsing: the bar of {BAR:g} is {reached}.")
    counted = json.loads(output.read_text(encoding="utf-8"))["lines_by_sender"]
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["by_sender"]
    wrong = sum(counted.get(sender) != counts for sender, counts in truth.items())
    section.notes.append(f"{len(truth):,} envelope senders, {wrong:,} of them counted wrongly.")
    if peer is None:
        section.notes.append(f"{NAME} is not here: run tests/lab/packages.sh exim.")
    return section
