r"""A stranger's bytes as text that can be shown: UTF-8 where it is, ``\xNN`` where not, control characters escaped."""

from __future__ import annotations

import re
from typing import Final

_EXCERPT: Final = 2_000  # characters shown of one line
# C0 and C1 controls, and the marks that reorder or hide what follows them.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def shown(raw: bytes, most: int = _EXCERPT) -> str:
    """The line for people and JSON; nothing in it can colour, move or hide other text."""
    text = raw.decode("utf-8", "backslashreplace")
    safe = _UNSAFE.sub(lambda match: _escape(match[0]), text)
    return safe if len(safe) <= most else safe[:most] + "…"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004  # what Python writes
