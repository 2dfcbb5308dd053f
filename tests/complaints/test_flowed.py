"""Flowed text (RFC 3676): what the norm says, and what it is for: an address, a header, a sentence in one piece."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.complaints.kit import HEAD, named
from whosent.complaints.flowed import unflowed
from whosent.complaints.reading import read

_FLOWED = "text/plain; format=flowed"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("one \n\ntwo", "one \n\ntwo"),  # an empty line parts paragraphs, whatever stands before it
        (" From here\n", "From here\n"),  # stuffed
        ("> one \n> two\n>> three \n> four", "> one two\n>> three \n> four"),  # quoted as deeply, or not
        ("words \n-- \nname \nplace", "words \n-- \nname place"),  # the mark of a signature stays
        ("one \n", "one \n"),
        ("\u8ac7 \n\u8a71", "\u8ac7 \u8a71"),
    ],
)
def test_lines_are_joined_as_the_norm_says(text: str, shown: str) -> None:
    assert unflowed(text) == shown


def test_blanks_go_where_it_says_so() -> None:
    assert unflowed("\u8ac7 \n\u8a71", blanks_go=True) == "\u8ac7\u8a71"


@given(st.text(alphabet="> a\n-\r"))
def test_nothing_but_ends_of_lines_and_stuffing_is_lost(text: str) -> None:
    assert unflowed(text).count("a") == text.count("a")
    assert unflowed(text).count("-") == text.count("-")


def test_a_sentence_that_was_broken_accuses() -> None:
    text = "Our server was attacked. The attack came from \n192.0.2.7 \nand from nobody else, says our 198.51.100.9."
    assert named(text, kind=_FLOWED) == ["192.0.2.7"]


def test_quoted_headers_that_were_broken_are_read() -> None:
    text = (
        "This is spam.\n\n> Received: from pc (unknown [192.0.2.7]) \n> by mx.reporter.test (Postfix) with ESMTP \n"
        "> id 4CE28A2; Fri, 27 Nov 2026 09:00:00 +0000\n> From: x@y.test\n> Message-ID: <1@y.test>\n"
    )
    mail = f"{HEAD}Subject: Spam\nContent-Type: {_FLOWED}\n\n{text}"
    [told] = read(mail.encode())
    assert (told.source_address, told.message_id) == ("192.0.2.7", "<1@y.test>")
    assert told.claims[0].queue_id == "4CE28A2"
