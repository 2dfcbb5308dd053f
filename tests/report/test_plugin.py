"""The line for Nagios and its like can be read by them, whatever a stranger is called."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from whosent.report.plugin import Measure, line

PERFDATA = re.compile(r"'([^'=|]+)'=(-?[0-9.]+)(s|%|B|c|);([0-9.:@~]*);([0-9.:@~]*);0")


def test_a_line() -> None:
    numbers = [Measure("open", 1, critical="0"), Measure("queue mx", 12_000), Measure("beat", 0.25, "s", "300")]
    assert line("critical", "The account alice sends spam.", numbers) == (
        "WHOSENT CRITICAL - The account alice sends spam. | 'open'=1;;0;0 'queue mx'=12000;;;0 'beat'=0.25s;300;;0"
    )
    assert line("clean", "All is well.", []) == "WHOSENT OK - All is well."


@given(st.text(max_size=2_000), st.text(min_size=1, max_size=30), st.floats(0, 1e12))
def test_no_name_ends_the_sentence_or_makes_a_number(sentence: str, label: str, value: float) -> None:
    told = line("warning", sentence, [Measure(f"x{label}", value)])
    assert told.isascii() is False or told.isprintable()
    assert not set(told) & set("\n\r\x1b")
    said, bar, numbers = told.partition(" | ")
    assert (told.count("|"), bar) == (1, " | ")
    assert said.startswith("WHOSENT WARNING - ")
    assert PERFDATA.fullmatch(numbers)
