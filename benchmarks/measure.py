"""Runs a command and says what it cost: wall, CPU and peak memory of its whole process tree.

Memory is sampled from /proc: resident size while there is one process, proportional set size (shared pages
counted once) while there are several. CPU is what the kernel charged to the command and to all children it
waited for, or what was seen of the tree if that is more. A process that leaves its tree (a daemon) is missed.

    python -m benchmarks.measure -- gzip -k mail.log
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROC = Path("/proc")
TICK = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MEBIBYTE = 1 << 20
INTERVAL = 0.02
"""Seconds between samples, unless sampling itself would take more than its share of a core."""
SHARE = 0.01
"""Of a core, for sampling: what is measured may use all of them, and must not be the slower for it."""
FREE = 0.1
"""Seconds of sampling before the share counts: what is short is looked at closely, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and how it may end."""

    arguments: Sequence[str]
    fine: frozenset[int] = frozenset({0})
    output: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run cost."""

    wall: float
    cpu: float
    peak: float
    """MiB of the process tree."""

    @property
    def cores(self) -> float:
        """Cores kept busy on average."""
        return self.cpu / self.wall


@dataclass(frozen=True, slots=True)
class Summary:
    """Several runs of one command."""

    runs: Sequence[Run]

    def median(self, quantity: str) -> float:
        """Give the middle of wall, cpu, peak or cores."""
        return median(self._values(quantity))

    def span(self, quantity: str) -> tuple[float, float]:
        """Give the least and the most: the noise."""
        values = self._values(quantity)
        return min(values), max(values)

    def _values(self, quantity: str) -> list[float]:
        return [getattr(run, quantity) for run in self.runs]


class Tree:
    """A process and its descendants, as /proc shows them."""

    def __init__(self, root: int) -> None:
        self.peak = 0
        self._cpu: dict[int, float] = {root: 0.0}
        self._alive = {root}
        self._strangers: set[int] = set()

    @property
    def cpu(self) -> float:
        """Seconds seen so far, of the living and the dead."""
        return sum(self._cpu.values())

    def sample(self) -> None:
        """Look once."""
        self._meet()
        for pid in list(self._alive):
            fields = _stat(pid)
            if fields:
                self._cpu[pid] = (int(fields[11]) + int(fields[12])) * TICK
            else:
                self._alive.discard(pid)
        weigh = _resident if len(self._alive) == 1 else _proportional
        self.peak = max(self.peak, sum(map(weigh, self._alive)))

    def _meet(self) -> None:
        """Find new members: whoever has a member for a parent."""
        entries = os.listdir(PROC)  # noqa: PTH208 - half the cost of iterdir, fifty times a second
        pids = sorted(int(entry) for entry in entries if entry.isdigit())
        for pid in pids:
            if pid not in self._cpu and pid not in self._strangers:
                fields = _stat(pid)
                if fields and int(fields[1]) in self._alive:
                    self._alive.add(pid)
                    self._cpu[pid] = 0.0
                else:
                    self._strangers.add(pid)


def run(command: Command) -> Run:
    """Run to the end and measure; a command that fails says why and ends the benchmark."""
    with contextlib.ExitStack() as stack:
        path = command.output or Path(os.devnull)
        output = stack.enter_context(path.open("wb"))
        begun = time.perf_counter()
        process = subprocess.Popen(command.arguments, stdout=output, stderr=subprocess.PIPE)
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # now: other threads may have grown until the fork
        assert process.stderr is not None
        complaint: list[bytes] = []
        reader = threading.Thread(target=lambda pipe: complaint.append(pipe.read()), args=(process.stderr,))
        reader.start()
        tree, status, usage = _watch(process)
        wall = time.perf_counter() - begun
        reader.join()
        process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    crashed = b"Traceback (most recent call last)" in complaint[0]  # Python's exit code for that is an answer of ours
    if crashed or process.returncode not in command.fine:
        said = complaint[0].decode(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command.arguments)} ended with {process.returncode}: {said}")
    # A forked child starts with its parent's high-water mark: below ours it says nothing about the child.
    largest = usage.ru_maxrss * 1024 if usage.ru_maxrss > ours else 0
    cpu = max(usage.ru_utime + usage.ru_stime, tree.cpu)
    return Run(wall=wall, cpu=cpu, peak=max(tree.peak, largest) / MEBIBYTE)


def interleave(commands: Mapping[str, Command], rounds: int, tell: Callable[[str, Run], None]) -> dict[str, Summary]:
    """Run all commands, round by round, so that a slow minute of the machine falls on each of them."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            one = run(command)
            runs[name].append(one)
            tell(name, one)
    return {name: Summary(each) for name, each in runs.items()}


def _watch(process: subprocess.Popen[bytes]) -> tuple[Tree, int, resource.struct_rusage]:
    """Sample until the process has ended."""
    tree, over = Tree(process.pid), threading.Event()

    def sampler() -> None:
        begun, pause = time.perf_counter(), 0.0
        while not over.wait(pause):
            tree.sample()
            due = (time.thread_time() - FREE) / SHARE
            pause = max(INTERVAL, due - (time.perf_counter() - begun))

    thread = threading.Thread(target=sampler)
    thread.start()
    _, status, usage = os.wait4(process.pid, 0)
    over.set()
    thread.join()
    return tree, status, usage


def _stat(pid: int) -> list[str]:
    """Read state, parent and times of a process; nothing if it is gone or waits to be buried."""
    try:
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    after_name = fields.rpartition(")")[2].split()
    return [] if after_name[0] in "ZX" else after_name


def _resident(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1]) * PAGE
    except OSError:
        return 0


def _proportional(pid: int) -> int:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def main() -> None:
    """Measure one command from the command line."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        sys.exit(__doc__)
    cost = run(Command(arguments=arguments, fine=frozenset(range(256))))
    print(f"wall {cost.wall:.2f} s, cpu {cost.cpu:.2f} s, peak {cost.peak:.0f} MiB, cores {cost.cores:.2f}")


if __name__ == "__main__":
    main()
