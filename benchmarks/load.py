"""What else the machine had to do while something was measured."""

from __future__ import annotations

import os
import time
from pathlib import Path


class Load:
    """From its making on."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy(), time.process_time()
        self._before = os.getloadavg()[0]

    def told(self, measured: float) -> str:
        """As a sentence; ``measured`` are the processor seconds of what was measured."""
        cores, seconds = os.cpu_count() or 1, time.monotonic() - self._began
        others = _busy() - self._busy - (time.process_time() - self._own) - measured
        return (
            f"The machine ({cores} cores) meanwhile: other programs took {max(0.0, others) / seconds:.2f} cores; load "
            f"average {self._before:.1f} before, {os.getloadavg()[0]:.1f} after; measured at niceness {os.nice(0)}."
        )


def _busy() -> float:
    """Processor seconds of everybody since the machine started."""
    with Path("/proc/stat").open(encoding="ascii") as lines:
        user, nice, system, _idle, _waiting, *interrupts = map(int, next(lines).split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
