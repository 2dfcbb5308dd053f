"""DKIM keys (RFC 6376, RFC 8301, RFC 8463): which selectors are used, and how strong their keys are."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple

from dkim.crypto import UnparsableKeyError, parse_public_key

from whosent.published.lookups import tags

WEAK: Final = 1024  # bits below which receivers ignore a signature (RFC 8301)
SHORT: Final = 2048  # bits that RFC 8301 asks signers for
_ED25519: Final = 32  # bytes of a key
_SIGNATURE: Final = re.compile(r"^dkim-signature:((?:.*\n)(?:[ \t].*(?:\n|$))*)", re.IGNORECASE | re.MULTILINE)
_MOST: Final = 200
_SELECTOR: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?")


class Selector(NamedTuple):
    """One of a domain."""

    domain: str
    name: str


class Key(NamedTuple):
    """What is published under a selector."""

    kind: str  # rsa, ed25519, or whatever it says
    bits: int | None  # None: cannot be read
    revoked: bool
    testing: bool
    faults: tuple[str, ...]  # of a sentence that begins with the key


def signatures(text: str) -> list[Selector]:
    """The selectors that the DKIM-Signature fields of messages name, each once; the messages' words alone."""
    text = text.replace("\r\n", "\n")
    found: dict[Selector, None] = {}
    for match in list(_SIGNATURE.finditer(text))[:_MOST]:
        said = tags(re.sub(r"\s+", "", match[1]))
        domain, name = said.get("d", "").lower(), said.get("s", "")
        if _SELECTOR.fullmatch(name) and _SELECTOR.fullmatch(domain.replace(".", "_")):
            found[Selector(domain, name)] = None
    return list(found)


def key(record: str) -> Key:
    """A key record, judged."""
    said = tags(record)
    kind = said.get("k", "rsa").lower()
    public = re.sub(r"\s+", "", said.get("p", ""))
    faults: list[str] = []
    if "p" not in said:
        faults.append("has no p= tag, so it is no key")
    if said.get("v", "DKIM1") != "DKIM1":
        faults.append(f"says v={said['v'][:20]} where only DKIM1 is known, so receivers ignore it")
    if "sha256" not in said.get("h", "sha256").replace(" ", "").split(":"):
        faults.append("does not allow SHA-256, so receivers cannot use it")
    if not {"*", "email"} & set(said.get("s", "*").replace(" ", "").split(":")):
        faults.append("is not for mail (s= does not name email)")
    bits = _bits(kind, public, faults) if public else None
    return Key(
        kind=kind, bits=bits, revoked="p" in said and not public, testing="y" in said.get("t", "").split(":"),
        faults=tuple(faults),
    )  # fmt: skip


def _bits(kind: str, public: str, faults: list[str]) -> int | None:
    try:
        raw = base64.b64decode(public, validate=True)
    except (binascii.Error, ValueError):
        faults.append("is not base64, so receivers cannot read it")
        return None
    if kind == "ed25519":
        if len(raw) != _ED25519:
            faults.append(f"is {len(raw)} bytes long where an Ed25519 key has {_ED25519}")
            return None
        return 256
    if kind != "rsa":
        faults.append(f"is of a kind that receivers do not know: {kind[:20]!r}")
        return None
    try:
        return int(parse_public_key(raw)["modulus"]).bit_length()
    except (UnparsableKeyError, KeyError, IndexError, TypeError, ValueError):
        faults.append("is no RSA key, so receivers cannot read it")
        return None
