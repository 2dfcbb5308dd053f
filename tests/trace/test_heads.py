"""Header blocks out of messages, mboxes, pasted text and rubbish: bounded, and never out of a body."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.trace.heads import BLOCK_LIMIT, FIELDS_LIMIT, Block, blocks, fields
from whosent.trace.letter import HOPS_LIMIT, letter

FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
ONE = b"Received: from a by b\nSubject: one\n two\n\nthe body\n"
SEPARATOR = b"From bob@example.net Thu Nov 12 14:03:07 2026\n"


def raw(data: bytes, size: int = 1 << 16) -> list[bytes]:
    return [block.raw for block in blocks(data[at : at + size] for at in range(0, len(data), size))]


def test_a_message() -> None:
    (block,) = blocks([ONE])
    assert block == Block(b"Received: from a by b\nSubject: one\n two", None)
    assert [(field.name, field.value) for field in fields(block.raw)] == [
        ("received", b"from a by b"),
        ("subject", b"one\n two"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + ONE,
        b"\n\n  \n" + ONE,
        b"\0" * 100_000 + ONE,
        ONE.replace(b"\n", b"\r\n"),
        ONE.partition(b"\n\n")[0].replace(b"\n", b"\r"),
        ONE.partition(b"\n\n")[0],
        b"".join(b"> " + line + b"\n" for line in ONE.splitlines()),
        ONE.decode().encode("utf-16"),
    ],
)
def test_however_it_was_saved_or_pasted(data: bytes) -> None:
    assert raw(data)[0].startswith(b"Received: from a by b\nSubject: one\n two")


def test_an_mbox_holds_several() -> None:
    mbox = SEPARATOR + ONE + b"\n" + SEPARATOR + ONE.replace(b"one", b"other")
    assert [letter(block).subject for block in blocks([mbox])] == ["one two", "other two"]


def test_what_looks_like_a_message_in_a_body_is_none() -> None:
    hostile = ONE + b"\n\nReceived: from innocent by mx.example.org\n\nFrom now on, at 12:00, all is well\nFrom\n\n"
    assert len(raw(hostile)) == 1
    assert len(raw(SEPARATOR + hostile)) == 1


@given(st.integers(1, 200), st.integers(0, 3))
def test_pieces_change_nothing(size: int, more: int) -> None:
    mbox = (SEPARATOR + ONE.replace(b"\n", b"\r\n") + b"\n" + b"x\n\nFrom here\n\n") * (more + 1)
    assert raw(mbox, size) == raw(mbox)


def test_a_line_that_lost_its_blank_goes_on() -> None:
    assert fields(b"Received: from a\nby b (c)\nSubject: d")[0].value == b"from a\nby b (c)"


def test_no_message_says_so() -> None:
    (block,) = blocks([b"hello\nworld\n"])
    assert block.problem == "no header field at its beginning: this is no message"
    assert list(blocks([])) == []
    assert list(blocks([b"\n\n"])) == []


def test_bombs_are_bounded() -> None:
    (block,) = blocks([b"X: y\n" * (1 << 18)] * 8)
    assert len(block.raw) <= BLOCK_LIMIT
    assert block.problem is not None
    read = letter(block)
    assert read.problem == f"more than {FIELDS_LIMIT:,} header fields: the rest was not read"
    read = letter(Block(b"Received: from a by b\n" * (HOPS_LIMIT + 5), None))
    assert (len(read.lines), read.more) == (HOPS_LIMIT, 5)


@settings(max_examples=2000 if FULL else 150, deadline=None)
@given(st.integers(0, 2**63))
def test_any_bytes_give_blocks(seed: int) -> None:
    rng = random.Random(seed)
    salt = [
        b"\0",
        b"\r",
        b"\r\n",
        b"\n\n",
        SEPARATOR,
        b"\n\nFrom ",
        b"Received:",
        b": ",
        b"\xff\xfe",
        b"> ",
        rng.randbytes(9),
    ]
    data = b"".join(rng.choices([*salt, ONE], k=rng.randint(0, 20)))
    for block in blocks([data]):
        letter(block)
        assert b"\n\n" not in block.raw
