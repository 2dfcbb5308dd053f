"""What holds for every test: the order of files among workers, and a process that the next test finds as it was."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested; every run is the same, but for one that searches: ``make test-full``, or
# ``pytest --hypothesis-profile search``.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", PATIENT, derandomize=True)
settings.register_profile("search", PATIENT)
settings.load_profile("search" if os.environ.get("WHOSENT_TEST_FULL") else "suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for real servers first, each beside one that computes: waiting costs no core then."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waits = {path for path, tests in files.items() if any(test.get_closest_marker("lab") for test in tests)}
    waiting = [tests for path, tests in files.items() if path in waits]
    computing = [tests for path, tests in files.items() if path not in waits]
    none: list[pytest.Item] = []
    pairs = zip_longest(waiting, computing, fillvalue=none)
    items[:] = chain.from_iterable(chain.from_iterable(pairs))


@pytest.fixture(autouse=True, scope="module")
def files_given_back() -> Iterator[None]:
    """Close what is open in cycles that nobody holds any more: thousands of tests share a process."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def file_mode() -> Iterator[None]:
    """Put the process's umask back: commands that keep people's names narrow it for the rest of their life."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
