"""Bounces of Gmail and Google Groups from before they followed RFC 3464."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.returned import bounce, recipient
from whosent.complaints.view import View
from whosent.model.complaint import Told

_NAMED: Final = re.compile(
    r"Delivery to the following recipient(?:s|\(s\))? (?:failed permanently|has been delayed|failed"
    r"|was aborted)[^:\n]*:\s*((?:\s*[^\s<>:]{1,128}@[\w.-]{1,255}){1,100})",
)
_SAID: Final = re.compile(r"(?:server returned was:|Technical details of (?:permanent|temporary) failure:\s*)")
_SOFT: Final = re.compile(r"=\n")


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if Google wrote it."""
    if "google" not in (view.reporter or "").lower() and "Google tried to deliver" not in view.text:
        return ()
    text = _SOFT.sub("", view.own_words)
    named = _NAMED.search(text)
    boxes = extract.mailboxes(named[1]) if named else []
    boxes += [box for value in view.headers.all("x-failed-recipients") for box in extract.mailboxes(value)]
    if not boxes:
        return ()
    starts = [found.end() for found in _SAID.finditer(text)]
    said = text[starts[-1] :].strip() if starts else text[named.end() :] if named else ""
    return (bounce(view, "gmail", [recipient(view, box, said) for box in dict.fromkeys(boxes)]),)


layout = Layout("gmail", "Gmail, Google Groups (older)", 3, read)
