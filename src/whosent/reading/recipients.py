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


def split(listed: bytes) -> list[bytes]:
    """Each address of the list without its angle brackets; none of an empty list, an empty one of ``<>``."""
    return [match[1] if match[1] is not None else match[2] for match in _ADDRESS.finditer(listed)]
