"""How far rows were heard does not depend on the batches they came in, nor on stamps that run back."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.stories.kit import MX
from whosent.measures.rates import NOWHERE
from whosent.model.rows import Login

TIMES = st.lists(st.integers(0, 5), max_size=12)


@given(times=TIMES, cuts=st.lists(st.integers(0, 12), max_size=4))
def test_batches_change_nothing(times: list[int], cuts: list[int]) -> None:
    rows = [Login(time, 0, MX, "alice", "", succeeded=True, service="imap") for time in times]
    edges = [0, *sorted(cuts), len(rows)]
    whole, pieces, singly = NOWHERE.after(rows), NOWHERE, [NOWHERE]
    for begin, end in pairwise(edges):
        pieces = pieces.after(rows[begin:end])
    for row in rows:
        singly.append(singly[-1].after([row]))
    assert whole == pieces == singly[-1]
    assert singly == sorted(set(singly))  # each row is further than the one before
    assert whole.time == max(times, default=NOWHERE.time)
