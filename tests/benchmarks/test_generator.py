"""The generated log says what its truth says, whatever the recipe."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from benchmarks.generator import Generated, Recipe, generate
from benchmarks.generator.truth import Truth
from tests.benchmarks.naive_reader import NaiveReader

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 600_000

RECIPES = [
    Recipe(seed=1, size=SIZE),
    Recipe(seed=2, size=SIZE, ids="short"),
    Recipe(seed=3, size=SIZE, ids="long", stamps="iso"),
    Recipe(seed=4, size=SIZE, hosts=3, files=4),
    Recipe(seed=5, size=SIZE, hosts=2, ids="short", stamps="rfc5424", files=2),
    Recipe(seed=6, size=SIZE, hours=0.5, ids="short"),
    Recipe(seed=7, size=30_000, files=3),
]


@pytest.fixture(params=RECIPES, ids=lambda recipe: f"seed{recipe.seed}", scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generate(request.param, tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def read(made: Generated) -> NaiveReader:
    return NaiveReader(made.paths)


def test_truth_is_what_a_slow_reader_finds(made: Generated, read: NaiveReader) -> None:
    assert read.lines_by("sender") == made.truth.lines_by_sender
    assert read.lines_by("actor") == made.truth.lines_by_actor
    assert read.messages_by_actor() == made.truth.messages_by_actor


def test_no_id_lives_twice_and_none_speaks_after_its_end(read: NaiveReader) -> None:
    assert read.sins == []


def test_every_line_is_counted(made: Generated, read: NaiveReader) -> None:
    assert read.number == made.truth.log["lines"]
    assert sum(path.stat().st_size for path in made.paths) == made.truth.log["bytes"]


def test_incidents_really_happened(made: Generated) -> None:
    for planted in made.truth.incidents:
        if not planted.messages:
            continue
        assert planted.first is not None
        assert planted.last is not None
        assert planted.start <= planted.first <= planted.last < planted.end
        assert made.truth.messages_by_actor[planted.actor][0] >= planted.messages


def test_same_recipe_same_bytes(tmp_path: Path) -> None:
    recipe = Recipe(seed=9, size=200_000, hosts=2)
    one, two = (generate(recipe, tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in one.paths] == [path.read_bytes() for path in two.paths]
    assert one.truth == two.truth


def test_other_seed_other_log(tmp_path: Path) -> None:
    one, two = (generate(Recipe(seed=seed, size=50_000), tmp_path / str(seed)) for seed in (1, 2))
    assert one.paths[0].read_bytes() != two.paths[0].read_bytes()


def test_rotation_only_cuts(tmp_path: Path) -> None:
    whole = generate(Recipe(size=200_000), tmp_path / "whole")
    parts = generate(Recipe(size=200_000, files=3), tmp_path / "parts")
    assert [path.name for path in parts.paths] == ["mail.log.2", "mail.log.1", "mail.log"]
    assert b"".join(path.read_bytes() for path in parts.paths) == whole.paths[0].read_bytes()
    assert all(path.read_bytes().endswith(b"\n") for path in parts.paths)
    assert min(path.stat().st_size for path in parts.paths) > 40_000


def test_size_and_span_are_about_what_was_asked(tmp_path: Path) -> None:
    log = generate(Recipe(size=2_000_000, hours=12), tmp_path).truth.log
    assert 2_000_000 <= log["bytes"] < 2_200_000
    assert 9 * 3600 < log["last"] - log["first"] < 15 * 3600


def test_truth_survives_its_file(tmp_path: Path) -> None:
    truth = generate(Recipe(size=50_000), tmp_path).truth
    truth.save(tmp_path / "truth.json")
    assert Truth.load(tmp_path / "truth.json") == truth


def test_the_traps_are_in_the_log(tmp_path: Path) -> None:
    made = generate(Recipe(seed=11, size=3_000_000, hosts=2, ids="short"), tmp_path)
    read = NaiveReader(made.paths)
    text = made.paths[0].read_text(encoding="ascii")
    traps = (
        "status=spam",
        "status=sent (250 ok), to=<",
        "status=expired",
        "helo=<status=sent>",
        "conn_use=",
        'from=<"to=<x>, status=sent',
    )
    for trap in traps:
        assert trap in text, trap
    assert made.truth.log["reused_ids"] > 100
    assert any(life.parent and life.parent.handed_over[0][0] > life.last for life in read.queued()), "late"
    assert any(life.parent and life.parent.handed_over[0][0] < life.last for life in read.queued()), "early"
    assert {life.host for life in read.lives} == {"mx1", "web1"}
    assert namesakes(read), "one id live on two hosts"
    assert any(life.sender is None for life in read.lives), "broken sessions"
    assert any(life.actor and life.sender and life.actor not in life.sender for life in read.lives), "forged"


def namesakes(read: NaiveReader) -> list[str]:
    relay = {life.queue_id: life for life in read.lives if life.host == "mx1"}
    return [
        life.queue_id
        for life in read.lives
        if life.host == "web1"
        and (twin := relay.get(life.queue_id))
        and twin.first < life.last
        and life.first < twin.last
    ]


def test_refuses_what_cannot_be(tmp_path: Path) -> None:
    for wrong in ({"size": 0}, {"hosts": 0}, {"files": 0}, {"hours": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            generate(Recipe(**wrong), tmp_path)


def test_it_compresses_like_a_real_log(tmp_path: Path) -> None:
    raw = generate(Recipe(size=1_000_000), tmp_path).paths[0].read_bytes()
    assert 0.1 < len(gzip.compress(raw)) / len(raw) < 0.25
