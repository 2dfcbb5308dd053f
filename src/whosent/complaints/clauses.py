"""On which side a clause of plain words puts an address: of the accused, or of the attacked and those who report it.

A label stands before an address; a clause goes round it: "your customer 192.0.2.7", "192.0.2.7, which belongs to your
range, scans us", "our server 192.0.2.9 is being attacked".  To whom a complaint says "your", that is whom it is about.
"""

from __future__ import annotations

import re
from typing import Final

_YOUR: Final = (
    r"(?:your|ihre?[rnms]?|euer|eure[rnm]?|votre|vos|su|sus|tu|vuestr[oa]|vostr[oaie]|seu|sua|uw|jullie|er[at]?|din|jeres"
    r"|va\u0161\w{1,3}|wasz\w{0,4}|pa\u0144st\w{1,4}|\u0432\u0430\u0448\w{1,3})"
)
_OUR: Final = (
    r"(?:our|my|unser\w{0,2}|mein\w{0,2}|notre|nos|mon|nuestr[oa]s?|mi|noss[oa]s?|meu|nostr[oaie]|onze|ons|mijn|v\u00e5r\w{0,2}"
    r"|vores|na\u0161\w{0,4}|nasz\w{0,4}|\u043d\u0430\u0448\w{0,3})"
)
_HOST: Final = (
    r"(?:ip(?:v[46])?(?:[ -]?adres\w{0,4})?|address\w{0,2}|adress?e?n?|direcci[o\u00f3]n|indirizzo|endere[c\u00e7]o"
    r"|host\w{0,2}|server\w{0,2}|servidor|serveur|serwer|machine|rechner|system\w?|computer|customer|client\w?|kunden?|user|subscriber"
    r"|network|netz\w{0,5}|netw?\w{0,4}|red|r\u00e9seau|rete|rede|range|block|space|infrastructure|vps|droplet|linode"
    r"|instance|node|router|gateway|proxy|relay|resolver|mailserver|mta|account|side|end|isp|asn?)"
)
_OPEN: Final = r"[\s,:=(\[\"'<*_]{0,6}"
_ANY_ADDRESS: Final = r"(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{2,36})"
_AFTER: Final = (  # what closes the address, its port, its name, and others that it stands together with
    rf"^[\])>\"'*_]{{0,4}}(?::\d{{1,5}})?(?:,? (?:and|und|et|y|e) {_ANY_ADDRESS}|, {_ANY_ADDRESS}){{0,5}}"
    r"(?:\s{0,2}[(\[][^()\[\]\n]{0,80}[)\]])?[\])>,]{0,3}\s{1,3}"
)
_OURS_OF: Final = rf"\b{_YOUR}\s(?:[\w-]{{1,20}}\s){{0,2}}?{_HOST}"
_YOURS_BEFORE: Final = re.compile(
    rf"{_OURS_OF}(?:\s(?:with|at|on|under|mit|unter|avec|con|has)(?:\s(?:the|der|die|l'|la))?)?"
    rf"(?:\s{{0,2}}[\[(]?{_HOST})?{_OPEN}$"
    r"|\b(?:in question|concerned|at fault|listed below)[,:]?\s{0,2}[(\[\"']?$"
    r"|\b(?:stop|block|suspend|disconnect|shut down|take down|investigate)\s{1,2}[(\[\"'<]?$",
    re.IGNORECASE,
)
_YOURS_BEHIND: Final = re.compile(
    rf"{_AFTER}(?:(?:which|that|who|die|der|das|qui|que)\s)?(?:is\s|are\s|was\s)?"
    rf"(?:belong\w{{0,3}}|assigned|allocated|registered|resid\w{{2,3}}|located|hosted|announced|owned|from|in|on|of|within|aus)"
    rf"\s(?:(?:to|in|on|at|by|from|within)\s)?(?:\w{{2,12}}\s)?{_YOUR}\b",
    re.IGNORECASE,
)
_DEEDS: Final = r"(?:attack|scann|prob|flood|hack|target|hammer|bombard|hit|spamm|port-?scann|brute-?forc|ddos|abus)"
_DOES: Final = re.compile(
    rf"{_AFTER}(?:(?:which|that|who)\s)?"
    r"(?:(?:was|were|has been|have been)\s(?:observed|seen|detected|caught|noticed|recorded|logged|identified|found)\b|"
    r"(?:has been|have been|had been|has|have|is|are|was|were|keeps?|kept|started|continues to|seems to be"
    r"|appears to be)\s)?"
    r"(?:(?:again|still|now|currently|repeatedly|constantly|actively|being|also|seen|observed|detected|caught|found"
    r"|trying to|attempting to|used to|just been|been)\s){0,2}"
    rf"(?:(?:{_DEEDS}|connect|perform|launch|generat|send|try|attempt|engag|participat|harvest|crawl|violat|brut|host|runn?)ing\b"
    r"|(?:sent|tried|attempted|scanned|attacked|probed|performed|launched|made|spammed|hammered|flooded|generated"
    r"|participated|connected|attacks|scans|sends|tries|spams|hosts)\b(?!\sby\b)"
    r"|(?:compromised|infected|blacklisted|blocklisted|listed|blocked|banned|reported|involved|hacked into|an open"
    r"|open to|a source|the source|a bot|malicious)\b"
    r"|(?:attaque|attaquent|ataca|atac\u00f3|attacca|greift|scannt|versendet|versucht|hat versucht|valt)\b)",
    re.IGNORECASE,
)
_SUFFERS: Final = re.compile(
    rf"{_AFTER}(?:is|are|was|were|got|gets|has been|have been)\s"
    r"(?:(?:being|been|repeatedly|heavily|again|currently)\s){0,2}"
    rf"(?:{_DEEDS}(?:ed|ned)?\b|under (?:an? )?(?:[\w-]{{1,12}} )?attack)"
    rf"|{_AFTER}(?:wird|werden|wurden?)\s(?:(?!unser|mein|(?:der|die|das|eine?)\b)[\w.:-]{{1,40}}\s){{0,6}}angegriffen"
    rf"|{_AFTER}(?:wordt|werd|is|est|a|\u00e8|\u00e8 stat[oa]|es|fue|foi|ha|ha sido|\u00e9"
    r"|zosta\u0142\w?|\u0431\u044b\u043b\w?)\s(?:\u00e9t\u00e9\s|stat[oa]\s|sido\s)?(?:aangevallen|attaqu|attacc|atacad|zaatakowan"
    r"|\u0430\u0442\u0430\u043a\u043e\u0432\u0430\u043d)",
    re.IGNORECASE,
)
_OF_IT: Final = (  # a word between "our" and "server", not "our firewall blocked the server"
    r"(?!(?:from|by|via|of|von|durch|aus|de|blocked|detected|received|logged|noticed|saw|reported|banned|registered|recorded"
    r"|observed|identified|denied|dropped|rejected)\b)"
)
_OURS_LABEL: Final = re.compile(
    rf"\b{_OUR}\s(?:{_OF_IT}[\w-]{{1,20}}\s){{0,2}}?{_HOST}\s{{0,2}}:\s{{0,3}}$", re.IGNORECASE
)
_OURS_BEHIND: Final = re.compile(
    rf"^[\])]?,\s(?:(?:which|that)\sis\s)?{_OUR}\s(?:[\w-]{{1,20}}\s){{0,2}}?{_HOST}\b(?=[.,;!?)\n]|$)", re.IGNORECASE
)
_OURS_BEFORE: Final = re.compile(
    rf"\b{_OUR}\s(?:{_OF_IT}[\w-]{{1,20}}\s){{0,3}}?{_HOST}\w{{0,4}}(?:\s(?:with|at|on|is|mit|unter))?"
    rf"(?:\s{{0,2}}[\[(]?{_HOST})?{_OPEN}$"
    r"|\b(?:observed|detected|noticed|recorded|logged|seen)\sby\s(?:the\s)?(?:[\w-]{1,20}\s){0,2}[(\[]?$"
    r"|\breport\w{0,3}\s(?:was|is|has been)?\s?(?:generated|made|created|issued)\s(?:by|on|from)\s"
    r"(?:[\w-]{1,20}\s){0,2}[(\[]?$"
    r"|\b(?:version|release|openss[lh]|apache|nginx|php|exchange|firefox|chrome|curl|python|java|linux|windows)[ /-]v?$"
    r"|\b(?:test|check|verifi|verification|quer|measure|report|complaint)\w{0,4}\s(?:(?:was|were|is|are|has been"
    r"|made|done|run|performed|originated|came|sent|you)\s){0,3}(?:from|by)\s(?:the\s)?(?:ip\s|address\s|host\s){0,2}[(\[]?$",
    re.IGNORECASE,
)
# Languages whose particles stand behind: Japanese, Korean, Turkish, Hungarian, Finnish, Chinese.
_FROM_BEHIND: Final = re.compile(
    r"^[\])\u300d\uff09]?\s{0,2}(?:\u304b\u3089|\uc5d0\uc11c|\uc73c\ub85c\s?\ubd80\ud130|(?:numaral\u0131\s)?IP(?:['\u2019]?s?[i\u0131]n?den"
    r"|\sadres\w{0,4}(?:nden|n\u0131zdan|nizden))|-?(?:r\u00f3l|r\u0151l)\b|\s?IP-?c\u00edmr\u0151l|\s?osoitteesta"
    r"|[^\n]{0,12}?(?:\u6b63\u5728|\u6301\u7eed|\u4e0d\u65ad)?(?:\u653b\u51fb|\u653b\u64ca|\u626b\u63cf|\u6383\u63cf|\u53d1\u9001|\u767c\u9001))",
    re.IGNORECASE,
)
_FROM_BEFORE: Final = re.compile(
    r"(?:[\u6765\u4f86]\u81ea|[\u4ece\u5f9e\u7531])(?:\s?IP)?(?:\u5730\u5740)?\s{0,2}[\[(\uff08]?$", re.IGNORECASE
)
_TO_BEHIND: Final = re.compile(r"^[\])\u300d\uff09]?\s{0,2}(?:\u3078|\u306b\u5bfe|\uc5d0\s?\ub300\ud55c|\ub85c\b)")
_HOSTS_NAME: Final = re.compile(r"(?<![\w.@/-])[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\.?(?:\s{0,2}(?=[\[(]$)|\s$)")
_BREAK: Final = re.compile(r"[.!?;]\s(?=\S)|\n\s*\n")
_OUR_HOSTS: Final = re.compile(
    rf"\b{_OUR}\s(?:[\w-]{{1,20}}\s){{0,2}}?{_HOST}s?\b|\b{_HOST}s?\s(?:[\w-]{{1,20}}\s){{0,2}}?of\s(?:ours|our)\b",
    re.IGNORECASE,
)
_AS_LISTED: Final = re.compile(
    r"^,?\s(?:(?:as|that|which|is|are|was|were|have been)\s){0,2}"
    r"(?:listed|shown|given|named|below|follow\w*|hit|affected|attacked|targeted|scanned|probed|concerned)\b",
    re.IGNORECASE,
)
_FOLLOWING: Final = r"(?:following|these|those|folgende\w{0,2}|diese\w?|suivantes?|siguientes|seguenti)"
_OTHER_HOSTS: Final = re.compile(
    rf"\b{_FOLLOWING}\s(?!(?:of\s)?{_OUR}\b)(?:[\w-]{{1,20}}\s){{0,2}}?{_HOST}s?\b(?!\s(?:[\w-]{{1,20}}\s){{0,2}}?of\sour)"
    rf"|\b(?:from|by|von|durch|aus|desde|depuis|par|por|dall?[ae]?)\s(?:the\s)?(?:{_FOLLOWING}|{_YOUR})\b",
    re.IGNORECASE,
)
_HEADED: Final = re.compile(r"[.:]\s*\n[^\w\n]{0,12}$")  # the line above is a heading, or another sentence
NEAR: Final = 120  # characters on either side


def is_accused(before: str, behind: str) -> bool:
    """Whether the clause around an address says that it is yours, or that it does what is complained of."""
    words = _clause(before)
    if _FROM_BEHIND.match(behind[:NEAR]) or _FROM_BEFORE.search(words):
        return True
    rest = words_behind(behind)
    return bool(_YOURS_BEFORE.search(words) or _YOURS_BEHIND.match(rest) or _DOES.match(rest))


def is_attacked(before: str, behind: str) -> bool:
    """Whether the clause around an address says that it is ours, who complain, or that something is done to it."""
    if _TO_BEHIND.match(behind[:NEAR]) or _OURS_BEFORE.search(_clause(before)):
        return True
    return bool(_SUFFERS.match(words_behind(behind)))


def is_of_ours(before: str, behind: str) -> bool:
    """Whether a label, or the words behind, call it a host of ours, who complain: "Our relay: ", ", our relay"."""
    return bool(_OURS_LABEL.search(before[-NEAR:]) or _OURS_BEHIND.match(behind[:NEAR]))


def lists_ours(heading: str, *, nearby: bool = False) -> bool:
    """Whether what a sentence heads is ours, who complain, and nobody else's: "attempts at our hosts as listed below".

    ``nearby``: only if that is said of our hosts right there.
    """
    found = _OUR_HOSTS.search(heading)
    if found is not None and _AS_LISTED.match(heading[found.end() :]):
        return True
    return found is not None and not nearby and not heads_others(heading)


def heads_others(heading: str) -> bool:
    """Whether a sentence says that what it heads is where something came from: "... from these addresses"."""
    return _OTHER_HOSTS.search(heading) is not None


def without_name(words: str) -> str:
    """The words without a host's name that stands between them and its address."""
    return _HOSTS_NAME.sub("", words) if words[-1:] in {"[", "(", " "} else words


def _clause(before: str) -> str:
    if _HEADED.search(before):
        return ""
    return without_name(words_before(before, _BREAK))


def words_before(before: str, breaks: re.Pattern[str]) -> str:
    """What stands before an address since the last of these breaks, on one line."""
    words = before[-NEAR:]
    parted = list(breaks.finditer(words))
    return " ".join((words[parted[-1].end() :] if parted else words).split("\n"))


def words_behind(behind: str) -> str:
    """The rest of the line behind an address, and the next one; "" where the line ends with the address."""
    return " ".join(behind[:NEAR].split("\n", 2)[:2]) if behind[:1] != "\n" else ""
