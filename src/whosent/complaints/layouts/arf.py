"""The Abuse Reporting Format: RFC 5965, auth-failure (6591), not-spam (6430), Source-Port (6692); redacted or not.

Yahoo, Comcast, Validity, Amazon, Mail.Ru and most feedback loops write it; some label the part wrongly.
"""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.mail import Headers, fields
from whosent.complaints.view import View
from whosent.model.complaint import Told

_TYPED: Final = re.compile(rb"(?im)^feedback-type[ \t]*:")
_REDACTED: Final = re.compile(
    r"redact|\bx{4,}\b|undisclosed|hidden|removed@|privacy|[0-9a-f]{32}@|<>|@redacted", re.IGNORECASE
)
_FROM_TEXT: Final = re.compile(
    r"(?:received from|from IP(?: address)?|message from|sent from)\s+(\[?[0-9A-Fa-f.:]{3,45}\]?)", re.IGNORECASE
)
_DIGEST: Final = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b", re.IGNORECASE)
_PORT: Final = 65_536


def read(view: View) -> tuple[Told, ...]:
    """The complaint, if a part has the fields of a feedback report."""
    report = _report(view)
    if report is None:
        return ()
    feedback = report.get("feedback-type").strip().lower()[:60] or "abuse"
    if feedback == "xarf":  # announces the report in JSON beside it, and says nothing itself
        return ()
    original = view.original
    address, port = _source(view, report)
    recipients = [box for value in report.all("original-rcpt-to") for box in extract.mailboxes(value)]
    recipients += [box for value in report.all("removal-recipient") for box in extract.mailboxes(value)]
    visible = original.recipients if original else []
    redacted = not recipients and (
        not visible or bool(_REDACTED.search(original.headers.get("to") if original else ""))
    )
    known = [box for box in (recipients or visible) if not _REDACTED.search(box)]
    return (
        Told(
            kind="notice" if feedback == "not-spam" else "complaint",
            layout="arf",
            reporter=_reporter(view, report),
            feedback_type=feedback,
            source_address=address,
            source_port=port,
            arrival=extract.moment(report.get("arrival-date") or report.get("received-date"))
            or (original.moment if original else None)
            or view.reported,
            original_mail_from=extract.mailbox(report.get("original-mail-from"))
            or (original.mail_from if original else None),
            original_recipient=known[0] if known else None,
            recipient_told=bool(recipients),
            message_id=original.message_id if original else None,
            urls=_links(report, original.body if original else ""),
            reported=view.reported,
            feedback_ids=_identifiers(report, original.feedback_ids if original else ()),
            claims=original.claims if original else (),
            redacted=redacted or bool(recipients and not known),
        ),
    )


def _report(view: View) -> Headers | None:
    """The fields: of the part that is called so, else of a text part that has them."""
    for part in view.mail.parts:
        named = part.kind in {"message/feedback-report", "text/feedback-report"}
        if named or (part.kind.startswith(("text/plain", "application/")) and _TYPED.search(part.body[:4_000])):
            body = part.body.replace(b"\r\n", b"\n").lstrip(b"\n")
            if not named:
                start = _TYPED.search(body)
                body = body[
                    body.rfind(b"\n\n", 0, start.start()) + 2 if start and b"\n\n" in body[: start.start()] else 0 :
                ]
            found = fields(body.replace(b"\n\n", b"\n"))
            if found.fields:
                return found
    return None


def _source(view: View, report: Headers) -> tuple[str | None, int | None]:
    """Source-IP and Source-Port; else what the text says; else the client in the original's last hop."""
    known = next(extract.addresses(report.get("source-ip").replace("[", "").replace("]", "")), None) or extract.address(
        report.get("source-ip")
    )  # fmt: skip
    word = report.get("source-port").strip()
    port = int(word) if word.isdecimal() and 0 < int(word[:6]) < _PORT and len(word) < 6 else None  # noqa: PLR2004  # digits
    if known:
        return known, port
    said = _FROM_TEXT.search(view.text)
    named = extract.address(said[1]) if said else None
    if named:
        return named, port
    found = view.original.client if view.original else (None, None)
    return found[0], port or found[1]


def _reporter(view: View, report: Headers) -> str | None:
    """Who reports: the sender, and whose program wrote it, if the sender does not say."""
    return (
        view.reporter or report.get("reporting-mta").partition(";")[2].strip() or report.get("user-agent")[:200] or None
    )


def _links(report: Headers, body: str) -> tuple[str, ...]:
    reported = [link for value in report.all("reported-uri") for link in extract.links(value) or (value[:1_000],)]
    return tuple(dict.fromkeys([*reported, *extract.links(body)]))[:100]


def _identifiers(report: Headers, known: tuple[str, ...]) -> tuple[str, ...]:
    own = [f"{name}: {value}"[:500] for name in ("original-envelope-id", "cfbl-feedback-id", "feedback-id")
           for value in report.all(name)]  # fmt: skip
    hidden = [f"recipient: {value}"[:500] for value in report.all("original-rcpt-to") if _DIGEST.search(value)]
    return (*own, *hidden, *known)


layout = Layout("arf", "Abuse Reporting Format (RFC 5965)", 1, read)
