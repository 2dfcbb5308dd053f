"""The ledger's file is private, brings up what is older, refuses what is newer, and says what it cannot do."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from tests.store.test_complaints import events
from whosent.model.mistake import Mistake
from whosent.store.complaints import Complaints
from whosent.store.ledger import NAME, Ledger, folder


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


def test_a_new_ledger_waits_for_whoever_makes_it_in_the_same_moment(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # as on the way to WAL
    leaving = threading.Timer(0.3, other.close)
    leaving.start()
    Ledger(tmp_path).close()
    leaving.join()


def test_whoever_opens_it_waits_for_nobody_who_writes(tmp_path: Path) -> None:
    migrations = ("CREATE TABLE one (a INTEGER);",)
    writer = Ledger(tmp_path)
    writer.bring_up("one", migrations)
    with writer.transaction():
        writer.base.execute("INSERT INTO one VALUES (1)")
        reader = Ledger(tmp_path)
        reader.bring_up("one", migrations)
        assert reader.base.execute("SELECT * FROM one").fetchall() == []


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


BEFORE_PARTS = """
CREATE TABLE report (sha256 TEXT PRIMARY KEY, source TEXT NOT NULL, added REAL NOT NULL) STRICT;
CREATE TABLE complaint (
    id TEXT PRIMARY KEY, report TEXT NOT NULL REFERENCES report (sha256), place INTEGER NOT NULL, kind TEXT NOT NULL,
    ours TEXT NOT NULL, incident TEXT, arrival TEXT, told TEXT NOT NULL
) STRICT;
CREATE INDEX complaint_incident ON complaint (incident, arrival);
PRAGMA user_version = 1;
"""


def test_a_ledger_of_complaints_alone_is_brought_up(tmp_path: Path) -> None:
    Complaints(Ledger(tmp_path / "new")).add(events())
    base = sqlite3.connect(tmp_path / NAME)
    base.executescript(BEFORE_PARTS)
    base.execute("ATTACH ? AS new", (str(tmp_path / "new" / NAME),))
    base.execute("INSERT INTO report SELECT * FROM new.report")
    base.execute("INSERT INTO complaint SELECT * FROM new.complaint")
    base.commit()
    base.close()
    complaints = Complaints(Ledger(tmp_path))
    assert [kept.complaint for kept in complaints.all()] == events()
    assert complaints.add(events(60))


def test_each_part_has_its_own_version(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.bring_up("one", ("CREATE TABLE one (a INTEGER);",))
    ledger.bring_up("two", ("CREATE TABLE two (a INTEGER);",))
    ledger.bring_up("one", ("CREATE TABLE one (a INTEGER);", "ALTER TABLE one ADD COLUMN b INTEGER;"))
    ledger.base.execute("INSERT INTO one VALUES (1, 2)")
    with pytest.raises(Mistake, match="'one' was written by a later version"):
        ledger.bring_up("one", ("CREATE TABLE one (a INTEGER);",))


def test_a_transaction_within_another_belongs_to_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.bring_up("one", ("CREATE TABLE one (a INTEGER NOT NULL);",))

    def outer() -> None:
        with ledger.transaction():
            with ledger.transaction():
                ledger.base.execute("INSERT INTO one VALUES (1)")
            ledger.base.execute("INSERT INTO one VALUES (NULL)")

    with pytest.raises(Mistake, match="cannot be written"):
        outer()
    with ledger.transaction():
        ledger.base.execute("INSERT INTO one VALUES (2)")
    assert ledger.base.execute("SELECT a FROM one").fetchall() == [(2,)]
