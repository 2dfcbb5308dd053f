"""Bounces of Exchange 5.5 to 2003 ("did not reach the following recipient(s)") and of later ones in plain text."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.returned import blocks, bounce, recipient
from whosent.complaints.view import View
from whosent.model.complaint import ReportedRecipient, Told

_MARK: Final = re.compile(
    r"did not reach the following recipient|Delivery (?:has failed|is delayed) to these recipients"
    r"|following recipient\(s\) (?:could not|cannot) be reached|Diagnostic information for administrators",
    re.IGNORECASE,
)
_HEAD: Final = re.compile(
    r"(?m)^[ \t]{0,8}(?:'?(?P<box>[^\s<>()'\[\]:;,]{1,128}@[\w.-]{1,255})'?(?: on \w{3}, \d[^\n]{5,60})?"
    r"|[^\n<>]{1,80}<(?:mailto:)?(?P<named>[^\s<>]{1,128}@[\w.-]{1,255})>[^\n]{0,80}"
    r"|c=[^\n]{0,200}dda:SMTP=(?P<dda>[^\s<>;]{1,128}@[\w.-]{1,255});[^\n]{0,80})[ \t]*$"  # an X.400 address
)
_KNOWN: Final = (
    ("unknown recipient", "5.1.1"),
    ("is not recognized", "5.1.1"),
    ("does not exist", "5.1.1"),
    ("mailbox is full", "5.2.2"),
)


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if Exchange wrote it."""
    mark = _MARK.search(view.text)
    if not mark or not (view.by_daemon or "undeliverable" in view.subject.lower()):
        return ()
    found = []
    text = view.own_words if _MARK.search(view.own_words) else view.text
    for head, said in blocks(text[mark.start() :][:20_000], _HEAD):
        box = extract.folded(head["box"] or head["named"] or head["dda"])
        found.append(_coded(recipient(view, box, said[:1_000]), said.lower()))
    return (bounce(view, "exchange", found),) if found else ()


def _coded(one: ReportedRecipient, said: str) -> ReportedRecipient:
    """Old ones give no code, but words."""
    code = next((code for words, code in _KNOWN if words in said), None)
    if one.dsn or not code:
        return one
    return ReportedRecipient(recipient=one.recipient, dsn=code, status=one.status, smtp_reply=one.smtp_reply)


layout = Layout("exchange", "Exchange (older)", 4, read)
