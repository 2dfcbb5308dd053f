"""Whether the lab can run here: elsewhere its tests skip with one sentence, and where they must run they fail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lab.lab import why_not

if TYPE_CHECKING:
    from types import ModuleType


def require_lab(mta: ModuleType | None = None) -> None:
    """Skip, or fail where CI=true, unless namespaces can be made and the mail server is unpacked."""
    name = mta.__name__.rpartition(".")[2] if mta is not None else ""
    missing = "" if mta is None or mta.UNPACKED.is_dir() else f"needs {name.capitalize()}: tests/lab/packages.sh {name}"
    require(why_not() or missing)


def require(reason: str) -> None:
    """Skip with the reason if there is one, or fail where CI=true."""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
