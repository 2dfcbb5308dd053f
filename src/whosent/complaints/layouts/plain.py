"""Complaints that people and scripts write in their own words, with the message attached, quoted or pasted, or not.

An address is accused that labels (in some twenty languages), headings, tables, lines of a log, XML, JSON or YAML call
the source, in the text or a file beside it; the attacked never is. What is merely mentioned is accused if nothing else
is.
"""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract, labels
from whosent.complaints.accused import Accused, accused
from whosent.complaints.layouts import Layout
from whosent.complaints.view import View
from whosent.model.complaint import ReportKind, Told

_WORDS: Final = re.compile(
    r"\b(?:spam\w*|abus\w+|complain\w*|unsolicited|UCE|UBE|junk|phish\w*|scam\w*|fraud\w*|attack\w*|brute.?force"
    r"|intrusion|scann\w+|malware|virus\w*|botnet|hack\w*|compromised|exploit\w*|DDoS|DoS|infring\w+|copyright|DMCA"
    r"|spoof\w*|hijack\w*|security (?:incident|alert)|unauthori[sz]ed|offending|malicious|missbrauch|beschwerde"
    r"|pourriel|plainte|queja|denuncia|reclamo|жалоб\w*|спам\w*|fail2ban|login attempt\w*|vulnerab\w*|blacklist\w*"
    r"|kompromittier\w*|schadsoftware|ransomware|unwanted|(?:port|net)[- ]?scan\w*"
    r"|stop (?:sending|this)|cease|hosts\.deny|angriffe?n?"
    r"|(?:ip|server|host)\b[^\n]{0,80}\b(?:blocked|suspended|null-?routed)"
    r"|angegriffen|angreif\w+|attaqu\w+|ataques?|ataca\w*|attacc\w+|aanval\w*|angrep\w*|atak\w*|\u00fatok\w*|t\u00e1mad\w*"
    r"|\u0430\u0442\u0430\u043a\w*|\u0432\u0437\u043b\u043e\u043c\w*|sald\u0131r\w*|intrus\w+|invas\w+)"
    r"|\u653b[\u6483\u51fb\u64ca]|\u4e0d\u6b63|\u8ff7\u60d1|\u5783\u573e|\uacf5\uaca9|\uc2a4\ud338|\uce68\uc785",
    re.IGNORECASE,
)
_OF_TRAFFIC: Final = (  # what is unsolicited and no message
    r"\s(?:[\w/-]{1,20}\s){0,3}(?:connection|traffic|packet|request|scan|disclosure|attempt|access)"
)
_TYPES: Final = (
    ("phishing", re.compile(r"phish", re.IGNORECASE)),
    ("copyright", re.compile(r"copyright|infring|DMCA", re.IGNORECASE)),
    ("login-attack", re.compile(r"brute.?force|login attempt|fail2ban|ssh|dictionary attack", re.IGNORECASE)),
    ("ddos", re.compile(r"d?dos\b|denial[- ]of[- ]service|amplification|flood", re.IGNORECASE)),
    ("malware", re.compile(r"malware|virus|botnet|trojan", re.IGNORECASE)),
    ("port-scan", re.compile(r"(?:port|net|network)[- ]?scan|probing", re.IGNORECASE)),
    ("abuse", re.compile(rf"spam|(?:unsolicited|unwanted)(?!{_OF_TRAFFIC})|UCE|UBE|junk|pourriel|спам", re.IGNORECASE)),
    ("fraud", re.compile(r"fraud|scam", re.IGNORECASE)),
)
_OPT_OUT: Final = re.compile(
    r"\s*(?:list-)?(?:unsubscribe|opt[- ]?out|abmelden|remove me|désinscription)\b", re.IGNORECASE
)
_REPLY: Final = re.compile(r"^\s*(?:re|aw|sv|antw|odp|rif|res|ynt)(?:\[\d+\])?\s*:", re.IGNORECASE)
_LABELLED: Final = 4  # the weight of an address that the text calls the source
_OF_A_LOG: Final = 3  # of one that a line of a log has as the client
_MOST_OF_CC: Final = 20_000  # characters
_QUOTED: Final = re.compile(r"(?m)^[ \t]{0,3}>[^\n]*\n?")
_ABUSE_DESK: Final = re.compile(
    r"\b(?:abuse|spam|fbl|complaints?|postmaster|noc|security|cert)[\w.+-]*@", re.IGNORECASE
)


def read(view: View) -> tuple[Told, ...]:
    """The complaint, if its words complain, or a message is sent to an abuse desk."""
    own = _QUOTED.sub("", view.text[:20_000])
    original = view.original
    answer = bool(_REPLY.match(view.subject) and (view.headers.get("in-reply-to") or view.headers.get("references")))
    copied = _is_copied_to_a_desk(view)
    if answer and not view.attached and not copied:
        return (_other(view),)
    if _OPT_OUT.match(view.subject):
        return (_other(view, "notice", "opt-out"),)
    words = (
        _WORDS.search(view.subject) or _WORDS.search(own) or _WORDS.search(view.headers.text("from").partition("<")[0])
    )
    desk = copied or bool(_ABUSE_DESK.search(view.headers.get("to")))
    found = accused(view)
    labelled = bool(found) and found[0].weight >= _LABELLED
    logged = bool(found) and found[0].weight == _OF_A_LOG
    if not words and not (original and (desk or view.attached)) and not (desk and (labelled or logged)):
        return ()
    if not (desk or labelled or view.attached) and _is_talk(view, found):
        return ()
    source, port = original.client if original else (None, None)
    named: list[tuple[str | None, int | None]] = [(one.address, one.port) for one in found]
    if source and (not labelled or len(found) == 1):  # what a header says beats a word in passing
        named = named if labelled else [(source, port)]
    return tuple(_complaint(view, address, port) for address, port in named or [(source, port)])


def _is_talk(view: View, found: list[Accused]) -> bool:
    """Whether it speaks of such things to nobody in charge: what a mailing list sends, or words within a text alone.

    Somebody who complains to a person says so in the subject or in the name, quotes a message, or says something of an
    address.
    """
    if any(
        _ABUSE_DESK.search(view.headers.get(name)[:_MOST_OF_CC]) for name in ("cc", "delivered-to", "x-original-to")
    ):
        return False
    if view.headers.get("list-id") or view.headers.get("list-post"):
        return True
    if view.original or (found and found[0].weight > labels.MENTIONED):
        return False
    return not _WORDS.search(f"{view.subject}\n{view.headers.text('from').partition('<')[0]}")


def _is_copied_to_a_desk(view: View) -> bool:
    """Whether somebody answers the spammer, and abuse desks get the copy, with the message and its way in it."""
    if _ABUSE_DESK.search(view.headers.get("to")) or not _ABUSE_DESK.search(view.headers.get("cc")[:_MOST_OF_CC]):
        return False
    return bool(view.original and view.original.client[0])


def _complaint(view: View, address: str | None, port: int | None) -> Told:
    original = view.original
    reply_to = extract.mailbox(view.headers.get("reply-to"))
    text = f"{view.subject}\n{view.text[:20_000]}"
    links = extract.links(original.body if original and original.body else view.text)
    return Told(
        kind="complaint",
        layout="plain",
        reporter=reply_to if reply_to and reply_to.lower() not in view.addressee else view.reporter,
        feedback_type=next((name for name, words in _TYPES if words.search(text)), None),
        source_address=address,
        source_port=port,
        arrival=(original.moment if original else None) or _moment(view) or view.reported,
        original_mail_from=original.mail_from if original else None,
        original_recipient=(original.delivered_to or next(iter(original.recipients), None)) if original else None,
        recipient_told=bool(original and original.delivered_to),
        message_id=original.message_id if original else None,
        urls=links[:20],
        reported=view.reported,
        feedback_ids=original.feedback_ids if original else (),
        claims=original.claims if original else (),
    )


_DATED: Final = re.compile(
    r"(?im)^[> \t]*(?:date|time|timestamp|zeit|when|datum|first seen|event ?time)[\w ()/-]{0,20}[:=][ \t]*([^\n]{8,60})"
)


def _moment(view: View) -> float | None:
    """What a line called date says."""
    found = _DATED.search(view.text)
    return extract.moment(found[1]) if found else None


def _other(view: View, kind: ReportKind = "other", what: str = "reply") -> Told:
    return Told(kind=kind, layout="plain", reporter=view.reporter, feedback_type=what, reported=view.reported,
                arrival=view.reported)  # fmt: skip


layout = Layout("plain", "Complaints in plain words", 9, read)
