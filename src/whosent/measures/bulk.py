"""The one address behind the envelope senders of bulk mail (VERP puts each recipient's address into them)."""

from __future__ import annotations

import re
from typing import Final

_OF_RECIPIENT: Final = re.compile(rb"-[^@=-]*+=[^@]*@")


def base(sender: bytes) -> bytes:
    """``news-bounces@lists.example`` of ``news-bounces+anna=big.example@lists.example``."""
    if b"+" in sender:
        local_part, _, domain = sender.rpartition(b"@")
        return local_part.partition(b"+")[0] + b"@" + domain
    return _OF_RECIPIENT.sub(b"@", sender, count=1) if b"=" in sender else sender
