"""ARF (RFC 5965, RFC 6692): a draft to send for each address from which an incident was driven."""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime

from whosent.case.abroad import Notice
from whosent.model.case import CaseFile
from whosent.model.settings import Reporting
from whosent.report import words

_WITHOUT = (
    "The original message is not at hand: logs keep no texts. The last part holds only the header fields that our log "
    "recorded.\n"
)


def report(notice: Notice, case: CaseFile, reporting: Reporting) -> bytes:
    """The message, without a recipient: whom to write to, the registry of the address says (``abuse`` contact)."""
    boundary = hashlib.sha256(f"{case.incident.id}\0{notice.address}".encode()).hexdigest()[:32]
    whole = MIMEMultipart("report", boundary=f"whosent-{boundary}", policy=SMTP)
    whole.set_param("report-type", "feedback-report")
    whole["From"] = reporting.contact
    whole["Subject"] = f"Abuse report about {notice.address}, {notice.first}"
    whole["Date"] = format_datetime(datetime.fromisoformat(case.made))
    whole.attach(_text(notice))
    whole.attach(_fields(notice, case))
    whole.attach(_headers(notice))
    return whole.as_bytes(policy=SMTP)


def _text(notice: Notice) -> MIMEText:
    lines = [notice.sentence, "", _WITHOUT, "Lines of our logs:", ""]
    lines += [words.visible(one.excerpt) for one in notice.seen]
    text = "\n".join(lines) + "\n"
    return MIMEText(text, "plain", "us-ascii" if text.isascii() else "utf-8", policy=SMTP)


def _fields(notice: Notice, case: CaseFile) -> Message:
    fields = [
        ("Feedback-Type", "abuse"),
        ("User-Agent", f"whosent/{case.version}"),
        ("Version", "1"),
        ("Source-IP", notice.address),
        ("Source-Port", str(notice.port) if notice.port else None),
        ("Arrival-Date", format_datetime(datetime.fromisoformat(notice.first))),
        ("Original-Mail-From", f"<{_plain(notice.sender)}>" if notice.sender else None),
        ("Incidents", str(len(notice.seen))),
    ]
    part = MIMEBase("message", "feedback-report", policy=SMTP)
    part.set_payload("".join(f"{name}: {value}\r\n" for name, value in fields if value is not None))
    return part


def _headers(notice: Notice) -> Message:
    part = MIMEBase("text", "rfc822-headers", policy=SMTP)
    recorded = f"Message-ID: {_plain(notice.message_id)}\r\n" if notice.message_id else ""
    part.set_payload(recorded + "\r\n")
    return part


def _plain(text: str) -> str:
    """Printable ASCII only: a stranger's text must not become a field."""
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable())
