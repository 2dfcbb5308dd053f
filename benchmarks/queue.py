"""A full queue: `whosent scan --queue` beside the bare reading of the same files."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, lacks, say, tell, whosent
from benchmarks.findings import Section, Table
from benchmarks.measure import Command, interleave
from benchmarks.queue_files import fill

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES, OTHERS = 300_000, 40
TIMES, BOUND = 3.0, 256
"""How many times the wall clock time of reading, and MiB."""
WHOSENT, CAT = "whosent scan --queue", "find | xargs cat"


def measure(bench: Bench) -> Section:
    """Fill a queue with copies of real queue files, and read it both ways in turns."""
    section = Section(
        "queue",
        f"{MESSAGES:,} Postfix queue files, made of recorded ones, all but {OTHERS} of one abused form; beside "
        f"`find -type f -print0 | xargs -0 cat`. The bounds are {TIMES:g} times its wall clock time and {BOUND} MiB.",
    )
    if lacks("whosent.sources.queue"):
        section.missing = True
        return section
    place = bench.workdir / "queue"
    shutil.rmtree(place, ignore_errors=True)
    say(f"filling {place}")
    filled = fill(place, MESSAGES - OTHERS, OTHERS, bench.seed)
    answer = bench.workdir / "queue.json"
    script = 'find "$0" -type f -print0 | xargs -0 cat > /dev/null'
    reading = Command(arguments=["sh", "-c", script, str(place)])
    commands = {
        CAT: reading,
        WHOSENT: whosent("scan", "--json", "--queue-directory", str(place), output=answer),
        f"{WHOSENT} --jobs 1": whosent("scan", "--json", "--jobs", "1", "--queue-directory", str(place)),
        "whosent parse --queue": whosent("parse", "--queue-directory", str(place)),
    }
    interleave({CAT: reading}, 1, tell)  # so that the disk plays no part
    measured = interleave(commands, bench.rounds, tell)
    table = Table(["program", "CPU s", "wall s", "peak MiB", "x wall of reading"])
    for name, cost in measured.items():
        ratio = cost.median("wall") / measured[CAT].median("wall")
        figures = (f"{cost.median('cpu'):.2f}", f"{cost.median('wall'):.2f}", f"{cost.span('peak')[1]:.0f}")
        table.rows.append([name, *figures, f"{ratio:.2f}"])
    section.tables.append(table)
    ratio = measured[WHOSENT].median("wall") / measured[CAT].median("wall")
    peak = measured[WHOSENT].span("peak")[1]
    within = "within" if ratio <= TIMES and peak <= BOUND else "NOT within"
    section.notes.append(f"{ratio:.2f} times the time of reading, {peak:.0f} MiB: {within} the bounds.")
    section.notes.append(_exact(answer, filled.spam, filled.spam_recipients))
    return section


def _exact(answer: Path, spam: int, recipients: int) -> str:
    """Whether it counted what was put in."""
    said = json.loads(answer.read_bytes())["queue"]
    first = said["piles"][0]
    right = (first["script"], first["messages"], first["recipients"]) == ("contact.php", spam, recipients)
    whole = said["messages"] == MESSAGES
    return f"Messages and recipients of the form, and of everybody: {'exact' if right and whole else 'WRONG'}."
