"""Processes of a running Postfix that every message goes through: whether they still work by an old configuration."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

_SOON: Final = 0.02
_EVERY_MESSAGE: Final = {"cleanup", "pickup"}


def reloaded(queue: str, reload: Callable[[], object], within: float) -> bool:
    """Let the Postfix of this queue read its tables again; whether nobody is left who works by those of before.

    ``postfix reload`` only signals master(8).  Its children end when that was heeded and they have no message in hand:
    a stranger who sends slowly keeps one, so nothing waits longer than ``within`` seconds.
    """
    old = _workers(queue)
    reload()
    deadline = time.monotonic() + within
    while old & _workers(queue):
        if time.monotonic() > deadline:
            return False
        time.sleep(_SOON)
    return True


def _workers(queue: str) -> set[str]:
    found: set[str] = set()
    with suppress(OSError):
        master = Path(queue, "pid", "master.pid").read_text(encoding="ascii").strip()
        for pid in Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split():
            with suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip() in _EVERY_MESSAGE:
                    found.add(pid)
    return found
