"""Bounces and warnings of Exim, and of the systems built on it (cPanel, Mail.Ru, 1&1): indented recipients."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.returned import blocks, bounce, recipient
from whosent.complaints.view import View
from whosent.model.complaint import Told

_HEAD: Final = re.compile(r"(?m)^ {0,4}(?P<box>[^\s<>()\[\]:;,]{1,128}@[\w.-]{1,255}):?[ \t]*$")
_MARK: Final = re.compile(
    r"created automatically by mail delivery software|could not be delivered to (?:one or more|all) of its"
    r"|address(?:\(es\)|es)? failed|has not yet been delivered",
    re.IGNORECASE,
)


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if Exim's header names failed recipients, or its words are there and a recipient below them."""
    failed = [box for value in view.headers.all("x-failed-recipients") for box in extract.mailboxes(value)]
    mark = _MARK.search(view.own_words)
    if not mark or not (failed or view.by_daemon):
        return ()
    text = view.own_words[mark.start() :]
    wanted = {box.lower() for box in failed}
    found = [recipient(view, extract.folded(head["box"]), said) for head, said in blocks(text, _HEAD)]
    found = [one for one in found if not wanted or (one.recipient or "").lower() in wanted]
    named = {(one.recipient or "").lower() for one in found}
    found += [recipient(view, box, text if len(failed) == 1 else "") for box in failed if box.lower() not in named]
    return (bounce(view, "exim", found),) if found else ()


layout = Layout("exim", "Exim", 3, read)
