"""What passes between two processes arrives as it was sent."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.frames import all_rules, packed, unpacked
from whosent.join.lives import Begun, Early
from whosent.model.rows import (
    Actor,
    Call,
    Closed,
    Handover,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Request,
    Result,
)

TIME = st.floats(0, 4e9)
REF = st.integers(0, 1 << 60)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
RAW = st.binary(max_size=12)
ACTOR = st.builds(Actor, TEXT, TEXT, TEXT, st.none() | TEXT)
RULE = st.sampled_from(all_rules())
FIELDS = st.lists(st.none() | RAW, max_size=9).map(tuple)
ROW: st.SearchStrategy[Any] = st.one_of(
    st.builds(Message, TIME, REF, ACTOR, TEXT, RAW, REF, REF, TIME),
    st.builds(
        Outcome,
        TIME,
        REF,
        ACTOR,
        TEXT,
        RAW,
        RAW,
        st.sampled_from(Result),
        st.sampled_from(Reason),
        TEXT,
        st.booleans(),
        RAW,
    ),
    st.builds(Login, TIME, REF, TEXT, TEXT, TEXT, st.booleans(), TEXT),
    st.builds(Rejection, TIME, REF, TEXT, TEXT, TEXT, TEXT, st.integers(0, 999), RAW),
    st.builds(Request, TIME, REF, TEXT, TEXT, TEXT, TEXT, st.integers(0, 999)),
    st.builds(Call, TIME, REF, TEXT, TEXT, st.integers(0, 999), RAW),
    st.builds(Handover, TIME, REF, ACTOR, TEXT, TEXT, TEXT),
    st.builds(Closed, TIME, REF, TEXT, TEXT),
    st.builds(Early, TIME, REF, RULE, FIELDS),
    st.builds(Begun, TIME, REF, st.none() | RAW, st.none() | RAW, RAW),
)


@settings(deadline=None)
@given(st.lists(ROW, max_size=20))
def test_rows_arrive_as_they_were_sent(rows: list[Any]) -> None:
    rules = all_rules()
    numbers = {id(rule): number for number, rule in enumerate(rules)}
    arrived = list(unpacked(packed(rows, numbers), rules, {}))
    assert arrived == rows
    for there, here in zip(arrived, rows, strict=True):
        assert type(there) is type(here)
        assert [type(value) for value in there] == [type(value) for value in here]
        if isinstance(there, Early) and isinstance(here, Early):
            assert there.rule is here.rule


def test_all_rules_are_numbered_alike() -> None:
    assert [id(rule) for rule in all_rules()] == [id(rule) for rule in all_rules()]
