"""Messages followed by one id: counted once, and by nobody's word but the servers'."""

from __future__ import annotations

from typing import Any

import pytest

from whosent.join import tracked
from whosent.join.tracked import Tracked
from whosent.model.rows import (
    Arrived,
    Attempted,
    Forward,
    JoinedRow,
    Login,
    Message,
    Outcome,
    Reason,
    Result,
    Session,
    reference,
)
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings


def arrived(key: str = "1", time: float = 10.0, **fields: Any) -> Arrived:  # noqa: ANN401  of the row
    usual = Arrived(time, reference(0, int(time)), "EX01", key, "", "198.51.100.7", "", b"a@corp.example", 10, 1, "")
    return usual._replace(**fields)


def attempted(key: str = "1", time: float = 11.0, **fields: Any) -> Attempted:  # noqa: ANN401  of the row
    usual = Attempted(
        time, reference(0, int(time)), "EX01", key, b"a@corp.example", b"b@far.example", "sent", int(Reason.NONE),
        "192.0.2.25", local=False, forwarded=False,
    )  # fmt: skip
    return usual._replace(**fields)


def session(name: str, time: float = 5.0, **fields: Any) -> Session:  # noqa: ANN401  of the row
    return Session(time, 5, "EX01", name, "", "10.0.0.5", "")._replace(**fields)


def joined(*rows: JoinedRow, domains: tuple[str, ...] = ()) -> list[JoinedRow]:
    return list(Tracked(Surroundings(Ours(domains=domains))).rows(rows))


def actors(*rows: JoinedRow, domains: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [row.actor[:2] for row in joined(*rows, domains=domains) if isinstance(row, Message)]


def test_a_message_on_two_servers_is_one_and_belongs_to_who_handed_it_in_first() -> None:
    rows = joined(
        arrived(account="alice@corp.example"), arrived(time=11.0, host="EX02", address="10.0.0.5"),
        attempted(time=12.0, host="EX02"),
    )  # fmt: skip
    assert [type(row) for row in rows] == [Message, Outcome]
    assert {row.actor.name for row in rows if isinstance(row, Message | Outcome)} == {"alice@corp.example"}


def test_an_account_is_one_on_all_servers() -> None:
    first, second = (
        row.actor
        for row in joined(arrived(account="alice"), arrived("2", time=12.0, account="alice", host="EX02"))
        if isinstance(row, Message)
    )
    assert first == second
    (login,) = joined(Login(1.0, 1, "EX02", "alice", "10.0.0.9", succeeded=True, service="imap"))
    assert isinstance(login, Login)


def test_a_login_is_found_behind_the_proxy() -> None:
    front = session("F", account="corp\\alice", address="203.0.113.9")
    assert actors(front, session("H", 6.0, behind="F"), arrived(session="H")) == [("account", "corp\\alice")]
    assert actors(session("H", behind="F"), front._replace(time=6.0), arrived(session="H")) == [
        ("account", "corp\\alice")
    ]


def test_a_stranger_who_says_for_whom_it_speaks_is_not_believed() -> None:
    front = session("F", account="ceo", address="203.0.113.9")
    forged = session("H", 6.0, behind="F", address="198.51.100.66")
    assert actors(front, forged, arrived(session="H", address="198.51.100.66")) == [("stranger", "198.51.100.66")]


def test_who_it_was_is_not_guessed() -> None:
    assert actors(arrived(origin="inside")) == [("unknown", "")]
    assert actors(arrived(address="")) == [("unknown", "")]
    assert actors(arrived(address="10.0.7.31")) == [("host", "10.0.7.31")]
    assert actors(arrived(address="", origin="mta")) == [("mta", "EX01")]
    assert actors(arrived(origin="relayed")) == [("unknown", "")]
    assert actors(arrived(origin="relayed"), domains=("corp.example",)) == [("account", "a@corp.example")]


def test_rows_of_one_recipient_each_are_one_message() -> None:
    rows = joined(
        arrived(origin="row"), attempted(time=10.0), arrived(origin="row"),
        attempted(time=10.0, recipient=b"c@far.example"), arrived("2", time=20.0),
    )  # fmt: skip
    assert [type(row) for row in rows] == [Message, Outcome, Outcome, Message]
    assert isinstance(rows[0], Message)
    assert rows[0].recipient_count == 2


def test_results() -> None:
    deferred = attempted(status="deferred", reason=int(Reason.RATE))
    rows = joined(
        arrived(), deferred, deferred._replace(time=12.0), attempted(time=13.0, status="bounced"),
        attempted(time=14.0, local=True), attempted(time=15.0, relay="10.0.0.6"), attempted(time=16.0),
        attempted(time=16.0),
    )  # fmt: skip
    assert [row.result for row in rows if isinstance(row, Outcome)] == [
        Result.DEFERRED, Result.DEFERRED_AGAIN, Result.BOUNCED, Result.LOCAL, Result.HANDED_OVER, Result.SENT,
    ]  # fmt: skip


def test_a_recipient_that_a_rule_put_there_is_forwarded() -> None:
    forward = Forward(10.5, 1, "EX01", "1", b"b@far.example")
    outcomes = [row for row in joined(arrived(), forward, attempted()) if isinstance(row, Outcome)]
    assert [row.forwarded for row in outcomes] == [True]
    assert joined(forward) == []


def test_what_began_before_the_logs_is_nobodys() -> None:
    whole = Tracked(Surroundings(Ours()))
    (outcome,) = whole.rows([attempted()])
    assert isinstance(outcome, Outcome)
    assert outcome.actor.kind == "unknown"
    assert whole.first_sight == 1


def test_what_another_log_tells_better_does_not_count() -> None:
    whole = Tracked(Surroundings(Ours()), frozenset({7}))
    assert not list(whole.rows([arrived(ref=reference(7, 1)), attempted(ref=reference(7, 2))]))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("_LIVES", "_SESSIONS", "_PLACES"):
        monkeypatch.setattr(tracked, limit, 3)
    whole = Tracked(Surroundings(Ours()))
    rows: list[JoinedRow] = [session(str(n), float(n)) for n in range(9)]
    rows += [arrived(str(n), 10.0 + n, account=f"a{n}") for n in range(9)]
    assert len(list(whole.rows(rows))) == 9
    for kept in ("_lives", "_sessions", "_homes"):
        assert len(getattr(whole, kept)) <= 3
