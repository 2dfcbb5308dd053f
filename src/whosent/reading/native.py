"""The compiled twin of the hot path, where this installation has it; ``PURE_PYTHON=1`` does without."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType


def _load() -> ModuleType | None:
    if os.environ.get("PURE_PYTHON"):
        return None
    try:
        from whosent import _native  # noqa: PLC0415  # built only where there is a compiler
    except ImportError:
        return None
    return _native


native: Final = _load()
