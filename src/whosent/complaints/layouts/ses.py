"""Amazon SES notifications (JSON by SNS): bounces, complaints and deliveries."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.returned import recipient
from whosent.complaints.view import View
from whosent.model.complaint import ReportedRecipient, Told

_MARK: Final = re.compile(r'"(?:notification|event)Type"\s*:\s*"')
_LONGEST: Final = 256 << 10


def read(view: View) -> tuple[Told, ...]:
    """The event, if the text is such a notification, alone or wrapped by SNS."""
    text = view.text if view.text.strip() else view.mail.raw.decode("utf-8", "replace")[:_LONGEST]
    if not _MARK.search(text.replace('\\"', '"')):
        return ()
    told = _object(text)
    if isinstance(told.get("Message"), str):
        told = _object(str(told["Message"]))
    kind, sent = str(told.get("notificationType") or told.get("eventType") or ""), told.get("mail")
    if not isinstance(sent, dict):
        return ()
    details = told.get(kind.lower())
    details = details if isinstance(details, dict) else {}
    return (_event(view, kind, sent, details),)


def _event(view: View, kind: str, sent: dict[str, Any], details: dict[str, Any]) -> Told:
    recipients = tuple(_recipients(view, kind, sent, details))
    headers = sent.get("commonHeaders")
    message_id = headers.get("messageId") if isinstance(headers, dict) else None
    return Told(
        kind="complaint"
        if kind == "Complaint"
        else "bounce"
        if kind in {"Bounce", "Delivery", "DeliveryDelay"}
        else "other",
        layout="ses",
        reporter=view.reporter,
        feedback_type=_word(details.get("complaintFeedbackType")) or ("abuse" if kind == "Complaint" else None),
        source_address=extract.address(str(sent.get("sourceIp") or "")),
        arrival=extract.moment(str(details.get("arrivalDate") or sent.get("timestamp") or "")),
        original_mail_from=extract.mailbox(str(sent.get("source") or "")),
        original_recipient=recipients[0].recipient if len(recipients) == 1 else None,
        recipient_told=True,
        message_id=_word(message_id),
        recipients=recipients if kind != "Complaint" else (),
        reported=view.reported,
        feedback_ids=(f"ses: {sent['messageId']}"[:200],) if sent.get("messageId") else (),
    )


def _recipients(view: View, kind: str, sent: dict[str, Any], details: dict[str, Any]) -> list[ReportedRecipient]:
    action = {"Delivery": "delivered", "DeliveryDelay": "delayed"}.get(kind, "failed")
    for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients"):
        listed = details.get(name)
        if isinstance(listed, list):
            return [_one(view, entry, action) for entry in listed[:1_000] if isinstance(entry, dict)]
    listed = details.get("recipients") or sent.get("destination")
    said = str(details.get("smtpResponse") or "")
    boxes = listed[:1_000] if isinstance(listed, list) else []
    return [recipient(view, extract.mailbox(str(box)), said, action=action) for box in boxes]


def _one(view: View, entry: dict[str, Any], action: str) -> ReportedRecipient:
    said = str(entry.get("diagnosticCode") or "").removeprefix("smtp; ")
    return recipient(view, extract.mailbox(str(entry.get("emailAddress") or "")), said, str(entry.get("status") or ""),
                     str(entry.get("action") or action))  # fmt: skip


def _word(value: object) -> str | None:
    return value[:998] if isinstance(value, str) and value else None


def _object(text: str) -> dict[str, Any]:
    """The JSON object a text begins with, {} if there is none; what stands behind it (a signature) is left out."""
    start = text.find("{")
    for end in (text.rfind("}") + 1, text.find("\n\n", start)):
        try:
            found = msgspec.json.decode(
                text[start:end].replace("\n ", "").replace("\n", "").encode()
            )  # folded on its way
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            continue
        if isinstance(found, dict):
            return found
    return {}


layout = Layout("ses", "Amazon SES notification", 2, read)
