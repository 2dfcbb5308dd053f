"""The words of a probe: whoever meets one reads who sent it, what for, and whom to ask."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime
from typing import Final

from whosent.model.check import Knowledge

_TEXT: Final = """\
This message is a probe of an audit by Whosent, run on {host} by the
operator of the mail server that took it. It tests whether that server
passes on mail it should refuse. It is harmless: it went to a receiver of
the audit itself. If you got it all the same, please tell
{contact}.
"""


def helo(knowledge: Knowledge) -> str:
    """What a probe greets with: this machine's name, which says nothing a server could trust."""
    return knowledge.host if "." in knowledge.host else f"{knowledge.host or 'audit'}.invalid"


def contact(knowledge: Knowledge) -> str:
    """Whom to ask about probes."""
    settings = knowledge.settings
    return settings.audit.contact or f"postmaster@{(*settings.ours.domains, knowledge.host)[0]}"


def origin(address: str) -> str:
    """The From line of a probe."""
    return f"From: Whosent audit <{address}>"


def letter(  # noqa: PLR0913  # the fields of a message
    knowledge: Knowledge,
    token: str,
    *,
    about: str,
    sender: str,
    recipient: str,
    more: str = "",
    attached: bytes = b"",
) -> str:
    """The message of a probe; ``more`` stands below its text, ``attached`` is a file of its own; ends lines with LF."""
    message = EmailMessage(policy=SMTPUTF8.clone(linesep="\n", raise_on_defect=False))
    date = datetime.fromtimestamp(knowledge.moment, UTC)
    for name, value in (
        ("Date", format_datetime(date)),
        ("Message-ID", f"<{token}@audit.invalid>"),
        ("X-Whosent-Token", token),
        ("X-Whosent-Contact", contact(knowledge)),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: nobody's holiday notice answers
        ("Precedence", "bulk"),
    ):
        message[name] = value
    message.set_content(_TEXT.format(host=knowledge.host or "a host of the same network", contact=contact(knowledge))
                        + (f"\n{more}\n" if more else ""))  # fmt: skip
    if attached:
        message.add_attachment(attached, maintype="application", subtype="octet-stream", filename="test.com")
    said = f"{origin(sender.strip('<>') or contact(knowledge))}\nTo: {recipient.strip('<>')}\n"
    subject = f"Subject: Whosent audit: {about}\n"  # as they are: an address under test is no address for a library
    return said + subject + message.as_string()
