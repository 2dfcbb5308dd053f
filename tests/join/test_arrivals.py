"""Messages whose client and envelope stand in one line, and lines that tell of several recipients at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.join.kit import START, only, surroundings
from whosent.dialects import Dialect, Rule
from whosent.join.lives import Begun, Early
from whosent.join.messages import Join, layout
from whosent.model.rows import Actor, Message, Outcome, Result, dereference
from whosent.reading import events
from whosent.reading.events import Parse
from whosent.reading.stamps import Clock
from whosent.reading.tokens import BSD, Tokenizer

_FIELD = rb"(?: client=(?P<client_address>\S+))?(?: login=(?P<account>\S+))?(?: uid=(?P<uid>\d+))?"
_ENVELOPE = rb"(?: user=(?P<local_user>\S+))?(?: about=(?P<original_queue_id>\S+))?(?: script=(?P<script>\S+))?"
_SIZES = rb" from=<(?P<sender>[^>\n]*)>(?: size=(?P<size>\d+))?(?: n=(?P<recipient_count>\d+))?"
_LIST = rb"(?: for=(?P<recipients>[^\n]+))?"
_ID = rb"(?P<queue_id>\w+)"
RULES = (
    Rule("arrival", _ID + b": came" + _FIELD + _ENVELOPE + _SIZES + _LIST),
    Rule("delivery", _ID + rb": gave to=<(?P<recipient>[^>\n]*)>", (("status", "sent"),)),
    Rule("delivery", _ID + rb": lost to=<(?P<recipient>[^>\n]*)> (?P<reply>[^\n]*+)", (("status", "bounced"),)),
    Rule(
        "deliveries",
        _ID + rb": gave all=(?P<recipients>[^ \n]++) at=(?P<relay_address>\S+) (?P<reply>[^\n]*+)",
        (("status", "sent"), ("dsn", "2.0.0")),
    ),
    Rule("removed", _ID + rb": done"),
)
DIALECT = Dialect("short", "short", programs=((b"short", RULES),))


def lines(*said: str) -> bytes:
    return b"".join(
        f"{datetime.fromtimestamp(START + at, UTC).isoformat()} mx short[7]: {text}\n".encode()
        for at, text in enumerate(said)
    )


def rows(*said: str, join: Join | None = None) -> list[Any]:
    join = join or Join(surroundings("192.0.2.0/24"))
    clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
    join.continue_with(0, clock)
    text = lines(*said)
    tokenizer = Tokenizer([DIALECT], BSD, layout)

    def unknown(_at: int, line: bytes) -> Iterator[Any]:
        raise AssertionError(line)

    return list(join.rows(tokenizer.read(text, unknown), 0))


@pytest.mark.parametrize(
    ("came", "actor"),
    [
        ("client=203.0.113.9 login=alice", Actor("account", "alice", "mx", "203.0.113.9")),
        ("client=203.0.113.9", Actor("stranger", "203.0.113.9", "mx", "203.0.113.9")),
        ("client=192.0.2.7", Actor("host", "192.0.2.7", "mx", "192.0.2.7")),
        ("uid=33 user=www", Actor("local_user", "33", "mx", "www")),
        ("uid=33", Actor("local_user", "33", "mx", "33")),
        ("user=www script=/srv/a", Actor("local_user", "www", "mx", "www", "/srv/a")),
        ("client=203.0.113.9 user=root", Actor("stranger", "203.0.113.9", "mx", "203.0.113.9")),  # a stranger's ident
        ("", Actor("mta", "mx", "mx")),
    ],
)
def test_a_message_is_whose_line_says(came: str, actor: Actor) -> None:
    told = rows(f"A1: came {came} from=<a@b.example> size=77 n=3".replace("  ", " "))
    assert told == [Message(START, 0, actor, "A1" if actor.kind == "host" else "", b"a@b.example", 77, 3, START)]


def test_a_bounce_is_the_mail_servers_own_though_it_runs_as_a_user() -> None:
    [told] = rows("A1: came user=mail about=A0 from=<> size=77")
    assert told.actor.kind == "mta"
    [told] = rows("A1: came user=mail about=A0 from=<a@b.example> size=77")
    assert told.actor.kind == "local_user"


@pytest.mark.parametrize(
    ("counted", "count"), [("n=4", 4), ("for=a@b.example c@d.example", 2), ("", 1), ("n=" + "9" * 30, 10**18 - 1)]
)
def test_recipients_are_counted_as_far_as_they_are_logged(counted: str, count: int) -> None:
    [told] = rows(f"A1: came user=www from=<a@b.example> {counted}".strip())
    assert (told.recipient_count, told.size) == (count, 0)


def test_a_line_with_several_recipients_is_a_delivery_to_each() -> None:
    _, *told = rows(
        "A1: came user=www from=<a@b.example>", "A1: gave all=x@one.example,<y@two.example> at=203.0.113.5 ok"
    )
    assert [(row.recipient, row.result, row.relay, row.sender) for row in told] == [
        (b"x@one.example", Result.SENT, "203.0.113.5", b"a@b.example"),
        (b"y@two.example", Result.SENT, "203.0.113.5", b"a@b.example"),
    ]
    assert {dereference(row.ref)[1] for row in told} == {len(lines("A1: came user=www from=<a@b.example>"))}


def test_what_the_kind_of_line_implies_is_read_as_if_it_stood_there() -> None:
    told = only(Outcome, rows("A1: came user=www from=<a@b.example>", "A1: gave to=<x@one.example>",
                              "A1: lost to=<y@one.example> 550 5.1.1 User unknown", "A1: done"))  # fmt: skip
    assert [(row.recipient, row.result, row.reason.name) for row in told] == [
        (b"x@one.example", Result.LOCAL, "NONE"),
        (b"y@one.example", Result.BOUNCED, "UNKNOWN_USER"),
    ]


def test_an_id_that_comes_again_is_another_message() -> None:
    join = Join(surroundings())
    rows("A1: came user=www from=<a@b.example>", "A1: came user=root from=<c@d.example>", join=join)
    assert (join.truncated, join.open_lives()) == (1, 1)


def test_a_later_part_of_a_log_tells_where_a_message_begins_and_passes_on_what_began_before() -> None:
    join = Join(surroundings(), passes_on=True)
    told = rows("A1: came user=www from=<a@b.example>", "A0: gave all=x@one.example,y@one.example at=203.0.113.5 ok",
                join=join)  # fmt: skip
    assert [type(row) for row in told] == [Begun, Message, Early, Early]


def parsed(monkeypatch: pytest.MonkeyPatch, *said: str) -> list[dict[str, Any]]:
    text = lines(*said)
    monkeypatch.setattr("whosent.reading.reader.tokenizer", lambda _form, want: Tokenizer([DIALECT], BSD, want))
    parse = Parse("short.log", text, Clock(UTC, datetime.fromtimestamp(START, UTC)))
    return [
        {name: value for name, value in event.items() if name not in {"time", "host", "source", "offset", "line"}}
        for event in parse.events(text, 0)
    ]


def test_parse_shows_an_arrival_as_a_submission(monkeypatch: pytest.MonkeyPatch) -> None:
    [event] = parsed(
        monkeypatch, "A1: came client=192.0.2.7 from=<a@B.example> size=77 for=x@One.example y@two.example"
    )
    assert event == {
        "event": "submission", "queue_id": "A1", "client_address": "192.0.2.7", "account": None, "uid": None,
        "local_user": None, "original_queue_id": None, "script": None, "sender": "a@b.example", "size": 77,
        "recipient_count": 2,
    }  # fmt: skip


def test_parse_keeps_a_count_that_was_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, bare = parsed(monkeypatch, "A1: came from=<a@b.example> n=9", "A2: came from=<a@b.example>")
    assert (counted["recipient_count"], bare["recipient_count"]) == (9, None)


def test_parse_shows_a_delivery_for_each_recipient(monkeypatch: pytest.MonkeyPatch) -> None:
    both = parsed(monkeypatch, "A1: gave all=x@One.example,y@two.example at=203.0.113.5 ok")
    assert both == [
        {
            "event": "delivery", "queue_id": "A1", "agent": None, "relay_address": "203.0.113.5", "reply": "ok",
            "status": "sent", "dsn": "2.0.0", "recipient": recipient,
        }
        for recipient in ("x@one.example", "y@two.example")
    ]  # fmt: skip


def test_every_event_of_a_line_is_told_as_one_that_readers_know() -> None:
    assert set(events.SHOWN.values()) <= set(events.FIELDS)
