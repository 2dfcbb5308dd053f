"""The tables that people query: which rows they hold, and in which columns (DuckDB's types)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from whosent.model.rows import Call, Login, Message, Outcome, Rejection, Request, Row, Subject, Verdict

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


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _actor(row: Any) -> tuple[Any, ...]:  # noqa: ANN401  # any row with one
    kind, name, host, address, script = row.actor
    return (row.time, host, kind, name, address, script)


def _message(row: Message) -> tuple[Any, ...]:
    return (*_actor(row), _text(row.sender), row.size, row.recipient_count)


def _outcome(row: Outcome) -> tuple[Any, ...]:
    return (*_actor(row), _text(row.sender), _text(row.recipient), row.result.name.lower(), row.reason.name.lower(),
            row.relay, row.forwarded)  # fmt: skip


def _login(row: Login) -> tuple[Any, ...]:
    return (row.time, *row[2:])


def _rejection(row: Rejection) -> tuple[Any, ...]:
    return (row.time, *row[2:7], _text(row.reason))


def _request(row: Request) -> tuple[Any, ...]:
    return (row.time, *row[2:])


def _call(row: Call) -> tuple[Any, ...]:
    return (row.time, *row[2:5], _text(row.recipient))


def _verdict(row: Verdict) -> tuple[Any, ...]:
    return (*_actor(row), row.program, row.spam, row.virus, row.action, row.score)


def _subject(row: Subject) -> tuple[Any, ...]:
    return (*_actor(row), _text(row.subject))


TABLE_OF: Final[dict[type[Row], tuple[str, Callable[[Any], tuple[Any, ...]]]]] = {
    Message: ("messages", _message), Outcome: ("outcomes", _outcome), Login: ("logins", _login),
    Rejection: ("rejections", _rejection), Request: ("requests", _request), Call: ("calls", _call),
    Verdict: ("verdicts", _verdict), Subject: ("subjects", _subject),
}  # fmt: skip
"""Class of a row -> its table, and the row's values in the order of the columns."""
