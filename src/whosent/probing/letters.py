"""The words of a probe: whoever meets one reads who sent it, what for, and whom to ask."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from whosent.model.check import Knowledge


def helo(knowledge: Knowledge) -> str:
    """What a probe greets with: this machine's name, which says nothing a server could trust."""
    return knowledge.host if "." in knowledge.host else f"{knowledge.host or 'audit'}.invalid"


def contact(knowledge: Knowledge) -> str:
    """Whom to ask about probes."""
    settings = knowledge.settings
    return settings.audit.contact or f"postmaster@{(*settings.ours.domains, knowledge.host)[0]}"


def letter(  # noqa: PLR0913  # the fields of a message
    knowledge: Knowledge, token: str, *, about: str, sender: str, recipient: str, subject: str = "", body: str = ""
) -> str:
    """The message of a probe; lines end as Python writes them."""
    date = format_datetime(datetime.fromtimestamp(knowledge.moment, UTC))
    told = body or (
        f"This message is a probe of an audit by Whosent, run on {knowledge.host or 'a host of the same network'} by "
        "the\noperator of the mail server that took it. It tests whether that server passes on mail it should\n"
        "refuse. It is harmless: it went to a receiver of the audit itself. If you got it all the same,\n"
        f"please tell {contact(knowledge)}.\n"
    )
    return (
        f"Date: {date}\n"
        f"From: Whosent audit <{sender.strip('<>') or contact(knowledge)}>\n"
        f"To: {recipient.strip('<>')}\n"
        f"Subject: {subject or 'Whosent audit: ' + about}\n"
        f"Message-ID: <{token}@audit.invalid>\n"
        f"X-Whosent-Token: {token}\n"
        f"X-Whosent-Contact: {contact(knowledge)}\n"
        "Auto-Submitted: auto-generated\n"  # RFC 3834: nobody's holiday notice answers
        "Precedence: bulk\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "\n"
        f"{told}"
    )
