"""Where a web or mail address really leads: the host behind user names, numbers, codes and other alphabets."""

from __future__ import annotations

import re
from functools import cache
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from publicsuffixlist import PublicSuffixList

from whosent.model.inquiry import Disguise

_FANG: Final = re.compile(r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?|\s+dot\s+", re.IGNORECASE)
_SCHEME: Final = re.compile(r"(?:h(?:tt|xx|\*\*|__)ps?|fxp|ftp)\s?(?:\[:\]|:)\s?[/\\]{0,8}", re.IGNORECASE)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|\d+", re.IGNORECASE)
_LONGEST: Final = 253  # characters of a name (RFC 1035)
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")  # what browsers take for a dot


class Destination(NamedTuple):
    """The host an address leads to."""

    host: str
    domain: str | None
    disguises: tuple[Disguise, ...]


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registered_domain(host: str) -> str | None:
    """The part of a host's name that somebody registered, by the list of public suffixes; None for an address."""
    if _is_address(host):
        return None
    found: str | None = _suffixes().privatesuffix(host)
    return found


def destination(text: str) -> Destination | None:
    """Where a link leads, as a browser would go there; None if it names no host."""
    found: list[Disguise] = []
    plain = _FANG.sub(".", text.strip())
    scheme = _SCHEME.match(plain)
    if plain != text.strip() or (scheme and not scheme[0].lower().startswith(("http:", "https:", "ftp:"))):
        found.append("defanged")
    rest = plain[scheme.end() :] if scheme else plain.lstrip("/\\")
    if "\\" in rest.partition("?")[0]:
        found.append("backslashes")
    authority = re.split(r"[/\\?#]", rest, maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    if at and user:
        found.append("userinfo")
    return _host(host, found)


def mailbox(text: str) -> Destination | None:
    """Where a mail address leads."""
    plain = _FANG.sub(".", text)
    found: list[Disguise] = ["defanged"] if plain != text else []
    return _host(plain.rpartition("@")[2], found)


def _host(text: str, found: list[Disguise]) -> Destination | None:
    if "%" in text:
        found.append("percent_coding")
        text = unquote_to_bytes(text).decode("utf-8", "replace")
    if text.startswith("["):
        address = _literal(text[1:].partition("]")[0])
        return Destination(address, None, tuple(found)) if address else None
    name = _DOTS.sub(".", text.partition(":")[0]).strip(". ").lower()
    if not name.isascii():
        found.append("other_alphabet")
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    elif "xn--" in name:
        found.append("other_alphabet")
    address = _number(name)
    if address is not None:
        if address != name:
            found.append("number_for_address")
        return Destination(address, None, tuple(found))
    labels = name.split(".")
    if len(name) > _LONGEST or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():  # noqa: PLR2004  # a name has a dot
        return None
    return Destination(name, registered_domain(name), tuple(found))


def _literal(text: str) -> str | None:
    try:
        return ip_address(text.partition("%")[0]).compressed
    except ValueError:
        return None


def _number(name: str) -> str | None:
    """The IPv4 address that browsers read from 1 to 4 numbers, decimal, octal or hexadecimal (WHATWG URL)."""
    parts = name.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) and len(part) < 20 for part in parts):  # noqa: PLR2004  # IPv4
        return None
    try:
        numbers = [_value(part) for part in parts]
    except ValueError:
        return None
    last = 256 ** (5 - len(numbers))
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= last:  # noqa: PLR2004  # a byte
        return None
    whole = numbers[-1] + sum(number << (8 * (3 - place)) for place, number in enumerate(numbers[:-1]))
    return ip_address(whole).compressed if whole < 1 << 32 else None


def _value(part: str) -> int:
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    return int(part, 8) if len(part) > 1 and part[0] == "0" else int(part)


def _is_address(host: str) -> bool:
    return _literal(host) is not None
