"""Tokens of probes: what the sink accepts and nothing else; both ends know one key, and nobody else can make one.

Twenty bytes in base32, small letters: when it was issued (4, seconds since the epoch), which probe it is (6) and the
first ten bytes of an HMAC-SHA-256 over both.  So a token fits a local part, a host label, a path and a header alike.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

LENGTH: Final = 32
FORM: Final = re.compile(rb"(?<![a-z2-7])[a-z2-7]{32}(?![a-z2-7])", re.IGNORECASE)
LIFETIME: Final = 24 * 3600  # seconds: a queue may deliver late, but not for ever
_AHEAD: Final = 3600  # seconds a clock may be ahead of the other
_STAMP, _NONCE, _MAC = 4, 6, 10


def issue(key: bytes, moment: int, what: str) -> str:
    """The token of the probe called ``what`` (unique within a run), issued at ``moment``."""
    nonce = hashlib.sha256(what.encode("utf-8", "backslashreplace")).digest()[:_NONCE]
    head = moment.to_bytes(_STAMP, "big") + nonce
    return base64.b32encode(head + _mac(key, head)).decode().lower()


def is_issued(key: bytes, token: str, now: int) -> bool:
    """Whether whoever holds the key issued this token within its lifetime."""
    if len(token) != LENGTH or not FORM.fullmatch(token.encode("utf-8", "replace")):
        return False
    raw = base64.b32decode(token.upper())
    head, mac = raw[: _STAMP + _NONCE], raw[_STAMP + _NONCE :]
    age = now - int.from_bytes(head[:_STAMP], "big")
    return hmac.compare_digest(mac, _mac(key, head)) and -_AHEAD <= age <= LIFETIME


def signature(key: bytes, body: bytes) -> str:
    """What the sink signs its answers with, so that the prober knows whose they are."""
    return hmac.new(key, b"answer\0" + body, hashlib.sha256).hexdigest()


def _mac(key: bytes, head: bytes) -> bytes:
    return hmac.new(key, b"token\0" + head, hashlib.sha256).digest()[:_MAC]
