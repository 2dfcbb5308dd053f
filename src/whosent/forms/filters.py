"""What a filter or a test of a script leaves possible: tried on short samples rather than guessed from its looks."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Final, NamedTuple

from whosent.forms.values import MAYBE, NO, YES, Mark, Value, changed, text

_LONGEST: Final = 2_000  # characters of a pattern
_ADDRESS: Final = "a@b.example"
_BROKEN: Final = "a@b.example\nBcc: c@d.example"
_BARE: Final = "a\nb"
_HEADER: Final = "bcc: c@d.example"
_SPAM: Final = "Buy now http://x.example/"
_HARMLESS: Final = (_ADDRESS, "ab", "12", "Ann Lee", "01.02.2024", "de")
_POSIX: Final = {
    "[:cntrl:]": r"\x00-\x1f", "[:space:]": r"\s", "[:alnum:]": "a-zA-Z0-9", "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9", "[:print:]": r"\x20-\x7e", "[:blank:]": r" \t", "[:punct:]": r"!-/:-@\[-`{-~",
}  # fmt: skip
_DELIMITED: Final = re.compile(r"([^\w\s\\])(.*)([^\w\s\\])([a-zA-Z]*)", re.DOTALL)
_CLOSING: Final = {"(": ")", "{": "}", "[": "]", "<": ">"}
_HEADER_WORDS: Final = re.compile(r"b?cc\s*:|content-|mime-|to\s*:", re.IGNORECASE)


class Left(NamedTuple):
    """What a visitor can still do with a value: as in :class:`whosent.forms.values.Mark`."""

    chosen: int = YES
    breaks: int = YES
    free: int = YES

    def of(self, mark: Mark) -> Mark | None:
        """The mark after the filter; None: nothing of the visitor's is left."""
        return None if not self.chosen else mark.at_most(chosen=self.chosen, breaks=self.breaks, free=self.free)

    def doubtful(self) -> Left:
        """The same, where it is not certain that the filter is always passed."""
        return Left(*(max(one, MAYBE) for one in self))


ALL: Final = Left()
ONE_LINE: Final = Left(breaks=NO)
ADDRESS: Final = Left(breaks=NO, free=NO)
ONE_OF_OURS: Final = Left(chosen=NO)
DOUBTFUL: Final = Left(MAYBE, MAYBE, MAYBE)


def filtered(value: Value, left: Left) -> Value:
    """The value after a filter."""
    return value if left == ALL else changed(value, left.of)


@lru_cache(4_096)
def pattern(written: str, *, delimited: bool = False) -> re.Pattern[str] | None:
    """A pattern of PCRE, POSIX or Perl as Python's; None if that cannot be done."""
    flags = 0
    if delimited and (match := _DELIMITED.fullmatch(written)) and match[3] == _CLOSING.get(match[1], match[1]):
        written = match[2]
        flags = (re.IGNORECASE if "i" in match[4] else 0) | (re.DOTALL if "s" in match[4] else 0)
        flags |= (re.VERBOSE if "x" in match[4] else 0) | (re.MULTILINE if "m" in match[4] else 0)
    if len(written) > _LONGEST:
        return None
    for name, members in _POSIX.items():
        written = written.replace(name, members)
    written = written.replace(r"\h", r"[ \t]").replace(r"\R", r"(?:\r\n|\n|\r)").replace(r"\z", r"\Z")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(written, flags)
    except (re.error, ValueError, OverflowError, RecursionError):
        return None


def replaced(found: re.Pattern[str] | None) -> Left:
    """What is left when whatever matches is taken out."""
    if found is None:
        return DOUBTFUL
    cleaned = found.sub("", _SPAM)
    return Left(
        breaks=NO if "\n" not in found.sub("", _BARE) else YES,
        free=NO if not re.search("[A-Za-z]{3}", cleaned) else YES,
    )


def tested(found: re.Pattern[str] | None) -> Left:
    """What is left when a test with this pattern decides whether the form goes on."""
    if found is None:
        return DOUBTFUL
    if found.search(_BROKEN):
        if any(found.search(sample) for sample in _HARMLESS):
            return ALL  # both pass, or both are turned away: it tells nothing apart
        return ONE_LINE if found.search(_BARE) else Left(breaks=MAYBE) if found.search(_HEADER) else ALL
    if any(found.search(sample) for sample in _HARMLESS):
        return Left(breaks=NO, free=YES if found.search(_SPAM) else NO)
    return Left(breaks=MAYBE) if found.search(_HEADER) else ALL


def searched(needle: Value) -> Left:
    """What is left when a value with this in it is turned away."""
    words = text(needle)
    if "\n" in words.replace("\r\n", "") or (words.startswith("\r\n") and "\n" in words[2:]):
        return ONE_LINE
    return Left(breaks=MAYBE) if _HEADER_WORDS.search(words) else ALL


def taken_out(elements: list[str]) -> Left:
    """What is left when these words are taken out; a pair of CR and LF taken out leaves a bare LF."""
    return ONE_LINE if "\n" in elements else ALL


def transliterated(members: str, modifiers: str) -> Left:
    r"""``tr/...//``: with ``c`` everything else, with ``d`` taken out."""
    decoded = members.replace("\\r", "\r").replace("\\n", "\n").replace("\\012", "\n").replace("\\015", "\r")
    if "c" in modifiers:
        return ONE_LINE if "\n" not in decoded else ALL
    return ONE_LINE if "\n" in decoded else ALL
