"""Whether a pattern that stands in a filter's configuration meets a sender, in bounded time.

It is tried as a regular expression of Python, near enough to those of POSIX and PCRE.  One that could take long (a
group that is repeated, many repeats) is not tried: it meets nobody, so that nothing is said of it.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 500  # characters of a pattern
_MOST: Final = 3  # repeats in it
_REPEATED: Final = re.compile(r"\)[*+{]")


def meets(pattern: str, sender: str, *, any_case: bool = False) -> bool:
    """Whether it does."""
    if len(pattern) > _LONGEST or _REPEATED.search(pattern) or len(re.findall(r"[*+{]", pattern)) > _MOST:
        return False
    try:
        return re.search(pattern, sender, re.IGNORECASE if any_case else 0) is not None
    except re.error:
        return False
