"""kill -9 at any moment of a real daemon while logs rotate: incidents, findings and counts are as if undisturbed."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
from bisect import bisect
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import accumulate
from pathlib import Path

import pytest

from tests.live.kit import Daemon, kept, rows
from whosent.model.lifecycle import State

INCIDENT = Path(__file__).parents[2] / "samples" / "incident"
LOGS = ("access.log", "mail.log", "php-mail.log", "web-mail.log")
FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
Told = tuple[list[tuple[object, ...]], dict[tuple[str, str], int], list[tuple[object, ...]]]


class Writer:
    """Writes the recorded logs in portions of the same time, and rotates them as logrotate does."""

    def __init__(self, folder: Path, parts: int) -> None:
        folder.mkdir()
        self.folder = folder
        lines = {name: (INCIDENT / name).read_bytes().splitlines(keepends=True) for name in LOGS}
        clock = re.compile(rb"(?<!\d)\d\d:\d\d:\d\d")  # all of it is of one day, and a year stands before a colon
        times = {name: list(accumulate((clock.search(line)[0] for line in lines[name]), max)) for name in LOGS}  # type: ignore[index]
        most = times["mail.log"]
        self.edges = [b"", *(most[len(most) * part // parts] for part in range(1, parts)), b"~"]
        self.lines, self.times = lines, times
        for name in LOGS:
            (folder / name).touch()

    def write(self, part: int) -> None:
        for name in LOGS:
            begin, end = (bisect(self.times[name], edge) for edge in self.edges[part : part + 2])
            with (self.folder / name).open("ab") as file:
                file.writelines(self.lines[name][begin:end])

    def rotate(self) -> None:
        for name in LOGS:
            for number in range(20, 0, -1):
                old = self.folder / f"{name}.{number}"
                if old.exists():
                    old.rename(self.folder / f"{name}.{number + 1}")
            (self.folder / name).rename(self.folder / f"{name}.1")
            (self.folder / name).touch()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("undisturbed")
    writer = Writer(folder / "log", 1)
    writer.write(0)
    daemon = Daemon(folder / "state", [folder / "log" / name for name in LOGS])
    daemon.until("")
    daemon.stop()
    told, counts, asked = as_told(folder / "state")
    assert len(told) == 2
    assert counts["mx", "messages"] > 1_000
    assert ("messages", "mx", "alice@corp.test") in {row[:3] for row in asked}
    return told, counts, asked


def as_told(state: Path) -> Told:
    """What is kept, without the names that rotation gave the files and what was learnt of their zone.

    What was said on half of the lines and withdrawn when the others came was said in some runs only.
    """
    incidents, counts = kept(state)
    told: list[tuple[object, ...]] = []
    for where, one in incidents:
        if where is State.DISMISSED:
            continue
        findings = [
            (found["detector"], found["sentence"], found["facts"], [line["sha256"] for line in found["evidence"]])
            for found in one["findings"]
        ]
        told.append((where, one["id"], one["sentence"], one["recipients"], one["refused"], findings))
    return told, counts, rows(state)


def unnamed(state: Path) -> bool:
    """A state is being written."""
    return any((state / "state").glob("*.part"))


def has_rows(state: Path, condition: str) -> bool:
    """Rows for questions are in a file that is in this condition."""
    with closing(sqlite3.connect(f"file:{state}/ledger.sqlite3?mode=ro", uri=True)) as base, suppress(sqlite3.Error):
        return bool(base.execute("SELECT 1 FROM segment WHERE state = ?", (condition,)).fetchone())
    return False


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "saving": unnamed,
    "kept": lambda state: has_rows(state, "growing"),
    "sealing": lambda state: has_rows(state, "sealed"),  # of what the run before had written
}


def aim(state: Path, moment: str) -> bool:
    """Wait until it does that; whether it was seen to."""
    end = time.monotonic() + 60.0
    while time.monotonic() < end:
        if MOMENTS[moment](state):
            return True
        time.sleep(0.002)
    return False


@pytest.mark.parametrize("seed", range(10 if FULL else 1))
def test_whenever_it_is_killed(seed: int, tmp_path: Path, undisturbed: Told) -> None:
    """A quarter of the instants is random; the others are while it saves its state, has just kept rows, seals them.

    One run in five has other settings, which cannot use the state of those before and reads all logs anew.
    """
    chance = random.Random(seed)
    kills = 20 if FULL else 5
    writer = Writer(tmp_path / "log", kills)
    logs, state = [tmp_path / "log" / name for name in LOGS], tmp_path / "state"
    hit: Counter[str] = Counter()
    for part in range(kills):
        other = {"WHOSENT_WATCH__LATENESS": "1.5"} if part % 5 == 3 else {}
        daemon = Daemon(state, logs, WHOSENT_WATCH__SAVE="0.1", **other)
        moment = ("saving", "kept", "sealing", "")[part % 4]
        if moment == "sealing":
            hit[moment] += aim(state, moment)
        time.sleep(chance.uniform(0.0, 0.6))
        writer.write(part)
        if part % 5 == 1 or chance.random() < 0.3:
            writer.rotate()
            hit["rotated"] += 1
        if moment in {"saving", "kept"}:
            hit[moment] += aim(state, moment)
        elif not moment:
            time.sleep(chance.uniform(0.3, 1.6))
        daemon.kill()
    assert min(hit[moment] for moment in ("rotated", *MOMENTS)) > 0, hit
    daemon = Daemon(state, logs)
    daemon.until("")
    daemon.stop()
    told, counts, asked = as_told(state)
    assert told == undisturbed[0]
    assert counts == undisturbed[1]
    assert asked == undisturbed[2]
