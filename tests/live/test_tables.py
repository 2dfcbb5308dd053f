"""Tables are followed as they grow: the hourly files of Exchange give what a scan of them gives; exports are not."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks import exchange
from tests.live.test_live_is_scan import asked, scanned
from whosent import preserved
from whosent.model.settings import Settings
from whosent.sources.here import logs_here
from whosent.tailing import Tailing, Watched

ZONE: tzinfo = ZoneInfo("UTC")
SAMPLES = Path(__file__).parents[1] / "samples"
HOURS = 4


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> list[list[bytes]]:
    """The lines of one file an hour, each below its own header; somebody's password was stolen in the third."""
    path = tmp_path_factory.mktemp("exchange") / "whole.log"
    exchange.write(path, 3_000_000, 1)
    lines = path.read_bytes().splitlines(keepends=True)
    header = [line for line in lines[:10] if line.startswith((b"\xef\xbb\xbf#", b"#"))]
    rows = lines[len(header) :]
    size = len(rows) // HOURS + 1
    parts = [rows[begin : begin + size] for begin in range(0, len(rows), size)]
    stolen = [re.sub(rb"staff\d+@", b"staff7@", line) for line in parts[2]]
    parts[2] = [line.replace(b"250 2.0.0 OK", b"550 5.1.1 no such user").replace(b"SENDEXTERNAL", b"FAIL")
                if number % 3 else line for number, line in enumerate(stolen)]  # fmt: skip
    return [header + part for part in parts]


def names(folder: Path) -> list[Path]:
    return [folder / f"MSGTRK20261127{8 + hour:02}-1.LOG" for hour in range(HOURS)]


@pytest.mark.parametrize("again", [False, True], ids=("in one run", "with restarts"))
def test_hourly_files_are_one_log(tmp_path: Path, hours: list[list[bytes]], again: bool) -> None:  # noqa: FBT001  # a parameter
    files = names(tmp_path)
    files[0].write_bytes(b"".join(hours[0][: len(hours[0]) // 2]))
    (log,) = logs_here([str(tmp_path / "MSGTRK*.LOG")])
    assert log.name == "MSGTRK.LOG"
    assert logs_here([str(files[0])]) == [log]
    now = 0.0
    watching = Tailing([Watched(log, 10.0)], Settings(), ZONE)

    def read(last: bytes) -> None:
        nonlocal watching, now
        now = max(now, datetime.fromisoformat(last[:24].decode()).timestamp())
        for _ in range(4):
            while watching.read(now):
                pass
            now += 3.0
        if again:
            watching = preserved.loaded(preserved.saved(watching, ZONE), ZONE)
            watching.resume(now)

    read(hours[0][len(hours[0]) // 2])
    with files[0].open("ab") as file:
        file.writelines(hours[0][len(hours[0]) // 2 :])
    read(hours[0][-1])
    files[1].write_bytes(b"".join(hours[1]))
    files[2].write_bytes(b"".join(hours[2]))
    read(hours[2][-1])
    files[3].write_bytes(b"".join(hours[3]))
    read(hours[3][-1])
    copy: Tailing = preserved.loaded(preserved.saved(watching, ZONE), ZONE)
    done = copy.live.conclude()
    assert done.witnessed.messages > 500
    assert asked(done) == scanned(tmp_path)
    assert [case.suspect.name for case in done.cases if case.suspect.kind == "account"] == ["staff7@corp.example"]


def test_what_cannot_grow_is_said_in_one_sentence(tmp_path: Path) -> None:
    log = tmp_path / "trace.csv"
    log.write_bytes((SAMPLES / "google_logins" / "written-report.log").read_bytes())
    watching = Tailing([Watched(log)], Settings(), ZONE)
    while watching.read(1.0):
        pass
    assert watching.tails[0].problem == "does not grow line by line: read it with whosent scan"
    assert not watching.tails[0].stream.parts
