"""A copy of this process that hears: what it hands in is what one process would have found."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from whosent import walk
from whosent.aside import Aside
from whosent.frames import HEADER, Packing
from whosent.hearing import _END, Hearing, _frames, hearing
from whosent.model.mistake import Mistake
from whosent.model.rows import Login, Request, Row
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings


class Counter:
    """An observer: what it heard, and what the surroundings knew then and in the end."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.heard: list[float] = []
        self.known: list[bool] = []
        self.surroundings = surroundings

    def login(self, row: Login) -> None:
        self.heard.append(row.time)
        self.known.append(self.surroundings.place_of(row.address) == "AT")

    def request(self, row: Request) -> None:
        self.heard.append(row.time)


ROWS: list[list[Row]] = [
    [Login(float(number), number, "mx", "al", f"192.0.2.{number}", succeeded=True, service="imap", place="AT")
     if number % 3 else Request(float(number), number, "www", "192.0.2.1", "GET", "/", 200)
     for number in range(begin, begin + 50)]
    for begin in range(0, 1000, 50)
]  # fmt: skip


def conclude(share: Sequence[Counter]) -> list[Any]:
    return [(os.getpid(), one.heard, one.known, one.surroundings.place_of("192.0.2.997")) for one in share]


def a_hearing() -> AbstractContextManager[Hearing]:
    surroundings = Surroundings(Ours())
    here, *apart = (Counter(surroundings) for _ in range(4))
    return hearing(surroundings, walk.Learner(surroundings), [here], apart, conclude)


def of_copy(one: Hearing) -> Aside:
    """The copy's process."""
    assert one._copy is not None  # noqa: SLF001
    assert one._copy._aside is not None  # noqa: SLF001
    return one._copy._aside  # noqa: SLF001


@pytest.fixture
def two() -> Iterator[Hearing]:
    with a_hearing() as one:
        yield one


def test_each_share_hears_every_row_and_hands_in_what_it_came_to(two: Hearing) -> None:
    for rows in ROWS:
        two.hear(rows)
    (here, *first), *others = two.told()
    assert here == os.getpid()
    assert len({here, *(process for process, *_ in others)}) == 2
    assert [heard for _, heard, *_ in others] == [first[0]] * 3 == [[float(number) for number in range(1000)]] * 3


def test_the_share_apart_learns_as_it_hears_and_all_know_in_the_end(two: Hearing) -> None:
    for rows in ROWS:
        two.hear(rows)
    here, *apart = two.told()
    assert {known for *_, known in (here, *apart)} == {"AT"}
    assert [known for *_, known, _ in apart] == [[1] * 666] * 3
    assert here[2] == [0] * 666


def test_without_a_copy_it_is_the_same() -> None:
    surroundings = Surroundings(Ours())
    with hearing(surroundings, walk.Learner(surroundings), [Counter(surroundings)], [], conclude) as one:
        assert not gc.isenabled()
        for rows in ROWS:
            one.hear(rows)
        ((_, heard, known, place),) = one.told()
    assert gc.isenabled()
    assert (len(heard), sum(known), place) == (1000, 666, "AT")


def test_a_copy_that_is_gone_is_an_error_in_a_sentence(two: Hearing) -> None:
    for rows in ROWS:
        two.hear(rows)
    os.kill(of_copy(two)._pid, signal.SIGKILL)  # noqa: SLF001  # as the kernel does when memory is short
    with pytest.raises(Mistake, match=r"ended early.*--jobs 1"):
        two.told()


def test_a_copy_that_is_gone_early_is_noticed_while_rows_pass(two: Hearing) -> None:
    os.kill(of_copy(two)._pid, signal.SIGKILL)  # noqa: SLF001
    with pytest.raises(Mistake, match="ended early"):
        two.hear(ROWS[0] * 1000)


def test_no_copy_is_left_behind_and_a_broken_pipe_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGPIPE)
    asides: list[Aside] = []

    def interrupted() -> None:
        with a_hearing() as one:
            asides.append(of_copy(one))  # is it gone?
            one.hear(ROWS[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert signal.getsignal(signal.SIGPIPE) == before
    assert asides
    for aside in asides:
        with pytest.raises(ProcessLookupError):
            os.kill(aside._pid, 0)  # noqa: SLF001


def test_a_copy_ends_with_whom_it_hears_for(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def scan_and_die() -> None:
        one = a_hearing().__enter__()
        pids.write_text(str(of_copy(one)._pid), encoding="ascii")  # noqa: SLF001
        one.hear(ROWS[0])
        os.kill(os.getpid(), signal.SIGKILL)

    assert Aside(scan_and_die).answer() is None
    deadline = time.monotonic() + 180
    while any(Path("/proc", pid).exists() for pid in pids.read_text(encoding="ascii").split()):
        assert time.monotonic() < deadline, "a copy still waits for rows"
        time.sleep(0.02)


def test_what_a_copy_does_with_frames() -> None:
    """Done here, since a copy leaves without a word of what it ran."""
    surroundings = Surroundings(Ours())
    counter = Counter(surroundings)
    with hearing(surroundings, walk.Learner(surroundings), [], [], conclude) as told:
        packing = Packing()
        ours, theirs = os.pipe()
        frames = [*((packing.pack(rows), 0) for rows in ROWS[:4]), (b"", _END)]
        for body, mark in frames:
            os.write(theirs, HEADER.pack(len(body), mark) + body)
        _, came_to = told.share([walk.Learner(surroundings), counter], [counter], _frames(ours, theirs))
    assert came_to == conclude([counter])
    assert counter.heard == [row.time for rows in ROWS[:4] for row in rows]
    assert any(counter.known)
