"""Rules that cannot match together share group numbers; marks tell them apart; Python's writing stays what it was."""

from __future__ import annotations

import re

import pytest

from whosent.reading.slots import apart, choice, shared


@pytest.mark.parametrize(
    ("pattern", "ends", "written", "numbers"),
    [
        (rb"(a)(?:(b)|(c))", set[int](), rb"(a)(?:(b)|(c))", {1: 1, 2: 2, 3: 3}),
        (choice([rb"(a)(b)", rb"(c)", rb"d"]) + rb"(e)", set[int](), rb"(?|(a)(b)|(c)|d)(e)", {1: 1, 2: 2, 3: 1, 4: 3}),
        (
            rb"(x)" + choice([rb"(a)()\n", rb"(b)" + choice([rb"(c)()\n", rb"(?:(d)|[()|])\n"])]),
            {3, 6},
            rb"(x)(?|(a)\n(*:3)|(b)(?|(c)\n(*:6)|(?:(d)|[()|])\n))",
            {1: 1, 2: 2, 4: 2, 5: 3, 7: 3},
        ),
        (choice([rb"(a)\n", rb"()[^\n]*+\n"]), {2}, rb"(?|(a)\n|[^\n]*+\n(*:2))", {1: 1}),
    ],
)
def test_numbers_are_shared_and_ends_become_marks(
    pattern: bytes, ends: set[int], written: bytes, numbers: dict[int, int]
) -> None:
    assert shared(pattern, ends) == (written, numbers)
    assert re.compile(apart(pattern)).groups == len(numbers) + len(ends)


def test_python_gets_plain_groups() -> None:
    assert apart(choice([rb"a", choice([rb"b", rb"c"])])) == rb"(?:a|(?:b|c))"
