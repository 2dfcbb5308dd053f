"""The blocklists that Whosent knows, from ``catalogue.toml`` beside this file; DNS answers follow RFC 5782."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Final, Literal

import msgspec

Lists = Literal["address", "domain"]
How = Literal["form", "expires", "holder", "none"]
Weight = Literal["major", "minor", "note"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one answer of a list means."""

    means: str  # why something is on it
    name: str = ""  # SBL, CSS, XBL ...
    how: How | None = None  # if another than that of the whole list


class Blocklist(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list, public or a receiver's own."""

    name: str  # as operators call it
    zone: str | None = None  # DNS zone that is asked; None: not public, known by replies only
    lists: Lists
    families: tuple[Literal[4, 6], ...] = (4,)  # of addresses
    weight: Weight = "minor"  # major: many receivers refuse by it; note: it says nothing about the address itself
    parts: dict[str, Part] = {}  # DNS answer -> what it means; others mean "listed"
    bits: dict[str, str] = {}  # or what each bit of the answer's last byte means
    policy: frozenset[str] = frozenset()  # answers that accuse nobody of anything
    refusals: frozenset[str] = frozenset()  # answers that mean "not for you", beside all of 127.255.255.0/24
    about: Literal["address", "network"] = "address"  # network: neighbours are listed, not the address itself
    listed: str = ""  # test point that is listed; empty: 127.0.0.2
    unlisted: str = ""  # test point that is not; empty: 127.0.0.1
    untested: bool = False  # it has no test points
    said: tuple[str, ...] = ()  # words in refusals and notices that name it, lower case
    how: How  # how one gets off: a form; by waiting; by the holder of the address; not at all
    where: str  # web address of its lookup or form
    page: str = ""  # web address of the evidence; {subject} is the address or domain
    wants: tuple[str, ...]  # what it asks for or looks at, a sentence each
    silence: int  # hours without spam before asking makes sense
    expires: str = ""  # when an entry goes by itself, a sentence; "" where it does not
    asking: str = ""  # whether asking now is wise, in sentences
    paid: bool = False  # offers a quicker way for money: never pay
    note: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lists: tuple[Blocklist, ...] = msgspec.field(name="list")
    ended: dict[str, str]


_READ: Final = msgspec.toml.decode(files(__package__ or "").joinpath("catalogue.toml").read_bytes(), type=_File)
ALIVE: Final = _READ.lists
ENDED: Final = _READ.ended
"""Zones that no longer list anybody; an answer of theirs is an error of whoever still asks."""


def named(name: str) -> Blocklist | None:
    """The list with this name, zone, or word of a refusal; None if it is not known, or if several are meant."""
    wanted = name.strip().rstrip(".").lower()
    for one in ALIVE:
        if wanted in {one.name.lower(), (one.zone or "").lower()}:
            return one
    found = [one for one in ALIVE if any(part.name.lower() == wanted for part in one.parts.values())]
    found = found or [one for one in ALIVE if any(_says(wanted, word) for word in one.said)]
    return found[0] if len(found) == 1 else None


def _says(text: str, word: str) -> bool:
    """Whether a word, or one that begins so, stands in a text: ``sbl`` is not in ``dnsbl``."""
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}", text) is not None


def asked(more: Iterable[str], without: Iterable[str]) -> tuple[list[Blocklist], list[str]]:
    """The lists to ask by DNS, with those that the configuration adds; and sentences on those that have ended."""
    off = {zone.lower().rstrip(".") for zone in without}
    own = dict.fromkeys(zone.lower().rstrip(".") for zone in more)
    known = {one.zone for one in ALIVE}
    added = [
        Blocklist(
            name=zone, zone=zone, lists="address", families=(4, 6), how="form", where="", silence=24,
            wants=("What its own page says; it is known from the configuration alone.",),
        )
        for zone in own
        if zone not in known and zone not in ENDED
    ]  # fmt: skip
    lists = [one for one in (*ALIVE, *added) if one.zone is not None and one.zone not in off]
    return lists, [f"{zone}: {ENDED[zone]}" for zone in own if zone in ENDED]
