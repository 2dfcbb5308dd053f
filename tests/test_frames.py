"""What passes between two processes arrives as it was sent, by the compiled twin and without it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.frames import Packing, Unpacking, all_rules, packed_purely, unpacked_purely
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
from whosent.reading.native import native

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
@given(st.lists(st.lists(ROW, max_size=20), max_size=4))
def test_rows_arrive_as_they_were_sent(frames: list[list[Any]]) -> None:
    packing, unpacking = Packing(), Unpacking()
    for rows in frames:
        again = [*rows, *rows]  # what came before is told by its place
        the_same(unpacking.unpack(packing.pack(again)), again)
        if not any(isinstance(row, Early) for row in rows):  # their rules are numbers by then
            the_same(unpacked_purely(packed_purely(rows)), rows)


def test_more_values_than_there_are_places() -> None:
    """Values share places, and give way to each other, inside each other too; both sides keep the same."""
    packing, unpacking = Packing(), Unpacking()
    names = [f"name{number}" for number in range(30_000)]
    actors = [Actor("account", name, names[-number], None) for number, name in enumerate(names)]
    rows = [
        Handover(1.0, number, actor, names[number // 2], names[number // 3], names[number * 7 % 30_000])
        for number, actor in enumerate(actors)
    ]
    for at in range(0, len(rows), 1000):
        frame = [*rows[at : at + 1000], *rows[at // 2 : at // 2 + 500], *rows[at : at + 1000]]
        the_same(unpacking.unpack(packing.pack(frame)), frame)


def the_same(arrived: list[Any], rows: list[Any]) -> None:
    assert arrived == rows
    for there, here in zip(arrived, rows, strict=True):
        assert type(there) is type(here)
        assert [type(value) for value in there] == [type(value) for value in here]
        if isinstance(there, Early) and isinstance(here, Early):
            assert there.rule is here.rule


def test_what_comes_again_is_one_object() -> None:
    actor, relay = Actor("account", "al", "mx", "192.0.2.1"), "192.0.2.25"
    rows: list[Any] = [
        Outcome(time, 7, actor, "", b"al@example.org", b"x%d@y.z" % time, Result.SENT, Reason.NONE, relay, False)  # noqa: FBT003  # a row
        for time in range(5)
    ]
    packing, unpacking = Packing(), Unpacking()
    first, second = (unpacking.unpack(packing.pack(rows)) for _ in range(2))
    if native:
        assert len(packing.pack(rows)) < 5 * 70
        assert {id(row.actor) for row in [*first, *second] if isinstance(row, Outcome)} == {id(first[0][2])}


def test_so_many_that_they_take_the_places_of_others() -> None:
    actors = [
        Actor("account", f"account{number}", f"mx{number % 7}", f"192.0.2.{number % 250}") for number in range(9_000)
    ]
    rows: list[Any] = [
        Login(float(number), number, actor.host, actor.name, actor.address or "", True, "imap")  # noqa: FBT003  # a row
        if number % 3
        else Handover(float(number), number, actor, "A", actor.address or "", "B")
        for number, actor in enumerate(actors * 2)
    ]
    packing, unpacking = Packing(), Unpacking()
    for at in range(0, len(rows), 1000):
        the_same(unpacking.unpack(packing.pack(rows[at : at + 1000])), rows[at : at + 1000])


@pytest.mark.skipif(not native, reason="nothing is compiled here")
@given(st.lists(ROW, min_size=1, max_size=3), st.data())
def test_a_frame_that_is_no_frame_is_an_error_and_no_crash(rows: list[Any], data: st.DataObject) -> None:
    body = bytearray(Packing().pack(rows))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    with contextlib.suppress(ValueError, IndexError, AttributeError, TypeError):  # a row may lack fields
        list(map(repr, Unpacking().unpack(cut)))


@pytest.mark.skipif(not native, reason="nothing is compiled here")
@pytest.mark.parametrize("value", [{}, [], "\udc80", ((((((),),),),),)])
def test_what_no_row_holds_is_an_error(value: object) -> None:
    with pytest.raises((OverflowError, TypeError, UnicodeEncodeError, KeyError)):
        Packing().pack([Login(1.0, 2, "mx", value, "", True, "imap")])  # type: ignore[arg-type]  # noqa: FBT003  # no row


def test_all_rules_are_numbered_alike() -> None:
    numbers = [id(rule) for rule in all_rules()]
    all_rules.cache_clear()
    assert [id(rule) for rule in all_rules()] == numbers
