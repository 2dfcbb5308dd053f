"""Microsoft 365 message traces: Get-MessageTrace and Get-MessageTraceV2 exported as CSV or JSON, and Graph's answer.

Columns after learn.microsoft.com/powershell/module/exchange/get-messagetracev2 (Received, SenderAddress,
RecipientAddress, Status, ToIP, FromIP, Size, MessageId, MessageTraceId) and Graph's ``exchangeMessageTrace``.  Written
from the documentation: no tenant could be asked here.

One row is one recipient of one message.  Times are UTC.  ``FromIP`` is the server that sent a message to Microsoft,
blank for mail of our own mailboxes; ``ToIP`` is blank for mail that stays (an export without these two columns could
not tell strangers from us, and is not read).  So a row without FromIP is the mailbox of SenderAddress; one with both is
a mailbox too if the sender's domain is ours, and nobody we know otherwise (mail that a rule forwards).  A trace says
that a delivery failed and not why: the reply of the other server is in the extended report.  Addresses and subject are
what the client wrote.

What a trace cannot prove: the client behind a mailbox; the sign-in log has its address.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from whosent.tables import WHOLE_FILE, Cells, Reading, Table, Told, rule
from whosent.tables.moments import Moments

_ARRIVAL: Final = rule(
    "arrival", "queue_id", "client_address", "account", "sender", "size", "recipient_count", "message_id", "subject",
    "origin",
)  # fmt: skip
_TRIED: Final = ("queue_id", "sender", "recipient", "relay_address", "reply")
_SENT: Final = rule("delivery", *_TRIED, status="sent")
_LOCAL: Final = rule("delivery", *_TRIED, status="sent", agent="storedriver")
_DEFERRED: Final = rule("delivery", *_TRIED, status="deferred")
_FAILED: Final = rule("delivery", *_TRIED, status="bounced")
_STATUS: Final = {
    b"delivered": _LOCAL, b"failed": _FAILED, b"pending": _DEFERRED, b"gettingstatus": _DEFERRED,
    b"filteredasspam": _FAILED, b"quarantined": _FAILED, b"expanded": None, b"resolved": None, b"none": None,
    b"unknown": None,
}  # fmt: skip
_HOST: Final = b"Microsoft 365"


def _row(moments: Moments, cells: Cells) -> Iterable[Told] | None:
    """What one row says."""
    received, sender, recipient, subject, status, to_ip, from_ip, size, message_id, trace_id = cells
    stamp = moments.read(received)
    word = status.lower().replace(b" ", b"")
    if stamp is None or word not in _STATUS or not trace_id:
        return None
    null = sender in {b"", b"<>"} or sender.startswith(b"MicrosoftExchange")
    inside = not from_ip and not null
    arrival: dict[str, bytes | None] = {
        "stamp": stamp, "host": _HOST, "queue_id": trace_id, "client_address": from_ip or None,
        "account": sender.lower() if inside else None, "sender": b"" if null else sender, "size": size or None,
        "recipient_count": b"1", "message_id": message_id, "subject": subject,
        "origin": b"mta" if null and not from_ip else (b"relayed" if from_ip and to_ip else b"row"),
    }  # fmt: skip
    kind = _STATUS[word]
    if kind is None:
        return ((_ARRIVAL, arrival),)
    delivery: dict[str, bytes | None] = {
        "stamp": stamp, "host": _HOST, "queue_id": trace_id, "sender": sender, "recipient": recipient,
        "relay_address": to_ip or None, "reply": status,
    }  # fmt: skip
    stays = not to_ip and (from_ip or _domain(sender) == _domain(recipient))
    return ((_ARRIVAL, arrival), (_SENT if kind is _LOCAL and not stays else kind, delivery))


def _domain(address: bytes) -> bytes:
    return address.rpartition(b"@")[2].lower()


def _begin() -> Reading:
    return partial(_row, Moments())


table: Final = Table(
    name="m365_trace",
    title="Microsoft 365 message trace",
    columns=(
        "received|receiveddatetime", "senderaddress", "recipientaddress", "subject", "status", "toip", "fromip", "size",
        "messageid", "messagetraceid|id",
    ),
    telling=("received|receiveddatetime", "senderaddress", "recipientaddress", "status", "toip", "fromip",
             "messagetraceid|id"),
    rules=(_ARRIVAL, _SENT, _LOCAL, _DEFERRED, _FAILED),
    begin=_begin,
    system="exchange_online",
    disorder=WHOLE_FILE,
)  # fmt: skip
