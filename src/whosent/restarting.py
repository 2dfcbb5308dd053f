"""Daemons that start anew or read their configuration again, and are seen to: a signal is only a word to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

PROCESSES: Final = Path("/proc")
_WITHIN: Final = 60.0  # seconds: a busy machine
_BETWEEN: Final = 0.1
_SOON: Final = 0.02
_PER_MESSAGE: Final = ("cleanup", "pickup")  # of Postfix: they end as soon as no message is in their hands


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


def reloaded(queue: str, reload: Callable[[], object], processes: Path = PROCESSES) -> bool:
    """Let the Postfix of this queue read its configuration again; whether it was seen to within some seconds.

    ``postfix reload`` is a signal to master(8), and the processes that work by the old configuration end when master
    has heeded it: until then a message may still be looked at by the old tables.
    """
    before = {pid: _image(processes, pid) for pid in _children(queue, processes)}
    reload()
    deadline = time.monotonic() + _WITHIN
    while any(one and _image(processes, pid) == one for pid, one in before.items()):
        if time.monotonic() > deadline:
            return False
        time.sleep(_SOON)
    return True


def _children(queue: str, processes: Path) -> Iterator[int]:
    """Processes of its master that see every message."""
    try:
        master = (Path(queue) / "pid" / "master.pid").read_text(encoding="ascii").strip()
    except OSError:
        return
    for status in processes.glob("[0-9]*/stat"):
        try:
            before, _, after = status.read_text(encoding="utf-8", errors="replace").rpartition(")")
        except OSError:
            continue
        if before.partition("(")[2] in _PER_MESSAGE and after.split()[1] == master:
            yield int(status.parent.name)


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
