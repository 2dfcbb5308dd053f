"""Wrong counts are found, and what is misplaced is told from what is only missing."""

from __future__ import annotations

from benchmarks.exactness import compare
from benchmarks.generator.truth import Truth
from benchmarks.sizes import size, written


def truth() -> Truth:
    made = Truth()
    made.life("a@example.org", "alice", (3, 1, 0))
    made.life("", "", (1, 0, 0))
    return made


def test_equal_is_exact() -> None:
    made = truth()
    counted = {"lines_by_sender": made.lines_by_sender, "lines_by_actor": made.lines_by_actor}
    assert [(each.mismatching, each.misplaced) for each in compare(made, counted)] == [([], 0), ([], 0)]
    assert "all exact" in compare(made, counted)[0].sentence()


def test_a_delivery_under_a_wrong_account_is_misplaced() -> None:
    (found,) = compare(truth(), {"lines_by_actor": {"alice": [2, 4, 1, 0]}})
    assert found.misplaced == 1
    assert found.mismatching == [
        "<> [0, 0, 0, 0] instead of [1, 1, 0, 0]",
        "alice [2, 4, 1, 0] instead of [1, 3, 1, 0]",
    ]


def test_a_missing_row_is_wrong_but_misplaces_nothing() -> None:
    (found,) = compare(truth(), {"lines_by_sender": {"": [1, 1, 0, 0]}})
    assert (len(found.mismatching), found.misplaced) == (1, 0)


def test_sizes_are_read_as_they_are_written() -> None:
    assert [size(text) for text in ("17", "100k", "2.5M", "1g")] == [17, 100_000, 2_500_000, 1_000_000_000]
    assert [written(number) for number in (17, 100_000, 2_500_000, 10**9)] == ["17", "100k", "2.5m", "1g"]
