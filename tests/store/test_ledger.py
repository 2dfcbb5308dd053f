"""The ledger keeps every report once, all of it or nothing, also when it is killed; and says what it cannot do."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.complaints.kit import complaint
from whosent import vetting
from whosent.configuration import zone_of
from whosent.model.complaint import Complaint
from whosent.model.finding import Strength, Suspect
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.store.ledger import NAME, Ledger, folder


def events(number: int = 0) -> list[Complaint]:
    report = vetting.report(f"{number}.eml", complaint(number))
    return vetting.without_logs([report], Settings(), zone_of("UTC"))


def test_a_report_is_kept_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    assert ledger.add(events())
    assert not ledger.add(events())
    assert ledger.add(events(60))
    assert [kept.complaint for kept in ledger.all()] == [*events(), *events(60)]
    ledger.close()
    again = Ledger(tmp_path / "state")
    assert not again.add(events(60))
    assert len(list(again.all())) == 2
    assert not again.add([])


def test_a_stronger_answer_replaces_a_weaker_one_and_never_the_other_way(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    [weak] = events()
    strong = msgspec.structs.replace(
        weak, ours="yes", suspect=Suspect(kind="account", name="alice"), strength=Strength.SHOWN, incident="abc"
    )
    for added, known in ((weak, weak), (strong, strong), (weak, strong)):
        ledger.add([added])
        kept = ledger.get(weak.id)
        assert kept
        assert kept.complaint == known


def test_an_id_may_be_shortened_unless_that_is_ambiguous(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    [one] = events()
    [other] = events(60)
    ledger.add([msgspec.structs.replace(one, id="abcd11112222")])
    ledger.add([msgspec.structs.replace(other, id="abcd33334444")])
    assert ledger.get("abcd1") is not None
    assert ledger.get("abcd") is None
    assert ledger.get("abc") is None
    assert ledger.get("%") is None
    assert ledger.get("abcd11112222") is not None


def test_a_failing_transaction_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    [one] = events()
    broken = msgspec.structs.replace(one, id="other", kind=None)
    with pytest.raises(Mistake, match="cannot be written"):
        ledger.add([one, broken])
    assert list(ledger.all()) == []
    assert ledger.add([one])


def test_it_is_private_and_durable(tmp_path: Path) -> None:
    Ledger(tmp_path / "a" / "b").close()
    assert stat.S_IMODE((tmp_path / "a" / "b" / NAME).stat().st_mode) == 0o600
    base = sqlite3.connect(tmp_path / "a" / "b" / NAME)
    assert base.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    base.close()


def test_a_ledger_of_a_later_version_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    base = sqlite3.connect(tmp_path / NAME)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(Mistake, match="later version"):
        Ledger(tmp_path)


def test_what_is_no_ledger_is_said_so(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database at all, and long enough to be looked at" * 50)
    with pytest.raises(Mistake, match="cannot be opened"):
        Ledger(tmp_path)
    with pytest.raises(Mistake, match="WHOSENT_STATE"):
        Ledger(tmp_path / NAME / "below")


def test_where_it_lives() -> None:
    assert folder("/somewhere", {}, root=True) == Path("/somewhere")
    assert folder("", {}, root=True) == Path("/var/lib/whosent")
    assert folder("", {"XDG_STATE_HOME": "/x"}, root=False) == Path("/x/whosent")
    assert folder("", {"HOME": "/home/u"}, root=False) == Path("/home/u/.local/state/whosent")


WRITER = """
import sys
from pathlib import Path
from tests.store.test_ledger import events
from whosent.store.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]))
for number in range(100_000):
    ledger.add(events(number * 60))
    print(number, flush=True)
"""


def test_killed_at_any_moment_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for delay in (0.0, 0.013, 0.05):
        place = tmp_path / str(delay)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(place)], cwd=root, stdout=subprocess.PIPE)
        assert writer.stdout
        writer.stdout.readline()
        time.sleep(delay)
        os.kill(writer.pid, signal.SIGKILL)
        said = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        told = int(said[-1]) if said else 0
        kept = [one.complaint for one in Ledger(place).all()]
        assert told + 1 <= len(kept) <= told + 2
        assert len({one.id for one in kept}) == len(kept)
        ledger = Ledger(place)
        assert [ledger.add(events(number * 60)) for number in range(told + 3)].count(True) == told + 3 - len(kept)


def test_two_processes_write_side_by_side(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    for number in range(20):
        (first if number % 2 else second).add(events(number * 60))
    assert len(list(first.all())) == len(list(second.all())) == 20
