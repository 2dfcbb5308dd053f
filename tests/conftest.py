"""What one test changes of its process is put back before the next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def file_mode() -> Iterator[None]:
    """Put the process's umask back: commands that keep people's names narrow it for the rest of their life."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
