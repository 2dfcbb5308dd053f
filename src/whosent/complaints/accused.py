"""Which address a text accuses: weighed by its place and by the words before it, as a reader would."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from whosent.complaints import extract
from whosent.complaints.view import View

_LABELLED: Final = re.compile(
    r"(?:source|src|sender|spam(?:mer|ming)?|attack(?:er|ing)?|offend(?:er|ing)|origin(?:ating|ator)?|abus(?:er|ive"
    r"|ing)|infected|compromised|malicious|culprit|suspect(?:ed)?|remote|client|connecting|reported|relay|bot|hacker"
    r"|intruder|zombie|quell|absender|angreifer)[\w -]{0,30}(?:ip|address|host|server|adresse|system"
    r"|machine)?[\s\w\"'()-]{0,20}[:=]?[\s\"'\[(<]*$|\bip(?:v[46])?(?:[- ]?(?:address|adresse|addr))?(?:\(es\)|es"
    r"|s)?[\s\"']*[:=][\s\"'\[(<]*$|(?:\bfrom|\bvon|\bip|\bhost|\bip address|\badresse|\baddress|\bof|\bby"
    r"|\bserver)\s+[\"'\[(<]*$",
    re.IGNORECASE,
)
_STRONG: Final = re.compile(
    r"(?:source|src|attack|offend|origin|abus|infected|spam|sender)[\w -]{0,30}(?:ip|address|host"
    r"|adresse)?[\w \"'()-]{0,20}[:=][\s\"'\[(<]*(?:h(?:tt|xx)ps?://)?$|\bip(?:v[46])?(?:[- ]?(?:address|adresse"
    r"|addr))?[\s\"']*[:=][\s\"'\[(<]*$",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    r"\b(?:dest(?:ination)?|dst|target(?:ed)?|victim|attacked|our|reporter|resolver|name ?server|local|honeypot"
    r"|sensor|ziel|server hit|\bto)[\w -]{0,30}(?:ip|address|host|server|port"
    r"|network)?[\s\"'()]{0,8}[:=]?[\s\"'\[(<]*$|/$",
    re.IGNORECASE,
)
_PORT_BEHIND: Final = re.compile(
    r"^[\s\"'\])>,;]{0,4}(?::|source[ _-]?port\s*[:=]?|src[ _-]?port\s*[:=]?|port\s*[:=]?)\s{0,2}(\d{1,5})\b",
    re.IGNORECASE,
)
_PORT_LINE: Final = re.compile(r"(?im)^[> \t]*(?:source|src)[ _-]?port[ \t]*[:=][ \t]*(\d{1,5})\b")
_TOP_PORT: Final = 65_535
_NETWORK: Final = re.compile(r"/\d{1,3}\b")  # a whole network is nobody
_ALONE: Final = re.compile(r"(?m)^[> \t*-]{0,8}((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f:]{6,39})[ \t\r]*$")
_COLUMN: Final = re.compile(
    r"(?im)^(?P<before>[\w \t\"./-]{0,400}(?:[,;][\w \t\"./-]{0,400}){0,60}?[,;])?\"?(?:src|source|offender|attacker)"
    r"[_ ]?(?:ip|address)\"?[ \t]*(?P<by>[,;])[^\n]{0,2000}$"
)  # the head of a table: CERTs mail such lists
_MOST: Final = 100  # accused addresses of one report
_ROWS: Final = 5_000  # lines of such a table
_SEVERAL: Final = 3  # labelled alike: then it is a list


class Accused(NamedTuple):
    """An address and what was said with it."""

    address: str
    port: int | None
    weight: int


def accused(view: View) -> list[Accused]:
    """The accused addresses: one, or those of a list; none if the text names none."""
    column = list(dict.fromkeys(_column(view.text)))
    if column:
        return [Accused(found, None, 9) for found in column[:_MOST]]
    subject = [found for found in extract.addresses(view.subject) if extract.is_public(found)]
    text = view.text
    weights: dict[str, int] = {}
    ports: dict[str, int] = {}
    seen: Counter[str] = Counter()
    strong: list[str] = []
    own = {found for value in view.headers.all("received")[:20] for found in extract.addresses(value)}
    at = 0
    for found in extract.addresses(text):
        at = _place(text, found, at)
        before, behind = text[max(0, at - 80) : at].rpartition("\n")[2], text[at + len(found) : at + len(found) + 60]
        seen[found] += 1
        weight = 4 if _STRONG.search(before) else 2 if _LABELLED.search(before) else 0
        weight -= 4 if _OTHER.search(before) else 0
        weight += 3 if found in subject else 0
        weight += 0 if extract.is_public(found) and not _NETWORK.match(behind) else -6
        weight -= 2 if found in own else 0
        if weight > 3:  # noqa: PLR2004  # labelled as the source
            strong.append(found)
        port = _PORT_BEHIND.match(behind)
        if port and 0 < int(port[1]) <= _TOP_PORT:
            ports.setdefault(found, int(port[1]))
        weights[found] = max(weights.get(found, -99), weight)
    line = _PORT_LINE.search(text)
    if subject:
        return [_one(found, ports, line, 9) for found in dict.fromkeys(subject)][:_MOST]
    alone = weights.keys() & {extract.address(match[1]) for match in _ALONE.finditer(text)}
    if len(alone) >= _SEVERAL:
        strong += [found for found in weights if found in alone and extract.is_public(found)]
    listed = list(dict.fromkeys(strong))
    if len(listed) >= _SEVERAL or (listed and all(weights[one] == weights[listed[0]] for one in listed)):
        return [_one(found, ports, line, weights[found]) for found in listed[:_MOST]]
    order = {found: place for place, found in enumerate(weights)}
    ranked = sorted(weights, key=lambda found: (-weights[found], -min(seen[found], 3), order[found]))
    best = [found for found in ranked if extract.is_public(found)][:1] or ranked[:1]
    return [_one(found, ports, line, weights[found]) for found in best]


def _column(text: str) -> Iterator[str]:
    """The public addresses in the column of a table that is called the source."""
    head = _COLUMN.search(text)
    if head is None:
        return
    place = (head["before"] or "").count(head["by"])
    rows = csv.reader(text[head.end() + 1 :].split("\n")[:_ROWS], delimiter=head["by"])
    try:
        for row in rows:
            found = extract.address(row[place]) if len(row) > place else None
            if found and extract.is_public(found):
                yield found
    except csv.Error:
        return


def _one(found: str, ports: dict[str, int], line: re.Match[str] | None, weight: int) -> Accused:
    port = ports.get(found) or (int(line[1]) if line and 0 < int(line[1]) <= _TOP_PORT else None)
    return Accused(found, port, weight)


def _place(text: str, found: str, start: int) -> int:
    """Where the address stands from there on, as far as it is written as we write it."""
    at = text.find(found, start)
    return at if at >= 0 else start
