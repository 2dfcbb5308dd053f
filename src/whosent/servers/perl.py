"""Perl as text: which statement gives a variable its value, and whether the text alone says what it is.

A configuration in Perl is a program.  It is never run here: constants are understood, everything else is *computed*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from whosent.model.check import Heard
from whosent.servers import running

_LONGEST: Final = 400_000  # characters that are looked at, of all files
_BROADEST: Final = 2000  # of a line
_WIDEST: Final = 8000  # of a value
_WORDS: Final = re.compile(r"""qw\s*(?:\(([^)]*)\)|\[([^\]]*)\]|\{([^}]*)\}|/([^/]*)/)|'([^']*)'|"([^"$@\\]*)\"""")
_CONSTANT: Final = re.compile(r"""[\s(),]*(?:(?:qw\s*(?:\([^)]*\)|\[[^\]]*\])|'[^']*'|"[^"$@\\]*")[\s(),]*)*""")


class Source(NamedTuple):
    """A file without comments, manual and what stands behind its end; the line ends remain."""

    path: str
    text: str


class Assigned(NamedTuple):
    """A statement that gives a variable its value."""

    path: str
    line: int  # from 1, of its beginning
    text: str  # of the value
    whole: bool  # it stands on a line of its own

    @property
    def constant(self) -> bool:
        """Whether the text alone says what it is."""
        return _CONSTANT.fullmatch(self.text) is not None or self.number is not None

    @property
    def number(self) -> int | None:
        """If it is one, in brackets or not."""
        found = re.fullmatch(r"[\s(\[]*(\d{1,9})[\s)\],]*", self.text)
        return int(found[1]) if found else None

    @property
    def words(self) -> list[str]:
        """Its strings."""
        return [word for one in _WORDS.findall(self.text) for word in "".join(one).split()]


def sources(heard: Heard, paths: Iterable[str]) -> list[Source]:
    """Files that were read."""
    found, left = [], _LONGEST
    for path in paths:
        text = _stripped(running.lines(heard, path))[:left]
        left -= len(text)
        found.append(Source(path, text))
    return found


def _stripped(lines: Iterable[str]) -> str:
    kept, manual = [], False
    for line in lines:
        if line.startswith(("__END__", "__DATA__")):
            break
        manual = (manual or re.match(r"=[a-z]", line) is not None) and not line.startswith("=cut")
        left_out = manual or line.startswith("=cut")
        kept.append("" if left_out else re.sub(r"(?:^|(?<=[\s;]))#.*", "", line[:_BROADEST]))
    return "\n".join(kept)


def assigned(files: Iterable[Source], name: str) -> Iterator[Assigned]:
    """Every statement that gives a variable, named with its sigil, a value, in the order they are read."""
    return _statements(files, re.escape(name))


def _statements(files: Iterable[Source], variable: str) -> Iterator[Assigned]:
    begins = rf"(?m)^(?P<before>(?:.*;)?)[ \t]*{variable}[ \t]*"
    pattern = re.compile(rf"{begins}=(?![=~])(?P<value>[^;]{{0,{_WIDEST}}});(?P<after>[^\n]*)")
    for file in files:
        for found in pattern.finditer(file.text):
            line = file.text.count("\n", 0, found.start("value")) + 1
            whole = "\n" not in found["value"] and not found["after"].strip() and not found["before"]
            yield Assigned(file.path, line, found["value"].strip(), whole)


def last(files: Iterable[Source], name: str) -> Assigned | None:
    """The one that counts."""
    return _end(assigned(files, name))


def _end(every: Iterator[Assigned]) -> Assigned | None:
    found = None
    for found in every:  # noqa: B007  # the last remains
        continue
    return found


def keyed(files: list[Source], table: str, key: str) -> Assigned | None:
    """An entry of a table, the one that counts, however its key is quoted."""
    return _end(_statements(files, rf"\${table}\{{(?P<quote>['\"]?){re.escape(key)}(?P=quote)\}}"))


def switches(block: Assigned | None, key: str) -> bool:
    """Whether a block of keys and values switches something on."""
    told = re.search(rf"\b{key}['\"]?\s*=>\s*\[?\s*(\w+)", block.text) if block else None
    return told is not None and told[1] not in {"0", "undef"}
