"""The tables that people query: which rows they hold, and in which columns (DuckDB's types)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from whosent.model.rows import (
    Call,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Request,
    Result,
    Row,
    Subject,
    Verdict,
)

_ACTOR: Final = {"host": "VARCHAR", "sender_kind": "VARCHAR", "sender": "VARCHAR", "address": "VARCHAR",
                 "script": "VARCHAR"}  # fmt: skip
COLUMNS: Final[dict[str, dict[str, str]]] = {
    "messages": {"time": "DOUBLE", **_ACTOR, "mail_from": "VARCHAR", "size": "BIGINT", "recipients": "BIGINT"},
    "outcomes": {"time": "DOUBLE", **_ACTOR, "mail_from": "VARCHAR", "recipient": "VARCHAR", "result": "VARCHAR",
                 "reason": "VARCHAR", "relay": "VARCHAR", "forwarded": "BOOLEAN"},
    "logins": {"time": "DOUBLE", "host": "VARCHAR", "account": "VARCHAR", "address": "VARCHAR",
               "succeeded": "BOOLEAN", "service": "VARCHAR", "place": "VARCHAR"},
    "rejections": {"time": "DOUBLE", "host": "VARCHAR", "address": "VARCHAR", "account": "VARCHAR",
                   "stage": "VARCHAR", "code": "BIGINT", "reason": "VARCHAR"},
    "requests": {"time": "DOUBLE", "host": "VARCHAR", "address": "VARCHAR", "method": "VARCHAR", "path": "VARCHAR",
                 "status": "BIGINT"},
    "calls": {"time": "DOUBLE", "host": "VARCHAR", "script": "VARCHAR", "line": "BIGINT", "recipient": "VARCHAR"},
    "verdicts": {"time": "DOUBLE", **_ACTOR, "program": "VARCHAR", "spam": "BOOLEAN", "virus": "VARCHAR",
                 "action": "VARCHAR", "score": "DOUBLE"},
    "subjects": {"time": "DOUBLE", **_ACTOR, "subject": "VARCHAR"},
}  # fmt: skip


# Rows of each table: encoding these is a third of the work of encoding dictionaries.
_SHAPES: Final[dict[str, type[Any]]] = {
    table: msgspec.defstruct(table, [(name, object) for name in columns], gc=False)
    for table, columns in COLUMNS.items()
}
_MESSAGE, _OUTCOME, _VERDICT, _SUBJECT = (_SHAPES[name] for name in ("messages", "outcomes", "verdicts", "subjects"))
_LOGIN, _REJECTION, _REQUEST, _CALL = (_SHAPES[name] for name in ("logins", "rejections", "requests", "calls"))
_RESULTS: Final = tuple(result.name.lower() for result in Result)
_REASONS: Final = tuple(reason.name.lower() for reason in Reason)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _message(row: Message) -> object:
    kind, name, host, address, script = row[2]
    return _MESSAGE(row[0], host, kind, name, address, script, _text(row.sender), row.size, row.recipient_count)


def _outcome(row: Outcome) -> object:  # the most by far
    kind, name, host, address, script = row[2]
    return _OUTCOME(
        row[0], host, kind, name, address, script, row[4].decode("utf-8", "backslashreplace"),
        row[5].decode("utf-8", "backslashreplace"), _RESULTS[row[6]], _REASONS[row[7]], row[8], row[9],
    )  # fmt: skip


def _login(row: Login) -> object:
    return _LOGIN(row[0], *row[2:])


def _rejection(row: Rejection) -> object:
    return _REJECTION(row[0], *row[2:7], _text(row.reason))


def _request(row: Request) -> object:
    return _REQUEST(row[0], *row[2:])


def _call(row: Call) -> object:
    return _CALL(row[0], *row[2:5], _text(row.recipient))


def _verdict(row: Verdict) -> object:
    kind, name, host, address, script = row.actor
    return _VERDICT(
        row.time, host, kind, name, address, script, row.program, row.spam, row.virus, row.action, row.score
    )  # fmt: skip


def _subject(row: Subject) -> object:
    kind, name, host, address, script = row.actor
    return _SUBJECT(row.time, host, kind, name, address, script, _text(row.subject))


TABLE_OF: Final[dict[type[Row], tuple[str, Callable[[Any], object]]]] = {
    Message: ("messages", _message), Outcome: ("outcomes", _outcome), Login: ("logins", _login),
    Rejection: ("rejections", _rejection), Request: ("requests", _request), Call: ("calls", _call),
    Verdict: ("verdicts", _verdict), Subject: ("subjects", _subject),
}  # fmt: skip
"""Class of a row -> its table, and what the row is in it, to be encoded."""
