"""A daemon that starts itself anew on SIGHUP, and is seen to: one that is busy only notes the signal."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PROCESSES: Final = Path("/proc")
_WITHIN: Final = 60.0  # seconds: a busy machine
_BETWEEN: Final = 0.1


def started_anew(pids: Iterable[int], processes: Path = PROCESSES) -> set[int]:
    """Ask each of these processes to start itself anew; returns those that did not within some seconds.

    Exim and Sendmail note the signal and look at the note when something wakes them.  One that comes while they are
    about to wait would be seen at the next connection, which is still answered by the old configuration.  SIGCHLD wakes
    them: they look for children that ended, and a program that has just begun ignores it.
    """
    before = {pid: one for pid in pids if (one := _image(processes, pid))}
    _signal(before, signal.SIGHUP)
    deadline = time.monotonic() + _WITHIN
    while before and time.monotonic() < deadline:
        time.sleep(_BETWEEN)
        before = {pid: one for pid, one in before.items() if _image(processes, pid) == one}
        _signal(before, signal.SIGCHLD)
    return set(before)


def _signal(pids: Iterable[int], what: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            continue


def _image(processes: Path, pid: int) -> bytes:
    """What the kernel told the program when it began (proc(5), auxv): other addresses each time; empty once gone."""
    try:
        return (processes / str(pid) / "auxv").read_bytes()
    except OSError:
        return b""
