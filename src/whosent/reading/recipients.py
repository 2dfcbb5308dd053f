"""Several recipients in one field: ``<a>,<b>`` as Sendmail lists them, ``a b`` (Exim) or ``a;b`` (Exchange)."""

from __future__ import annotations

import re
from typing import Final

from whosent.reading.patterns import portable

# An address: a quoted local part may hold whatever separates (RFC 5321, 4.1.2), also within angle brackets.
_QUOTED: Final = rb'"(?:[^"\\\n]|\\.)*+"'
_ADDRESS: Final = re.compile(
    portable(rb"<((?:" + _QUOTED + rb'|[^">\n])*+)>|((?:' + _QUOTED + rb"(?=@)|[^\s,;])++)"), re.DOTALL
)


_DOUBLED: Final = rb'"(?:[^"\\\n]|\\\\(?:\\\\|\\?[^\\\n])|\\[^\\\n])*+"'  # each backslash, in Sendmail's log
_LOGGED: Final = re.compile(portable(rb"<((?:" + _DOUBLED + rb'|[^">\n])*+)>|((?:' + _DOUBLED + rb"|[^\s,<>])++)"))


def as_given(listed: bytes) -> list[tuple[bytes, bool]]:
    """Each address of Sendmail's list, and whether it stands there as a client gave it, in angle brackets.

    Those that an alias or a forward stands for have none; a program (``|/bin/cat``) stands alone.
    """
    if b'"' not in listed:
        if listed[:1] == b"<" and listed.find(b"<", 1) < 0:
            return [(listed[1:-1], True)]
        if listed[:1] == b"|":
            return [(listed, False)]
    return [(match[2], False) if match[1] is None else (match[1], True) for match in _LOGGED.finditer(listed)]


def split(listed: bytes) -> list[bytes]:
    """Each address of the list without its angle brackets; none of an empty list, an empty one of ``<>``."""
    return [match[1] if match[1] is not None else match[2] for match in _ADDRESS.finditer(listed)]
