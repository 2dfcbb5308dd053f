"""What a clause takes back of an address: "not from 192.0.2.7", "please unblock 192.0.2.7", "192.0.2.7 is clean".

Who reads only that an address stands beside "attack" names those of whom the reporter says that they did nothing, those
to whom it is done ("stop scanning 192.0.2.7"), and the server that turned the complaint away.
"""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import clauses

_TO_IT: Final = (
    r"(?:(?:the|your|our|this|der|die|dem|la|el|il|ip|address|adresse|host|server|customer|client)\s){0,4}[(\[\"']?$"
)
_EACH: Final = r"(?:[\w-]{1,20}\s)"
_DEEDS: Final = r"(?:attack|scann?|prob|flood|hack|hammer|bombard|spamm?|brute-?forc|ddos|abus)"
_DENIED_BEFORE: Final = re.compile(
    r"(?:\b(?:not|never|no longer)|n['\u2019]t)\s(?!only|just)"
    r"(?:(?:come|coming|came|originat\w{1,3}|sent|stem|stemming|made|caused"
    rf"|be|been|done|say|mean)\s){{0,2}}(?:(?:from|by|at|is|was|that)\s){{0,2}}{_TO_IT}"
    r"|\b(?:do|must|may|should|shall|can|did)\s?n(?:o|['\u2019])t\s(?:send|use|confuse|mistake|blame|accuse)\s"
    rf"{_EACH}{{0,3}}?(?:from\s|by\s|with\s)?{_TO_IT}"
    rf"|\bno\s(?!more)(?:\w{{1,20}}\s)?(?:{_DEEDS}\w{{0,4}}|malware|phishing)\s{_EACH}{{0,3}}?(?:from|by|at)\s{_TO_IT}"
    rf"|\b(?:nicht|kein\w{{0,2}}|no|n\u00e3o|non|pas|niet|nie)\s(?:\w{{1,12}}\s){{0,2}}?"
    rf"(?:von|aus|durch|vom|de|desde|del|da|dal|van|z)\s{_TO_IT}"
    rf"|\b(?:de-?list|un-?block|whitelist|allowlist|stop block|why do you block)\w{{0,5}}\s{_EACH}{{0,4}}?{_TO_IT}"
    r"|\b(?:black|block|deny)-?list\s(?:still\s)?(?:lists|contains|has)\s(?:[\w-]{1,20}\s){0,2}?[(\[\"']?$"
    rf"|\b(?:forg|fak)(?:ed|ing|es)\s{_TO_IT}"
    rf"|\bspoofed\s(?:packets?\s(?:with\s|from\s)?)?(?:source\s|sender\s)?{_TO_IT}"
    rf"|\b(?:spam\s?)?filters?\s(?:at|on|of)\s{_TO_IT}|\bwe\s(?:at|on|behind)\s{_TO_IT}",
    re.IGNORECASE,
)
_ATTACKED_BEFORE: Final = re.compile(  # a verb whose object it is; "attacking IP 192.0.2.7" is none
    rf"(?:\b(?:stop|are|is|am|was|were|been|keeps?|kept|started)\s(?:again\s|still\s|now\s)?{_DEEDS}ing"
    rf"|\b(?:users|customers|clients|hosts|machines|servers|bots|they)\s(?:have\s|also\s|still\s)?{_DEEDS}e?"
    rf"|\b(?:users?|customers?|clients?|hosts?|machines?|servers?|networks?|bots?|some(?:one|body)|who|they|it)\s"
    rf"(?:has\s|have\s|also\s|still\s)?{_DEEDS}ed|\b(?:some(?:one|body)|who|it)\s(?:also\s|still\s)?{_DEEDS}e?s)\s[(\[\"']?$",
    re.IGNORECASE,
)
_NOT: Final = (  # and what is no guilt that goes on: "has not stopped", "is not permitted to send"
    r"(?:\s(?:not|never|no longer|nicht|kein\w{0,2}|non|pas|niet)|n['\u2019]t)\s"
    r"(?:(?:the|an?|our)\s(?:real\s|true\s)?(?:source|attacker|spammer|origin|culprit"
    r"|offender|cause|problem|abuser|bot)|us|ours|yours|involved"
    r"|responsible|guilty|to blame|related|affected|infected|compromised|malicious|concerned"
    r"|(?:attack|scann?|spamm?|abus|send|sent|come|came|originat|belong|take part|taken part|done|do)\w{0,3}"
    r"|been\s(?:involved|infected|used|compromised))\b"
)
_CLEAN: Final = (
    r"(?:fine|clean|innocent|harmless|legitimate|whitelisted|delisted|unblocked|spoofed|forged|faked|impersonated|wrong"
    r"|incorrect|a\s(?:false|mistake|victim)|(?:used\sas\s)?(?:the|a)\s(?:target|victim)|(?:removed|delisted)\sfrom"
    r"|no\s(?:longer|spam|source|attacker|threat))\b"
)
_DENIED_BEHIND: Final = re.compile(
    r"^[\])>\"']{0,3}(?:,\s[^,.!?\n]{1,60},)?(?:\sin\s(?:our|my|the)\s[^.!?;,\n]{0,30}?)?\s?"
    rf"(?:(?:is|was|are|were|has|have|had|does|did|do)(?:{_NOT}|\s(?:now\s|been\s|again\s|also\s){{0,2}}{_CLEAN})"
    r"|and\s(?:found|believe|consider|know)\sit\s(?:to\sbe\s|is\s)?(?:clean|fine|innocent|harmless)\b)"
    r"|^[\])>\"']{0,3}\s(?:has\s)?(?:rejected|rejects|refuse[sd]|bounce[sd]|returned|turned away|block(?:s|ed))\s"
    r"(?:\w{1,12}\s){0,2}?(?:our|my|this|the)\b"
    r"|^[\])>\"']{0,3}\s(?:from|off|of)\s(?:your|the|our|any)\s(?:[\w-]{1,20}\s)?(?:(?:block|black|deny)-?list|rbl|dnsbl)"
    r"|^[\])>\"']{0,3}\s?(?:[.!;,]\s|and\s)?(?:it\s|which\s|that\s)?(?:belongs\sto\sus|is\sours|is\snot\syours)\b"
    r"|^[\])>\"']{0,3}\sbut\s(?:it\s)?(?:originat|came|comes|was\ssent|sent)\w{0,3}\s",
    re.IGNORECASE,
)
_HEADS_CLEARED: Final = re.compile(
    r"\b(?:no longer|(?:not|never)(?! (?:yet|only|just|secured?|patched|updated|properly|configured))"
    r"|without|clean|allowed|white-?list\w{0,3}"
    r"|allow-?list\w{0,3}|(?:removed|delisted) from"
    r"|unblocked|under (?:\w{1,12} )?attack (?!from)"
    r"|(?:are|is|were|was) (?:being )?(?:attacked|targeted|scanned|probed)(?! from| by the following))\b",
    re.IGNORECASE,
)
_BREAK: Final = re.compile(r"[.!?;]\s(?=\S)|\n\s{0,20}\n|,?\s(?:but|sondern|sino|mais|mas|ma|maar)\s")


def takes_back(before: str, behind: str) -> bool:
    """Whether the clause says that it was not this address, or that this one suffers it, or asks that it go free."""
    words = clauses.words_before(before, _BREAK)
    if _DENIED_BEFORE.search(words) or _ATTACKED_BEFORE.search(words):
        return True
    return bool(_DENIED_BEHIND.match(clauses.words_behind(behind)))


def heads_cleared(heading: str) -> bool:
    """Whether what a line heads did nothing, or suffers it: "Allowed hosts:", "... are under attack by a botnet:"."""
    return _HEADS_CLEARED.search(heading) is not None
