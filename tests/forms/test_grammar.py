"""Escapes in strings of scripts, and the versions of known scripts."""

from __future__ import annotations

import pytest

from whosent.forms import filters
from whosent.forms.filters import pattern, replaced, searched
from whosent.forms.grammar import unescaped
from whosent.forms.known import known
from whosent.forms.values import NO, YES


@pytest.mark.parametrize(
    ("escape", "means"),
    [("\\n", "\n"), ("\\x0a", "\n"), ("\\012", "\n"), ("\\u{a}", "\n"), ("\\\\", "\\"), ("\\q", "\\q"),
     ("\\xzz", "\\xzz"), ("\\$", "$"), ("\\u{fffffff}", "\\u{fffffff}")],
)  # fmt: skip
def test_escapes_mean_what_they_mean(escape: str, means: str) -> None:
    assert unescaped(escape) == means


@pytest.mark.parametrize(
    ("head", "fixed"),
    [(b"# NMS FormMail Version 3.14c1", True), (b"# FormMail  Version 1.92\n# by Matt Wright", True),
     (b"# FormMail  Version 1.9\n# by Matthew M. Wright", False),
     (b"# FormMail  Version 1.6\n# by Matt Wright", False)],
)  # fmt: skip
def test_versions_are_told_apart(head: bytes, fixed: bool) -> None:  # noqa: FBT001  # of the table
    found = known(head)
    assert found is not None
    assert found.fixed == fixed
    assert known(b"#!/usr/bin/perl") is None


def test_patterns_that_are_none_decide_nothing() -> None:
    assert pattern("(" * 30) is None
    assert pattern("x" * 3_000) is None
    assert filters.tested(None).breaks == replaced(None).breaks == 1
    assert filters.tested(pattern("(?i)bcc:")).breaks == 1
    assert filters.tested(pattern("/[\\r\\n]/", delimited=True)).breaks == NO
    assert filters.tested(pattern("@")).breaks == YES
    assert filters.tested(pattern("zzz")).breaks == YES
    assert replaced(pattern("[[:cntrl:]]")).breaks == NO
    assert searched(("\r\n",)).breaks == YES
    assert searched(("content-type:",)).breaks == 1
