"""One message, however many ids and hosts: its outcomes belong to who first handed it in, and it counts once."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from itertools import permutations

import pytest

from tests.join.kit import (
    START,
    chained,
    client,
    delivery,
    join_of,
    line,
    messages,
    only,
    pickup,
    queued,
    removed,
    rows_of,
    who,
)
from whosent.join.chain import WAIT, Chain
from whosent.model.rows import Actor, Closed, Handover, JoinedRow, Message, Outcome, Reason, Result, Row

FILTER = "127.0.0.1[127.0.0.1]:10024"
RELAY = "relay[10.0.0.2]:25"


def through_a_filter(begin: float, late: float = 0.0) -> list[bytes]:
    """alice's message goes through a content filter; the reply that names the new id is logged ``late``."""
    lines = [
        (0.0, client(begin, "AAAAA1", "alice")),
        (0.1, queued(begin, "AAAAA1", "alice")),
        (1.0, client(begin + 1, "BBBBB2", address="127.0.0.1")),
        (1.1, queued(begin + 1, "BBBBB2", "alice")),
        (1.2 + late, delivery(begin + 1 + late, "AAAAA1", "bob", relay=FILTER, reply="250 Ok: queued as BBBBB2")),
        (1.3 + late, removed(begin + 1 + late, "AAAAA1")),
        (2.0, delivery(begin + 2, "BBBBB2", "bob", "bounced", "host x said: 550 5.1.1 no such user", dsn="5.1.1")),
        (2.1, removed(begin + 2, "BBBBB2")),
    ]
    return [text for _, text in sorted(lines, key=lambda each: each[0])]


@pytest.mark.parametrize("late", [0.0, 5.0])
def test_reinjection_in_both_orders(late: float) -> None:
    rows = rows_of(through_a_filter(0, late))
    assert messages(rows) == {"account alice": 1}
    assert [(row.actor.name, row.result) for row in only(Outcome, rows) if row.result is Result.BOUNCED] == [
        ("alice", Result.BOUNCED)
    ]
    assert Counter(row.actor.name for row in only(Outcome, rows)) == {"alice": 2}


def test_a_reply_that_comes_too_late_explains_nothing() -> None:
    rows = rows_of(through_a_filter(0, WAIT + 5))
    assert messages(rows) == {"account alice": 1, "host 127.0.0.1": 1}


def three_hosts() -> list[bytes]:
    """A script on web, its relay, the MX behind that."""
    return [
        pickup(0, "AAAAA1", 33, host="web"),
        queued(0.1, "AAAAA1", "www-data@web", host="web"),
        client(0.5, "BBBBB2", address="10.0.0.1", host="relay"),
        queued(0.6, "BBBBB2", "www-data@web", host="relay"),
        delivery(0.7, "AAAAA1", "bob", relay=RELAY, reply="250 Ok: queued as BBBBB2", host="web"),
        removed(0.8, "AAAAA1", host="web"),
        client(1.0, "CCCCC3", address="10.0.0.2", host="mx"),
        queued(1.1, "CCCCC3", "www-data@web", host="mx"),
        delivery(1.2, "BBBBB2", "bob", relay="mx[10.0.0.3]:25", reply="250 Ok: queued as CCCCC3", host="relay"),
        removed(1.3, "BBBBB2", host="relay"),
        delivery(2.0, "CCCCC3", "bob", "deferred", "450 later", host="mx"),
        delivery(4000.0, "CCCCC3", "bob", host="mx"),
        removed(4000.1, "CCCCC3", host="mx"),
    ]


def test_web_to_relay_to_mx() -> None:
    rows = rows_of(three_hosts())
    assert messages(rows) == {"local_user 33": 1}
    assert {(row.actor.kind, row.actor.name, row.actor.host) for row in only(Outcome, rows)} == {
        ("local_user", "33", "web")
    }
    assert [row.result for row in only(Outcome, rows)] == [
        Result.HANDED_OVER, Result.HANDED_OVER, Result.DEFERRED, Result.SENT,
    ]  # fmt: skip


def test_what_was_followed_is_counted() -> None:
    chain = Chain()
    joined, _ = join_of(three_hosts())
    list(chain.rows(joined))
    list(chain.rest())
    assert chain.followed == 2


def test_a_forged_reply_far_in_time_is_not_believed() -> None:
    """mallory's message went out an hour before a line says that it was alice's."""
    forged = [
        client(3600, "AAAAA1", "alice"),
        queued(3600, "AAAAA1", "alice"),
        delivery(3601, "AAAAA1", "bob", relay=FILTER, reply="250 Ok: queued as BBBBB2"),
    ]
    real = [
        client(0, "BBBBB2", address="10.0.0.66"),
        queued(0.1, "BBBBB2", "mallory"),
        delivery(3605, "BBBBB2", "victim"),
    ]
    rows = rows_of(sorted(real + forged, key=lambda text: text[:32]))
    assert who(rows)["victim"] == "host 10.0.0.66"


def test_a_message_with_a_login_stays_with_its_account() -> None:
    rows = rows_of(
        [
            client(0, "AAAAA1", "alice"),
            queued(0, "AAAAA1", "alice"),
            delivery(1, "AAAAA1", "bob", relay=FILTER, reply="250 Ok: queued as BBBBB2"),
            client(1, "BBBBB2", "mallory"),
            queued(1, "BBBBB2", "mallory"),
            delivery(2, "BBBBB2", "victim"),
        ]
    )
    assert who(rows)["victim"] == "account mallory"


def test_a_loopback_reply_speaks_of_its_own_host_only() -> None:
    rows = rows_of(
        [
            client(0, "AAAAA1", "alice", host="web"),
            queued(0, "AAAAA1", "alice", host="web"),
            delivery(1, "AAAAA1", "bob", relay=FILTER, reply="250 Ok: queued as BBBBB2", host="web"),
            client(1, "BBBBB2", address="10.0.0.66", host="mx"),
            queued(1, "BBBBB2", "mallory", host="mx"),
            delivery(2, "BBBBB2", "victim", host="mx"),
        ]
    )
    assert who(rows)["victim"] == "host 10.0.0.66"


def test_an_id_that_comes_back_without_its_end_is_not_the_first_users() -> None:
    """The second life of BBBBB2 has no hand-over; the end of the first was not logged."""
    lines = [text for text in through_a_filter(0) if not text.endswith(b"BBBBB2: removed\n")]
    rows = rows_of(
        [
            *lines,
            client(500, "BBBBB2", address="10.0.0.66"),
            queued(500, "BBBBB2", "mallory"),
            delivery(501, "BBBBB2", "victim"),
        ]
    )
    assert who(rows)["victim"] == "host 10.0.0.66"
    assert messages(rows) == {"account alice": 1, "host 10.0.0.66": 1}


def test_a_closed_message_is_forgotten() -> None:
    chain = Chain()
    joined, _ = join_of(through_a_filter(0))
    rows = [*chain.rows(joined), *chain.rest()]
    assert not chain._actors  # noqa: SLF001  # what it keeps is what is asked
    assert not only(Closed, rows)
    assert not only(Handover, rows)


# ------------------------------------------------------------------ clocks and bounds


def outcome(time: float, ref: int, name: str = "") -> Outcome:
    actor = Actor("host", "10.0.0.1", "mx", "10.0.0.1")
    return Outcome(time, ref, actor, name, b"", b"x", Result.SENT, Reason.NONE, "r", forwarded=False)


def test_order_is_kept() -> None:
    for times in permutations([0.0, 3.0, 50.0, 51.0, 7000.0]):
        rows = [outcome(time, number) for number, time in enumerate(times)]
        assert chained(rows) == rows


@pytest.mark.parametrize("step", [-3600.0, 3600.0 * 24 * 365 * 70])
def test_a_clock_that_steps_does_not_make_rows_wait_for_ever(step: float) -> None:
    chain = Chain()
    rows = [outcome(START + number, number) for number in range(100)]
    rows += [outcome(START + 100 + step, 100)]
    rows += [outcome(START + min(0, step) + number, number) for number in range(101, 1101)]
    given = sum(1 for _ in chain.rows(rows))
    assert given > len(rows) - 2 * WAIT - 2
    assert given + sum(1 for _ in chain.rest()) == len(rows)


def test_handovers_are_forgotten() -> None:
    chain = Chain()
    actor = Actor("account", "alice", "mx", "1.2.3.4")
    rows = [Handover(float(time), time, actor, "", "127.0.0.1", f"{time:X}") for time in range(1, 100_000)]
    tracemalloc.start()
    assert list(chain.rows(rows)) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_message_waits_for_its_explanation() -> None:
    chain = Chain()
    message = Message(0.0, 1, Actor("host", "10.0.0.1", "mx", "10.0.0.1"), "BBBBB2", b"", 1, 1, 0.0)
    before, behind, later = outcome(0.0, 0), outcome(5.0, 2), outcome(11.0, 3)
    assert list(chain.rows([before, message, behind])) == [before]
    assert list(chain.rows([later])) == [message, behind, later]


def handed_in(number: int, client: str = "10.0.0.1", after: float = 0.0) -> Message:
    actor = Actor("host", client, "mx", client)
    return Message(number * 60 + after, number, actor, f"B{number:X}", b"", 1, 1, number * 60.0)


def handed_over(message: Message, late: float) -> Handover:
    alice = Actor("account", "alice", "web", "192.0.2.1")
    return Handover(message.time + late, message.ref, alice, f"A{message.ref:X}", "10.0.0.2", message.queue_id)


def test_an_explanation_ends_the_waiting() -> None:
    chain = Chain()
    message = handed_in(1)
    handover = handed_over(message, 1.0)
    told = outcome(message.time + 1, 2)
    assert list(chain.rows([message, handover, told])) == [told]
    assert chain.followed == 1


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_nobody_waits_for_a_client_that_never_passed_on_mail_of_others(size: int) -> None:
    chain = Chain()
    many = [handed_in(number) for number in range(1, 30)]
    rows: list[JoinedRow] = [*many, handed_over(many[-1], 1.0), *[handed_in(number) for number in range(30, 40)]]
    given: list[Row] = []
    waited = []
    for begin in range(0, len(rows), size):
        given += [row for part in chain.batches([rows[begin : begin + size]]) for row in part]
        waited.append(len(chain._waiting))  # noqa: SLF001  # what has to wait
    assert given == [row for row in rows[:-1] if isinstance(row, Message)]
    if size == 1:
        assert waited[25] == 0  # it had been alone for long
        assert waited[-1] == 1  # and then was not: from then on it is waited for
    assert list(chain.rest()) == rows[-1:]


def test_where_nothing_is_taken_over_no_new_client_is_waited_for() -> None:
    chain = Chain()
    many = [handed_in(number, f"10.1.{number}.1") for number in range(1, 250)]
    assert list(chain.rows(many)) == many
    elsewhere = Message(0.0, 1, Actor("host", "10.0.0.1", "web", "10.0.0.1"), "C1", b"", 1, 1, 0.0)
    assert list(chain.rows([elsewhere])) == []


def test_lines_that_tell_no_new_id_hand_nothing_over() -> None:
    joined, _ = join_of([line(0, "sshd", "noise"), client(1, "AAAAA1", "alice"), delivery(2, "AAAAA1", "bob")])
    assert not only(Handover, joined)
    assert who(chained(joined)) == {"bob": "account alice"}
