"""Authentication-Results (RFC 8601): what our own border found of SPF, DKIM, DMARC and ARC, and who else only says so.

Nothing is checked again here.  A result is worth what its place proves: a field above the line by which a host of ours
took the message cannot come from the sender.  Below that line it can, unless our border strips its own name from
strangers' mail (RFC 8601, section 5); who says so with ``ours.authserv_ids`` is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from whosent.model.finding import Level
from whosent.model.trace import Authenticated
from whosent.trace.ours import Ours

_FIELDS: Final = 20  # of one message
_RESULTS: Final = 40
_LONGEST: Final = 8_000  # characters of one field that are read
_COMMENT: Final = re.compile(r"\((?:[^()\\]|\\.)*\)")
_PART: Final = re.compile(r'(?:"[^"]*+"|[^;"])++')  # a semicolon in quotes parts nothing
_RESULT: Final = re.compile(r"\s*([A-Za-z][\w-]{0,40})(?:\s*/\s*\d+)?\s*=\s*([A-Za-z]{1,20})\b(.*)", re.DOTALL)
_PROPERTY: Final = re.compile(r'\b(smtp|header|body|policy)\.([\w-]{1,40})\s*=\s*("[^"\n]{0,300}"|[^\s;"]{1,300})')
_ABOVE: Final = "it stands above the line by which our server took the message: its sender cannot have written it"
_STRIPPED: Final = "our border is said to strip this name from strangers' mail"
_MAY_BE_FORGED: Final = (
    "it names our server, and the sender can have written it, unless that server strips the name from strangers' mail "
    "(ours.authserv_ids says so)"
)
_FOREIGN: Final = "another server's word, which the sender can have written too"


class Field(NamedTuple):
    """One Authentication-Results field, and how many Received lines stand above it."""

    value: str
    below: int


def authenticated(fields: Iterable[Field], believed: int, ours: Ours) -> list[Authenticated]:
    """What these fields say; ``believed`` Received lines were written by hosts that can be believed."""
    found: list[Authenticated] = []
    for field, _ in zip(fields, range(_FIELDS), strict=False):
        text = _COMMENT.sub(" ", field.value[:_LONGEST])
        head, _, rest = text.partition(";")
        name = (head.split() or [""])[0].lower().strip(".")
        level, note = _worth(name, field.below, believed, ours)
        for method, result, properties in _results(rest):
            if len(found) >= _RESULTS:
                return found
            found.append(
                Authenticated(
                    authserv_id=name, method=method, result=result, properties=properties, level=level, note=note
                )
            )
    return found


def _worth(name: str, below: int, believed: int, ours: Ours) -> tuple[Level, str]:
    trusted = name in ours.authserv_ids
    if believed and below < believed and (trusted or ours.is_name(name)):
        return Level.ATTESTED, _ABOVE
    if believed and below == believed and trusted:
        return Level.ATTESTED, _STRIPPED
    return Level.CLAIMED, _MAY_BE_FORGED if trusted or ours.is_name(name) else _FOREIGN


def _results(text: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Method, result and properties of each part; a part that is none is passed over."""
    for part in _PART.findall(text):
        told = _RESULT.match(part)
        if told is not None:
            properties = {f"{kind}.{name}": value.strip('"') for kind, name, value in _PROPERTY.findall(told[3])}
            yield told[1].lower(), told[2].lower(), properties
