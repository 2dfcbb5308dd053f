"""The compiled hot path says exactly what the pure one says: of recorded, generated and mutilated lines."""

# ruff: noqa: SLF001  # the twins are told apart by inner parts

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.test_readers import FILES, fuzzed, mutilated
from whosent.audience import hand_out_purely
from whosent.frames import Packing, Unpacking, packed_purely, unpacked_purely
from whosent.join.chain import Chain
from whosent.join.messages import Join, layout
from whosent.model.rows import Closed, Handover, JoinedRow, Message, Outcome, Reason, Result
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings
from whosent.reading.formats import Form, tokenizer
from whosent.reading.native import native
from whosent.reading.stamps import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whosent.reading.tokens import Token

if native is None and os.environ.get("CI") != "true":
    pytest.skip("the compiled hot path is not built here: it needs a C compiler and PCRE2", allow_module_level=True)

ROOT = Path(__file__).parents[2]
FORMS = (Form.BSD, Form.RFC5424, Form.LINES)
FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))


def test_the_compiled_hot_path_is_there() -> None:
    assert native is not None, "it must be built wherever everything is proven"


def nothing(_at: int, _line: bytes) -> Iterable[Token]:
    return ()


def missed(into: list[tuple[int, bytes]], at: int, line: bytes) -> Iterable[Token]:
    into.append((at, line))
    return ()


def a_join(*, passes_on: bool = False) -> Join:
    join = Join(Surroundings(Ours(networks=("192.0.2.0/24",))), passes_on=passes_on)
    join.continue_with(3, Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC)))
    return join


def rows_both_ways(chunks: list[bytes], form: Form, *, passes_on: bool = False) -> list[JoinedRow]:
    """The rows of the chunks, after a look that both ways give the same and leave the same behind."""
    twin, pure = a_join(passes_on=passes_on), a_join(passes_on=passes_on)
    reader, offset, seen = tokenizer(form, layout), 0, list[JoinedRow]()
    for chunk in chunks:
        rows = list(twin.rows(reader.read(chunk, nothing), offset))
        assert rows == list(pure.rows_purely(reader.read_purely(chunk, nothing), offset))
        assert [type(row) for row in rows] == [type(row) for row in rows]
        seen += rows
        offset += len(chunk)
    assert (twin.time, twin.truncated, twin.first_sight) == (pure.time, pure.truncated, pure.first_sight)
    assert twin.open_lives() == pure.open_lives()
    assert (twin.uncounted, twin.servers) == (pure.uncounted, pure.servers)
    assert twin.hosts() == pure.hosts()
    return seen


@given(st.integers(0, 1 << 60))
@fuzzed
def test_tokens(seed: int) -> None:
    rng = random.Random(seed)
    text = mutilated(rng).rstrip(b"\n") + b"\n"
    reader = tokenizer(rng.choice(FORMS), layout)
    strange: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = ([], [])
    twin = list(reader.read(text, lambda at, line: missed(strange[0], at, line)))
    assert twin == list(reader.read_purely(text, lambda at, line: missed(strange[1], at, line)))
    assert strange[0] == strange[1]


@given(st.integers(0, 1 << 60))
@fuzzed
def test_rows(seed: int) -> None:
    rng = random.Random(seed)
    text = mutilated(rng).rstrip(b"\n") + b"\n"
    lines = text.splitlines(keepends=True) if b"\r" not in text else [text]
    cut = rng.randint(0, len(lines))
    chunks = [b"".join(part) for part in (lines[:cut], lines[cut:]) if part]
    rows_both_ways(chunks, rng.choice(FORMS), passes_on=rng.random() < 0.3)


@pytest.mark.parametrize("number", range(len(FILES)))
def test_recorded_samples(number: int) -> None:
    text = FILES[number].rstrip(b"\n") + b"\n"
    for form in FORMS:
        rows_both_ways([text], form)
        rows_both_ways([text], form, passes_on=True)


@pytest.mark.parametrize("stamps", ["rfc3164", "iso", "rfc5424"])
def test_a_generated_log(tmp_path: Path, stamps: str) -> None:
    size = "30m" if FULL else "3m"
    command = [sys.executable, "-m", "benchmarks.generator", "--bytes", size, "--hosts", "3", "--stamps", stamps]
    subprocess.run([*command, str(tmp_path)], check=True, capture_output=True, cwd=ROOT)
    text = (tmp_path / "mail.log").read_bytes()
    chunks = text.splitlines(keepends=True)
    parts = [b"".join(chunks[at : at + 5000]) for at in range(0, len(chunks), 5000)]
    rows = rows_both_ways(parts, Form.RFC5424 if stamps == "rfc5424" else Form.BSD)
    assert sum(isinstance(row, Outcome) for row in rows) > 1000
    assert sum(isinstance(row, Handover) for row in rows) > 100
    released(rows)
    passed(rows)


def released(rows: list[JoinedRow]) -> None:
    """Rows held back for hand-overs come out alike."""
    twin, pure = Chain(), Chain()
    ready = [row for batch in twin.batches([rows[:777], rows[777:]]) for row in batch]
    wanted = [row for part in (rows[:777], rows[777:]) for row in pure.release_purely(part)]
    assert ready == wanted
    assert list(twin.rest()) == list(pure.rest())


def passed(rows: list[JoinedRow]) -> None:
    """Rows are the same again after they went to another process, with the twin and without."""
    packing, unpacking = Packing(), Unpacking()
    frames = [rows[at : at + 1000] for at in range(0, len(rows), 1000)]
    for frame in frames:
        for again in (unpacking.unpack(packing.pack(frame)), unpacked_purely(packed_purely(frame))):
            assert again == frame
            assert [type(row) for row in again] == [type(row) for row in frame]


def test_rows_are_handed_out_alike() -> None:
    assert native is not None
    actor = a_join()._first_sight(a_join()._move(b"mx", b"postfix"), 1.0, b"A").actor
    rows = [
        Message(1.0, 1, actor, "", b"a@b", 1, 1, 1.0),
        Closed(2.0, 2, "mx", "A"),
        Message(3.0, 3, actor._replace(kind="account"), "", b"a@b", 1, 1, 3.0),
    ]
    sent, bounced = (
        Outcome(4.0, 4, actor, "", b"a@b", b"c@d", result, Reason.NONE, "", forwarded=False)
        for result in (Result.SENT, Result.BOUNCED)
    )
    heard: list[list[object]] = [[], []]
    for number, hand_out in enumerate((native.hand_out, hand_out_purely)):
        hear = heard[number].append
        by_result = [(hear,) if result is Result.BOUNCED else () for result in Result]
        table = {
            Message: {"unknown": (hear,), "account": ()},
            Closed: (hear,) * 2,
            Outcome: {"unknown": by_result},
        }
        hand_out([*rows, sent, bounced], table)
    assert heard[0] == heard[1] == [rows[0], rows[1], rows[1], bounced]


def test_an_observer_that_fails_is_heard() -> None:
    assert native is not None

    def fail(_row: object) -> None:
        raise ValueError("told")

    with pytest.raises(ValueError, match="told"):
        native.hand_out([Closed(2.0, 2, "mx", "A")], {Closed: (fail,)})
    with pytest.raises(KeyError):
        native.hand_out([Closed(2.0, 2, "mx", "A")], {})
    with pytest.raises(KeyError):
        native.hand_out([Closed(2.0, 2, "mx", "A")], {Closed: [(fail,)]})  # it has no result


@pytest.mark.parametrize("text", [b"", b"\n", b"a", b"a\n", b"a\nb", b"\n\n\n", b"a\0\nb\n"])
def test_lines_are_counted_alike(text: bytes) -> None:
    assert native is not None
    assert native.count_lines(text) == len(text.split(b"\n")) - (text.endswith(b"\n") or not text)


def test_a_line_that_pcre_gives_up_on_is_read_all_the_same() -> None:
    reader = tokenizer(Form.BSD, layout)
    line = b"Nov 17 10:00:00 mx postfix/qmgr[1]: 4ABCDEF: removed\n"
    (token,) = reader._given_up(40, line, nothing)
    assert token[1] == 40
    assert token[0].event == "removed"
    strange: list[tuple[int, bytes]] = []
    assert list(reader._given_up(40, b"what\n", lambda at, text: missed(strange, at, text))) == []
    assert strange == [(40, b"what")]


def test_the_whole_answer_without_it() -> None:
    """`make run`'s incident, read by both: the same report to the byte."""
    folder = ROOT / "samples" / "incident"
    command = [sys.executable, "-m", "whosent", "scan", "--json", "--timezone", "UTC", *map(str, folder.glob("*.log"))]
    pure = subprocess.run(command, check=False, capture_output=True, env={**os.environ, "PURE_PYTHON": "1"})
    twin = subprocess.run(command, check=False, capture_output=True)
    assert twin.returncode == pure.returncode == 2
    assert twin.stdout == pure.stdout
