"""What is looked for in any report's text: mailboxes, addresses, links, moments, codes; all bounded and linear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_tz
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

EARLIEST: Final = 0.0  # 1970
LATEST: Final = 4_102_444_800.0  # 2100
_MOST: Final = 1_000  # of anything in one text

MAILBOX: Final = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~.-]{1,128}@(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}\.)+[A-Za-z0-9-]{1,62}|\[[0-9A-Fa-f.:]{3,50}\])"
)
_BRACKETED: Final = re.compile(r"<([^<>\s]{1,320})>")
_QUOTED_MAILBOX: Final = re.compile(r'"[^"\n]{1,64}"@[A-Za-z0-9.-]{1,253}')
_V4: Final = re.compile(r"(?<![\w.-])(?<!\d\.)((?:\d{1,3}(?:\.|\[\.\]|\(\.\))){3}\d{1,3})(?![\w-]|\.\d)")
_DEFANGED: Final = re.compile(r"(?<=\d)[ \t]?(?:\[(?:\.|dot)\]|\((?:\.|dot)\))\s?(?=\d)", re.IGNORECASE)
_DEFANGED_LINK: Final = re.compile(r"(?<=ttp|xxp|tps|xps)\[(:|://)\]")
_V6: Final = re.compile(r"(?<![\w:.])((?:IPv6:)?(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:\.\d{1,3}){0,3})(?![\w:])")
_LINK: Final = re.compile(r"(?:h(?:tt|xx)ps?://|www\.)(?:\[\.\]|[^\s<>\"'`\[\])}]){3,1000}", re.IGNORECASE)
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d{1,9})?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_TRAILING: Final = ".,;:!?*_"
STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
REPLY: Final = re.compile(r"(?<![\d.:/-])([45]\d\d)(?:[ -]|(?=:))")
_DAY_MONTH: Final = re.compile(r"\d{1,2} +[A-Z][a-z]{2} +\d{2,4} +\d\d:\d\d(?::\d\d)?(?: +(?:[+-]\d{4}|[A-Z]{3,4}))?")


def mailbox(text: str) -> str | None:
    """The first mailbox in the text, its domain folded; None if there is none."""
    found = _BRACKETED.search(text)
    if found and "@" in found[1]:
        return folded(found[1])
    quoted = _QUOTED_MAILBOX.search(text)
    if quoted:
        return folded(quoted[0])
    plain = MAILBOX.search(text)
    return folded(plain[0]) if plain else None


def folded(address: str) -> str:
    """A mailbox with its domain in lower case, without the marks that quoting left."""
    text = address.strip("<>'`;,")
    if '"@' not in text:
        text = text.strip('"')
    local, at, domain = text.rpartition("@")
    return f"{local.removeprefix('mailto:')}{at}{domain.lower().rstrip('.')}"


def mailboxes(text: str) -> list[str]:
    """Every mailbox in the text, in order, once."""
    return list(dict.fromkeys(folded(match[0]) for match, _ in zip(MAILBOX.finditer(text), range(_MOST), strict=False)))


@lru_cache(10_000)
def address(text: str) -> str | None:
    """An IP address in its shortest form, None if the text is none; brackets, defanging and IPv6: are undone."""
    clean = text.strip().strip("[]()<>").replace("[.]", ".").replace("(.)", ".").replace("[", "").replace("]", "")
    clean = clean.removeprefix("IPv6:").removeprefix("ipv6:").partition("%")[0]
    try:
        found = ip_address(clean)
    except ValueError:
        parts = clean.split(".")
        if len(parts) == 4 and all(part.isdecimal() and len(part) < 4 for part in parts):  # noqa: PLR2004  # 010.1.2.3
            return address(".".join(str(int(part)) for part in parts)) if clean != ".".join(
                str(int(part)) for part in parts
            ) else None  # fmt: skip
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).compressed


@lru_cache(10_000)
def is_public(text: str) -> bool:
    """Whether an address may be somebody on the net: not private, loopback, link-local, multicast.

    The ranges of documentation (RFC 5737, 3849) count as public: reports that were made harmless name them.
    """
    found = ip_address(text)
    documentation = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
    if found.compressed.startswith(documentation):
        return True
    return found.is_global and not found.is_multicast


def hosts(found: Iterable[str]) -> list[str]:
    """Those that may be somebody on the net, once each; where there are none, those of a private net."""
    known = list(dict.fromkeys(found))
    return [one for one in known if is_public(one)] or [one for one in known if _is_of_a_host(one)]


def _is_of_a_host(text: str) -> bool:
    found = ip_address(text)
    nobody = found.is_loopback or found.is_unspecified or found.is_multicast or found.is_reserved or found.is_link_local
    return not nobody


def addresses(text: str) -> Iterator[str]:
    """Every IP address in the text, in order, compressed; private ones, too; version numbers are left out."""
    return (known for _, _, known in placed(refanged(text)))


def placed(text: str) -> Iterator[tuple[int, int, str]]:
    """The same of a text whose addresses are plain, with where each begins and ends."""
    found = [(*match.span(1), match[1]) for match, _ in zip(_V4.finditer(text), range(_MOST), strict=False)]
    if ":" in text:
        found += [(*match.span(1), match[1]) for match, _ in zip(_V6.finditer(text), range(_MOST), strict=False)]
    for start, end, word in sorted(found):
        known = address(word)
        if known is not None and (":" not in word or word.count(":") > 2 or "::" in word) and known != "::":  # noqa: PLR2004  # a time
            yield start, end, known


def refanged(text: str) -> str:
    """The text with the dots of its addresses plain again where their writer broke them up: 192[.]0 (.) 2(dot)7."""
    return _DEFANGED.sub(".", _DEFANGED_LINK.sub(r"\1", text) if "[:" in text else text)


def links(text: str) -> tuple[str, ...]:
    """Every link in the text as it is written, once; at most a hundred."""
    found = (match[0].rstrip(_TRAILING) for match, _ in zip(_LINK.finditer(text), range(_MOST), strict=False))
    return tuple(dict.fromkeys(found))[:100]


def moment(text: str) -> float | None:
    """Seconds since the epoch of a date as mail or ISO 8601 has it; None if it is none, or not of 1970 to 2100."""
    text = text.strip()[:200]
    found = _ISO.search(text)
    try:
        seconds = _iso(found) if found else _mail_date(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return seconds if seconds is not None and EARLIEST < seconds < LATEST else None


def _iso(found: re.Match[str]) -> float:
    zone = (found[3] or "Z").upper()
    offset = "+00:00" if zone in {"Z", "UTC", "GMT"} else zone
    clock = found[2] if found[2].count(":") > 1 else f"{found[2]}:00"
    return datetime.fromisoformat(f"{found[1]}T{clock}{offset}").timestamp()


def _mail_date(text: str) -> float | None:
    parts = parsedate_tz(text)
    if parts is None:
        inner = _DAY_MONTH.search(text)
        parts = parsedate_tz(inner[0]) if inner else None
    if parts is None:
        return None
    year = parts[0]
    moment = datetime(year, *parts[1:5], min(parts[5], 59), tzinfo=UTC)
    return moment.timestamp() - (parts[9] or 0)


def reply_codes(text: str) -> tuple[str | None, str | None]:
    """The enhanced status code and the basic code of a reply, as far as it has them."""
    status, basic = STATUS.search(text), REPLY.search(text)
    return (status[1] if status else None), (basic[1] if basic else None)
