"""Lines become messages and outcomes of those who submitted them, and of nobody else."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.join.kit import (
    START,
    client,
    delivery,
    join_of,
    line,
    messages,
    only,
    pickup,
    queued,
    removed,
    surroundings,
    who,
)
from whosent.join import lives
from whosent.join import messages as subject
from whosent.join.lives import Begun, Early
from whosent.join.messages import Join, layout
from whosent.model.rows import (
    Actor,
    Call,
    Closed,
    Handover,
    JoinedRow,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Request,
    Result,
    dereference,
)
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

DAY = 86_400
AMAVIS = "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 1D2E3F"


def life(  # noqa: PLR0913  # as many as a life has sides
    at: float, name: str, account: str, to: str = "", *, host: str = "mx", tag: str = "postfix"
) -> list[bytes]:
    return [
        client(at, name, account, host=host, tag=tag),
        queued(at + 1, name, account, host=host, tag=tag),
        delivery(at + 2, name, to or f"of-{account}", host=host, tag=tag),
        removed(at + 3, name, host=host, tag=tag),
    ]


def test_a_whole_life() -> None:
    lines = life(0, "3F1A2B4C5D", "alice@example.org", "bob@example.com")
    rows, join = join_of(lines)
    alice = Actor("account", "alice@example.org", "mx", "203.0.113.9")
    at = len(lines[0])
    assert rows == [
        Message(START + 1, at, alice, "", b"alice@example.org", 999, 1, START),
        Outcome(
            START + 2, at + len(lines[1]), alice, "", b"alice@example.org", b"bob@example.com", Result.SENT,
            Reason.NONE, "192.0.2.1", forwarded=False,
        ),
    ]  # fmt: skip
    assert (join.open_lives(), join.truncated, join.first_sight, join.time) == (0, 0, 0, START + 3)
    assert join.hosts() == {"mx"}


def test_a_row_says_where_its_line_is() -> None:
    lines = [line(0, "sshd", "noise"), *life(1, "3F1A2B4C5D", "alice@example.org")]
    rows, _ = join_of(lines)
    text = b"".join(lines)
    for row in rows:
        _, offset = dereference(row.ref)
        assert text[offset:].startswith(tuple(lines[1:]))


@pytest.mark.parametrize(
    ("opening", "actor"),
    [
        (client(0, "ABCDEF1", "a@b.c"), Actor("account", "a@b.c", "mx", "203.0.113.9")),
        (client(0, "ABCDEF1"), Actor("stranger", "203.0.113.9", "mx", "203.0.113.9")),
        (client(0, "ABCDEF1", address="10.1.2.3"), Actor("host", "10.1.2.3", "mx", "10.1.2.3")),
        (client(0, "ABCDEF1", address="198.51.100.7"), Actor("host", "198.51.100.7", "mx", "198.51.100.7")),
        (client(0, "ABCDEF1", address="::1"), Actor("host", "::1", "mx", "::1")),
        (pickup(0, "ABCDEF1", 33), Actor("local_user", "33", "mx", "www-data")),
        (line(0, "sshd", "no opening at all"), Actor("unknown", "", "mx")),
    ],
)
def test_who_handed_it_in(opening: bytes, actor: Actor) -> None:
    rows, _ = join_of([opening, queued(1, "ABCDEF1", "x@y.z"), delivery(2, "ABCDEF1", "r@s.t")], "198.51.100.0/24")
    assert [row.actor for row in rows if isinstance(row, Message | Outcome)] == [actor, actor]


def test_an_id_used_again_belongs_to_its_new_user() -> None:
    rows, join = join_of([*life(0, "ABCDEF1", "alice"), *life(10, "ABCDEF1", "bob")])
    assert who(rows) == {"of-alice": "account alice", "of-bob": "account bob"}
    assert (join.truncated, join.first_sight) == (0, 0)


def test_an_id_used_again_although_its_end_was_not_logged() -> None:
    rows, join = join_of([*life(0, "ABCDEF1", "alice")[:-1], *life(10, "ABCDEF1", "bob")])
    assert who(rows) == {"of-alice": "account alice", "of-bob": "account bob"}
    assert messages(rows) == {"account alice": 1, "account bob": 1}
    assert join.truncated == 1


def test_a_broken_session_is_no_message_and_no_truncated_one() -> None:
    rows, join = join_of([client(0, "ABCDEF1", "mallory"), *life(10, "ABCDEF1", "bob")])
    assert messages(rows) == {"account bob": 1}
    assert join.truncated == 0


def test_a_beginning_that_was_not_logged_is_nobodys() -> None:
    rows, join = join_of(life(0, "ABCDEF1", "alice")[1:])
    assert who(rows) == {"of-alice": "unknown"}
    assert (join.first_sight, join.open_lives()) == (1, 0)


def test_a_life_without_client_does_not_fall_to_the_account_before() -> None:
    """The removal of alice's message and the client line of the next are missing: its sender tells them apart."""
    rows, join = join_of([*life(0, "ABCDEF1", "alice")[:3], *life(10, "ABCDEF1", "bob")[1:]])
    assert who(rows) == {"of-alice": "account alice", "of-bob": "unknown"}
    assert join.first_sight == 1


def test_a_client_of_long_ago_does_not_get_the_message_of_today() -> None:
    rows, _ = join_of([client(0, "ABCDEF1", "mallory"), *life(2 * DAY, "ABCDEF1", "bob")[1:]])
    assert who(rows) == {"of-bob": "unknown"}


def test_retries_hours_later() -> None:
    rows, _ = join_of(
        [
            client(0, "ABCDEF1", "alice"),
            queued(1, "ABCDEF1", "alice", count=2),
            delivery(2, "ABCDEF1", "one", "deferred", "host x said: 450 4.2.0 Greylisted"),
            delivery(2, "ABCDEF1", "two", "deferred", "connect to x: Connection timed out", dsn="4.4.1"),
            queued(4000, "ABCDEF1", "alice", count=2),
            delivery(4001, "ABCDEF1", "one"),
            delivery(4002, "ABCDEF1", "two", "deferred", "connect to x: Connection timed out", dsn="4.4.1"),
            queued(90_000, "ABCDEF1", "alice", count=1),
            delivery(90_001, "ABCDEF1", "two", "bounced", "host x said: 550 5.1.1 User unknown", dsn="5.1.1"),
            removed(90_002, "ABCDEF1"),
        ]
    )
    assert messages(rows) == {"account alice": 1}
    assert [(row.recipient, row.result, row.reason) for row in only(Outcome, rows)] == [
        (b"one", Result.DEFERRED, Reason.GREYLISTED),
        (b"two", Result.DEFERRED, Reason.ROUTE),
        (b"one", Result.SENT, Reason.NONE),
        (b"two", Result.DEFERRED_AGAIN, Reason.ROUTE),
        (b"two", Result.BOUNCED, Reason.UNKNOWN_USER),
    ]
    assert {row.actor.name for row in only(Outcome, rows)} == {"alice"}


def test_two_instances_and_two_hosts_with_one_id_at_once() -> None:
    lives = [
        life(0, "ABCDEF1", "alice"),
        life(0.1, "ABCDEF1", "bob", tag="postfix-out"),
        life(0.2, "ABCDEF1", "carol", host="mx2"),
    ]
    rows, join = join_of([lines[step] for step in range(4) for lines in lives])
    assert who(rows) == {"of-alice": "account alice", "of-bob": "account bob", "of-carol": "account carol"}
    assert {row.actor.host for row in only(Message, rows)} == {"mx", "mx2"}
    assert (join.truncated, join.first_sight, join.open_lives()) == (0, 0, 0)
    assert join.hosts() == {"mx", "mx2"}


# ------------------------------------------------------------------ notifications


def notification(at: float, name: str, new: str) -> bytes:
    return line(at, "postfix/bounce", f"{name}: sender non-delivery notification: {new}")


@pytest.mark.parametrize("told_first", ["bounce", "qmgr"])
@pytest.mark.parametrize("truncated", [False, True])
def test_a_notification_never_inherits_the_account_of_an_earlier_life(told_first: str, *, truncated: bool) -> None:
    before = life(0, "BBBBBB2", "alice")[: 3 if truncated else 4]
    told = [notification(21, "AAAAAA1", "BBBBBB2"), queued(21, "BBBBBB2", "")]
    rows, join = join_of(
        [
            *before,
            *life(20, "AAAAAA1", "mallory")[:3],
            *(told if told_first == "bounce" else reversed(told)),
            removed(22, "AAAAAA1"),
            delivery(23, "BBBBBB2", "mallory@example.org", "deferred", "timed out"),
            queued(4000, "BBBBBB2", ""),
            delivery(4001, "BBBBBB2", "mallory@example.org"),
            removed(4002, "BBBBBB2"),
        ]
    )
    assert who(rows)["mallory@example.org"] == "mta mx"
    assert messages(rows) == {"account alice": 1, "account mallory": 1, "mta mx": 1}
    assert (join.first_sight, join.open_lives()) == (0, 0)


@pytest.mark.parametrize("sender", ["", "double-bounce@mx.example.org"])
def test_mail_of_the_mta_itself_has_no_client(sender: str) -> None:
    rows, join = join_of([queued(0, "BBBBBB2", sender), delivery(1, "BBBBBB2", "postmaster")])
    assert who(rows) == {"postmaster": "mta mx"}
    assert join.first_sight == 0


def test_a_probe_of_address_verification_is_no_mail() -> None:
    for status in ("deliverable", "undeliverable"):
        rows, _ = join_of([delivery(1, "BBBBBB2", "somebody", status)])
        assert not only(Outcome, rows)


# ------------------------------------------------------------------ where it went


@pytest.mark.parametrize(
    ("relay", "agent", "reply", "result", "handover"),
    [
        ("mx.example.com[192.0.2.1]:25", "smtp", "250 2.0.0 Ok: queued as 4A2A88A", Result.SENT, None),
        ("mx.example.com[2001:db8::1]:25", "smtp", "250 ok", Result.SENT, None),
        ("127.0.0.1[127.0.0.1]:10024", "smtp", AMAVIS, Result.HANDED_OVER, "1D2E3F"),
        ("relay[10.0.0.1]:25", "smtp", "250 2.0.0 Ok: queued as 4jXY5d03qCz7H", Result.HANDED_OVER, "4jXY5d03qCz7H"),
        ("relay[10.0.0.1]:25", "smtp", "250 accepted", Result.HANDED_OVER, None),
        ("relay[198.51.100.9]:25", "smtp", "250 queued as ABCDE", Result.HANDED_OVER, "ABCDE"),
        ("mail[10.0.0.1]:24", "lmtp", "250 2.0.0 <bob> Saved", Result.LOCAL, None),
        ("mail[10.0.0.1]:24", "lmtp", "250 2.0.0 queued as AB12CD", Result.HANDED_OVER, "AB12CD"),
        ("mx[private/dovecot-lmtp]", "lmtp", "250 2.0.0 <bob> Saved", Result.LOCAL, None),
        ("local", "local", "delivered to mailbox", Result.LOCAL, None),
        ("virtual", "virtual", "delivered to maildir", Result.LOCAL, None),
    ],
)  # fmt: skip
def test_what_sent_means(relay: str, agent: str, reply: str, result: Result, handover: str | None) -> None:
    rows, _ = join_of(
        [client(0, "ABCDEF1", "alice"), delivery(1, "ABCDEF1", "bob", reply=reply, relay=relay, agent=agent)],
        "198.51.100.0/24",
    )
    assert [row.result for row in only(Outcome, rows)] == [result]
    assert [row.next_queue_id for row in only(Handover, rows)] == ([handover] if handover else [])


def test_a_stranger_host_cannot_pretend_a_handover() -> None:
    rows, _ = join_of(
        [
            client(0, "ABCDEF1", "alice"),
            delivery(1, "ABCDEF1", "bob", reply="250 queued as BBBBBB2", relay="127.0.0.1[203.0.113.66]:25"),
        ]
    )
    assert not only(Handover, rows)


def test_only_a_message_of_a_host_of_ours_may_have_another_id() -> None:
    for address, names in (("10.0.0.1", ["ABCDEF1", "ABCDEF1"]), ("203.0.113.9", ["", ""])):
        rows, _ = join_of(
            [
                client(0, "ABCDEF1", address=address),
                queued(1, "ABCDEF1", "x"),
                delivery(2, "ABCDEF1", "y"),
                removed(3, "ABCDEF1"),
            ]
        )
        assert [row.queue_id for row in rows if isinstance(row, Message | Outcome)] == names
        assert [row.queue_id for row in only(Closed, rows)] == [name for name in names[:1] if name]


def test_other_rows() -> None:
    rows, _ = join_of([
        line(0, "postfix/smtpd", "NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@y.z>: Relay access "
             "denied; from=<a@b.c> to=<x@y.z> proto=ESMTP helo=<h>"),
        line(1, "postfix/smtpd", "warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"),
        line(2, "dovecot", "imap-login: Login: user=<alice@example.org>, method=PLAIN, rip=198.51.100.4, "
             "lip=192.0.2.1, mpid=77, TLS, session=<abc>"),
        line(3, "php", "mail() on [/var/www/form.php:12]: To: bob@example.com -- Headers: From: x"),
    ])  # fmt: skip
    (rejection,) = only(Rejection, rows)
    assert (rejection.address, rejection.stage, rejection.code) == ("203.0.113.9", "RCPT", 554)
    assert [(row.account, row.address, row.succeeded, row.service) for row in only(Login, rows)] == [
        ("", "203.0.113.9", False, "smtp"),
        ("alice@example.org", "198.51.100.4", True, "imap"),
    ]
    assert [(row.script, row.line, row.recipient) for row in only(Call, rows)] == [
        ("/var/www/form.php", 12, b"bob@example.com"),
    ]


def test_a_web_server() -> None:
    rows, _ = join_of([b'203.0.113.9 - - [16/Nov/2026:00:00:07 +0000] "POST /form.php?x=1 HTTP/1.1" 200 17\n'])
    assert [(row.address, row.method, row.path, row.status, row.time) for row in only(Request, rows)] == [
        ("203.0.113.9", "POST", "/form.php", 200, START + 7)
    ]


# ------------------------------------------------------------------ bounds


def test_numbers_without_end_stop_nothing() -> None:
    nines = "9" * 5000
    rows, _ = join_of(
        [
            line(0, "postfix/qmgr", f"ABCDEF1: from=<a>, size={nines}, nrcpt={nines} (queue active)"),
            line(1, "postfix/pickup", f"ABCDEF2: uid={nines} from=<a>"),
            queued(2, "ABCDEF2", "a"),
            line(3, "php", f"mail() on [/x.php:{nines}]: To: b -- Headers: c"),
            *life(4, "ABCDEF3", "alice"),
        ]
    )
    assert who(rows) == {"of-alice": "account alice"}
    assert {len(row.actor.name) for row in only(Message, rows) if row.actor.kind == "local_user"} == {10}


def test_broken_sessions_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "_MANY_LIVES", 10)
    clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
    reader, join = Reader(client(0, "AAAAAA1"), clock, layout), Join(surroundings())
    join.continue_with(0, clock)
    for day in range(40):
        text = b"".join(client(day * DAY + number, f"A{day:03X}{number:03X}") for number in range(5))
        assert list(join.rows(reader.tokens(text), 0)) == []
    assert join.open_lives() <= 30


def test_remembered_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_REMEMBERED", 3)
    lines = []
    for number in range(10):
        lines += [
            client(number, f"AAAAA{number}", f"user{number}"),
            delivery(number, f"AAAAA{number}", f"to{number}", relay=f"mx[192.0.2.{number}]:25"),
        ]
    rows, _ = join_of(lines)
    assert who(rows) == {f"to{number}": f"account user{number}" for number in range(10)}
    assert [row.relay for row in only(Outcome, rows)] == [f"192.0.2.{number}" for number in range(10)]


# ------------------------------------------------------------------ any cut, any process


def a_log() -> list[bytes]:
    """Interleaved lives with everything that may happen to them; a line's place says when."""
    random = Random(4)
    lives: list[list[bytes]] = []
    for number in range(60):
        begin, name = random.uniform(0, 3000), f"AB{number % 17:02X}C{number % 5}"
        host, tag = random.choice(["mx", "web"]), random.choice(["postfix", "postfix-out"])
        account = random.choice(["alice", "bob", ""])
        whole = [
            client(begin, name, account, random.choice(["10.0.0.3", "203.0.113.4"]), host=host, tag=tag),
            queued(begin + 1, name, account or "x@y.z", host=host, tag=tag),
            delivery(begin + 2, name, f"r{number}", "deferred", "451 later", host=host, tag=tag),
            queued(begin + 400, name, account or "x@y.z", host=host, tag=tag),
            delivery(
                begin + 401, name, f"r{number}", relay="r[10.0.0.9]:25", reply="250 queued as BADC0", host=host, tag=tag
            ),
            removed(begin + 402, name, host=host, tag=tag),
        ]
        if number % 6 == 0:
            new = f"F{number:04X}A"
            told = [line(begin + 403, f"{tag}/bounce", f"{name}: sender non-delivery notification: {new}",
                         host), queued(begin + 403, new, "", host=host, tag=tag)]  # fmt: skip
            random.shuffle(told)
            whole += [
                *told,
                delivery(begin + 404, new, "x@y.z", host=host, tag=tag),
                removed(begin + 405, new, host=host, tag=tag),
            ]
        lives.append([step for step in whole if random.random() > 0.08])  # lines get lost
    return sorted((step for steps in lives for step in steps), key=lambda step: step[:32])


LOG = a_log()


def told(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row without the places of its lines: each part counts them from its own beginning."""
    return row[:1] + row[2:8] if isinstance(row, Message) else row[:1] + row[2:]


def sequential(lines: list[bytes]) -> tuple[list[object], Join]:
    rows, join = join_of(lines)
    return list(map(told, rows)), join


@settings(deadline=None, max_examples=60)
@given(cuts=st.lists(st.integers(0, len(LOG)), max_size=6))
def test_any_chunking_gives_the_same(cuts: list[int]) -> None:
    whole, expected = join_of(LOG)
    text = b"".join(LOG)
    clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
    reader, join = Reader(text, clock, layout), Join(surroundings())
    join.continue_with(0, clock)
    rows: list[JoinedRow] = []
    offset = 0
    edges = [0, *sorted(cuts), len(LOG)]
    for begin, end in pairwise(edges):
        chunk = b"".join(LOG[begin:end])
        rows += join.rows(reader.tokens(chunk), offset)
        offset += len(chunk)
    assert rows == whole
    assert (join.truncated, join.first_sight, join.time) == (expected.truncated, expected.first_sight, expected.time)


@settings(deadline=None, max_examples=60)
@given(cuts=st.sets(st.integers(1, len(LOG) - 1), min_size=1, max_size=4))
def test_parts_read_by_processes_of_their_own_give_the_same(cuts: set[int]) -> None:
    whole, expected = sequential(LOG)
    first = Join(surroundings())
    rows: list[object] = []
    edges = [0, *sorted(cuts), len(LOG)]
    for begin, end in pairwise(edges):
        part = b"".join(LOG[begin:end])
        clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
        reader, join = Reader(part, clock, layout), Join(surroundings(), passes_on=True)
        join.continue_with(0, clock)
        for row in join.rows(reader.tokens(part), 0):
            if isinstance(row, Early):
                rows += first.early(row)
            elif isinstance(row, Begun):
                first.begun(row)
            else:
                rows.append(row)
        first.merge(pickle.loads(pickle.dumps(join)))
    assert [told(row) for row in rows if isinstance(row, tuple)] == whole
    assert (first.truncated, first.first_sight, first.open_lives(), first.hosts()) == (
        expected.truncated, expected.first_sight, expected.open_lives(), expected.hosts(),
    )  # fmt: skip


def test_a_message_knows_where_the_line_is_that_names_its_client() -> None:
    other, begins = client(0, "BBBBB1", "bob", "203.0.113.5"), client(0, "AAAAA1", "alice", "203.0.113.4")
    [message], _ = join_of([other, begins, queued(1, "AAAAA1", "alice")])
    assert isinstance(message, Message)
    assert (message.client_line, message.ref) == (len(other), len(other + begins))
    [late], _ = join_of([queued(1, "AAAAA1", "alice")])
    assert isinstance(late, Message)
    assert late.client_line == 0
