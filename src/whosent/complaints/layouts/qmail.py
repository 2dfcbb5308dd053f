"""Bounces in paragraphs that begin with the recipient: qmail, Postfix in plain text, Yahoo, OpenSMTPD and their kin."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.returned import blocks, bounce, recipient
from whosent.complaints.view import View
from whosent.model.complaint import Told

_HEAD: Final = re.compile(r"(?m)^(?:<(?P<box>[^<>\n]{1,320}@[^<>\n]{1,255})>(?: \([^\n()]{0,320}\))?:[ \t]*(?=\S|\n)"
                          r"|(?P<bare>[^\s<>:;,]{1,128}@[\w.-]{1,255}): (?=\S))")  # fmt: skip
_MARKS: Final = re.compile(
    r"qmail-send|I wasn't able to deliver your message|unable to deliver (?:your )?message to the following"
    r"|The Postfix program|This is the MAILER-DAEMON, please DO NOT REPLY|unable to deliver your message"
    r"|could not be delivered to one or more|message returned\s+below|Sorry, your message|Sorry, I couldn't"
    r"|bounced? message|delivery (?:has )?failed|not (?:be )?delivered",
    re.IGNORECASE,
)


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if its text is one and has such paragraphs."""
    text = view.own_words
    if not _MARKS.search(text) or not (view.by_daemon or "failure notice" in view.subject.lower()):
        return ()
    found = [recipient(view, extract.folded(head["box"] or head["bare"]), said)
             for head, said in blocks(text, _HEAD)]  # fmt: skip
    return (bounce(view, "qmail", found),) if found else ()


layout = Layout("qmail", "qmail, Postfix, Yahoo, OpenSMTPD (paragraphs)", 4, read)
