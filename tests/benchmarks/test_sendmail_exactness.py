"""Counts of a Sendmail log against the truth that its generator kept: none wrong, nothing under a wrong account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.count_outcomes import count
from benchmarks.exactness import compare
from benchmarks.generator.sendmail import generate_sendmail

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", [1, 2])
def test_every_outcome_stands_under_who_sent_it(tmp_path: Path, seed: int) -> None:
    path, truth = generate_sendmail(seed, 3_000_000, tmp_path)
    counted: dict[str, Any] = count([path])
    found = compare(truth, counted)
    assert {each.table for each in found} == {"lines_by_sender", "lines_by_actor", "messages_by_actor"}
    assert [each.sentence() for each in found if each.mismatching] == []
