"""Possessive repeats of groups are rewritten, everything else stays as it is, and both mean the same."""

from __future__ import annotations

import re

import pytest

from whosent.dialects import discover
from whosent.reading.patterns import portable


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (rb"(?:ab)*+c", rb"(?>(?:ab)*)c"),
        (rb"(a|b)++", rb"(?>(a|b)+)"),
        (rb"(?P<x>[^\n]*+)(?:, y)?+z", rb"(?P<x>[^\n]*+)(?>(?:, y)?)z"),
        (rb"(?:(?!x)[^\n]){2,3}+", rb"(?>(?:(?!x)[^\n]){2,3})"),
        (rb"(?:a(?:b)*+)*+", rb"(?>(?:a(?>(?:b)*))*)"),
        (rb"\d++[)(]*+\)*+(a)*(b)+?", rb"\d++[)(]*+\)*+(a)*(b)+?"),
        (rb"[]()]++(?<=x)(?i:y)++", rb"[]()]++(?<=x)(?>(?i:y)+)"),
    ],
)
def test_rewriting(pattern: bytes, written: bytes) -> None:
    assert portable(pattern) == written
    re.compile(written)


def test_the_case_that_went_wrong() -> None:
    pattern = portable(rb"((?:(?!, name=)[^\n])*+)(?:, name=([^\n]*+))?\n")
    match = re.match(pattern, b"why, name=bob\n")
    assert match is not None
    assert match.groups() == (b"why", b"bob")


def test_no_dialect_keeps_one_and_each_has_the_groups_it_had() -> None:
    for dialect in discover():
        for rule in (*dialect.lines, *(rule for _, rules in dialect.programs for rule in rules)):
            rewritten = portable(rule.pattern)
            assert portable(rewritten) == rewritten
            assert re.compile(rewritten).groupindex == re.compile(rule.pattern).groupindex
