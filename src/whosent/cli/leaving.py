"""How a command ends: the exit codes, and the one sentence of an error."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import NoReturn


class Exit(IntEnum):
    """0 clean, 1 warning, 2 critical, 3 nothing usable or the run failed; 2 beats 1 beats 0."""

    CLEAN = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def fail(message: str) -> NoReturn:
    """Say what went wrong and what to do next, and leave with 3."""
    sys.stderr.write(f"whosent: {message}\n")
    raise SystemExit(Exit.UNKNOWN)
