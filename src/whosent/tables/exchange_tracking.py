"""Microsoft Exchange message tracking logs (MSGTRK*.LOG) of 2007 to Subscription Edition, and 365's extended report.

Columns and events after "Message tracking" in the Exchange documentation
(learn.microsoft.com/exchange/mail-flow/transport-logs/message-tracking) and, for the extended report of a message
trace, after learn.microsoft.com/exchange/monitoring/trace-an-email-message/message-trace-modern-eac.  Written from the
documentation: no Exchange could be run here.

A message is known by its ``network-message-id``, which all servers of an organisation keep; before Exchange 2013 by
the server and its ``internal-message-id``.  Who handed it in: the mailbox, where the store did (STOREDRIVER); the
client's login stands in the SMTP receive protocol log and is found by the session in ``source-context``; without that
log the sender speaks for the account where a connector named "Client ..." took the message, which refuses senders
that are not the account's own (5.7.60).  Addresses, subject and Message-ID are the client's words.

What these rows cannot prove: why another server refused (the send protocol log has its words), and the client behind a
mailbox that submits without SMTP, unless the row names its address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from whosent.dialects import Rule
from whosent.tables import Cells, Reading, Table, Told, rule

_ARRIVAL: Final = rule(
    "arrival", "queue_id", "client_name", "client_address", "account", "session_id", "sender", "size",
    "recipient_count", "message_id", "subject", "origin",
)  # fmt: skip
_TRIED: Final = ("queue_id", "sender", "recipient", "original_recipient", "relay_host", "relay_address", "reply")
_SENT: Final = rule("delivery", *_TRIED, status="sent")
_LOCAL: Final = rule("delivery", *_TRIED, status="sent", agent="storedriver")
_DEFERRED: Final = rule("delivery", *_TRIED, status="deferred")
_FAILED: Final = rule("delivery", *_TRIED, status="bounced")
_FORWARD: Final = rule("forward", "queue_id", "recipient")

_STORE: Final = b"STOREDRIVER"
_HANDED_IN: Final = frozenset(
    {b"SMTP", _STORE, b"PICKUP", b"GATEWAY", b"ADMIN", b"MAILBOXRULE", b"MEETINGMESSAGEPROCESSOR"}
)
_NOTHING: Final = frozenset(
    b"AGENTINFO BADMAIL CLIENTSUBMISSION DROP DUPLICATEDELIVER DUPLICATEEXPAND DUPLICATEREDIRECT EXPAND HADISCARD"
    b" HARECEIVE HAREDIRECT HAREDIRECTFAIL INITMESSAGECREATED LOAD MODERATIONEXPIRE MODERATORAPPROVE MODERATORREJECT"
    b" MODERATORSALLNDR NOTIFYMAPI NOTIFYSHADOW POISONMESSAGE PROCESS PROCESSMEETINGMESSAGE RESOLVE RESUBMIT"
    b" RESUBMITDEFER RESUBMITFAIL SUBMITDEFER SUBMITFAIL SUPPRESSED THROTTLE TRANSFER BADDSN DELAY DEFERDELIVER"
    b" HASHADOW SHADOWSUBMIT SPAM MALWARE".split()
)
_PROXIED: Final = re.compile(rb"S:ProxiedClientIPAddress=([0-9A-Fa-f.:]{3,45}+)")
_LAST_ERROR: Final = re.compile(rb"\{LED=([^}]*+)\}?+")
_CLIENTS: Final = re.compile(rb"(?i)([^\\]++)\\Client (?:Proxy |Frontend )?\1\Z")  # as setup names them
_SERVERS: Final = re.compile(rb"(?i)([^\\]++)\\Default \1\Z")
_CLOUD: Final = re.compile(rb"(?i)\.(?:outlook|office365)\.com\Z")
_PROBE: Final = re.compile(rb"(?i)HealthMailbox[0-9a-f]*+@[^;]*+(?:;HealthMailbox[0-9a-f]*+@[^;]*+)*+")
_ORIGINATING: Final = frozenset({b"originating", b"2"})


def _begin() -> Reading:
    return _read


def _read(cells: Cells) -> Iterable[Told] | None:
    event = cells[8]
    read = _EVENTS.get(event)
    if read is not None:
        return read(cells)
    return () if event in _NOTHING else None


def _where(cells: Cells) -> tuple[bytes, bytes, bytes]:
    """Stamp, our server, and the id of the message that this row speaks of; in SEND the other columns are ours."""
    stamp, host = cells[0], (cells[2] if cells[7] == b"SMTP" and cells[8][:4] == b"SEND" else cells[4] or cells[2])
    if stamp[-1:].isdigit():
        stamp += b"Z"  # the extended report says UTC in its header
    if _CLOUD.search(host):
        host = b"Microsoft 365"
    return stamp, host, cells[11] or b"%b/%b" % (host.partition(b".")[0].lower(), cells[9])


def _received(cells: Cells) -> Iterable[Told]:
    source, sender, recipients = cells[7], cells[18], cells[12]
    if source not in _HANDED_IN or _PROBE.fullmatch(recipients):
        return ()
    stamp, host, key = _where(cells)
    original = cells[21] or (found[1] if (found := _PROXIED.search(cells[22])) else b"")
    originating = cells[20].lower() in _ORIGINATING
    by_smtp = source == b"SMTP" and originating
    mailbox = source == _STORE or (by_smtp and not original and _SERVERS.match(cells[6]) is not None)
    by_client = by_smtp and _CLIENTS.match(cells[6]) is not None
    told: dict[str, bytes | None] = {
        "stamp": stamp, "host": host, "queue_id": key, "client_name": cells[2] or None,
        "client_address": (original if mailbox else original or cells[1]) or None,
        "account": sender.lower() if (mailbox or by_client) and b"@" in sender else None,
        "session_id": cells[5].partition(b";")[0] if source == b"SMTP" else None,
        "sender": b"" if sender == b"<>" else sender, "size": cells[14] or None,
        "recipient_count": cells[15] or None, "message_id": cells[10], "subject": cells[17],
        "origin": b"inside" if originating else None,
    }  # fmt: skip
    return ((_ARRIVAL, told),)


def _notified(cells: Cells) -> Iterable[Told]:
    """The server made a notification: a message of its own."""
    stamp, host, key = _where(cells)
    told: dict[str, bytes | None] = {
        "stamp": stamp, "host": host, "queue_id": key, "sender": b"", "size": cells[14] or None,
        "recipient_count": cells[15] or None, "message_id": cells[10], "subject": cells[17], "origin": b"mta",
    }  # fmt: skip
    return ((_ARRIVAL, told),)


def _redirected(cells: Cells) -> Iterable[Told]:
    stamp, host, key = _where(cells)
    return [
        (_FORWARD, {"stamp": stamp, "host": host, "queue_id": key, "recipient": recipient})
        for recipient in cells[12].split(b";")
        if recipient
    ]


def _delivery(kind: Rule, cells: Cells) -> Iterable[Told]:
    recipients = cells[12]
    if not recipients or _PROBE.fullmatch(recipients):
        return ()
    stamp, host, key = _where(cells)
    told: dict[str, bytes | None] = {
        "stamp": stamp, "host": host, "queue_id": key, "sender": cells[18], "recipient": recipients,
        "original_recipient": None, "reply": _reply(cells[13] or cells[5]),
        "relay_host": cells[4] or None if kind is _SENT else None,
        "relay_address": cells[3] or None if kind is _SENT else None,
    }  # fmt: skip
    if b";" not in recipients:
        return ((kind, told),)
    each = recipients.split(b";")
    replies = cells[13].split(b";")
    if len(replies) != len(each) or b"{" in cells[13]:
        return [(kind, {**told, "recipient": one}) for one in each if one]
    return [
        (kind, {**told, "recipient": one, "reply": _reply(reply)})
        for one, reply in zip(each, replies, strict=True)
        if one
    ]


def _reply(status: bytes) -> bytes:
    """What the other server said: the last error of a list of several facts, else the whole."""
    found = _LAST_ERROR.search(status) if b"{" in status else None
    return (found[1] if found else status).strip(b"' ")


def _sent(cells: Cells) -> Iterable[Told]:
    """By SMTP or a foreign connector; what the store submits to transport is no delivery."""
    return () if cells[7] == _STORE else _delivery(_SENT, cells)


_EVENTS: Final[dict[bytes, Callable[[Cells], Iterable[Told]]]] = {
    b"RECEIVE": _received,
    b"SUBMIT": _received,
    b"SEND": _sent,
    b"SENDEXTERNAL": partial(_delivery, _SENT),
    b"DELIVER": partial(_delivery, _LOCAL),
    b"DEFER": partial(_delivery, _DEFERRED),
    b"FAIL": partial(_delivery, _FAILED),
    b"REDIRECT": _redirected,
    b"DSN": _notified,
}

table: Final = Table(
    name="exchange_tracking",
    title="Microsoft Exchange message tracking",
    columns=(
        "datetime|datetimeutc", "clientip", "clienthostname", "serverip", "serverhostname", "sourcecontext",
        "connectorid", "source", "eventid", "internalmessageid", "messageid", "networkmessageid", "recipientaddress",
        "recipientstatus", "totalbytes", "recipientcount", "relatedrecipientaddress", "messagesubject",
        "senderaddress", "returnpath", "directionality", "originalclientip", "customdata",
    ),
    telling=("eventid", "internalmessageid", "recipientaddress", "senderaddress", "sourcecontext"),
    rules=(_ARRIVAL, _SENT, _LOCAL, _DEFERRED, _FAILED, _FORWARD),
    begin=_begin,
)  # fmt: skip
