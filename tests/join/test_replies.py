"""What the servers of the world say, and what it means."""

# ruff: noqa: ISC004  # replies as long as they are logged

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.join.replies import queued_as, reason
from whosent.model.rows import Reason

REPLIES = [
    # Postfix
    ("5.1.1", "host mx.example.com[192.0.2.1] said: 550 5.1.1 <x@example.com>: Recipient address rejected: User "
     "unknown in local recipient table (in reply to RCPT TO command)", Reason.UNKNOWN_USER),
    ("5.1.1", "550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
     Reason.UNKNOWN_USER),
    ("5.7.1", "554 5.7.1 Service unavailable; Client host [203.0.113.2] blocked using zen.spamhaus.org; "
     "https://www.spamhaus.org/query/ip/203.0.113.2", Reason.LISTED),
    ("5.7.1", "554 5.7.1 <x@example.com>: Relay access denied", Reason.POLICY),
    ("4.2.0", "450 4.2.0 <x@example.com>: Recipient address rejected: Greylisted, see "
     "http://postgrey.schweikert.ch/help/example.com.html", Reason.GREYLISTED),
    ("4.4.1", "connect to mx.example.com[192.0.2.1]:25: Connection timed out", Reason.ROUTE),
    ("4.4.3", "Host or domain name not found. Name service error for name=example.com type=MX: Host not found, try "
     "again", Reason.ROUTE),
    ("5.4.4", "Host or domain name not found. Name service error for name=nowhere.example type=A: Host not found",
     Reason.ROUTE),
    ("4.7.5", "Server certificate not trusted", Reason.POLICY),
    ("5.1.2", "Host or domain name not found", Reason.ROUTE),
    ("4.2.2", "452 4.2.2 Mailbox full", Reason.MAILBOX),
    ("4.3.1", "452 4.3.1 Insufficient system storage", Reason.MAILBOX),
    ("4.7.0", "421 4.7.0 mx Error: too many connections from 203.0.113.2", Reason.RATE),
    # Exim
    ("5.0.0", "550 Unrouteable address", Reason.UNKNOWN_USER),
    ("5.0.0", "550 No such user here", Reason.UNKNOWN_USER),
    ("5.0.0", "550 JunkMail rejected - host [203.0.113.2]:41000 is in an RBL: https://www.spamhaus.org/query/ip/"
     "203.0.113.2", Reason.LISTED),
    ("5.0.0", "550 This message was classified as SPAM and may not be delivered", Reason.POLICY),
    ("4.0.0", "451 Temporary local problem - please try later", Reason.OTHER),
    ("4.0.0", "451 203.0.113.2 is greylisted, please try again later.", Reason.GREYLISTED),
    # Exchange Online and on-premises
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient x@example.com not found by SMTP address lookup",
     Reason.UNKNOWN_USER),
    ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [AM5EUR02FT012.eop.example]",
     Reason.UNKNOWN_USER),
    ("5.7.606", "550 5.7.606 Access denied, banned sending IP [203.0.113.2]. To request removal from this list please "
     "visit https://sender.office.com/", Reason.LISTED),
    ("5.7.1", "550 5.7.1 Service unavailable, Client host [203.0.113.2] blocked using Spamhaus.", Reason.LISTED),
    ("4.7.650", "451 4.7.650 The mail server [203.0.113.2] has been temporarily rate limited due to IP reputation.",
     Reason.RATE),
    ("5.2.2", "552 5.2.2 The email account that you tried to reach is over quota", Reason.MAILBOX),
    ("5.7.708", "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.", Reason.POLICY),
    # Gmail
    ("5.1.1", "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 "
     "double-checking the recipient's email address", Reason.UNKNOWN_USER),
    ("5.7.1", "550-5.7.1 [203.0.113.2] Our system has detected that this message is likely unsolicited mail. To "
     "reduce the amount of spam sent to Gmail, this message has been blocked.", Reason.POLICY),
    ("4.7.28", "421-4.7.28 [203.0.113.2] Our system has detected an unusual rate of unsolicited mail originating "
     "from your IP address.", Reason.RATE),
    ("5.7.26", "550-5.7.26 This mail has been blocked because the sender is unauthenticated. DMARC policy",
     Reason.POLICY),
    ("4.2.2", "452-4.2.2 The recipient's inbox is out of storage space and inactive", Reason.MAILBOX),
    ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled", Reason.UNKNOWN_USER),
    # Yahoo
    ("4.0.0", "421 4.7.0 [TSS04] Messages from 203.0.113.2 temporarily deferred due to unexpected volume or user "
     "complaints - 4.16.55.1", Reason.RATE),
    ("5.0.0", "554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [-5]",
     Reason.UNKNOWN_USER),
    ("5.7.9", "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
     Reason.POLICY),
    # Outlook.com
    ("5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", Reason.UNKNOWN_USER),
    ("5.7.1", "550 5.7.1 Unfortunately, messages from [203.0.113.2] weren't sent. Please contact your Internet "
     "service provider since part of their network is on our block list (S3150).", Reason.LISTED),
    ("4.7.0", "451 4.7.0 Temporary server error. Please try again later. PRX2", Reason.GREYLISTED),
    # others
    ("5.0.0", "554 5.7.1 Blocked by Proofpoint Dynamic Reputation", Reason.LISTED),
    ("5.0.0", "550 mailbox is full", Reason.MAILBOX),
    ("5.0.0", "something entirely else", Reason.OTHER),
    ("4.4.2", "lost connection with mx.example.com[192.0.2.1] while sending RCPT TO", Reason.ROUTE),
]  # fmt: skip


@pytest.mark.parametrize(("dsn", "reply", "meant"), REPLIES, ids=[f"{dsn} {reply[:40]}" for dsn, reply, _ in REPLIES])
def test_real_replies(dsn: str, reply: str, meant: Reason) -> None:
    assert reason(dsn.encode(), reply.encode()) is meant


@given(st.binary(max_size=30), st.binary(max_size=2000))
def test_any_reply_has_a_reason(dsn: bytes, reply: bytes) -> None:
    assert reason(dsn, reply) is not Reason.NONE


@pytest.mark.parametrize(
    ("reply", "queue_id"),
    [
        (b"250 2.0.0 Ok: queued as 4jXKnv4svvzLhJn)", b"4jXKnv4svvzLhJn"),
        (b"250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 1D2E3F", b"1D2E3F"),
        (b"250 OK id=1xV1eT-00000V-2H", b"1xV1eT-00000V-2H"),
        (b"250 OK id=1pXXXX-000000005Ff-2Bzi", b"1pXXXX-000000005Ff-2Bzi"),
        (b"250 OK id=1pXXXX-000000005Ff-2Bzi-more", b""),
        (b"250 2.0.0 4ARBxx12345678 Message accepted for delivery", b"4ARBxx12345678"),
        (b"250 2.6.0 <id=x@mx.example> Queued mail for delivery", b""),
        (b"250 ok", b""),
        (b"", b""),
        (None, b""),
    ],
)
def test_the_next_hosts_queue_id_is_read_from_its_reply(reply: bytes | None, queue_id: bytes) -> None:
    assert queued_as(reply) == queue_id


def test_a_reply_tells_the_enhanced_code_itself_where_no_field_does() -> None:
    assert reason(None, b"SMTP error from remote mail server: 550 5.1.1 <x@y.example>: gone") is Reason.UNKNOWN_USER
    assert reason(None, b"host mx says 550-5.1.1 no such person") is Reason.UNKNOWN_USER
    assert reason(None, b"RCPT TO:<5.1.1@mx> 450 4.7.1.9 no") is Reason.OTHER
    assert reason(None, b"retry time not reached for any host for 'dead.test'") is Reason.ROUTE
    assert reason(None, None) is Reason.OTHER
