"""A recorded incident fed live, in any chunking, with restarts at any point, gives exactly the findings of a scan."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent import answer, preserved, walk
from whosent.model.finding import Finding
from whosent.model.report import Report
from whosent.model.rows import dereference
from whosent.model.settings import Settings
from whosent.sources.files import at_path
from whosent.tailing import Tailing, Watched
from whosent.walk import Pass

ZONE: tzinfo = ZoneInfo("UTC")
INCIDENT = Path(__file__).parents[2] / "samples" / "incident"
LOGS = ("access.log", "mail.log", "php-mail.log", "web-mail.log")
FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))


def told(done: Pass, report: Report) -> tuple[object, ...]:
    """Everything a person is told, with every quoted line by file and offset."""

    def quoted(finding: Finding) -> list[tuple[str, int]]:
        refs = (dereference(quote.ref) for quote in finding.quotes)
        return [(Path(done.inputs[source].source.name).name, offset) for source, offset in refs]

    incidents = [
        (one.id, one.sentence, one.strength, one.recipients, one.since, one.until, one.witnesses)
        for one in report.incidents
    ]
    lines = [
        [(Path(line.source).name, line.offset, line.line, line.sha256) for line in found.evidence]
        for one in report.incidents
        for found in one.findings
    ]
    return (
        incidents, lines, [(one.detector, one.sentence, quoted(one)) for one in done.findings], report.verdict,
        report.hosts, report.coverage.lines, report.coverage.messages, report.coverage.outcomes,
        report.overview.timeline, report.blind_spots,
        [one for one in report.assumptions if " hands mail to " not in one],  # learnt from the heads, at the start
    )  # fmt: skip


def asked(done: Pass) -> tuple[object, ...]:
    return told(done, answer.report(done, answer.read_back(done), [], "UTC"))


def scanned(folder: Path) -> tuple[object, ...]:
    inputs = walk.prepare([at_path(path) for path in sorted(folder.iterdir())], Settings(), ZONE)
    return asked(walk.scan(inputs, Settings(), lambda _consumed: None, ZONE))


@cache
def expected() -> tuple[object, ...]:
    with tempfile.TemporaryDirectory() as folder:
        for name in LOGS:
            shutil.copy(INCIDENT / name, folder)
        return scanned(Path(folder))


class Machine:
    """Logs that grow as somebody says, and whoever watches them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left = {name: (INCIDENT / name).read_bytes() for name in LOGS}
        for name in LOGS:
            (folder / name).touch()
        self.watching = Tailing([Watched(folder / name, 10.0) for name in LOGS], Settings(), ZONE)
        self.now = 0.0

    def write(self, name: str, size: int) -> None:
        text, self.left[name] = self.left[name][:size], self.left[name][size:]
        with (self.folder / name).open("ab") as file:
            file.write(text)

    def read(self) -> None:
        while self.watching.read(self.now):
            pass

    def restart(self) -> None:
        state = preserved.saved(self.watching, ZONE)
        self.watching = preserved.loaded(state, ZONE)
        self.watching.resume(self.now)

    def conclusion(self) -> Pass:
        copy: Tailing = preserved.loaded(preserved.saved(self.watching, ZONE), ZONE)
        return copy.live.conclude()


@settings(deadline=None, max_examples=200 if FULL else 12)
@given(steps=st.lists(st.tuples(st.sampled_from(LOGS), st.integers(1, 900_000), st.booleans()), max_size=12))
def test_chunks_and_restarts_change_nothing(steps: list[tuple[str, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        for name, size, again in steps:
            machine.write(name, size)
            machine.read()
            if again:
                machine.restart()
        for name in LOGS:
            machine.write(name, 1 << 30)
        machine.read()
        assert asked(machine.conclusion()) == expected()


@pytest.mark.parametrize("order", [LOGS, LOGS[::-1]], ids=("mail first", "web first"))
def test_old_logs_copied_in_one_after_the_other_are_one_story(tmp_path: Path, order: tuple[str, ...]) -> None:
    machine = Machine(tmp_path)
    machine.now = 1_800_000_000.0  # weeks after their last line
    machine.read()
    for name in order:
        machine.write(name, 1 << 30)
        machine.now += 2
        machine.read()
    before = machine.watching.live.settled
    machine.now += 60
    machine.read()
    assert before < machine.watching.live.settled  # they had waited for each other, and wait no more
    assert asked(machine.conclusion()) == expected()


def test_old_logs_wait_for_each_other_across_a_restart(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.now = 1_800_000_000.0
    machine.read()
    machine.write("mail.log", 1 << 30)
    machine.read()
    for name in LOGS:
        machine.write(name, 1 << 30)
    machine.now += 3_600  # nobody looked meanwhile
    machine.restart()
    machine.read()
    assert asked(machine.conclusion()) == expected()


def test_a_host_whose_clock_is_wrong_holds_nothing_up_for_good(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.now = 1_800_000_000.0
    machine.read()
    machine.write("mail.log", 100_000)
    machine.read()
    for _ in range(80):  # a few old lines every five seconds
        machine.now += 5
        machine.write("mail.log", 2_000)
        machine.read()
    assert machine.watching.live.settled > 0
    assert len(machine.watching.tails[1].stream.rows) < 100


def test_a_clock_that_is_set_back_ends_the_waiting(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.now = 1_800_000_000.0
    machine.read()
    machine.write("mail.log", 100_000)
    machine.read()
    assert machine.watching.tails[1].stream.rows
    machine.now -= 3_600
    machine.read()
    assert not machine.watching.tails[1].stream.rows
