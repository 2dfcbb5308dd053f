"""What two logs of one host tell counts once; what one log tells twice counts twice."""

from __future__ import annotations

from whosent.join.once import Once
from whosent.model.rows import (
    Actor,
    Call,
    Handover,
    JoinedRow,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Request,
    Result,
    reference,
)

ALICE = Actor("account", "alice", "mx", "203.0.113.9")
NOBODY = Actor("unknown", "", "mx")
LOGS = {0: 0, 1: 0, 2: 2}  # sources 0 and 1 are one rotated log, 2 repeats it, 3 is of another host


def outcome(time: float, source: int, offset: int, actor: Actor = ALICE, to: bytes = b"bob") -> Outcome:
    ref = reference(source, offset)
    sender = b"" if actor is NOBODY else b"alice"
    return Outcome(time, ref, actor, "", sender, to, Result.SENT, Reason.NONE, "192.0.2.1", forwarded=False)


def once(*rows: JoinedRow) -> list[JoinedRow]:
    return list(Once(LOGS, {2}).rows(rows))


def test_a_row_of_two_logs_passes_once() -> None:
    first, again, later = outcome(1, 0, 7), outcome(1, 2, 9), outcome(2, 2, 11)
    assert once(first, again, later) == [first, later]


def test_what_one_log_tells_twice_counts_twice() -> None:
    rows = [outcome(1, 1, 7), outcome(1, 1, 8), outcome(1, 2, 9), outcome(1, 2, 10)]
    assert once(*rows) == rows[:2]
    assert once(*rows[:3]) == rows[:2]
    assert once(rows[0], rows[2], rows[3]) == rows[2:]


def test_the_log_that_knows_who_it_was_is_believed() -> None:
    vague, exact = outcome(1, 0, 7, NOBODY), outcome(1, 2, 9)
    assert once(vague, exact) == [exact]
    assert once(outcome(1, 0, 9), outcome(1, 2, 7, NOBODY)) == [outcome(1, 0, 9)]


def test_other_times_recipients_and_hosts_are_other_rows() -> None:
    rows = [outcome(1, 0, 7), outcome(1, 2, 8, to=b"carol"), outcome(1, 3, 9), outcome(1.5, 2, 10)]
    assert once(*rows) == rows


def test_every_kind_of_row() -> None:
    one, two = reference(0, 1), reference(2, 1)
    kinds: list[JoinedRow] = [
        Message(1, one, ALICE, "", b"a", 99, 1, 0.5),
        Login(1, one, "mx", "alice", "203.0.113.9", succeeded=True, service="imap"),
        Rejection(1, one, "mx", "203.0.113.9", "", "RCPT", 554, b"no"),
        Request(1, one, "", "203.0.113.9", "GET", "/", 200),
        Call(1, one, "web", "/x.php", 3, b"bob"),
        Handover(1, one, ALICE, "", "127.0.0.1", "ABCDE"),
    ]
    assert once(*kinds, *(row._replace(ref=two) for row in kinds)) == kinds


def test_a_retry_in_the_later_log_is_no_second_message() -> None:
    retried, begun = (Message(1, reference(source, 1), NOBODY, "", b"a", 99, 1, 1) for source in (2, 0))
    assert once(retried) == []
    assert once(begun) == [begun]


def test_nothing_in_nothing_out() -> None:
    assert once() == []
