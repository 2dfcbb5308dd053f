"""Logs and reports about their messages, as the tests of answers tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from tests.join.kit import START, client, delivery, line, pickup, queued, removed
from whosent.complaints.reading import read

_RELAY = "mx.corp.test[10.0.0.1]:25"

HEAD = "From: Desk <desk@reporter.test>\nTo: abuse@isp.test\nDate: Fri, 27 Nov 2026 10:00:00 +0000\n"


def named(text: str, subject: str = "Abuse report", more: str = "", kind: str = "text/plain") -> list[str]:
    """The addresses that a complaint of this text accuses."""
    mail = f"{HEAD}{more}Subject: {subject}\nContent-Type: {kind}; charset=utf-8\n\n{text}\n"
    return [told.source_address for told in read(mail.encode()) if told.source_address]


def date(at: float) -> str:
    """A Date header, ``at`` seconds after the start."""
    return format_datetime(datetime.fromtimestamp(START + at, UTC))


def sent(  # noqa: PLR0913  # as many as a message has sides
    at: float, name: str, to: str, account: str = "alice@corp.test", *, message_id: str = "", host: str = "mx",
    reply: str = "250 2.0.0 Ok: queued as 4CE28A2", status: str = "sent", address: str = "203.0.113.9",
) -> bytes:  # fmt: skip
    """A message's whole life in the log."""
    return b"".join((
        client(at, name, account, address, host=host),
        line(at + 0.1, "postfix/cleanup", f"{name}: message-id={message_id or f'<{name}@corp.test>'}", host),
        queued(at + 0.2, name, account, host=host),
        delivery(at + 1, name, to, status, reply, host=host),
        removed(at + 1.1, name, host=host),
    ))  # fmt: skip


def by_script(at: float, name: str, to: str, next_name: str, uid: int = 33) -> bytes:
    """A message of a local user on the web host, handed to the MX, which sends it on."""
    message_id = f"<{name}@web.corp.test>"
    return b"".join((
        pickup(at, name, uid, host="web"),
        line(at + 0.1, "postfix/cleanup", f"{name}: message-id={message_id}", "web"),
        queued(at + 0.2, name, "www-data@web.corp.test", host="web"),
        client(at + 0.3, next_name, "", "10.0.0.2"),
        line(at + 0.4, "postfix/cleanup", f"{next_name}: message-id={message_id}"),
        queued(at + 0.5, next_name, "www-data@web.corp.test"),
        delivery(at + 0.6, name, to, reply=f"250 2.0.0 Ok: queued as {next_name}", relay=_RELAY, host="web"),
        removed(at + 0.7, name, host="web"),
        delivery(at + 1, next_name, to),
        removed(at + 1.1, next_name),
    ))  # fmt: skip


def hours(first: float, last: float, host: str = "mx") -> bytes:
    """Mail of others in every hour, so that the log covers the time."""
    return b"".join(
        sent(at, f"E{int(at) % 100_000:06X}", "ben@isp.test", "carol@corp.test", host=host)
        for at in range(int(first), int(last), 1200)
    )


def complaint(  # noqa: PLR0913  # as many as a complaint has sides
    at: float, *, message_id: str = "<nowhere@corp.test>", by: str = "mx.corp.test", name: str = "",
    to: str = "anna@isp.test", source: str = "198.51.100.7", sender: str = "alice@corp.test",
    client_address: str = "203.0.113.9",
) -> bytes:  # fmt: skip
    """A feedback report with the original attached."""
    ours = (
        f"Received: from pc (unknown [{client_address}]) by {by} (Postfix) with ESMTPSA id {name}; {date(at)}\n"
        if name
        else ""
    )
    return (
        f"From: fbl@isp.test\nTo: abuse@corp.test\nSubject: report\nDate: {date(at + 60)}\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n--b\n'
        f"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nSource-IP: {source}\n"
        f"Arrival-Date: {date(at + 1)}\n\n--b\nContent-Type: message/rfc822\n\nReturn-Path: <{sender}>\n{ours}"
        f"Message-ID: {message_id}\nFrom: {sender}\nTo: {to}\nSubject: offer\n\nBuy.\n--b--\n"
    ).encode()


def bounce(  # noqa: PLR0913  # as many as a bounce has sides
    at: float, to: str, *, message_id: str, sender: str = "alice@corp.test", action: str = "failed",
    status: str = "5.1.1", said: str = "550 5.1.1 User unknown",
) -> bytes:  # fmt: skip
    """A delivery status notification about one recipient."""
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@smart.test\nTo: {sender}\nSubject: Undelivered Mail Returned to Sender\n"
        f"Date: {date(at)}\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; smart.test\n\nFinal-Recipient: rfc822; {to}\n"
        f"Action: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {said}\n\n--b\nContent-Type: message/rfc822\n\n"
        f"Message-ID: {message_id}\nFrom: {sender}\nTo: {to}\nSubject: Hello\n\nHello.\n--b--\n"
    ).encode()
