"""Which address a text accuses: weighed by its place and by the words before it, as a reader would."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final, NamedTuple

from whosent.complaints import extract, tables
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
    r"|addr))?(?:\(es\)|es|s)?[\s\"']*[:=][\s\"'\[(<]*$|\b(?:rhost|recvfrom|remote_?(?:addr|ip))[\"']?[:=][\s\"'\[]*$",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    r"\b(?:dest(?:ination)?|dst|target(?:ed)?|victim|attacked|our|reporter|resolver|name ?server|local|honeypot"
    r"|sensor|ziel|server hit|\bto)[\w -]{0,30}(?:ip|address|host|server|port"
    r"|network)?[\s\"'()]{0,8}[:=]?[\s\"'\[(<]*$|/$|(?:[-=]>|\u2192)[ \t]*$",
    re.IGNORECASE,
)
_HEADING: Final = re.compile(r"(?m)^[> \t*#-]{0,8}([^\n]{3,120}):[ \t\r*]*$")
_OF_OTHERS: Final = re.compile(
    r"\b(?:attacked|target(?:ed|s)?|victims?|dest(?:ination)?|dst|reporters?|honeypots?|sensors?|our|resolver"
    r"|name ?server|local|ziel|opfer|angegriffen\w*)",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"h(?:tt|xx)ps?://$", re.IGNORECASE)  # what stands there is hosted, not sent
_OF_SOURCE: Final = re.compile(
    r"\b(?:source|src|attack(?!ed)|offend|origin|abus|infected|spam|sender|remote|client|malicious|suspect"
    r"|compromised|(?:from|von|bot|relay)\b)",
    re.IGNORECASE,
)
_REGISTRY: Final = re.compile(
    r"^[> \t%#]{0,8}(?:inet6?num|netrange|cidr|route6?|nserver|name ?server|(?:net)?block|(?:net)?range)\s{0,40}[:=]",
    re.IGNORECASE,
)  # whose network it is, as whois has it, accuses nobody
_RANGE_BEFORE: Final = re.compile(
    r"(?:(?:\d{1,3}\.){3}\d{1,3}|::[\da-fA-F:]{0,30}|(?:[\da-fA-F]{1,4}:){3,7}[\da-fA-F]{1,4})\s{0,3}[-\u2013]\s{0,3}$"
)
_RANGE_BEHIND: Final = re.compile(
    r"^\s{0,3}[-\u2013]\s{0,3}(?:(?:\d{1,3}\.){3}\d|(?:[\da-fA-F]{1,4}:){1,7}:|(?:[\da-fA-F]{1,4}:){3})"
)
_PORT_BEHIND: Final = re.compile(
    r"^[\s\"'\])>,;]{0,4}(?::|source[ _-]?port\s*[:=]?|src[ _-]?port\s*[:=]?|port\s*[:=]?)\s{0,2}(\d{1,5})\b",
    re.IGNORECASE,
)
_PORT_LINE: Final = re.compile(r"(?im)^[> \t]*(?:source|src)[ _-]?port[ \t]*[:=][ \t]*(\d{1,5})\b")
_TOP_PORT: Final = 65_535
_NETWORK: Final = re.compile(r"/\d{1,3}\b")  # a whole network is nobody
_ALONE: Final = re.compile(
    r"(?m)^[> \t*-]{0,8}[\[(<]?((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f:]{6,39})[\])>]?[;,]?[ \t\r]*$"
)
_NEXT_LINE: Final = re.compile(r"[\])>;, \t\r]{0,8}\n[> \t*\[(<-]{0,8}")
_LINE_ENDS: Final = re.compile(r"^[\])>;,. \t\r]{0,8}(?:\n|$)")
_LINE_BEGINS: Final = re.compile(r"[> \t*\[(<-]{0,8}")
_HEADS_HOSTS: Final = re.compile(
    r"\b(?:ips?|address(?:es)?|adressen?|hosts?|machines?|systems?|systeme?|rechner|direcci[o\u00f3]n(?:es)?)\b",
    re.IGNORECASE,
)
_HEADS_ACCUSED: Final = re.compile(
    r"\b(?:affected|betroffen\w*|infected|infizier\w*|compromised|kompromittier\w*|malicious|attack(?:ers?|ing)|sources?"
    r"|offend\w+|abus\w+|involved|associated|(?:in|of|from|on|aus)\s+(?:your|ihr\w{0,2}))\b",
    re.IGNORECASE,
)
_MOST: Final = 100  # accused addresses of one report
_SEVERAL: Final = 3  # labelled alike: then it is a list
_LOOK_BACK: Final = 400  # characters before an address: its line, and the heading it stands under
_NOBODY: Final = 6  # taken from the weight of what is no single host on the net
_SOURCE: Final = 4  # the weight of what is labelled as the source
_LINKED: Final = -1  # of the host of a link: named only where nothing else is
_PRIVATE: Final = -4  # what a private address must weigh: it was labelled, if only in passing


class Accused(NamedTuple):
    """An address and what was said with it."""

    address: str
    port: int | None
    weight: int


def accused(view: View) -> list[Accused]:
    """The accused addresses: one, or those of a list; none if the text names none."""
    column = tables.sources(view.text)
    if column:
        return [Accused(found, None, 9) for found in column[:_MOST]]
    subject = [found for found in extract.addresses(view.subject) if extract.is_public(found)]
    text = tables.without_tables_of_others(extract.refanged(view.text))
    weights: dict[str, int] = {}
    ports: dict[str, int] = {}
    seen: Counter[str] = Counter()
    strong: list[str] = []
    own = {found for value in view.headers.all("received")[:20] for found in extract.addresses(value)}
    at = end = said = 0
    for found in extract.addresses(text):
        at = _place(text, found, at)
        behind = text[at + len(found) : at + len(found) + 60]
        seen[found] += 1
        weight = _by_its_place(text[max(0, at - _LOOK_BACK) : at], behind)
        if _NEXT_LINE.fullmatch(text[end:at][:20]) and _LINE_ENDS.match(behind):
            weight = said if weight == 0 else weight  # the list goes on, one to a line
        end, said = at + len(found), weight
        weight += 3 if found in subject else 0
        weight -= 0 if extract.is_public(found) else _NOBODY
        weight -= 2 if found in own else 0
        if weight >= _SOURCE:
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
    attached = [] if listed else list(dict.fromkeys(found for one in view.lists for found in tables.attached(one)))
    if attached:
        return [Accused(found, None, 9) for found in attached[:_MOST]]
    return [_one(found, ports, line, weights[found]) for found in _best(weights, seen)]


def _best(weights: dict[str, int], seen: Counter[str]) -> list[str]:
    """The address that a reader would take for the source: none where two that nothing is said of are level."""
    public = [found for found in weights if extract.is_public(found)]
    ranked = sorted(public or weights, key=lambda found: (-weights[found], -min(seen[found], 3)))  # else the first one
    if not ranked or weights[ranked[0]] < (_LINKED if public else _PRIVATE):
        return []
    level = [
        found
        for found in ranked
        if (weights[found], min(seen[found], 3)) == (weights[ranked[0]], min(seen[ranked[0]], 3))
    ]
    return ranked[:1] if len(level) == 1 or weights[ranked[0]] > 0 or not public else []


def _by_its_place(before: str, behind: str) -> int:
    """What the words before an address, and the mark behind it, make of it."""
    lines = before.rpartition("\n")
    words = lines[2][-80:]
    if _NETWORK.match(behind) or _RANGE_BEHIND.match(behind) or _RANGE_BEFORE.search(words):
        return -_NOBODY
    if _REGISTRY.match(lines[2]):
        return -_NOBODY
    weight = 4 if _STRONG.search(words) else 2 if _LABELLED.search(words) else 0
    headings = _HEADING.findall(lines[0].rpartition("\n\n")[2])  # the last one of its paragraph counts
    if _LINK.search(words):
        return 0 if weight >= _SOURCE else _LINKED
    if _is_of_others(words) or (headings and _is_of_others(headings[-1], tables.OF_OTHERS)):
        return -_NOBODY
    return _SOURCE if not weight and _LINE_BEGINS.fullmatch(lines[2]) and _heads_accused(lines[0]) else weight


def _heads_accused(above: str) -> bool:
    """Whether the line above, with at most one empty line between, says that whom it heads are the accused hosts."""
    head = above.rstrip()
    line = head.rpartition("\n")[2]
    return (
        head.endswith(":")
        and above[len(head) :].count("\n") <= 1
        and bool(_HEADS_HOSTS.search(line) and _HEADS_ACCUSED.search(line))
        and not _OF_OTHERS.search(line)
    )


def _is_of_others(words: str, pattern: re.Pattern[str] = _OTHER) -> bool:
    """Whether the words say that it is the attacked, or the reporter: the word nearest to the address decides."""
    if not pattern.search(words):
        return False
    theirs = max((match.end() for match in _OF_OTHERS.finditer(words)), default=len(words))
    return theirs > max((match.end() for match in _OF_SOURCE.finditer(words)), default=-1)


def _one(found: str, ports: dict[str, int], line: re.Match[str] | None, weight: int) -> Accused:
    port = ports.get(found) or (int(line[1]) if line and 0 < int(line[1]) <= _TOP_PORT else None)
    return Accused(found, port, weight)


def _place(text: str, found: str, start: int) -> int:
    """Where the address stands from there on, as far as it is written as we write it."""
    at = text.find(found, start)
    return at if at >= 0 else start
