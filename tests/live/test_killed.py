"""kill -9 at any moment of a real daemon while logs rotate: incidents, findings and counts are as if undisturbed."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.live.kit import Daemon, kept, rows
from whosent.model.lifecycle import State

INCIDENT = Path(__file__).parents[2] / "samples" / "incident"
LOGS = ("access.log", "mail.log", "php-mail.log", "web-mail.log")
FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
Told = tuple[list[tuple[object, ...]], dict[tuple[str, str], int], list[tuple[object, ...]]]


class Writer:
    """Writes the recorded logs in portions, and rotates them as logrotate does."""

    def __init__(self, folder: Path, parts: int) -> None:
        folder.mkdir()
        self.folder, self.parts = folder, parts
        self.text = {name: (INCIDENT / name).read_bytes() for name in LOGS}
        for name in LOGS:
            (folder / name).touch()

    def write(self, part: int) -> None:
        for name, text in self.text.items():
            begin, end = (text.rfind(b"\n", 0, len(text) * edge // self.parts) + 1 for edge in (part, part + 1))
            with (self.folder / name).open("ab") as file:
                file.write(text[begin:end])

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


@pytest.mark.parametrize("seed", range(10 if FULL else 1))
def test_whenever_it_is_killed(seed: int, tmp_path: Path, undisturbed: Told) -> None:
    chance = random.Random(seed)
    kills = 20 if FULL else 5
    writer = Writer(tmp_path / "log", kills)
    logs = [tmp_path / "log" / name for name in LOGS]
    for part in range(kills):
        daemon = Daemon(tmp_path / "state", logs, WHOSENT_WATCH__SAVE="0.1")
        time.sleep(chance.uniform(0.0, 0.6))
        writer.write(part)
        if chance.random() < 0.4:
            writer.rotate()
        time.sleep(chance.uniform(0.3, 1.6))
        daemon.kill()
    daemon = Daemon(tmp_path / "state", logs)
    daemon.until("")
    daemon.stop()
    assert as_told(tmp_path / "state") == undisturbed
