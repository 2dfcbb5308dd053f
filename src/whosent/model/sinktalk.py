"""What prober and sink say to each other over HTTP; every body that matters is signed with their key."""

from __future__ import annotations

from typing import Final

import msgspec

from whosent.model.check import Arrived, Dialogue, Exchange, Received, Replies

SIGNATURE: Final = "Whosent-Signature"
ARRIVED: Final = "/arrived"  # which of these tokens arrived?
INBOX: Final = "whosent-inbox"  # local part that aliases of ours lead to
OUTSIDE: Final = "/outside"  # hold these dialogues with me, from where you are


class Asked(msgspec.Struct, frozen=True):
    """These tokens, and how long the sink may wait for them."""

    tokens: list[str]
    wait: float = 0.0
    nonce: str = ""  # comes back in the signed answer: nobody replays an old one


class Told(msgspec.Struct, frozen=True):
    """Those that arrived."""

    arrived: list[Arrived]
    nonce: str = ""


class Errand(msgspec.Struct, frozen=True):
    """Questions to put to whoever asks, and to nobody else: their hosts are replaced by the asking address."""

    questions: list[Dialogue | Exchange]
    moment: int  # an old request is not taken
    connections: int = 8
    nonce: str = ""


class Brought(msgspec.Struct, frozen=True):
    """The answers."""

    answers: list[Replies | Received]
    client: str  # the address that asked, as the sink sees it
    nonce: str = ""
