"""Words for a shell: what a stranger may have written is quoted as data, or refused."""

from __future__ import annotations

import shlex
from typing import Final

_LONGEST: Final = 1024


class Unsafe(Exception):  # noqa: N818 - a refusal with its sentence, no fault of the program
    """A name that must not reach a command; the text says why."""


def plain(name: str) -> str:
    """The name, if a terminal shows exactly what a shell would get: no control, bidi or invisible characters."""
    if not name:
        raise Unsafe("The name is empty.")
    if len(name) > _LONGEST:
        raise Unsafe(f"The name is {len(name):,} characters long.")
    if not name.isprintable():
        raise Unsafe("The name holds characters that do not print (control, line end or direction marks).")
    return name


def quoted(text: str) -> str:
    """The text as one word of a POSIX shell that expands to itself, also in an interactive bash (``!``)."""
    return shlex.quote(plain(text))
