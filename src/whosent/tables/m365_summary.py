"""Microsoft 365 enhanced summary reports of a message trace, downloaded as CSV (in UTF-16).

Columns after learn.microsoft.com/exchange/monitoring/trace-an-email-message/message-trace-modern-eac:
``origin_timestamp_utc``, ``sender_address``, ``recipient_status`` ("address##Receive, Send", several of them with
semicolons between), ``total_bytes``, ``message_id``, ``network_message_id``, ``original_client_ip``, ``directionality``
(1 to the organisation, 2 from it), ``connector_id``.  Written from the documentation: no tenant could be asked here.

A row is one message.  The account of a message that leaves the organisation is its sender, if it names no connector:
what a connector lets in is known by its address alone.

What a report cannot prove: the replies of other servers, and the client behind a mailbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from whosent.dialects import Rule
from whosent.tables import WHOLE_FILE, Cells, Reading, Table, Told, rule
from whosent.tables.moments import Moments

_ARRIVAL: Final = rule(
    "arrival", "queue_id", "client_address", "account", "sender", "size", "recipient_count", "message_id", "subject",
    "origin",
)  # fmt: skip
_TRIED: Final = ("queue_id", "sender", "recipient", "reply")
_SENT: Final = rule("delivery", *_TRIED, status="sent")
_LOCAL: Final = rule("delivery", *_TRIED, status="sent", agent="storedriver")
_DEFERRED: Final = rule("delivery", *_TRIED, status="deferred")
_FAILED: Final = rule("delivery", *_TRIED, status="bounced")
_OUTWARD: Final = frozenset({b"2", b"originating", b"outbound"})
_HOST: Final = b"Microsoft 365"
_MOST: Final = 5_000  # recipients of one message


def _row(moments: Moments, cells: Cells) -> Iterable[Told] | None:
    """What one row says."""
    when, sender, statuses, subject, size, message_id, key, address, direction, connector = cells
    stamp = moments.read(when)
    each = [one.partition(b"##") for one in statuses.split(b";")[:_MOST] if b"##" in one]
    if stamp is None or not each or not key:
        return None
    outward = direction.lower() in _OUTWARD
    null = sender in {b"", b"<>"}
    arrival: dict[str, bytes | None] = {
        "stamp": stamp, "host": _HOST, "queue_id": key, "client_address": address or None,
        "account": sender.lower() if outward and not connector and not null else None,
        "sender": b"" if null else sender, "size": size or None, "recipient_count": b"%d" % len(each),
        "message_id": message_id, "subject": subject,
        "origin": b"mta" if null and outward else (b"inside" if outward else None),
    }  # fmt: skip
    return _told(arrival, each)


def _told(arrival: dict[str, bytes | None], each: list[tuple[bytes, bytes, bytes]]) -> Iterator[Told]:
    yield _ARRIVAL, arrival
    for recipient, _, status in each:
        kind = _kind(status.lower())
        if kind is not None and recipient.strip():
            yield kind, {
                "stamp": arrival["stamp"], "host": _HOST, "queue_id": arrival["queue_id"],
                "sender": arrival["sender"], "recipient": recipient.strip(), "reply": status,
            }  # fmt: skip


def _kind(status: bytes) -> Rule | None:
    """What became of a recipient: the last thing that happened to it decides."""
    words = [word.strip() for word in status.split(b",")]
    for word in reversed(words):
        if word in {b"deliver", b"delivered"}:
            return _LOCAL
        if word in {b"send", b"sendexternal", b"sent"}:
            return _SENT
        if word in {b"fail", b"failed", b"drop"}:
            return _FAILED
        if word in {b"defer", b"pending"}:
            return _DEFERRED
    return None


def _begin() -> Reading:
    return partial(_row, Moments())


table: Final = Table(
    name="m365_summary",
    title="Microsoft 365 message trace summary",
    columns=(
        "origintimestamputc|origintimestamp", "senderaddress", "recipientstatus", "messagesubject", "totalbytes",
        "messageid", "networkmessageid", "originalclientip", "directionality", "connectorid",
    ),
    telling=("origintimestamputc|origintimestamp", "senderaddress", "recipientstatus", "networkmessageid"),
    rules=(_ARRIVAL, _SENT, _LOCAL, _DEFERRED, _FAILED),
    begin=_begin,
    system="exchange_online",
    disorder=WHOLE_FILE,
)  # fmt: skip
