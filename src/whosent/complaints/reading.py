"""A message to its events: the first layout that knows it reads it; none is ever left without an answer."""

from __future__ import annotations

from typing import Final

import msgspec

from whosent.complaints import extract
from whosent.complaints.layouts import discover
from whosent.complaints.mail import Mail, parse
from whosent.complaints.view import View
from whosent.model.complaint import Told

_MOST_MENTIONED: Final = 50


def read(raw: bytes) -> tuple[Told, ...]:
    """The events of one report; one of kind ``other`` where nobody knows what it is."""
    return of_mail(parse(raw))


def of_mail(mail: Mail) -> tuple[Told, ...]:
    """The events of a parsed report."""
    view = View(_passed_on(mail))
    for layout in discover():
        found = layout.read(view)
        if found:
            return tuple(map(_with_mentioned, found, [_mentioned(view)] * len(found)))
    return (Told(kind="other", layout="none", reporter=view.reporter, reported=view.reported),)


def _passed_on(mail: Mail) -> Mail:
    """The report itself, where it was passed on whole: as the only part, or below the words of a gateway."""
    originals = mail.originals
    if mail.kind == "multipart/report" or len(originals) != 1:
        return mail
    inner = parse(originals[0].body)
    if len(mail.parts) == 1:
        return inner if inner.kind == "multipart/report" else mail
    same = all(inner.headers.get(name) == mail.headers.get(name) != "" for name in ("from", "to", "subject"))
    return inner if same else mail


def _mentioned(view: View) -> tuple[str, ...]:
    """The public addresses in the text of a report, once each."""
    found = dict.fromkeys(known for known in extract.addresses(view.text) if extract.is_public(known))
    return tuple(found)[:_MOST_MENTIONED]


def _with_mentioned(told: Told, mentioned: tuple[str, ...]) -> Told:
    others = tuple(one for one in mentioned if one != told.source_address)
    return msgspec.structs.replace(told, mentioned=others) if others and told.kind != "bounce" else told
