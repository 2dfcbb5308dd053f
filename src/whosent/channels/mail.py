"""Mail through a relay that is not the watched server: what is sick carries no word of its own sickness."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from whosent.alerts.wording import subject_line, text
from whosent.channels import Channel, Means, Unsent, secret
from whosent.model.alert import Alert
from whosent.report.words import moment

_PORT: Final = 587
_TLS_AT_ONCE: Final = 465


class _Relay(NamedTuple):
    host: str
    port: int


def lacks(means: Means) -> str:
    """Needs a relay, somebody to tell, and a relay that is not what is watched."""
    rules = means.rules
    if not rules.mail_relay or not rules.mail_to:
        return f"alerts.{'mail_to' if rules.mail_relay else 'mail_relay'} is not set"
    try:
        relay = _relay(rules.mail_relay)
    except ValueError:
        return f"alerts.mail_relay: {rules.mail_relay!r} is not host:port"
    if rules.mail_through_watched:
        return ""
    what = "this machine" if _is_here(relay.host) else "a server Whosent watches" if _is_watched(relay, means) else ""
    return what and (
        f"alerts.mail_relay: {relay.host} is {what}, whose mail may be what is sick. Name another relay, or set "
        "alerts.mail_through_watched = true"
    )


def send(alert: Alert, means: Means) -> str:
    """Hand it to the relay; one recipient it takes is enough."""
    problem = lacks(means)
    if problem:
        raise Unsent(problem)
    rules = means.rules
    try:
        with _connected(_relay(rules.mail_relay), means) as session:
            if rules.mail_user:
                session.login(rules.mail_user, secret("alerts.mail_password", rules.mail_password))
            sender = rules.mail_from or rules.mail_to[0]
            refused = session.send_message(_written(alert, means), sender, list(rules.mail_to))
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise Unsent(f"{rules.mail_relay} answered {error.smtp_code} {said}") from error
    except smtplib.SMTPRecipientsRefused as error:
        code, why = next(iter(error.recipients.values()))
        raise Unsent(f"{rules.mail_relay} refused every recipient: {code} {why.decode(errors='replace')}") from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Unsent(f"{rules.mail_relay}: {getattr(error, 'strerror', None) or error}") from error
    return f"{rules.mail_relay} refused {', '.join(refused)}" if refused else ""


def _connected(relay: _Relay, means: Means) -> smtplib.SMTP:
    trusted = ssl.create_default_context()
    if relay.port == _TLS_AT_ONCE:
        return smtplib.SMTP_SSL(relay.host, relay.port, timeout=means.rules.timeout, context=trusted)
    session = smtplib.SMTP(relay.host, relay.port, timeout=means.rules.timeout)
    try:
        if means.rules.mail_tls:
            session.starttls(context=trusted)
    except BaseException:
        session.close()
        raise
    return session


def _written(alert: Alert, means: Means) -> EmailMessage:
    """The message: the same Message-ID however often it is sent, and never answered by a machine (RFC 3834)."""
    sender = means.rules.mail_from or means.rules.mail_to[0]
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr(("Whosent", sender))
    message["To"] = ", ".join(means.rules.mail_to)
    message["Subject"] = subject_line(alert)
    due = moment(alert.at)
    if due:
        message["Date"] = format_datetime(due)
    message["Message-ID"] = f"<{alert.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if alert.incident:
        thread = f"<incident-{alert.incident}@{sender.rpartition('@')[2]}>"
        message["References"] = thread
    message["Importance"] = "high" if alert.urgency == "critical" else "normal"
    message.set_content(text(alert))
    return message


def _relay(written: str) -> _Relay:
    parts = urlsplit(f"//{written}")
    if not parts.hostname:
        raise ValueError(written)
    return _Relay(parts.hostname, parts.port or _PORT)


def _is_here(host: str) -> bool:
    """Whether the name leads to this machine: one can listen only on addresses of one's own."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError:
        return False  # it can not be reached either
    for family, kind, protocol, _, address in found:
        with closing(socket.socket(family, kind, protocol)) as door:
            try:
                door.bind(address)
            except OSError:
                continue
            return True
    return False


def _is_watched(relay: _Relay, means: Means) -> bool:
    """Whether mail logs name a machine so: by its whole name, or in a domain of ours by the first part of it."""
    first, _, domain = relay.host.partition(".")
    names = {relay.host} | ({first} if domain in means.own else set())
    return bool(names & {name.lower() for name in means.watched})


channel = Channel("mail", "mail through a relay that is not the watched server", lacks, send)
