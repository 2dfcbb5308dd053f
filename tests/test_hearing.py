"""Copies of this process that hear: what they hand in is what one process would have found."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from whosent.aside import Aside
from whosent.hearing import Hearing, hearing
from whosent.model.mistake import Mistake
from whosent.model.rows import Login, Request, Row


class Learner:
    """What all share: each copy has its own, and it has heard the same."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    def login(self, row: Login) -> None:
        self.addresses.append(row.address)


class Counter:
    """An observer: how many rows it heard, and how much was learnt before each."""

    def __init__(self, learner: Learner, *, self_contained: bool = False) -> None:
        self.self_contained = self_contained
        self.heard: list[tuple[float, int]] = []
        self._learner = learner

    def login(self, row: Login) -> None:
        self.heard.append((row.time, len(self._learner.addresses)))

    def request(self, row: Request) -> None:
        self.heard.append((row.time, len(self._learner.addresses)))


ROWS: list[list[Row]] = [
    [Login(float(number), number, "mx", "al", f"192.0.2.{number}", succeeded=True, service="imap")
     if number % 3 else Request(float(number), number, "www", "192.0.2.1", "GET", "/", 200)
     for number in range(begin, begin + 50)]
    for begin in range(0, 1000, 50)
]  # fmt: skip


def conclude(share: Sequence[Counter]) -> list[Any]:
    return [(os.getpid(), one.heard) for one in share]


@pytest.fixture
def two() -> Iterator[Hearing]:
    learner = Learner()
    with hearing(
        learner, [Counter(learner)], [[Counter(learner)], [Counter(learner), Counter(learner)]], conclude
    ) as one:
        yield one


def test_each_share_hears_every_row_and_hands_in_what_it_came_to(two: Hearing) -> None:
    for rows in ROWS:
        two.hear(rows)
    (here, first), *others = two.told()
    assert here == os.getpid()
    assert len({here, *(process for process, _ in others)}) == 3
    assert [len(first), first[-1]] == [1000, (999.0, 666)]
    assert [heard for _, heard in others] == [first, first, first]


def test_a_copy_that_is_gone_is_an_error_in_a_sentence(two: Hearing) -> None:
    for rows in ROWS:
        two.hear(rows)
    aside = two._copies[0]._aside  # noqa: SLF001  # to be killed
    assert aside is not None
    os.kill(aside._pid, signal.SIGKILL)  # noqa: SLF001  # as the kernel does when memory is short
    with pytest.raises(Mistake, match=r"ended early.*--jobs 1"):
        two.told()


def test_a_copy_that_is_gone_early_is_noticed_while_rows_pass(two: Hearing) -> None:
    aside = two._copies[1]._aside  # noqa: SLF001  # to be killed
    assert aside is not None
    os.kill(aside._pid, signal.SIGKILL)  # noqa: SLF001
    with pytest.raises(Mistake, match="ended early"):
        two.hear(ROWS[0] * 1000)


def test_no_copy_is_left_behind_and_a_broken_pipe_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGPIPE)
    asides: list[Aside | None] = []

    def interrupted() -> None:
        with hearing(Learner(), [], [[], []], conclude) as one:
            asides.extend(copy._aside for copy in one._copies)  # noqa: SLF001  # are they gone?
            one.hear(ROWS[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert signal.getsignal(signal.SIGPIPE) == before
    for aside in asides:
        assert aside is not None
        with pytest.raises(ProcessLookupError):
            os.kill(aside._pid, 0)  # noqa: SLF001


def test_a_copy_ends_with_whom_it_hears_for(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def scan_and_die() -> None:
        one = Hearing(Learner(), [], [[], []], conclude)
        pids.write_text(" ".join(str(copy._aside._pid) for copy in one._copies if copy._aside), encoding="ascii")  # noqa: SLF001
        one.hear(ROWS[0])
        os.kill(os.getpid(), signal.SIGKILL)

    assert Aside(scan_and_die).answer() is None
    deadline = time.monotonic() + 10
    while any(Path("/proc", pid).exists() for pid in pids.read_text(encoding="ascii").split()):
        assert time.monotonic() < deadline, "a copy still waits for rows"
        time.sleep(0.02)
