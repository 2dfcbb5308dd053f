"""The daemon step by step: read anew without counting twice, queues looked at, trouble said once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from whosent import tailing, walk, watching
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.queue_reading import Snapshot, snapshot
from whosent.sources.files import at_path
from whosent.sources.own_spool import OwnSpool
from whosent.sources.spools import Spool
from whosent.store.condition import Conditions
from whosent.store.ledger import Ledger
from whosent.store.rates import Rates
from whosent.tailing import Watched
from whosent.watching import Watch

ZONE = ZoneInfo("UTC")
INCIDENT = Path(__file__).parents[2] / "samples" / "incident"


def settings(**changed: object) -> Settings:
    rules = msgspec.structs.replace(Settings().watch, save=0.05, **changed)
    return msgspec.structs.replace(Settings(), watch=rules)


class Run:
    """A daemon in this process, and what it said."""

    def __init__(self, folder: Path, chosen: Settings, queues: Callable[[], list[Snapshot]] | None = None,
                 samples: OwnSpool | None = None) -> None:  # fmt: skip
        self.said: list[str] = []
        self.ledger = Ledger(folder / "state")
        logs = [Watched(path, chosen.watch.lateness) for path in sorted(folder.glob("*.log"))]
        self.watch = Watch(chosen, logs, self.ledger, ZONE, self.said.append, queues, samples=samples)

    def until(self, ready: Callable[[], bool], seconds: float = 180.0) -> None:
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, self.said
            self.watch.step()

    def stop(self) -> dict[tuple[str, str], int]:
        self.watch.stop()
        counts = Rates(self.ledger).totals()
        self.ledger.close()
        return counts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(INCIDENT / "mail.log", tmp_path)
    return tmp_path


def test_other_settings_read_anew_and_count_once(folder: Path) -> None:
    first = Run(folder, settings())
    first.until(lambda: any("opened" in line for line in first.said))
    counts = first.stop()
    again = Run(folder, settings())
    assert "goes on where it was" in again.said[0]
    assert again.stop() == counts
    other = Run(folder, settings(lateness=20.0))
    assert "other settings, hosts or version" in other.said[0]
    other.until(lambda: any("all that was written is read" in line for line in other.said))
    assert other.stop() == counts
    for state in (folder / "state" / "state").iterdir():
        state.write_bytes(b"damaged")
    damaged = Run(folder, settings(lateness=20.0))
    assert "no state that can be used" in damaged.said[0]
    damaged.until(lambda: any("all that was written is read" in line for line in damaged.said))
    assert damaged.stop() == counts


def test_whoever_ends_before_he_is_where_another_version_was_counts_nothing_twice(folder: Path) -> None:
    text = (folder / "mail.log").read_bytes()
    half = text.rfind(b"\n", 0, len(text) // 2) + 1
    (folder / "mail.log").write_bytes(text[:half])
    first = Run(folder, settings())
    first.until(lambda: any("following" in line for line in first.said))
    first.stop()
    second = Run(folder, settings(lateness=20.0))
    reached = second.watch.tailing.live.counted
    second.stop()  # having read little, and no row of it released
    third = Run(folder, settings(lateness=30.0))
    assert third.watch.tailing.live.counted == reached
    (folder / "mail.log").write_bytes(text)
    third.until(lambda: any("following" in line for line in third.said))
    counts = third.stop()
    shutil.rmtree(folder / "state")
    undisturbed = Run(folder, settings())
    undisturbed.until(lambda: any("following" in line for line in undisturbed.said))
    assert counts == undisturbed.stop()


def test_queues_are_looked_at_and_their_lengths_kept(folder: Path) -> None:
    queue = folder / "spool"
    for name in ("incoming", "active", "deferred", "hold", "maildrop"):
        (queue / name).mkdir(parents=True)
    spool = Spool(str(queue), "postfix")
    samples = OwnSpool(folder / "queues.log", 1 << 30)
    run = Run(folder, settings(rows_days=0), lambda: [snapshot(spool, 0, 1, "mx", lambda _files: None)], samples)
    run.until(lambda: bool(samples.last_line()))
    run.stop()
    assert not (folder / "state" / "rows").exists()
    assert samples.last_line().endswith(b" on mx: 0 messages, 0 bytes in " + str(queue).encode())
    lengths = Rates(Ledger(folder / "state")).latest_queues()
    assert {one.folder: one.messages for one in lengths} == {"incoming": 0, "active": 0, "deferred": 0, "hold": 0}


def test_a_ledger_that_cannot_be_written_is_said_once_and_that_it_works_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(folder, settings())
    monkeypatch.setattr(watching, "_AGAIN", 0.1)
    monkeypatch.setattr(watching, "_TELL", 0.05)

    def full(*_told: object) -> None:
        raise Mistake("the ledger cannot be written: database or disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(Conditions, "tell", full)
        patched.setattr("whosent.watching.keep", full)
        patched.setattr("whosent.store.checkpoints.Checkpoints.commit", full)
        run.until(lambda: "the ledger cannot be written: database or disk is full." in run.said)
        for _ in range(20):
            run.watch.step()
        assert run.said.count("the ledger cannot be written: database or disk is full.") <= 2
    run.until(lambda: any("opened" in line for line in run.said))
    run.until(lambda: "ledger: works again" in run.said)
    assert run.stop()["mx", "messages"] > 1_000


def test_falling_behind_is_said_and_made_up_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (folder / "mail.log").read_bytes()
    (folder / "mail.log").write_bytes(b"")
    run = Run(folder, settings(rows_days=0))
    run.until(lambda: any("following" in line for line in run.said))
    monkeypatch.setattr(watching, "_FALLEN", 1 << 20)
    monkeypatch.setattr(tailing, "_AT_ONCE", 1)
    (folder / "mail.log").write_bytes(text)
    run.until(lambda: any("MiB were written and not read yet: catching up" in line for line in run.said))
    assert run.watch.condition().catching_up
    run.until(lambda: "pace: works again" in run.said)
    assert not run.watch.condition().problems
    assert not run.watch.condition().catching_up
    assert run.stop()["mx", "messages"] > 1_000


def test_hosts_of_ours_are_met_while_it_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started on empty logs it ends up with what a scan of them knows."""
    names = ("mail.log", "web-mail.log")
    for name in names:
        (folder / name).write_bytes(b"")
    run = Run(folder, settings())
    run.until(lambda: any("following" in line for line in run.said))
    for name in names:
        shutil.copy(INCIDENT / name, folder)
    run.until(lambda: any("opened" in line for line in run.said))
    monkeypatch.setattr(watching, "_KIN", 0.0)
    run.watch._kin_at = 0.0  # noqa: SLF001  # when it looks next
    run.until(lambda: any(line.startswith("hosts of ours hand mail to each other by way of 10.") for line in run.said))
    run.until(lambda: "following" in run.said[-1] or "works again" in run.said[-1] or len(run.said) > 30)
    counts = run.stop()
    inputs = walk.prepare([at_path(folder / name) for name in names], settings(), ZONE)
    done = walk.scan(inputs, settings(), lambda _read: None, ZONE)
    known = run.watch.tailing.live.surroundings.learnt_addresses
    assert known == done.surroundings.learnt_addresses
    assert sum(counts[host, "messages"] for host in ("mx", "web")) == done.witnessed.messages


def test_a_spool_that_cannot_be_written_counts_what_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = OwnSpool(tmp_path / "s", 1 << 30)
    spool.write(b"one\n")
    with monkeypatch.context() as patched:
        patched.setattr("whosent.sources.own_spool.os.write", lambda _file, _lines: 1)
        spool.write(b"two\n")
    assert "4 bytes of lines could not be kept" in spool.problem
    spool.write(b"three\n")
    assert not spool.problem
    assert (tmp_path / "s").read_bytes() == b"one\nthree\n"
    spool.close()
    spool.write(b"four\n")
    assert "Bad file descriptor; 9 bytes" in spool.problem
