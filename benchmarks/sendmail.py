"""Reading a Sendmail log: what its lines cost to read, to join and to judge; and the counts against the truth."""

from __future__ import annotations

import json

from benchmarks.bench import Bench, Log, say, tell, whosent
from benchmarks.exactness import compare
from benchmarks.findings import Section, Table
from benchmarks.generator.sendmail import generate_sendmail
from benchmarks.measure import interleave
from benchmarks.parse_join import PROGRAM, count
from benchmarks.sizes import written

MOST = 200_000_000


def measure(bench: Bench) -> Section:
    """Let reading, joining and the whole scan take turns; compare the counts."""
    size = min(bench.size, MOST)
    folder = bench.workdir / f"sendmail-{size}-{bench.seed}"
    if not (folder / "truth.json").exists():
        say(f"generating {written(size)} in {folder}")
        _, truth = generate_sendmail(bench.seed, size, folder)
        truth.save(folder / "truth.json")
    log = Log(folder, [str(folder / "maillog")])
    section = Section("sendmail", f"A Sendmail log of {written(log.size)}: read, joined, judged. No peer reads these.")
    output = folder / "counted.json"
    commands = {
        "whosent parse --stats": whosent("parse", "--stats", *log.paths),
        PROGRAM: count(log, output),
        "whosent scan": whosent("scan", "--json", *log.paths, output=folder / "scan.json"),
    }
    table = Table(["program", "CPU s", "MB/s of CPU"])
    for name, summary in interleave(commands, bench.rounds, tell).items():
        cpu = summary.median("cpu")
        table.rows.append([name, f"{cpu:.2f}", f"{log.size / 1e6 / cpu:.0f}"])
    section.tables.append(table)
    counted = json.loads(output.read_text(encoding="utf-8"))
    section.notes += [each.sentence() for each in compare(log.truth(), counted)]
    return section
