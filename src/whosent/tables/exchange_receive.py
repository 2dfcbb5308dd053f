"""Microsoft Exchange SMTP receive protocol logs (RECV*.LOG): who logged in to submit, and whom the server refused.

Columns and events after "Protocol logging" in the Exchange documentation
(learn.microsoft.com/exchange/mail-flow/connectors/protocol-logging).  Written from the documentation: no Exchange could
be run here.  Logging is off until a connector's ``ProtocolLoggingLevel`` is Verbose.

Rows marked ``*`` and ``>`` are the server's words, rows marked ``<`` the client's.  A login is the server's
``...,authenticated``; computer accounts (``EX01$``) are servers among themselves and no login.  The transport service
sees clients through the front end, which names the client's session by XPROXY; since anybody can type that, it counts
only from an address of ours, and when the server answered 250.  The name of a failed login is the client's word.

What these rows cannot prove: what became of mail that was taken (the message tracking log says that); they
say nothing of mail that mailboxes submit without SMTP.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import Final

from whosent.tables import Cells, Reading, Table, Told, rule
from whosent.tables.smtp_protocol import COLUMNS, ENDPOINT, MAILBOX, TELLING, Connections, shape

_LOGIN: Final = rule("login", "client_address", "client_port", "account", result="success", service="smtp")
_FAILED: Final = rule("login", "client_address", "client_port", "account", "reason", result="failed", service="smtp")
_SESSION: Final = rule("session", "session_id", "account", "client_address", "behind")
_REJECTION: Final = rule(
    "rejection", "client_address", "client_port", "account", "sender", "recipient", "stage", "code", "dsn", "reason",
)  # fmt: skip
_PENDING: Final = 100  # commands without a reply
_NO_LOGIN: Final = b"535"  # says so itself, where the command before it is not there
_USER: Final = b"User Name: "
_SID: Final = re.compile(rb"(?i)XPROXY(?:FROM)? SID=([0-9A-F]{8,32}+)(?: |\Z)")
_REPLY: Final = re.compile(rb"([2-5]\d\d)[ -](?:([245]\.\d{1,3}\.\d{1,3}) )?+(.*+)", re.DOTALL)
_STAGES: Final = {
    b"EHLO": b"HELO", b"HELO": b"HELO", b"MAIL": b"MAIL", b"RCPT": b"RCPT", b"DATA": b"DATA", b"BDAT": b"DATA",
    b"AUTH": b"AUTH", b"XPROXY": b"XPROXY", b"XPROXYFROM": b"XPROXY",
}  # fmt: skip


class _Session:
    """One connection."""

    __slots__ = ("account", "pending", "sender", "user")

    def __init__(self) -> None:
        self.account = self.user = self.sender = b""
        self.pending: deque[tuple[bytes, bytes]] = deque(maxlen=_PENDING)  # stages with what they carried


def _row(session: _Session, cells: Cells) -> Iterable[Told]:
    _, _, _, _, event, text, context = cells
    if event == b"<":
        _command(session, text)
    elif event == b">":
        return _answer(session, cells)
    elif event == b"*" and context == b"authenticated":
        return _login(session, cells)
    elif event == b"*":
        said = text if text.startswith(_USER) else context
        session.user = said.removeprefix(_USER) if said.startswith(_USER) else session.user
    return ()


def _command(session: _Session, text: bytes) -> None:
    verb = text.partition(b" ")[0].upper()
    stage = _STAGES.get(verb, verb[:20])
    carried = b""
    if stage == b"XPROXY":
        found = _SID.match(text)
        carried = found[1] if found else b""
    elif stage in {b"MAIL", b"RCPT"}:
        found = MAILBOX.search(text)
        carried = found[1] if found else b""
        if stage == b"MAIL":
            session.sender = carried
    session.pending.append((stage, carried))


def _answer(session: _Session, cells: Cells) -> Iterable[Told]:
    match = _REPLY.match(cells[5])
    if match is None or match[1][:1] == b"3" or not (session.pending or match[1] == _NO_LOGIN):
        return ()
    code, dsn, reason = match.groups()
    stage, carried = session.pending.popleft() if session.pending else (b"AUTH", b"")
    where = _where(cells)
    if code[:1] == b"2":
        if stage == b"XPROXY" and carried and code == b"250":
            return ((_SESSION, {**where, "session_id": cells[2], "behind": carried}),)
        return ()
    if stage == b"AUTH":
        return ((_FAILED, {**where, "account": session.user.lower() or None, "reason": reason}),)
    if stage not in {b"MAIL", b"RCPT", b"DATA", b"HELO"}:
        return ()
    told = {
        **where, "account": session.account or None, "sender": session.sender or None,
        "recipient": carried if stage == b"RCPT" else None, "stage": stage, "code": code, "dsn": dsn, "reason": reason,
    }  # fmt: skip
    return ((_REJECTION, told),)


def _login(session: _Session, cells: Cells) -> Iterable[Told]:
    account = cells[5].lower()
    if not account or account.endswith(b"$"):
        return ()
    session.account = account
    where = _where(cells)
    return (
        (_LOGIN, {**where, "account": account}),
        (_SESSION, {**where, "session_id": cells[2], "account": account}),
    )


def _where(cells: Cells) -> dict[str, bytes | None]:
    match = ENDPOINT.match(cells[3])
    return {
        "stamp": cells[0], "host": cells[1].partition(b"\\")[0],
        "client_address": match[1] if match else None, "client_port": match[2] if match else None,
    }  # fmt: skip


def _begin() -> Reading:
    return Connections(_Session, _row)


table: Final = Table(
    name="exchange_receive",
    title="Microsoft Exchange SMTP receive",
    columns=COLUMNS,
    telling=TELLING,
    rules=(_LOGIN, _FAILED, _SESSION, _REJECTION),
    begin=_begin,
    log_type=b"SMTP Receive Protocol Log",
    shape=shape(rb'[^,"\\\n]++\\[^,"\n]++'),
)
