"""What the words before an address say of it, in many languages: the source, the attacked, or nothing."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import tables

SOURCE: Final = 5  # a label says that it is the source
ADDRESS: Final = 4  # a label says that it is the address, and not whose
CLIENT: Final = 3  # a line of a log has it as the client, or words call it the source in passing
FROM: Final = 2  # something came from it
NAMED: Final = 1  # "the IP 192.0.2.7", and no more
MENTIONED: Final = 0  # nothing is said of it
LINKED: Final = -1  # of the host of a link: what stands there is hosted, not sent
NOBODY: Final = -6  # the attacked, the reporter, a network

_MARK: Final = r"[\s\"'()\]]{0,8}[:=\uff1a|\t]"  # of a label, or between the cells of a row
_OPEN: Final = r"[\s\"'`\[(<*_]*"
_SOURCES: Final = (
    r"source|src|sender|spam(?:mer|ming)?|attack(?:er|ing)?s?(?!ed)|offend(?:er|ing)|origin(?:ating|ator|e|en|em)?"
    r"|abus(?:er|ive|ing)?|infected|compromised|malicious|culprit|suspect(?:ed)?|remote|client|connecting|relay|bot(?:net)?s?\b"
    r"|open[ -](?:\w{2,12} ){0,2}(?:resolver|relay|proxy|server)"
    r"|hacker|intruder|zombie|quell\w{0,6}|absender\w{0,6}|angreif\w{0,6}|herkunft\w{0,6}|attaqu\w{0,6}"
    r"|exp[e\u00e9]diteur|provenance|ataca\w{0,6}|attacca\w{0,6}|sorgente|remitente|remetente|mittente"
    r"|\u017ar[\u00f3o]d\w{0,6}|zdroj\w{0,6}|nadawc\w{0,6}|atakuj\w{0,6}|\u00fato\u010d\w{0,6}|odes\u00edlat\w{0,6}"
    r"|forr\u00e1s\w{0,6}|t\u00e1mad\w{0,6}|bron\b|aanvaller\w{0,3}|afzender\w{0,3}|k\u00e4ll\w{0,6}|kilde\w{0,6}"
    r"|avs\u00e4ndar\w{0,3}|angripar\w{0,3}|afsender\w{0,3}|avsender\w{0,3}|l\u00e4h(?:de|te)\w{0,6}|kayna\w{0,6}"
    r"|sald\u0131r\w{0,6}|g\u00f6nderen\w{0,6}|surs[\u0103ae]\w{0,3}|\u0438\u0441\u0442\u043e\u0447\u043d\w{0,6}"
    r"|\u0434\u0436\u0435\u0440\u0435\u043b\w{0,6}|\u043e\u0442\u043f\u0440\u0430\u0432\u0438\u0442\w{0,6}"
    r"|\u0430\u0442\u0430\u043a\u0443\u044e\w{0,6}"
)
_SOURCES_UNPARTED: Final = (  # of writing without blanks
    r"\u9001\u4fe1\u5143|\u767a\u4fe1\u5143|\u653b\u6483\u5143|\u63a5\u7d9a\u5143|\u6e90(?=\s?(?:ip|\u5730\u5740))"
    r"|[\u6765\u4f86]\u6e90|(?<![\u88ab\u53d7])\u653b[\u51fb\u64ca](?:\u6e90|\u8005|ip)|\ucd9c\ubc1c\uc9c0|\uacf5\uaca9\uc790?"
    r"|\ubc1c\uc2e0\uc9c0?|\uc1a1\uc2e0\uc9c0?"
)
_OTHERS: Final = (
    r"dest(?:ination|inataire|inatario|inazione|ino)?|dst|target(?:ed|s)?|victim\w{0,2}|attacked(?!\s(?:our|us|my)\b)|our|reporters?|complainants?|ns\d?\b"
    r"|(?<!open )(?<!open dns )(?<!recursive )resolver"
    r"|name ?server|local|lip|honeypots?|sensors?|server hit|ziel\w{0,6}|opfer\w{0,3}|angegriffen\w{0,3}|unser\w{0,2}"
    r"|cible\w{0,2}|notre|nos\b|v[i\u00ed]ctimas?|v[i\u00ed]timas?|vittim\w|nuestr[oa]s?|noss[oa]s?|nostr[oaie]|objetivo"
    r"|alvo\b|bersaglio|docelow\w{0,3}|ofiar\w{0,3}|nasz\w{0,4}|c\u00edl\w{0,6}|ob\u011b\u0165\w{0,3}|na\u0161\w{0,4}"
    r"|c\u00e9l\w{0,6}|\u00e1ldozat\w{0,3}|doel\w{0,6}|slachtoffers?|onze|ons\b|m\u00e5l\w{0,6}|v\u00e5r\w{0,2}|vores"
    r"|kohde\w{0,6}|uhri\w{0,3}|hedef\w{0,6}|kurban\w{0,6}|bizim|\u021bint\w{0,6}|destina\u021bi\w{0,4}"
    r"|\u043d\u0430\u0437\u043d\u0430\u0447\w{0,6}|\u0436\u0435\u0440\u0442\u0432\w{0,4}"
    r"|\u043f\u043e\u043b\u0443\u0447\u0430\u0442\w{0,4}|\u043d\u0430\u0448\w{0,4}|\u0446\u0435\u043b[\u044c\u0438]"
)
_AIMED: Final = (  # "an attack on 192.0.2.9"
    r"(?:attack\w{0,3}|scan\w{0,4}|intrusions?|flood\w{0,3}|d?dos|log-?ins?|angriffe?|attaques?|ataques?|attacc\w{1,2})"
    r"\s(?:on|against|towards?|auf|gegen|contra|contre|sur|contro)\b(?!\s(?:your|ihre?[mn]?|su|vos|votre|seu|vostr[oa])\b)"
)
_OTHERS_UNPARTED: Final = (
    r"\u5b9b\u5148|\u9001\u4fe1\u5148|\u653b\u6483\u5148|\u63a5\u7d9a\u5148|\u88ab\u5bb3|\u76ee\u7684"
    r"|\u76ee[\u6807\u6a19]|\u53d7\u5bb3|\u88ab\u653b[\u51fb\u64ca]?|\ubaa9\uc801\uc9c0|\ub300\uc0c1|\ud53c\ud574"
    r"|\uc218\uc2e0\uc9c0?"
)
_ADDRESS_WORD: Final = (
    r"ip|addr(?:ess)?(?:e|es|en|i)?|adress?\w{0,4}|host|server|system|machine|direcci[o\u00f3]n|endere[c\u00e7]o"
    r"|indirizzo|\u0430\u0434\u0440\u0435\u0441\w{0,3}|\u30a2\u30c9\u30ec\u30b9|\u5730\u5740|\uc8fc\uc18c"
)
_YOUR: Final = (
    r"(?:your|ihre[rnm]?|votre|vos|su|tu|vostr[oa]|suo|sua|uw|va\u0161\w{1,3}|wasz\w{0,4}|pa\u0144st\w{1,3}"
    r"|\u0432\u0430\u0448\w{1,3})"
)
_STRONG: Final = re.compile(
    rf"(?:\b(?:{_SOURCES})|{_SOURCES_UNPARTED})(?:\.\w{{1,20}})?[\w -]{{0,30}}[\w \"'()-]{{0,20}}{_MARK}{_OPEN}(?:h(?:tt|xx)ps?://)?$"
    rf"|\b(?:rhost|recvfrom|remote_?(?:addr|ip)|rip|srcip|src_?ip|saddr|client_?ip){_MARK}{_OPEN}$",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(
    r"(?<![A-Za-z0-9])ip(?:v[46])?[- _]?(?:adress\w{0,4}|addr(?:ess)?|\u0430\u0434\u0440\u0435\u0441\w{0,3}"
    r"|\u30a2\u30c9\u30ec\u30b9|\u5730\u5740|\uc8fc\uc18c)?(?:\(es\)|es|s)?"
    rf"(?:/[a-z]{{3,6}})?{_MARK}{_OPEN}$|\bfollowing (?:ip )?address(?:es)?[.:]?{_OPEN}$",
    re.IGNORECASE,
)
_CALLED: Final = re.compile(
    rf"(?:\b(?:{_SOURCES}|reported)|{_SOURCES_UNPARTED})[\w -]{{0,30}}(?:{_ADDRESS_WORD})?[\s\w\"'()-]{{0,20}}[:=]?"
    rf"{_OPEN}$",
    re.IGNORECASE,
)
_A_SOURCE: Final = re.compile(rf"\b(?:{_SOURCES}|reported)|{_SOURCES_UNPARTED}", re.IGNORECASE)
_AT_IT: Final = re.compile(  # not "on your network"
    rf"\b(?:on|onto|against|towards?|auf|gegen|contra|contre|sur|contro|vers|verso|hacia|naar|nach)\b(?!\s(?:{_YOUR}|ihrem)\b)"
    rf"|\s(?:a|al|\u00e0|do|na|\u043d\u0430){_OPEN}$",
    re.IGNORECASE,
)
_CAME_FROM: Final = re.compile(
    r"(?:\bfrom|\bvon|\bdepuis|\bdesde|\bdalla?|\bvanaf|\bfr[\u00e5a]n?|\b\u0438\u0437|\b\u043e\u0442)"
    rf"(?:\s(?:the|der|dem|la|l'|el|{_YOUR})?\s?(?:{_ADDRESS_WORD})(?:[- ](?:{_ADDRESS_WORD}))?)?\s+{_OPEN}$"
    rf"|\b(?:ze?|\u0441|\u0437)\s(?:{_YOUR}\s)?(?:{_ADDRESS_WORD})(?:[- ](?:{_ADDRESS_WORD}))?\s+{_OPEN}$"
    r"|\b(?:attack|scann|abus|spamm|hack|sent|caus|us)\w{0,3} by\s+[\"'\[(<]*$",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(rf"(?<!\bon )(?<!\bon the )\b(?:{_ADDRESS_WORD})\s+{_OPEN}$", re.IGNORECASE)
_TO: Final = r"(?<!resolves )(?<!resolved )(?<!resolving )(?<!resolve )(?<!points )(?<!pointing )to"
_OTHER: Final = re.compile(
    rf"(?:\b(?:{_OTHERS}|{_AIMED}|{_TO})|{_OTHERS_UNPARTED})(?:\.\w{{1,20}})?[\w -]{{0,30}}"
    rf"(?:{_ADDRESS_WORD}|port|network)?"
    rf"[\s\"'()\]]{{0,8}}"
    rf"[:=\uff1a]?{_OPEN}$|/$|(?:[-=]>|\u2192)[ \t]*$|[\d)\]][ \t]{{0,3}}>[ \t]{{0,3}}$",
    re.IGNORECASE,
)
OF_OTHERS: Final = re.compile(rf"\b(?:{_OTHERS}|{_AIMED})|{_OTHERS_UNPARTED}", re.IGNORECASE)
_OF_SOURCE: Final = re.compile(
    rf"\b(?:{_SOURCES}|(?:from|von|bot|relay)\b|(?:attack|scann|prob|hack|flood)ed by\b)|{_SOURCES_UNPARTED}",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"h(?:tt|xx)ps?://$", re.IGNORECASE)
_QUALIFIED: Final = re.compile(
    r"([^\W\d_][\w'-]{1,30})[ _]+(?:address of )?ip\b[^:=\uff1a]{0,20}[:=\uff1a]\W*$|([^\W\d_]{2,30})-ip\b\W*$",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(
    r"the|th[ai][ts]|following|one|first|bad|affected|hostile|suspicious|involved|scanning|public|wan|external|your|ihre?"
    r"|an|and|or|blocked|banned|unique|is|new|customer|host|server|with|address|adress?\w?|direcci\wn|indirizzo|endere\wo"
)  # before "IP", and says no more
_TAG: Final = re.compile(r"<(?:\w{1,30}:)?(\w{0,40}(?:ip|addr)\w{0,20})(?:\s[^<>]{0,200})?>\s{0,20}$", re.IGNORECASE)
_ELEMENT: Final = re.compile(r"<((?:\w{1,30}:)?\w{1,40})(?:\s[^<>]{0,200})?>")
_KEY: Final = re.compile(r"\"([\w.]{0,40}(?:ip|addr)\w{0,20})\"\s{0,4}:\s{0,4}\[?\s{0,20}\"$", re.IGNORECASE)
_OBJECT: Final = re.compile(r"\"(\w{1,40})\"\s{0,4}:\s{0,4}\{")
_OF_ATTACKED: Final = re.compile(
    r"(?:\w{1,30}:)?(?:dest|dst|target|victim|report|complain|sensor|local)", re.IGNORECASE
)
_OF_ATTACKER: Final = re.compile(r"(?:\w{1,30}:)?(?:source|src|attack|offend|remote|client)", re.IGNORECASE)
_HEADING: Final = re.compile(r"(?m)^[> \t*#-]{0,8}([^\n]{3,120}):[ \t\r*]*$")


def weight(words: str, above: str) -> int:
    """What the end of the line before an address, and the text above, make of it."""
    said = (
        SOURCE if _STRONG.search(words)
        else ADDRESS if _PLAIN.search(words)
        else CLIENT if _CALLED.search(words) and not _is_aimed(words)
        else FROM if _CAME_FROM.search(words)
        else NAMED if _NAMED.search(words)
        else MENTIONED
    )  # fmt: skip
    if _LINK.search(words):
        return MENTIONED if said >= ADDRESS else LINKED
    if _is_of_others(words) or _is_of_others(_heading(above), tables.OF_OTHERS):
        return NOBODY
    return said


def _is_aimed(words: str) -> bool:
    """Whether what the last of the words for sources does is done to the address: "attack seen on ..."."""
    last = max((match.start() for match in _A_SOURCE.finditer(words)), default=0)
    return _AT_IT.search(words, last) is not None


def _heading(above: str) -> str:
    """The last heading of the paragraph, or the one that stands above it; "" if there is none."""
    rest, _, paragraph = above.rpartition("\n\n")
    headings = _HEADING.findall(paragraph) or _HEADING.findall(rest.rstrip().rpartition("\n")[2])
    return headings[-1] if headings else ""


def tagged(before: str) -> int | None:
    """What the elements of XML, or the objects of JSON, around an address make of it; None if none says address."""
    own, key = _TAG.search(before), _KEY.search(before)
    if own:
        element = next((match for match in reversed(list(_ELEMENT.finditer(before, 0, own.start())))
                        if f"</{match[1]}" not in before[match.end() :]), None)  # fmt: skip
    elif key:
        own = key
        element = next((match for match in reversed(list(_OBJECT.finditer(before, 0, key.start())))
                        if "}" not in before[match.end() :]), None)  # fmt: skip
    else:
        return None
    for name in (own[1], element[1] if element else ""):
        if _OF_ATTACKED.match(name):
            return NOBODY
        if _OF_ATTACKER.match(name):
            return SOURCE
    return ADDRESS


def qualifier(words: str) -> str | None:
    """The word before a label's "IP", where it may say whose address it is and nobody knows it."""
    found = _QUALIFIED.search(words)
    word = (found[1] or found[2]).lower() if found else ""
    return word if word and not _HARMLESS.fullmatch(word) else None


def _is_of_others(words: str, pattern: re.Pattern[str] = _OTHER) -> bool:
    """Whether the words say that it is the attacked, or the reporter: the word nearest to the address decides."""
    if not pattern.search(words):
        return False
    theirs = max((match.end() for match in OF_OTHERS.finditer(words)), default=len(words))
    return theirs >= max((match.end() for match in _OF_SOURCE.finditer(words)), default=-1)
