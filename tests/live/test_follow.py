"""Logs are followed through every kind of rotation, in one run and across two: each line once, in order."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from whosent import live, preserved
from whosent.model.settings import Settings
from whosent.sources.files import Chunk
from whosent.tailing import Tailing, Watched
from whosent.walk import Input

ZONE = ZoneInfo("UTC")


class Log:
    """A log that somebody writes and rotates, and what was handed out of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mail.log"
        self.written: list[str] = []
        self.number = 0
        self.now = 1_000.0

    def write(self, lines: int = 3, path: Path | None = None) -> None:
        with (path or self.path).open("a") as file:
            for _ in range(lines):
                self.number += 1
                line = (
                    f"Nov 10 03:{self.number // 60:02}:{self.number % 60:02} mx postfix/smtpd[1]: A{self.number:05X}: "
                )
                file.write(f"{line}client=a.example[192.0.2.{self.number % 250}]\n")

    def rename(self) -> None:
        for number in (2, 1):
            for ending in ("", ".gz"):
                old = self.path.with_name(f"mail.log.{number}{ending}")
                if old.exists():
                    old.rename(self.path.with_name(f"mail.log.{number + 1}{ending}"))
        self.path.rename(self.path.with_name("mail.log.1"))

    def compress(self) -> None:
        for path in self.path.parent.glob("mail.log.[0-9]"):
            with gzip.open(f"{path}.gz", "wb") as packed:
                packed.write(path.read_bytes())
            path.unlink()

    def copytruncate(self) -> None:
        shutil.copy(self.path, self.path.with_name("mail.log.1"))
        with self.path.open("r+") as file:
            file.truncate()


def read(watching: Tailing, log: Log) -> None:
    for _ in range(3):  # a renamed file has to be quiet for a moment
        while watching.read(log.now):
            pass
        log.now += 2.0


def lives(watching: Tailing) -> int:
    return watching.tails[0].stream.join.open_lives()


def nothing(_log: Log) -> None:
    """No rotation."""


def renamed(log: Log) -> None:
    log.rename()


def renamed_and_created(log: Log) -> None:
    log.rename()
    log.path.touch()


def renamed_and_written_on(log: Log) -> None:
    """The writer notices late."""
    log.rename()
    log.write(2, log.path.with_name("mail.log.1"))
    log.write(1)


def compressed(log: Log) -> None:
    log.rename()
    log.compress()
    log.write(1)


def twice(log: Log) -> None:
    log.rename()
    log.compress()
    log.write(4)
    log.rename()
    log.write(2)


def copied(log: Log) -> None:
    log.copytruncate()


def copied_and_grown(log: Log) -> None:
    """It is longer again than what was read before anybody looked."""
    log.copytruncate()
    log.write(30)


STYLES = (nothing, renamed, renamed_and_created, renamed_and_written_on, compressed, twice, copied, copied_and_grown)


@pytest.mark.parametrize("away", [False, True], ids=["there", "away"])
@pytest.mark.parametrize("rotate", STYLES)
def test_each_line_comes_once(rotate: Callable[[Log], None], away: bool, tmp_path: Path) -> None:  # noqa: FBT001
    log = Log(tmp_path)
    log.write(5)
    watching = Tailing([Watched(log.path)], Settings(), ZONE)
    read(watching, log)
    assert lives(watching) == 5
    state = preserved.saved(watching, ZONE)
    log.write(4)
    if not away:
        read(watching, log)
    rotate(log)
    if away:
        watching = preserved.loaded(state, ZONE)
        watching.resume(time.time())
    read(watching, log)
    log.write(3)
    read(watching, log)
    assert watching.lines() == log.number
    assert lives(watching) == log.number
    assert not watching.tails[0].problem


def test_a_deleted_log_is_said_and_its_successor_followed(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(5)
    watching = Tailing([Watched(log.path)], Settings(), ZONE)
    read(watching, log)
    log.path.unlink()
    read(watching, log)
    assert "deleted" in watching.tails[0].problem
    log.write(2)
    read(watching, log)
    assert lives(watching) == 7
    assert not watching.tails[0].problem


def test_a_log_that_vanished_while_nobody_looked_is_said(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(5)
    watching = Tailing([Watched(log.path)], Settings(), ZONE)
    read(watching, log)
    state = preserved.saved(watching, ZONE)
    log.path.unlink()
    log.write(2)
    watching = preserved.loaded(state, ZONE)
    watching.resume(time.time())
    assert "lines may be lost" in watching.tails[0].problem
    read(watching, log)
    assert lives(watching) == 7


def test_a_line_waits_for_its_end_and_an_endless_one_is_cut(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.path.write_bytes(b"")
    watching = Tailing([Watched(log.path)], Settings(), ZONE)
    with log.path.open("ab", buffering=0) as file:
        file.write(b"Nov 10 03:00:00 mx postfix/smtpd[1]: A00001: client=a.exam")
        read(watching, log)
        assert lives(watching) == 0
        file.write(b"ple[192.0.2.1]\n" + b"x" * 500_000)
        read(watching, log)
        assert lives(watching) == 1
        file.write(b"\nNov 10 03:00:02 mx postfix/smtpd[1]: A00002: client=a.example[192.0.2.2]\n")
        read(watching, log)
    assert lives(watching) == 2


def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    watching = Tailing([Watched(tmp_path / "nothing.log")], Settings(), ZONE)
    watching.read(0.0)
    assert "No such file" in watching.tails[0].problem
    table = tmp_path / "mbox"
    table.write_text("From a@example.org Thu Nov 12 14:03:07 2026\nFrom: a@example.org\nSubject: x\n\nx\n")
    watching = Tailing([Watched(table)], Settings(), ZONE)
    watching.read(0.0)
    assert "whosent scan" in watching.tails[0].problem


def test_a_part_that_is_there_plain_and_packed_counts_once(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(5)
    log.rename()
    packed = gzip.compress((tmp_path / "mail.log.1").read_bytes())
    (tmp_path / "mail.log.1.gz").write_bytes(packed)
    log.write(2)
    watching = Tailing([Watched(log.path)], Settings(), ZONE)
    read(watching, log)
    assert watching.lines() == 7


class Followers:
    """A log that is written, rotated and followed by runs that are killed and go on from what they had saved."""

    def __init__(self, folder: Path) -> None:
        self.path, self.count, self.now = folder / "mail.log", 0, 1000.0
        self.path.touch()
        self.got: list[int] = []
        self.saved: tuple[bytes, list[int]] | None = None
        self.begin()

    def begin(self, state: bytes | None = None) -> None:
        self.watching = preserved.loaded(state, ZONE) if state else Tailing([Watched(self.path)], Settings(), ZONE)
        if state:
            self.watching.resume(self.now)
        self.listen()

    def listen(self) -> None:
        read = type(self.watching.live).read

        def noted(stream: live.Stream, part: Input, chunk: Chunk) -> None:
            self.got += [int(line.split()[-1]) for line in chunk.lines.splitlines()]
            read(self.watching.live, stream, part, chunk)

        self.watching.live.read = noted  # type: ignore[method-assign]

    def write(self, count: int) -> None:
        with self.path.open("a") as log:
            for number in range(self.count + 1, self.count + count + 1):
                log.write(f"2026-11-27T10:00:00+00:00 mx postfix/smtpd[1]: connect from number {number}\n")
        self.count += count

    def rotate(self, _count: int) -> None:
        for number in range(20, 0, -1):
            old = self.path.with_name(f"mail.log.{number}")
            if old.exists():
                old.rename(self.path.with_name(f"mail.log.{number + 1}"))
        self.path.rename(self.path.with_name("mail.log.1"))
        self.path.touch()

    def read(self, count: int) -> None:
        for _ in range(count):
            self.watching.read(self.now)
        self.now += (0.1, 2.0, 400.0)[count % 3]

    def save(self, _count: int) -> None:
        del self.watching.live.read
        self.saved = (preserved.saved(self.watching, ZONE), list(self.got))
        self.listen()

    def kill(self, count: int) -> None:
        state, self.got = (self.saved[0], list(self.saved[1])) if self.saved else (None, [])
        self.now += count
        self.begin(state)


@settings(deadline=None, max_examples=1000 if os.environ.get("WHOSENT_TEST_FULL") else 40)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(("write", "rotate", "read", "save", "kill")), st.integers(1, 5)), max_size=14
    )
)
@example(steps=[("write", 2), ("read", 5), ("save", 1), ("write", 2), ("rotate", 1), ("kill", 1), ("rotate", 1)])
def test_whatever_happens_each_line_comes_once(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one = Followers(Path(folder))
        for step, count in steps:
            getattr(one, step)(count)
        for _ in range(5):
            while one.watching.read(one.now):
                pass
            one.now += 5.0
        assert one.got == list(range(1, one.count + 1))
