"""Automatic answers that are no complaint: absences, "we have received your message" (RFC 3834)."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.view import View
from whosent.model.complaint import Told

_SUBJECT: Final = re.compile(
    r"out of (?:the )?office|automat(?:ic|ed) (?:reply|response)|auto[-_ ]?(?:reply|response|responder)|vacation"
    r"|abwesenheit|absence|automatische antwort|réponse automatique|respuesta automática|自動返信|自动回复",
    re.IGNORECASE,
)

_ANSWER: Final = re.compile(r"\s*(?:re|aw|sv|antw|auto)\b", re.IGNORECASE)


def read(view: View) -> tuple[Told, ...]:
    """An event of kind ``other``, if the message answers by itself and reports nothing."""
    automatic = view.headers.get("auto-submitted").lower()
    said = automatic.startswith("auto-replied") or view.headers.get("x-autoreply") or view.headers.get("x-autorespond")
    if not _SUBJECT.search(view.subject) and not said:
        return ()
    if any(part.kind in {"message/feedback-report", "message/delivery-status"} for part in view.mail.parts):
        return ()
    if not _SUBJECT.search(view.subject) and _is_a_ticket(view):
        return ()
    return (
        Told(kind="other", layout="autoreply", reporter=view.reporter, feedback_type="auto-reply",
             reported=view.reported, arrival=view.reported),
    )  # fmt: skip


def _is_a_ticket(view: View) -> bool:
    """Whether a ticket system reports: its mail says auto-replied, but answers none, and its subject accuses."""
    answers = view.headers.get("in-reply-to").strip() or _ANSWER.match(view.subject)
    return not answers and any(map(extract.is_public, extract.addresses(view.subject)))


layout = Layout("autoreply", "Automatic answers (RFC 3834)", 8, read)
