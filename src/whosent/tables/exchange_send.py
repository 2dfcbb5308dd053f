"""Microsoft Exchange SMTP send protocol logs (SEND*.LOG): what the servers of the recipients answered.

Columns and events after "Protocol logging" in the Exchange documentation
(learn.microsoft.com/exchange/mail-flow/connectors/protocol-logging).  Written from the documentation: no Exchange could
be run here.

Rows marked ``>`` are ours, rows marked ``<`` are the other server's replies, in the order of our commands.  The log
does not say who handed a message in: alone it proves what was refused and not by whom it was sent, and where the
message tracking log is there too, only that one counts.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from whosent.dialects import Rule
from whosent.tables import Cells, Reading, Table, Told, rule
from whosent.tables.smtp_protocol import COLUMNS, ENDPOINT, MAILBOX, TELLING, Connections, shape

_FIELDS: Final = ("queue_id", "sender", "recipient", "relay_address", "relay_port", "dsn", "reply")
_SENT: Final = rule("delivery", *_FIELDS, status="sent")
_DEFERRED: Final = rule("delivery", *_FIELDS, status="deferred")
_FAILED: Final = rule("delivery", *_FIELDS, status="bounced")
_PENDING: Final = 2_000  # recipients of one message that wait for their replies
_RECORD: Final = re.compile(rb"sending message with RecordId (\d{1,20})")
_REPLY: Final = re.compile(rb"([2-5])\d\d[ -](?:([245]\.\d{1,3}\.\d{1,3}) )?+")


class _Session:
    """One connection."""

    __slots__ = ("accepted", "pending", "record", "sender")

    def __init__(self) -> None:
        self.sender = self.record = b""
        self.pending: deque[tuple[bytes, bytes]] = deque(maxlen=_PENDING)  # verb and recipient
        self.accepted: list[bytes] = []  # recipients the other server took


def _row(session: _Session, cells: Cells) -> Iterable[Told]:
    _, _, _, _, event, text, context = cells
    if event == b">":
        _command(session, text)
    elif event == b"<":
        return _answered(session, cells)
    elif event == b"*":
        found = _RECORD.search(context) or _RECORD.search(text)
        if found:
            session.record = found[1]
    return ()


def _command(session: _Session, text: bytes) -> None:
    verb = text.partition(b" ")[0].upper()
    found = MAILBOX.search(text) if verb in {b"MAIL", b"RCPT"} else None
    mailbox = found[1] if found else b""
    if verb == b"MAIL":
        session.sender = mailbox
        session.accepted.clear()
    session.pending.append((verb, mailbox))


def _answered(session: _Session, cells: Cells) -> Iterable[Told]:
    match = _REPLY.match(cells[5])
    if match is None or match[1] == b"3" or not session.pending:
        return ()
    verb, mailbox = session.pending.popleft()
    if verb == b"RCPT" and match[1] == b"2":
        if len(session.accepted) < _PENDING:
            session.accepted.append(mailbox)
        return ()
    if verb == b"RCPT":
        return _outcomes(session, cells, match, [mailbox])
    if verb in {b"DATA", b"BDAT", b"."}:
        accepted, session.accepted = session.accepted, []
        return _outcomes(session, cells, match, accepted)
    return ()


def _outcomes(session: _Session, cells: Cells, match: re.Match[bytes], recipients: list[bytes]) -> Iterator[Told]:
    kind: Rule = {b"2": _SENT, b"4": _DEFERRED, b"5": _FAILED}[match[1]]
    remote = ENDPOINT.match(cells[3])
    for recipient in recipients:
        yield kind, {
            "stamp": cells[0], "host": None, "queue_id": b"%b/%b" % (cells[2], session.record),
            "sender": session.sender, "recipient": recipient, "relay_address": remote[1] if remote else None,
            "relay_port": remote[2] if remote else None, "dsn": match[2], "reply": cells[5],
        }  # fmt: skip


def _begin() -> Reading:
    return Connections(_Session, _row)


table: Final = Table(
    name="exchange_send",
    title="Microsoft Exchange SMTP send",
    columns=COLUMNS,
    telling=TELLING,
    rules=(_SENT, _DEFERRED, _FAILED),
    begin=_begin,
    log_type=b"SMTP Send Protocol Log",
    shape=shape(rb'[^,"\\\n]++'),
)
