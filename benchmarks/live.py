"""`whosent watch` under load: lines a second, processor share, latency, memory; and its start on what it had read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, lacks, say
from benchmarks.findings import Section, Table
from benchmarks.generator.recipe import Recipe
from benchmarks.load import Load
from benchmarks.sizes import written

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE, SECONDS = 20_000, 180
"""Lines a second, and for how long; a log that is shorter is written again and again."""
BATCHES = 50
"""A second: lines come in small portions, as a busy server writes them."""
MARK = b" mark%d postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6\n"
"""A line whose host name nobody else has; it is in the ledger when the question that saw it is answered."""


def measure(bench: Bench) -> Section:
    """Write a log at a steady rate under a running daemon, each line stamped when it is written."""
    section = Section(
        "live",
        f"`whosent watch` follows a log that grows by {RATE:,} lines a second. Latency is from a line's writing to the "
        "moment the ledger has the incidents that all lines up to it amount to. Processor time and memory are those of "
        "the whole process tree (memory: proportional set size).",
    )
    if lacks("whosent.watching"):
        section.missing = True
        return section
    log = bench.log(Recipe(seed=bench.seed, size=bench.size))
    table = Table(["log", "lines/s", "us a line", "cores", "latency p50 s", "p99 s", "max s", "peak MiB"])
    folder = bench.workdir / "live"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
    run = Run(folder)
    run.write(_again_and_again(Path(log.paths[0])))
    late = sorted(run.latencies)
    table.rows.append([
        written(log.size), f"{run.lines / run.seconds:,.0f}", f"{run.cpu / run.lines * 1e6:.1f}",
        f"{run.cpu / run.seconds:.2f}", f"{late[len(late) // 2]:.2f}", f"{late[int(len(late) * 0.99)]:.2f}",
        f"{late[-1]:.2f}", f"{run.peak:.0f}",
    ])  # fmt: skip
    section.tables.append(table)
    section.notes.append(f"{run.seconds:.0f} seconds, {len(run.latencies):,} marks. {run.meanwhile}")
    section.notes.append(f"Started again on what it had read: following after {run.start_again():.1f} s.")
    if run.marks:
        section.notes.append(f"{len(run.marks)} marks were never seen.")
    return section


def _again_and_again(log: Path) -> Iterator[bytes]:
    while True:
        with log.open("rb") as lines:
            yield from lines


@dataclass
class Run:
    """One run of the daemon on a log that this writes."""

    folder: Path
    lines: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0
    latencies: list[float] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    stopped: bool = False
    meanwhile: str = ""

    def daemon(self) -> subprocess.Popen[bytes]:
        """Start it, and wait until it follows."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "mail.log"
        log.touch()
        environment = {**os.environ, "WHOSENT_STATE": str(self.folder / "state"), "WHOSENT_CONFIG": os.devnull,
                       "WHOSENT_WATCH__QUEUE": "false", "WHOSENT_LOGS__TIMEZONE": "UTC"}  # fmt: skip
        before = self.told()
        process = subprocess.Popen([sys.executable, "-m", "whosent", "watch", str(log)], env=environment)
        while self.told() == before or '"catching_up":true' in self.told():
            time.sleep(0.05)
        return process

    def told(self) -> str:
        """What the daemon last said of itself."""
        with suppress(sqlite3.Error), closing(self._ledger()) as base:
            return next((str(told) for (told,) in base.execute("SELECT told FROM condition")), "")
        return ""

    def _ledger(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.folder}/state/ledger.sqlite3?mode=ro", uri=True, timeout=5)

    def write(self, lines: Iterator[bytes]) -> None:
        """Write at the rate, for the time."""
        process = self.daemon()
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        spent, began, load = tree(process.pid)[0], time.monotonic(), Load()
        with (self.folder / "mail.log").open("ab", buffering=0) as log:
            for number in range(SECONDS * BATCHES):
                batch = list(islice(lines, RATE // BATCHES))
                stamp = time.strftime("%b %e %H:%M:%S", time.gmtime()).encode()
                batch = [stamp + line[len(stamp) :] for line in batch]
                if number % 10 == 5:
                    batch.append(stamp + MARK % number)
                    self.marks.append((time.time(), f"mark{number}"))
                log.write(b"".join(batch))
                self.lines += len(batch)
                if number % BATCHES == 0:
                    self.peak = max(self.peak, tree(process.pid)[1])
                time.sleep(max(0.0, began + (number + 1) / BATCHES - time.monotonic()))
        self.seconds = time.monotonic() - began
        time.sleep(5.0)
        self.cpu = tree(process.pid)[0] - spent
        self.meanwhile = load.told(self.cpu)
        self.stopped = True
        watcher.join()
        process.terminate()
        process.wait()

    def _watch(self) -> None:
        with closing(self._ledger()) as base:
            while not self.stopped:
                with suppress(sqlite3.Error):
                    seen = {host for (host,) in base.execute(
                        "SELECT host FROM recent_rate WHERE host LIKE 'mark%' UNION SELECT host FROM rate WHERE host "
                        "LIKE 'mark%'"
                    )}  # fmt: skip
                    now = time.time()
                    while self.marks and self.marks[0][1] in seen:
                        self.latencies.append(now - self.marks.pop(0)[0])
                time.sleep(0.03)

    def start_again(self) -> float:
        """Seconds from its start to following, with what it had read before."""
        began = time.monotonic()
        process = self.daemon()
        taken = time.monotonic() - began
        process.terminate()
        process.wait()
        say(f"started again after {taken:.1f} s")
        return taken


def tree(pid: int) -> tuple[float, float]:
    """Processor seconds of a process and all it started, and the memory they share out, in MiB."""
    ticks, memory, todo = 0, 0, [pid]
    while todo:
        one = todo.pop()
        with suppress(OSError, IndexError):
            fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
            ticks += sum(map(int, fields[11:15])) if one == pid else sum(map(int, fields[11:13]))
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="utf-8")
            memory += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            todo += map(int, Path(f"/proc/{one}/task/{one}/children").read_text(encoding="utf-8").split())
    return ticks / os.sysconf("SC_CLK_TCK"), memory / 1024
