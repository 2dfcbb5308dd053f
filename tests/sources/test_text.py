"""A stranger's text cannot colour, move or hide what stands around it, and stays readable."""

from __future__ import annotations

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.sources.text import shown


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain text", "plain text"),
        ("grüße, 日本".encode(), "grüße, 日本"),
        (b"caf\xe9", "caf\\xe9"),
        (b"\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        (b"a\tb\x00c\r", "a\\x09b\\x00c\\x0d"),
        ("\u202egnp.exe".encode(), "\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff".encode(), "zero\\u200bwidth\\ufeff"),
        (b"x" * 3000, "x" * 2000 + "…"),
    ],
)
def test_shown(raw: bytes, text: str) -> None:
    assert shown(raw) == text


@given(st.binary(max_size=200))
def test_nothing_unsafe_is_shown_whatever_the_bytes(raw: bytes) -> None:
    text = shown(raw)
    assert not [character for character in text if unicodedata.category(character) in {"Cc", "Cs"}]
    assert msgspec.json.decode(msgspec.json.encode(text)) == text
