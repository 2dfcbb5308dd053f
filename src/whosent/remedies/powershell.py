"""Words for PowerShell: what a stranger may have written is one quoted string in which nothing expands, or refused."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

from whosent.remedies.shell import Unsafe, plain

_QUOTES: Final = re.compile("['\u2018\u2019\u201a\u201b]")  # all of them end a string (about_Quoting_Rules)
_PATTERN: Final = re.compile(r"[*?\[\]]")  # what the Identity of a cmdlet may take for a pattern


def quoted(text: str) -> str:
    """The text as one single-quoted string of PowerShell, which expands to itself."""
    return "'" + _QUOTES.sub(lambda quote: quote[0] * 2, plain(text)) + "'"


def identity(name: str) -> str:
    """A name as the Identity of a cmdlet, which must mean one object."""
    if _PATTERN.search(name):
        raise Unsafe("The name holds characters that PowerShell may take for a pattern.")
    return quoted(name)


def address(text: str) -> str:
    """An IP address as a string."""
    try:
        return quoted(ip_address(text).compressed)
    except ValueError:
        raise Unsafe("The name is no IP address.") from None
