"""What every kind of bounce has in common: recipients with their replies, and the returned message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from whosent.complaints import extract
from whosent.complaints.view import View
from whosent.model.complaint import ReportedRecipient, Told

_LONGEST_REPLY: Final = 500  # characters
_MOST: Final = 1_000  # recipients of one bounce
_TEMPORARY: Final = re.compile(
    r"delay|warning|temporar|will (?:be )?(?:retr|keep trying)|retried for|not yet been|still (?:being )?tr"
    r"|being held|could not send mail for past|queued for",
    re.IGNORECASE,
)
_PERMANENT: Final = re.compile(
    r"permanent|giv(?:en|ing) up|fail(?:ed|ure)|return(?:ed|ing) (?:message|mail|to sender)|undeliverable|rejected",
    re.IGNORECASE,
)
_SAID: Final = re.compile(
    r"(?:(?:said|returned|error(?: message)?|reason|response|reply|status|responded with failure)\s*(?:was"
    r"|is)?\s*:\s*|<<< ?|^\s*|[\]:] )(?=[45]\d\d[ :-])",
    re.IGNORECASE | re.MULTILINE,
)
_CODE: Final = re.compile(r"[45]\d\d[ :-]")


def status_of(dsn: str | None, code: str | None, view: View, action: str = "") -> str:
    """The word of a delivery's status: what Action says, else the codes, else the tone of the report."""
    action = action.lower()
    if action.startswith(("fail", "deliv", "delay", "relay", "expand")):
        return {"f": "bounced", "r": "sent", "e": "sent"}.get(action[0]) or ("sent" if action[3] == "i" else "deferred")
    if (dsn or "").startswith("2"):
        return "sent"
    head = f"{view.subject}\n{view.own_words[:2_000]}"
    if _TEMPORARY.search(head) and not _PERMANENT.search(view.subject):
        return "deferred"
    del code
    return "bounced"


def recipient(view: View, box: str | None, said: str, dsn: str = "", action: str = "") -> ReportedRecipient:
    """One recipient; ``said`` is what stands behind it in the report."""
    reply = tidy(said)
    status, code = extract.reply_codes(reply)
    known = extract.STATUS.search(dsn)
    return ReportedRecipient(
        recipient=box,
        dsn=(status if status and (not known or known[1].endswith(".0.0")) else known[1] if known else status),
        status=status_of(known[1] if known else status, code, view, action),
        smtp_reply=reply or None,
    )


def tidy(said: str) -> str:
    """The reply in one line: from its code on if it has one, bounded."""
    text = said[:4_000]
    start = _SAID.search(text)
    if start:
        text = text[start.end() :]
    text = " ".join(text.split())
    return text[:_LONGEST_REPLY].strip(" \"'>")


def bounce(view: View, layout: str, recipients: Iterable[ReportedRecipient], arrival: float | None = None) -> Told:
    """A bounce as an event; recipients that the report does not name are those of the returned message."""
    original = view.original
    found = _once(recipients)
    told = any(one.recipient for one in found)
    if not [one for one in found if one.recipient] and original:
        said = found[0] if found else recipient(view, None, "")
        last = original.delivered_to  # the last hop knew whom the message was for when it was returned
        known = [last] if last else original.recipients
        boxes = [box for box in known if box.lower() not in view.addressee] or known
        found = [_named(said, box) for box in boxes[:_MOST]] or found
    claims = original.claims if original else ()
    return Told(
        kind="bounce",
        layout=layout,
        reporter=view.reporter,
        feedback_type=None,
        arrival=arrival or (original.moment if original else None) or view.reported,
        original_mail_from=(original.mail_from if original else None) or next(iter(sorted(view.addressee)), None),
        original_recipient=found[0].recipient if len(found) == 1 else None,
        recipient_told=told,
        message_id=original.message_id if original else None,
        recipients=tuple(found),
        reported=view.reported,
        feedback_ids=original.feedback_ids if original else (),
        claims=claims,
    )


def _named(said: ReportedRecipient, box: str) -> ReportedRecipient:
    return ReportedRecipient(recipient=box, dsn=said.dsn, status=said.status, smtp_reply=said.smtp_reply)


def _once(recipients: Iterable[ReportedRecipient]) -> list[ReportedRecipient]:
    """Each recipient once: the mention that says most."""
    best: dict[str | None, ReportedRecipient] = {}
    for one, _ in zip(recipients, range(_MOST), strict=False):
        key = one.recipient.lower() if one.recipient else None
        known = best.get(key)
        if known is None or _tells(one) > _tells(known):
            best[key] = one
    return [one for key, one in best.items() if key is not None] or list(best.values())


def _tells(one: ReportedRecipient) -> tuple[bool, bool]:
    return one.dsn is not None, bool(one.smtp_reply and _CODE.match(one.smtp_reply))


def blocks(text: str, head: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
    """Each match of ``head`` with the text up to the next one."""
    found = [match for match, _ in zip(head.finditer(text), range(_MOST), strict=False)]
    for place, match in enumerate(found):
        end = found[place + 1].start() if place + 1 < len(found) else len(text)
        yield match, text[match.end() : end]
