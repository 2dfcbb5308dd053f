"""Bounces of Sendmail from before RFC 3464, and of what imitates it: a transcript of the session."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.returned import bounce, recipient
from whosent.complaints.view import View
from whosent.model.complaint import Told

_MARK: Final = re.compile(r"Transcript of session follows|following addresses had (?:permanent|transient|delivery)")
_REFUSED: Final = re.compile(
    r"(?im)^[> \t]*(?:(?P<code>[45]\d\d)[ -](?:(?P<status>[45]\.\d{1,3}\.\d{1,3}) "
    r")?)?<?(?P<box>[^\s<>]{1,128}@[\w.-]{1,255})>?"
    r"(?:\.\.\. *(?P<said>[^\n]{3,500})|[ \t]*\n[ \t]*\(reason: (?P<reason>[^\n]{3,500})\)|[ "
    r"\t]+\[(?P<why>[^\]\n]{3,200})\])"
)
_ANSWER: Final = re.compile(r"(?m)^[> ]*(?:<<<|>>> .{0,200}\n[> ]*<<<) (?P<said>[45]\d\d[^\n]{0,500})")
_LISTED: Final = re.compile(r"(?m)^[> \t]*<?(?P<box>[^\s<>]{1,128}@[\w.-]{1,255})>?[ \t]*$")


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if it has such a transcript or list of addresses."""
    mark = _MARK.search(view.text)
    if not mark:
        return ()
    text = view.words_from(mark.start())[:20_000]
    answer = _ANSWER.search(text)
    found = []
    for match, _ in zip(_REFUSED.finditer(text), range(1_000), strict=False):
        words = match["said"] or match["reason"] or match["why"]
        said = " ".join(part for part in (match["code"], match["status"], words) if part)
        found.append(recipient(view, extract.folded(match["box"]), said))
    if not found:
        boxes = (match["box"] for match, _ in zip(_LISTED.finditer(text), range(1_000), strict=False))
        found = [recipient(view, extract.folded(box), answer["said"] if answer else "") for box in boxes]
    return (bounce(view, "sendmail", found),) if found or view.by_daemon else ()


layout = Layout("sendmail", "Sendmail (older)", 4, read)
