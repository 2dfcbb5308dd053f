"""Tokens: only who holds the key can make one, and none lives for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whosent.model.token import FORM, LENGTH, LIFETIME, is_issued, issue, signature

KEY = b"k" * 32
NOW = 1_800_000_000


@given(st.text())
def test_a_token_is_a_local_part_a_label_and_a_path(what: str) -> None:
    token = issue(KEY, NOW, what)
    assert FORM.fullmatch(token.encode())
    assert len(token) == LENGTH
    assert is_issued(KEY, token, NOW)
    assert is_issued(KEY, token.upper(), NOW)
    assert not is_issued(b"other", token, NOW)
    assert not is_issued(KEY, token, NOW + LIFETIME + 1)
    assert not is_issued(KEY, token, NOW - LIFETIME)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=LENGTH, max_size=LENGTH) | st.text())
def test_nobody_guesses_one(guess: str) -> None:
    assert not is_issued(KEY, guess, NOW)


def test_probes_have_tokens_of_their_own_and_answers_are_signed() -> None:
    assert issue(KEY, NOW, "one") != issue(KEY, NOW, "other")
    assert signature(KEY, b"a") != signature(KEY, b"b")
    assert signature(KEY, b"a") != signature(b"other", b"a")
