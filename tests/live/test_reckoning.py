"""What is concluded is kept once; lines stay quotable when logs are gone; what is explained later is withdrawn."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.store.test_incidents import incident
from whosent import preserved
from whosent.aside import Aside
from whosent.live import PARTS
from whosent.model.lifecycle import State
from whosent.model.settings import Settings
from whosent.reckoning import conclude, followed, keep, warm
from whosent.sources.here import logs_here
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.tailing import Tailing, Watched

ZONE = ZoneInfo("UTC")
INCIDENT = Path(__file__).parents[2] / "samples" / "incident"
LOGS = ("access.log", "mail.log", "php-mail.log", "web-mail.log")


def copy(watching: Tailing) -> Tailing:
    same: Tailing = preserved.loaded(preserved.saved(watching, ZONE), ZONE)
    return same


def test_kept_once_quotable_and_withdrawn(tmp_path: Path) -> None:
    warm()
    logs = tmp_path / "log"
    logs.mkdir()
    for name in LOGS:
        shutil.copy(INCIDENT / name, logs)
    watching = Tailing([Watched(logs / name, 10.0) for name in LOGS], Settings(), ZONE)
    while watching.read(1_900_000_000.0):
        pass
    watching.read(1_900_000_011.0)  # they waited for other logs as old
    ledger = Ledger(tmp_path / "state")
    kept = Incidents(ledger)
    assert len(keep(conclude(copy(watching), []), watching, ledger, kept)) == 2
    assert keep(conclude(copy(watching), []), watching, ledger, kept) == []
    whole = {one.incident.id: one.incident for one in kept.all()}
    assert all(list(kept.lines(name)) for name in whole)
    assert not any(one.provisional for one in kept.all())

    shutil.rmtree(logs)  # nothing can be read again
    assert keep(conclude(copy(watching), []), watching, ledger, kept) == []
    assert {one.incident.id: one.incident for one in kept.all()} == whole
    assert [followed(tail).format for tail in watching.tails] == ["web access log", "syslog", "PHP mail.log", "syslog"]

    explained = incident()
    kept.tell(explained)
    watching.told.add(explained.id)
    assert keep(conclude(copy(watching), []), watching, ledger, kept) == [
        f"incident {explained.id} withdrawn: what came later explains it"
    ]
    assert [one.incident.id for one in kept.all(State.DISMISSED)] == [explained.id]
    kept.tell(explained)
    assert explained.id in {one.incident.id for one in kept.all(State.OPEN)}  # seen again, it is open again


def test_two_logs_that_tell_the_same_count_once(tmp_path: Path) -> None:
    text = (INCIDENT / "mail.log").read_bytes()
    half = text.rfind(b"\n", 0, len(text) // 2) + 1
    for name in ("mail.log", "syslog"):
        (tmp_path / name).write_bytes(text[:half])
    watching = Tailing([Watched(tmp_path / name) for name in ("mail.log", "syslog")], Settings(), ZONE)
    for name in ("mail.log", "syslog"):
        with (tmp_path / name).open("ab") as file:
            file.write(text[half:])
    while watching.read(1_900_000_000.0):
        pass
    both = conclude(watching, []).report.coverage
    (tmp_path / "syslog").unlink()
    alone = Tailing([Watched(tmp_path / "mail.log")], Settings(), ZONE)
    while alone.read(1_900_000_000.0):
        pass
    only = conclude(alone, []).report.coverage
    assert (both.messages, both.outcomes) == (only.messages, only.outcomes)
    assert both.lines == 2 * only.lines
    assert watching.live.streams[1].number * PARTS > 0


def test_a_copy_hands_its_answer_back_or_says_why_not(capfd: pytest.CaptureFixture[str]) -> None:
    assert Aside(lambda: list(range(200_000))).answer() == list(range(200_000))
    failed = Aside(lambda: 1 // 0, gently=True)
    assert failed.answer() is None
    assert "ZeroDivisionError" in capfd.readouterr().err
    endless = Aside(lambda: [0 for _ in iter(int, 1)])
    assert not endless.done()
    endless.stop()


def test_a_copy_is_heard_however_many_files_are_open() -> None:
    """Whoever follows a thousand logs has more open than select(2) can tell apart."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2_000), before[1]))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        assert Aside(lambda: 5).answer() == 5
    finally:
        for one in opened:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_logs_are_named_by_paths_and_globs(tmp_path: Path) -> None:
    for name in ("a-access.log", "b-access.log", "b-access.log.1", "b-access.log.2.gz", "error.log"):
        (tmp_path / name).touch()
    found = logs_here([f"{tmp_path}/*access.log*", str(tmp_path / "not-yet.log")])
    assert [path.name for path in found] == ["a-access.log", "b-access.log", "not-yet.log"]
    assert all(path.is_file() for path in logs_here([]))


class Compiled:
    """Stands for a class that mypyc compiled: it names its attributes and has no dictionary."""

    __slots__ = ("count", "never")
    __mypyc_attrs__ = ("count", "never")

    def __init__(self, count: int) -> None:
        self.count = count


def test_what_is_compiled_is_saved_too_and_the_zone_is_given_anew() -> None:
    zone, other = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
    one, where = preserved.loaded(preserved.saved((Compiled(7), zone), zone), other)
    assert one.count == 7
    assert not hasattr(one, "never")
    assert where is other
