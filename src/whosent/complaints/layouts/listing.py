"""Notices that an address or domain of ours is on a blocklist: Spamhaus, UCEPROTECT, SORBS, Barracuda and others."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.accused import accused
from whosent.complaints.layouts import Layout
from whosent.complaints.view import View
from whosent.model.complaint import Told

_LISTS: Final = re.compile(
    r"\b(spamhaus|uceprotect|sorbs|barracuda ?(?:central|networks)?|spamcop bl|senderscore|abuseat|cbl|invaluement"
    r"|mailspike|psbl|spamrats|nixspam|backscatterer|surbl|uribl|dnswl|0spam|blocklist\.de|truncate|gbudb|hostkarma"
    r"|wpbl|s5h|s[- ]?c?bl|snds|trend ?micro ers|proofpoint|cloudmark|talos|swinog|manitu)\b",
    re.IGNORECASE,
)
_LISTED: Final = re.compile(
    r"(?:is|are|was|were|has been|have been|been|got|now|newly|currently|becom\w+)\s+(?:\w+\s+){0,2}(?:listed"
    r"|blacklisted|blocklisted|blocked by)\b|(?:new|added|created|opened)[\w ]{0,20}(?:listing|record|entr(?:y|ies))"
    r"|\bSBL\d{3,7}\b|(?:listing|blacklist|blocklist|black list|block list|DNSBL|RBL)\s+(?:notification|notice|alert"
    r"|alarm|report|record|of|for)|(?:added|listed|put) (?:to|in|on|by) (?:the|our"
    r"|an?)?\s*(?:[\w.-]+\s){0,3}(?:blacklist|blocklist|list|DNSBL|RBL|SBL|XBL|CSS|PBL|DBL)",
    re.IGNORECASE,
)
_REASON: Final = re.compile(r"\b(SBL\d{3,7}|XBL|CSS|PBL|DBL|UCEPROTECT[- ]?(?:Level ?)?[123]?)\b")


def read(view: View) -> tuple[Told, ...]:
    """One event for each listed address, if the sender or subject names a list and the words say "listed"."""
    head = f"{view.subject} {view.headers.text('from')}"
    named = _LISTS.search(head) or _LISTS.search(view.own_words[:4_000])
    listed = _LISTED.search(view.subject) or _LISTED.search(view.own_words[:4_000])
    if not (named and listed) or view.attached:
        return ()
    if not (_LISTS.search(head) or re.search(r"list", view.subject, re.IGNORECASE)):
        return ()
    reason = _REASON.search(f"{view.subject}\n{view.own_words[:4_000]}")
    kind = (reason[1] if reason else named[1]).lower().replace(" ", "_")
    found: list[str | None] = [one.address for one in accused(view)]
    return tuple(
        Told(kind="listing", layout="listing", reporter=view.reporter, feedback_type=kind,
             source_address=one, arrival=view.reported, reported=view.reported,
             urls=extract.links(view.own_words)[:10])
        for one in found or [None]
    )  # fmt: skip


layout = Layout("listing", "Blocklist notices", 5, read)
