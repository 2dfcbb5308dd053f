"""Form-to-mail scripts that spammers look for by name, and what is known of their versions."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Known(NamedTuple):
    """A script that many sites have a copy of."""

    name: str
    version: str
    fixed: bool  # its authors closed the holes that spammers use
    why: str


_MATT: Final = re.compile(
    rb"FormMail\s+Version\s+([0-9.]+\w*).{0,2000}?Matt(?:hew M\.)? Wright", re.DOTALL | re.IGNORECASE
)
_NMS: Final = re.compile(rb"(?:NMS FormMail|nms-cgi|London Perl Mongers)[^\n]*", re.IGNORECASE)
_NMS_VERSION: Final = re.compile(rb"(?:NMS FormMail Version|\$Id: FormMail\.pl,v)\s+([0-9][\w.]*)", re.IGNORECASE)
_HEAD: Final = 8_192  # bytes in which scripts say what they are


def known(source: bytes) -> Known | None:
    """The script this is a copy of, as its own head says."""
    head = source[:_HEAD]
    if _NMS.search(head):
        version = _NMS_VERSION.search(head)
        return Known("NMS FormMail", version[1].decode("ascii", "replace") if version else "", fixed=True, why="")
    match = _MATT.search(head)
    if match is None:
        return None
    version_text = match[1].decode("ascii", "replace")
    fixed = _number(version_text) >= (1, 92)
    why = "versions before 1.92 send to whomever a visitor names (CVE-2001-0357), or can be brought to"
    return Known("FormMail by Matt Wright", version_text, fixed=fixed, why="" if fixed else why)


def _number(version: str) -> tuple[int, int]:
    digits = re.findall(r"\d+", version)
    minor = digits[1] if len(digits) > 1 else "0"
    return int(digits[0]) if digits else 0, int(minor.ljust(2, "0")[:2])
