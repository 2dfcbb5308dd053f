"""Patterns that match alike on every Python: possessive repeats of groups, written as atomic groups.

Python 3.11 before 3.11.5 (Debian 12 has 3.11.2) gets ``(?:...)*+`` wrong where the group itself may backtrack
(CPython issue 106052); ``(?>(?:...)*)`` means the same and is matched right everywhere.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

# What a pattern is made of: an escaped character, a character class, a parenthesis, a quantifier, anything else.
PART: Final = re.compile(
    rb"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z]*(?:[:>=!]|<[=!]|P<\w+>)|[()]|(?:[*+?]|\{\d*,?\d*\})[+?]?|.",
    re.DOTALL,
)


@cache
def portable(pattern: bytes) -> bytes:
    """The same pattern without possessive repeats of groups."""
    out: list[bytes] = []
    opened: list[int] = []  # where in ``out`` each open group begins
    closed = -1  # where the group begins that ended with the part before
    for match in PART.finditer(pattern):
        part = match[0]
        begin, closed = closed, -1
        if part.startswith(b"("):
            opened.append(len(out))
        elif part == b")":
            closed = opened.pop()
        elif begin >= 0 and len(part) > 1 and part.endswith(b"+") and part[:1] in b"*+?{":
            out.insert(begin, b"(?>")
            part = part[:-1] + b")"
        out.append(part)
    return b"".join(out)
