"""A story told in Exchange or Microsoft 365 names the same culprits as on Postfix and nobody else; counts are exact."""

from __future__ import annotations

import heapq
from collections import Counter
from datetime import UTC
from functools import cache
from operator import itemgetter
from pathlib import Path

import pytest

from tests.tables.teller import Exchange, trace, truth
from tests.test_cases import run, story
from whosent import walk
from whosent.casebook import open_cases
from whosent.detectors import discover
from whosent.join.tables import TableJoin
from whosent.join.tracked import Tracked
from whosent.model.rows import JoinedRow, Message, Outcome
from whosent.model.settings import Logs, Settings
from whosent.model.surroundings import Surroundings
from whosent.sources.files import at_path

GUILTY = ["abuse:stolen_account", "abuse:slow_account", "abuse:campaign_only", "abuse:guessed_password",
          "abuse:infected_host", "abuse:clean_flood"]  # fmt: skip
INNOCENT = ["bulk:newsletter_daily", "bulk:newsletter_in_batches", "bulk:monday_morning", "bulk:new_employee",
            "bulk:crowd", "bulk:outage", "bulk:listed_for_everybody", "bulk:traveller",
            "bulk:guessing_in_vain"]  # fmt: skip
SETTINGS = Settings(logs=Logs(timezone="UTC", year=2026))


@cache
def on_postfix(name: str) -> frozenset[tuple[str, str]]:
    """Who is named, and for what, when the rows come from anywhere else."""
    findings = [finding for detector in discover() for finding in run(detector, story(name))]
    return frozenset((case.suspect.kind, case.suspect.name) for case in open_cases(findings))


def sources(folder: Path, files: dict[str, bytes]) -> list[walk.Input]:
    paths = []
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        paths.append(path)
    return walk.prepare([at_path(path) for path in paths], SETTINGS, UTC)


def scanned(folder: Path, files: dict[str, bytes]) -> walk.Pass:
    return walk.scan(sources(folder, files), SETTINGS, lambda _consumed: None, UTC)


def joined(inputs: list[walk.Input]) -> list[JoinedRow]:
    """The rows that detectors would see."""
    surroundings = Surroundings(SETTINGS.ours)
    streams = [
        walk.in_time_order(walk.read_here(stream, TableJoin(surroundings), lambda _consumed: None), float("inf"))
        for stream in walk.streams(inputs)
    ]
    return list(Tracked(surroundings).rows(heapq.merge(*streams, key=itemgetter(0, 1))))


def named(done: walk.Pass) -> frozenset[tuple[str, str]]:
    return frozenset((case.suspect.kind, case.suspect.name) for case in done.cases)


@pytest.mark.parametrize("by_mailbox", [False, True], ids=["by SMTP", "by mailbox"])
@pytest.mark.parametrize("name", [*GUILTY, *INNOCENT])
def test_told_in_exchange(name: str, tmp_path: Path, *, by_mailbox: bool) -> None:
    done = scanned(tmp_path, Exchange(by_mailbox=by_mailbox).tell(story(name)))
    assert not sum(one.reader.counts.unknown for one in done.inputs)
    assert named(done) == on_postfix(name)
    messages = [row for row in story(name) if isinstance(row, Message)]
    assert done.witnessed.messages == len(messages)


@pytest.mark.parametrize("name", ["abuse:stolen_account", "abuse:clean_flood", *INNOCENT])
def test_told_in_microsoft_365(name: str, tmp_path: Path) -> None:
    done = scanned(tmp_path, {"trace.csv": trace(story(name))})
    assert not sum(one.reader.counts.unknown for one in done.inputs)
    assert named(done) == on_postfix(name)


def test_json_says_what_csv_says(tmp_path: Path) -> None:
    csv = scanned(tmp_path, {"trace.csv": trace(story("abuse:stolen_account"))})
    json = scanned(tmp_path, {"trace.json": trace(story("abuse:stolen_account"), as_json=True)})
    assert [case.sentence for case in csv.cases] == [case.sentence for case in json.cases]


@pytest.mark.parametrize("by_mailbox", [False, True], ids=["by SMTP", "by mailbox"])
@pytest.mark.parametrize("name", ["abuse:stolen_account", "bulk:crowd", "bulk:outage", "bulk:monday_morning"])
def test_outcomes_are_exact(name: str, tmp_path: Path, *, by_mailbox: bool) -> None:
    rows = joined(sources(tmp_path, Exchange(by_mailbox=by_mailbox).tell(story(name))))
    read = Counter((row.actor.kind, row.actor.name, row.result.name) for row in rows if isinstance(row, Outcome))
    assert read == truth(story(name))
    assert {row.reason for row in rows if isinstance(row, Outcome)} <= {
        row.reason for row in story(name) if isinstance(row, Outcome)
    }


def test_the_same_export_twice_counts_once(tmp_path: Path) -> None:
    whole = trace(story("bulk:new_employee")).decode("utf-16").splitlines(keepends=True)
    late = "".join([whole[0], *whole[1 : len(whole) // 2]]).encode("utf-16")
    once = joined(sources(tmp_path / "a", {"all.csv": "".join(whole).encode()}))
    twice = joined(sources(tmp_path / "b", {"all.csv": "".join(whole).encode(), "late.csv": late}))
    assert [row._replace(ref=0) for row in once] == [row._replace(ref=0) for row in twice]
