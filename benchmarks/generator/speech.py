"""What remote servers and Postfix say: delays and replies, some made to fool a reader of logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from benchmarks.generator.cast import Recipient

TLS = (
    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 "
    "server-signature RSA-PSS (2048 bits) server-digest SHA256"
)
FILTER = "127.0.0.1[127.0.0.1]:10024"
LMTP = "mx1.example.org[private/dovecot-lmtp]"

SPAM_REPLIES = [
    "554 5.7.1 rejected; see https://x.example/spam?id=7f21, status=spam (in reply to end of DATA command)",
    "554 5.7.1 <x>: blocked, status=sent (250 ok), to=<root@example.org> (in reply to RCPT TO command)",
    "550 5.7.1 unsolicited mail, dsn=2.0.0, status=deferred (later) (in reply to end of DATA command)",
]
"""Refusals of what is said; the last word of each imitates a field."""


def unknown_user(recipient: Recipient) -> str:
    """Refuse an address that does not exist."""
    return (
        f", dsn=5.1.1, status=bounced (host {recipient.exchanger} said: 550 5.1.1 <{recipient.address}>: "
        "Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command))"
    )


def unwanted(recipient: Recipient, draw: float) -> str:
    """Refuse what the message says."""
    reply = SPAM_REPLIES[int(draw * len(SPAM_REPLIES))]
    return f", dsn=5.7.1, status=bounced (host {recipient.exchanger} said: {reply})"


def greylisted(recipient: Recipient) -> str:
    """Ask to come back later."""
    return (
        f", dsn=4.7.1, status=deferred (host {recipient.exchanger} said: 451 4.7.1 Greylisting in action, "
        "please come back later (in reply to RCPT TO command))"
    )


def unreachable(recipient: Recipient) -> str:
    """Say nothing at all."""
    return f", dsn=4.4.1, status=deferred (connect to {recipient.relay}: Connection timed out)"


def accepted(name: str) -> str:
    """Take the message and name the id it has there."""
    return f", dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {name})"


def filtered(name: str) -> str:
    """Let the content filter take the message and bring it back under another id."""
    reply = "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as"
    return f", dsn=2.0.0, status=sent ({reply} {name})"


def delays(random: Random, count: int) -> list[tuple[float, str]]:
    """Prepare first attempts: seconds taken, and how Postfix writes them."""
    prepared = []
    for number in range(count):
        before, waiting, connecting, sending = (random.random() * most for most in (0.3, 0.02, 1.2, 1.8))
        total = before + waiting + connecting + sending
        parts = f"{before:.2g}/{waiting:.2g}/{connecting:.2g}/{sending:.2g}"
        reuse = "conn_use=2, " if number % 20 == 0 else ""
        prepared.append((total, f"{reuse}delay={total:.2g}, delays={parts}"))
    return prepared
