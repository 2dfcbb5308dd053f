"""Every report is kept once, all of it or nothing, also when the process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.complaints.kit import complaint
from whosent import triage
from whosent.configuration import zone_of
from whosent.model.complaint import Complaint
from whosent.model.finding import Strength, Suspect
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.store.complaints import Complaints
from whosent.store.ledger import Ledger


def events(number: int = 0) -> list[Complaint]:
    report = triage.report(f"{number}.eml", complaint(number))
    return triage.without_logs([report], Settings(), zone_of("UTC"))


def test_a_report_is_kept_once(tmp_path: Path) -> None:
    base = Ledger(tmp_path / "state")
    ledger = Complaints(base)
    assert ledger.add(events())
    assert not ledger.add(events())
    assert ledger.add(events(60))
    assert [kept.complaint for kept in ledger.all()] == [*events(), *events(60)]
    base.close()
    again = Complaints(Ledger(tmp_path / "state"))
    assert not again.add(events(60))
    assert len(list(again.all())) == 2
    assert not again.add([])


def test_a_stronger_answer_replaces_a_weaker_one_and_never_the_other_way(tmp_path: Path) -> None:
    ledger = Complaints(Ledger(tmp_path))
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
    ledger = Complaints(Ledger(tmp_path))
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
    ledger = Complaints(Ledger(tmp_path))
    [one] = events()
    broken = msgspec.structs.replace(one, id="other", kind=None)
    with pytest.raises(Mistake, match="cannot be written"):
        ledger.add([one, broken])
    assert list(ledger.all()) == []
    assert ledger.add([one])


WRITER = """
import sys
from pathlib import Path
from tests.store.test_complaints import events
from whosent.store.complaints import Complaints
from whosent.store.ledger import Ledger

ledger = Complaints(Ledger(Path(sys.argv[1])))
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
        kept = [one.complaint for one in Complaints(Ledger(place)).all()]
        assert told + 1 <= len(kept) <= told + 2
        assert len({one.id for one in kept}) == len(kept)
        ledger = Complaints(Ledger(place))
        assert [ledger.add(events(number * 60)) for number in range(told + 3)].count(True) == told + 3 - len(kept)


def test_two_processes_write_side_by_side(tmp_path: Path) -> None:
    first, second = Complaints(Ledger(tmp_path)), Complaints(Ledger(tmp_path))
    for number in range(20):
        (first if number % 2 else second).add(events(number * 60))
    assert len(list(first.all())) == len(list(second.all())) == 20
