"""An Exim log of the benchmarks is counted exactly, per envelope sender and per who handed the mail in."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from benchmarks import exim_log
from benchmarks.count_outcomes import COLUMNS
from whosent.join.messages import Join, layout
from whosent.model.rows import Message, Outcome
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", [1, 2])
def test_counts_are_exact(tmp_path: Path, seed: int) -> None:
    text = exim_log.write(tmp_path, 400_000, seed).read_bytes()
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    clock = Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC))
    reader, join = Reader(text, clock, layout), Join(Surroundings(Ours()))
    join.continue_with(0, clock)
    by_sender: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    by_actor: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    folders = set()
    for row in join.rows(reader.tokens(text), 0):
        if not isinstance(row, Message | Outcome):
            continue
        column = 0 if isinstance(row, Message) else COLUMNS[row.result]
        by_sender[row.sender.decode()][column] += 1
        by_actor[row.actor.name][column] += 1
        folders.add((row.actor.name, row.actor.script))
    assert (reader.counts.unknown, join.open_lives()) == (0, 0)
    assert by_sender == truth["by_sender"]
    assert by_actor == truth["by_actor"]
    named = {(name, script) for name, script in folders if name.startswith("web") and script}
    assert named == {(name, f"/home/u/{name}/public_html") for name, _ in named}
    assert {name for name, _ in named} == {name for name in truth["by_actor"] if name.startswith("web")}
