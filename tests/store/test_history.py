"""Rows for questions: what counts stands in the ledger; sealed as Parquet by another process; forgotten in time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.stories.kit import MX, account
from whosent.measures.rates import Reached
from whosent.model.mistake import Mistake
from whosent.model.rows import Call, Login, Message, Outcome, Reason, Rejection, Request, Result, Row, Subject, Verdict
from whosent.store import history as history_module
from whosent.store.asking import Questions
from whosent.store.checkpoints import Checkpoints, Written, write
from whosent.store.columns import COLUMNS, TABLE_OF
from whosent.store.history import History, segments
from whosent.store.ledger import Ledger
from whosent.store.parquet import convert

ALICE = account("alice")
ROWS: list[Row] = [
    Message(1_700_000_000.5, 1, ALICE, "", b"a\xff@b", 100, 2, 1_700_000_000.0),
    Outcome(1_700_000_001.0, 2, ALICE, "", b"a@b", b"c@d", Result.BOUNCED, Reason.POLICY, "192.0.2.1", forwarded=False),
    Login(1_700_000_002.0, 3, MX, "alice", "10.0.0.5", succeeded=True, service="imap"),
    Rejection(1_700_000_003.0, 4, MX, "192.0.2.9", "", "RCPT", 554, b"no"),
    Request(1_700_000_004.0, 5, "www", "192.0.2.9", "POST", "/x'; DROP", 200),
    Call(1_700_000_005.0, 6, "web", "/x.php", 3, b"c@d"),
    Verdict(1_700_000_006.0, 7, ALICE, "Q", b"a", b"", "rspamd", True, "", "reject", 9.5, 6.0, ""),  # noqa: FBT003
    Subject(1_700_000_007.0, 8, ALICE, "Q", b"hello"),
]


def asked(ledger: Ledger, question: str) -> list[tuple[object, ...]]:
    questions = Questions(ledger)
    try:
        return list(questions.ask(question).rows)
    finally:
        questions.close()


def sealed(ledger: Ledger) -> list[Path]:
    return [path for paths in segments(ledger).values() for path in paths if path.suffix == ".parquet"]


def committed(ledger: Ledger, history: History) -> None:
    marks = history.marks()
    with ledger.transaction():
        history.commit(marks)


def test_every_row_has_its_table(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    history = History(ledger)
    history.take(ROWS)
    committed(ledger, history)
    assert {name for name, _ in TABLE_OF.values()} == set(COLUMNS)
    for table in COLUMNS:
        assert asked(ledger, f"SELECT count(*) FROM {table}") == [(1,)], table
    assert asked(ledger, "SELECT mail_from, path FROM messages, requests") == [("a\\xff@b", "/x'; DROP")]
    history.close()


def test_what_was_not_committed_is_cut(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    history = History(ledger)
    history.take(ROWS)
    committed(ledger, history)
    history.take(ROWS)
    history.flush()
    (history.folder / "messages-1.jsonl").write_text("nobody names me")
    again = History(ledger)
    assert asked(ledger, "SELECT count(*) FROM outcomes") == [(1,)]
    assert not (history.folder / "messages-1.jsonl").exists()
    again.take(ROWS[1:])
    committed(ledger, again)
    assert asked(ledger, "SELECT count(*) FROM messages") == [(1,)]
    assert asked(ledger, "SELECT count(*) FROM outcomes") == [(2,)]


def test_long_files_become_parquet_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "_LONGEST", 10)
    ledger = Ledger(tmp_path)
    history = History(ledger)
    history.take(ROWS)
    committed(ledger, history)
    asking = Questions(ledger)
    end = time.monotonic() + 180
    while len(sealed(ledger)) < len(COLUMNS):
        assert time.monotonic() < end
        history.seal()
        time.sleep(0.05)
    assert list(asking.ask("SELECT count(*) FROM messages").rows) == [(1,)]  # of the file as it was when it was asked
    asking.close()
    monkeypatch.setattr(history_module, "_READ", 0.0)
    while len(list(history.folder.glob("*.parquet"))) < len(COLUMNS) or list(history.folder.glob("*.jsonl")):
        assert time.monotonic() < end
        history.seal()
        time.sleep(0.05)
    assert asked(ledger, "SELECT sender, reason FROM outcomes") == [("alice@corp.example", "policy")]
    assert asked(ledger, "SELECT epoch(time) FROM messages") == [(1_700_000_000.5,)]
    history.forget(0.0)
    assert asked(ledger, "SELECT count(*) FROM calls") == [(1,)]
    history.forget(time.time() + 1)
    assert asked(ledger, "SELECT count(*) FROM calls") == [(0,)]
    history.seal()
    assert list(history.folder.iterdir()) == []


def test_what_cannot_be_made_parquet_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "_LONGEST", 10)
    ledger = Ledger(tmp_path)
    history = History(ledger)
    history.take(ROWS[:1])
    committed(ledger, history)
    [file] = history.folder.iterdir()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    end = time.monotonic() + 180
    while not history.problem:
        assert time.monotonic() < end
        history.seal()
        time.sleep(0.02)
    history.close()
    assert file.exists()
    assert asked(ledger, "SELECT count(*) FROM messages") == [(1,)]


def test_lines_become_parquet(tmp_path: Path) -> None:
    source = tmp_path / "calls-1.jsonl"
    source.write_text('{"time":1700000000,"host":"web","script":"/x","line":1,"recipient":"a"}\nhalf a li')
    convert(source, "calls")
    assert (tmp_path / "calls-1.parquet").exists()
    assert subprocess.run(
        [sys.executable, "-m", "whosent.store.parquet", str(tmp_path / "nothing.jsonl"), "calls"],
        capture_output=True, check=False,
    ).returncode  # fmt: skip


def test_a_full_folder_is_a_problem_and_no_end(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    history = History(ledger)
    (tmp_path / "rows").rmdir()
    history.take(ROWS)
    history.flush()
    assert "cannot be kept" in history.problem
    (tmp_path / "rows").mkdir()
    history.flush()
    assert not history.problem


def test_a_question_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="one SELECT"):
        asked(Ledger(tmp_path), "DROP TABLE incidents")
    with pytest.raises(Mistake, match="--tables"):
        asked(Ledger(tmp_path), "SELECT nothing")


def test_a_damaged_state_is_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    checkpoints = Checkpoints(ledger)
    assert checkpoints.latest() is None

    def save(out: BinaryIO) -> None:
        out.write(b"state" * 500)
        out.write(b"state" * 500)

    written = write(checkpoints.folder, save, 7)
    stray = write(checkpoints.folder, save, 8)
    checkpoints.commit(written, "version", 1.0, Reached(2.0, 3))
    assert not (checkpoints.folder / stray.file).exists()
    last = checkpoints.latest()
    assert last
    assert last.state
    assert last.state.read() == b"state" * 1000
    assert last.counted == (2.0, 3)
    (checkpoints.folder / written.file).write_bytes(b"damaged")
    last = checkpoints.latest()
    assert last
    assert last.state is None
    checkpoints.commit(Written("gone.state", "0"), "version", 1.0, Reached(2.0, 3))
    last = checkpoints.latest()
    assert last
    assert last.state is None
