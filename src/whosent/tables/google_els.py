"""Google Workspace email log search exports (CSV, or the same as JSON).

Columns after "Email log search export fields" (support.google.com/a/answer/13828463): Message ID, Start date, Sender,
Message size, Subject, Direction (Sent, Received, Mixed), Recipient address, Event target (SMTP_OUT, SMTP_IN,
GMAIL_INBOX ...), Event date, Event status, Event target IP address, Event SMTP reply code.  Written from the
documentation: no Workspace could be asked here.

A row is one event of one recipient.  What Google says was sent from a domain of ours is the mailbox of the sender;
Message-ID is all that holds the rows of a message together, with its sender and start.

What an export cannot prove: the client behind a mailbox, or more than the search that was exported asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from whosent.dialects import Rule
from whosent.tables import WHOLE_FILE, Cells, Reading, Table, Told, rule
from whosent.tables.moments import Moments

_ARRIVAL: Final = rule(
    "arrival", "queue_id", "account", "sender", "size", "recipient_count", "message_id", "subject", "origin",
)  # fmt: skip
_TRIED: Final = ("queue_id", "sender", "recipient", "relay_address", "reply")
_SENT: Final = rule("delivery", *_TRIED, status="sent")
_LOCAL: Final = rule("delivery", *_TRIED, status="sent", agent="storedriver")
_DEFERRED: Final = rule("delivery", *_TRIED, status="deferred")
_FAILED: Final = rule("delivery", *_TRIED, status="bounced")
_HOST: Final = b"Google Workspace"
_OUT: Final = b"SMTP_OUT"
_INBOXES: Final = frozenset({b"GMAIL_INBOX", b"GMAIL_SPAM"})


def _row(moments: Moments, cells: Cells) -> Iterable[Told] | None:
    """What one row says."""
    message_id, start, sender, size, subject, direction, recipient, target, when, status, address, code = cells
    stamp = moments.read(start)
    if stamp is None or not message_id:
        return None
    key = b" ".join((message_id, stamp, sender.lower()))
    ours = direction.lower() in {b"sent", b"mixed"} and b"@" in sender
    arrival: dict[str, bytes | None] = {
        "stamp": stamp, "host": _HOST, "queue_id": key, "account": sender.lower() if ours else None,
        "sender": sender, "size": size or None, "recipient_count": b"1", "message_id": message_id,
        "subject": subject, "origin": b"row",
    }  # fmt: skip
    kind = _kind(target.upper(), status.lower(), code)
    if kind is None or not recipient:
        return ((_ARRIVAL, arrival),)
    delivery: dict[str, bytes | None] = {
        "stamp": moments.read(when) or stamp, "host": _HOST, "queue_id": key, "sender": sender,
        "recipient": recipient, "relay_address": (address or None) if target.upper() == _OUT else None,
        "reply": b" ".join(filter(None, (code, status))),
    }  # fmt: skip
    return ((_ARRIVAL, arrival), (kind, delivery))


def _kind(target: bytes, status: bytes, code: bytes) -> Rule | None:
    if target in _INBOXES:
        return _LOCAL
    if target != _OUT:
        return None
    for digit, kind in ((b"2", _SENT), (b"4", _DEFERRED), (b"5", _FAILED)):
        if code[:1] == digit:
            return kind
    if any(word in status for word in (b"bounce", b"reject", b"fail", b"drop")):
        return _FAILED
    if any(word in status for word in (b"defer", b"retry", b"pending")):
        return _DEFERRED
    return _SENT if b"deliver" in status or b"sent" in status else None


def _begin() -> Reading:
    return partial(_row, Moments())


table: Final = Table(
    name="google_els",
    title="Google Workspace email log search",
    columns=(
        "messageid", "startdate", "sender", "messagesize", "subject", "direction", "recipientaddress", "eventtarget",
        "eventdate", "eventstatus", "eventtargetipaddress", "eventsmtpreplycode",
    ),
    telling=("messageid", "startdate", "sender", "recipientaddress", "eventtarget", "eventstatus"),
    rules=(_ARRIVAL, _SENT, _LOCAL, _DEFERRED, _FAILED),
    begin=_begin,
    system="google",
    disorder=WHOLE_FILE,
)  # fmt: skip
