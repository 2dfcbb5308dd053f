"""Refusals of AOL that list its users by their screen names, without the domain."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

from whosent.complaints.layouts import Layout
from whosent.complaints.returned import bounce, recipient
from whosent.complaints.view import View
from whosent.model.complaint import Told

_MARK: Final = re.compile(
    r"Your mail to the following recipients could not be delivered because (?P<why>[^:]{3,300}):\n"
)
_NAME: Final = re.compile(r"[ \t]+(?P<name>[A-Za-z0-9][\w.-]{1,63})[ \t]*")
_DOMAIN: Final = "aol.com"
_MOST: Final = 200


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if AOL's mail system says to have written it and lists names behind the reason."""
    mark = _MARK.search(view.text)
    if mark is None or not view.by_daemon or not (view.reporter or "").lower().endswith(f"@{_DOMAIN}"):
        return ()
    why = f"not delivered because {' '.join(mark['why'].split())}"
    lines = map(_NAME.fullmatch, view.text[mark.end() :].splitlines()[:_MOST])
    names = [line["name"] for line in takewhile(bool, lines) if line]
    return (bounce(view, "aol", [recipient(view, f"{name}@{_DOMAIN}", why) for name in names]),)


layout = Layout("aol", "AOL, by screen name", 4, read)
