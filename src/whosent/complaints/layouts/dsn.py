"""Delivery status notifications as RFC 3464 has them, also where their fields stand in a plain text part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.mail import Headers, Part, fields
from whosent.complaints.returned import bounce, recipient, tidy
from whosent.complaints.view import View
from whosent.model.complaint import HopClaim, ReportedRecipient, Told

_KINDS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_GROUPS: Final = re.compile(rb"\n[ \t]*\n")
_PLACED: Final = re.compile(r"(?im)^[> ]*(?:Final|Original)-Recipient:|^[> ]*Reporting-MTA:")
_MARKS: Final = re.compile(r"(?m)^[> ]+")
_ALONE: Final = re.compile(r"(?m)^[ \t]*<(?P<box>[^\s<>]{1,128}@[\w.-]{1,255})>[ \t]*$")
_TYPE: Final = re.compile(r"^\s*(?:rfc822|utf-8|x400|x-[\w-]+|unknown|system)\s*;", re.IGNORECASE)


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if a part (or the text) has fields for each recipient."""
    parts = _parts(view)
    groups = [group for part in parts for group in _groups(part.body)] or list(_inline(view))
    found = [one for group in groups for one in _recipients(view, group)]
    if not groups or not (found or parts):
        return ()
    told = bounce(view, "dsn", found or _from_text(view), arrival=_moment(groups, "arrival-date"))
    return (_with_claims(told, groups),)


def _parts(view: View) -> list[Part]:
    """The parts with the fields; what stands behind the returned message may be a part of it, and a stranger's."""
    before = takewhile(lambda part: not part.is_original, view.mail.parts)
    return [part for part in before if part.kind in _KINDS]


def _groups(body: bytes) -> list[Headers]:
    text = body.replace(b"\r\n", b"\n").strip()
    return [fields(group.lstrip(b"\n")) for group in _GROUPS.split(text)[:2_000] if group.strip()]


def _inline(view: View) -> Iterator[Headers]:
    """Groups of fields in the text itself, or in one that is forwarded with marks before its lines."""
    start = _PLACED.search(view.text)
    if start and (view.by_daemon or (view.text.count("-Recipient:") and "Status:" in view.text)):
        text = _MARKS.sub("", view.text[start.start() :][:20_000])
        yield from (group for group in _groups(text.encode("utf-8", "replace")) if group.get("final-recipient")
                    or group.get("original-recipient") or group.get("reporting-mta"))  # fmt: skip


def _recipients(view: View, group: Headers) -> Iterator[ReportedRecipient]:
    named = group.get("final-recipient") or group.get("original-recipient")
    if not named and not group.get("action"):
        return
    original, final = _mailbox(group.get("original-recipient")), _mailbox(group.get("final-recipient"))
    said = group.text("diagnostic-code")
    typed, _, rest = said.partition(";")
    reply = rest if rest and len(typed) < 30 else said  # noqa: PLR2004  # "smtp", "x-unix"
    box = original or final or _mailbox(group.get("x-actual-recipient"))
    status = group.get("status")
    yield recipient(view, box, reply, status, group.get("action"))


def _mailbox(value: str) -> str | None:
    rest = _TYPE.sub("", value).strip()
    return extract.mailbox(rest) or (rest.strip("<>")[:320] or None)


def _from_text(view: View) -> list[ReportedRecipient]:
    """Some systems leave the recipients out of the fields: those on lines of their own, else the text's first one."""
    words = view.own_words
    listed = [extract.folded(match["box"]) for match, _ in zip(_ALONE.finditer(words), range(1_000), strict=False)]
    if listed:
        return [recipient(view, box, tidy(words)) for box in dict.fromkeys(listed) if box.lower() not in view.addressee]
    boxes = [box for box in extract.mailboxes(words) if box.lower() not in view.addressee]
    return [recipient(view, boxes[0] if boxes else None, tidy(view.own_words.partition(boxes[0])[2]) if boxes else "")]


def _moment(groups: list[Headers], name: str) -> float | None:
    return next((found for group in groups if (found := extract.moment(group.get(name)))), None)


def _with_claims(told: Told, groups: list[Headers]) -> Told:
    """The bounce with the queue id that the reporting MTA gives (Postfix: X-Postfix-Queue-ID)."""
    head = groups[0]
    queue_id = head.get("x-postfix-queue-id") or head.get("x-queue-id")
    host = head.get("reporting-mta").partition(";")[2].strip().lower()
    if not queue_id:
        return told
    claim = HopClaim(host[:255], queue_id[:60], time=told.arrival)
    values = {name: getattr(told, name) for name in told.__struct_fields__}
    return Told(**{**values, "claims": (claim, *told.claims)})


layout = Layout("dsn", "Delivery status notification (RFC 3464)", 2, read)
