"""Processes that read: their rows arrive whole and in order, and one that dies is told."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest

from tests.join.kit import client, delivery, queued, removed
from whosent import walk
from whosent.join.messages import Join
from whosent.model.rows import JoinedRow
from whosent.model.settings import Logs, Settings
from whosent.model.surroundings import Surroundings
from whosent.parallel import Reading, Readings
from whosent.reading.stamps import Clock
from whosent.reading_process import Order
from whosent.sources.files import at_path

UTC = ZoneInfo("UTC")
IN_UTC = Settings(logs=Logs(timezone="UTC"))


def a_log(messages: int) -> bytes:
    lines = []
    for number in range(messages):
        name = f"A{number:06X}"
        lines += [
            client(number, name, f"user{number % 7}"),
            queued(number, name, "x@y.z"),
            delivery(number, name, f"r{number}"),
            removed(number, name),
        ]
    return b"".join(lines)


def order(folder: Path, name: str, text: bytes, number: int = 0) -> Order:
    (folder / name).write_bytes(text)
    return Order(number, folder / name, IN_UTC)


def rows_here(path: Path) -> list[JoinedRow]:
    (one,) = walk.prepare([at_path(path)], IN_UTC, UTC)
    return list(walk.read_here([one], Join(Surroundings(IN_UTC.ours)), lambda _: None))


def test_rows_of_many_frames_are_those_of_one_process(tmp_path: Path) -> None:
    wanted = order(tmp_path, "mail.log", a_log(6000))
    readings = Readings([wanted], 1)
    join = Join(Surroundings(IN_UTC.ours))
    consumed, rows, frames = 0, list[JoinedRow](), 0
    for frame, reached in readings.frames(0, join):
        rows += frame
        frames += 1
        assert reached >= consumed
        consumed = reached
    assert rows == rows_here(wanted.path)
    assert frames > 2
    assert consumed == wanted.path.stat().st_size
    ending = readings.ending(0)
    assert ending is not None
    assert (ending.counts.lines, ending.marks.lines) == (24_000, 24_000)
    readings.stop()


def test_a_bounded_number_reads_at_a_time_and_the_wanted_one_gets_its_turn(tmp_path: Path) -> None:
    orders = [order(tmp_path, f"mail{number}.log", a_log(50), number) for number in range(4)]
    readings = Readings(orders, 1)
    join = Join(Surroundings(IN_UTC.ours))
    for number in (3, 0, 1, 2):
        assert sum(len(list(rows)) for rows, _ in readings.frames(number, join)) == 100
        assert sum(one.running() for one in readings._started.values()) <= 1  # noqa: SLF001  # that is the bound
    readings.stop()


def test_a_process_that_dies_is_told_and_the_rest_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "_WORTH_A_PROCESS", 0)
    begin = Reading.__init__

    def stillborn(self: Reading, order: Order) -> None:
        begin(self, order)
        if order.path.name == "b.log":
            self._process.kill()
            self._process.wait()

    monkeypatch.setattr(Reading, "__init__", stillborn)
    for name, text in (("a.log", a_log(300)), ("b.log", a_log(200)[100:])):
        (tmp_path / name).write_bytes(text)
    inputs = walk.prepare([at_path(path) for path in sorted(tmp_path.iterdir())], IN_UTC, UTC)
    done = walk.scan(inputs, IN_UTC, lambda _: None, UTC, 3)
    assert [one.source.problem for one in done.inputs] == [
        None, "the process that read it ended early; try again with --jobs 1",
    ]  # fmt: skip
    assert done.witnessed.messages == 300


@pytest.mark.parametrize("other", ["installed anew", "without the compiled twin"])
def test_no_rows_come_from_another_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], other: str
) -> None:
    """Whosent may be replaced while it runs: processes that start then would tell rows in other frames."""
    wanted = order(tmp_path, "mail.log", a_log(50))
    if other == "installed anew":
        wanted = wanted._replace(build=((1, 1),))
    else:
        monkeypatch.setenv("PURE_PYTHON", "" if os.environ.get("PURE_PYTHON") else "1")
    readings = Readings([wanted], 1)
    assert list(readings.frames(0, Join(Surroundings(IN_UTC.ours)))) == []
    assert readings.ending(0) is None
    assert "another version was installed" in capfd.readouterr().err
    readings.stop()


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    readings = Readings([order(tmp_path, f"mail{number}.log", a_log(30_000), number) for number in range(2)], 2)
    next(readings.frames(0, Join(Surroundings(IN_UTC.ours))))
    processes = [one._process for one in readings._started.values()]  # noqa: SLF001  # are they gone?
    assert len(processes) == 2
    readings.stop()
    assert all(process.poll() is not None for process in processes)


def test_nothing_of_the_present_folder_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's zstandard.py beside the logs must not run as root."""
    wanted = order(tmp_path, "mail.log", a_log(5))
    for name in ("zstandard.py", "whosent.py", "pickle.py"):
        (tmp_path / name).write_text("open('pwned', 'w')\n")
    monkeypatch.chdir(tmp_path)
    readings = Readings([wanted], 1)
    assert sum(len(list(rows)) for rows, _ in readings.frames(0, Join(Surroundings(IN_UTC.ours)))) == 10
    readings.stop()
    assert not (tmp_path / "pwned").exists()


def test_an_interrupt_is_not_told_by_every_process(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_bytes(a_log(40_000))
    code = (
        "import pickle, sys, pathlib\n"
        "from whosent.model.settings import Settings\n"
        "from whosent.reading_process import Order\n"
        "sys.stdout.buffer.write(pickle.dumps(Order(0, pathlib.Path(sys.argv[1]), Settings())))\n"
    )
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True).stdout
    process = subprocess.Popen(
        [sys.executable, "-c", "from whosent.reading_process import main; main()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(told)
    process.stdin.close()
    process.stdout.read(1)  # it reads
    os.kill(process.pid, signal.SIGINT)
    process.stdout.read()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == -signal.SIGINT
    process.stdout.close()
    process.stderr.close()


def test_waiting_costs_no_cpu(tmp_path: Path) -> None:
    """The rows of the last input are wanted while the others are still read."""
    orders = [order(tmp_path, f"mail{number}.log", a_log(15_000), number) for number in range(2)]
    readings = Readings(orders, 1)
    began, spent = time.monotonic(), time.process_time()
    next(readings.frames(1, Join(Surroundings(IN_UTC.ours))))
    assert time.process_time() - spent < 0.6 * (time.monotonic() - began)
    readings.stop()


def test_a_join_travels_without_its_clock() -> None:
    """The zone of this machine is read from a file, and such a zone cannot be pickled."""
    with (Path(TZPATH[0]) / "Europe/Berlin").open("rb") as file:
        clock = Clock(ZoneInfo.from_file(file), datetime(2026, 11, 12, tzinfo=UTC))
    join = Join(Surroundings(IN_UTC.ours))
    join.continue_with(0, clock)
    assert pickle.loads(pickle.dumps(join)).hosts() == set()
