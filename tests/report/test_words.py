from __future__ import annotations

import unicodedata
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.report import words


@given(st.text())
def test_what_was_made_visible_steers_no_screen_and_stays_as_it_is(text: str) -> None:
    shown = words.visible(text)
    assert all(character == " " or unicodedata.category(character)[0] not in "CZ" for character in shown)
    assert words.visible(shown) == shown


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("\U000e0041", "\\U000e0041"),
        ("e\u0301\u0301\u0301", "e\u0301\u0301\\u0301"),
        ("\ud800", "\\ud800"),
        ("Grüße", "Grüße"),
    ],
)
def test_control_direction_and_piled_marks_are_spelled_out(hostile: str, shown: str) -> None:
    assert words.visible(hostile) == shown


@pytest.mark.parametrize(
    ("stamp", "zone", "told"),
    [
        ("2024-11-12T13:03:11Z", "Europe/Berlin", "Tue 12 Nov 2024 14:03:11 (+01:00)"),
        ("2024-07-12T13:03:11Z", "America/St_Johns", "Fri 12 Jul 2024 10:33:11 (-02:30)"),
        ("2024-11-12T13:03:11Z", "no/such", "Tue 12 Nov 2024 13:03:11 (+00:00)"),
        ("2024-11-12T13:03:11", "../../etc/passwd", "Tue 12 Nov 2024 13:03:11 (+00:00)"),
        ("0001-01-01T00:00:00Z", "America/New_York", "Mon 1 Jan 1 00:00:00 (+00:00)"),
        ("soon\x1b", "UTC", "soon\\x1b"),
    ],
)
def test_times_carry_their_offset(stamp: str, zone: str, told: str) -> None:
    assert words.when(stamp, words.zone(zone)) == told


def test_brief_times_name_day_and_minute() -> None:
    assert words.when("2024-11-12T13:03:11Z", UTC, brief=True) == "12 Nov 13:03"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "less than a second"),
        (61, "1 minute 1 second"),
        (8_235, "2 hours 17 minutes"),
        (86_400 * 3 + 60, "3 days 1 minute"),
    ],
)
def test_durations_are_words(seconds: float, told: str) -> None:
    assert words.duration(seconds) == told


def test_a_duration_without_times_is_unknown() -> None:
    assert words.lasting("", "2024-11-12T13:03:11Z") == "an unknown time"


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 0, "none"),
        (0, 9, "0 %"),
        (1, 3, "33.3 %"),
        (1, 10_000, "under 0.1 %"),
        (9_999, 10_000, "over 99.9 %"),
        (9, 9, "100 %"),
    ],
)
def test_shares_round_nothing_away(part: int, whole: int, told: str) -> None:
    assert words.share(part, whole) == told


@pytest.mark.parametrize(
    ("names", "told"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_listed_as_people_do(names: list[str], told: str) -> None:
    assert words.listed(names) == told


def test_a_long_line_keeps_both_ends() -> None:
    short = words.shortened("a" * 50 + "b" * 50, 30)
    assert len(short) == 30
    assert short.startswith("aaa")
    assert short.endswith("bbb")
