"""What a client did that a configuration is asked about."""

from __future__ import annotations

from typing import NamedTuple


class Attempt(NamedTuple):
    """Who the client is and what it said; addresses without brackets."""

    client: str
    helo: str
    sender: str
    recipient: str
