"""Sendmail's lines as messages: logins by process, messages whose end is not logged, parts read side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from whosent.join.chain import Chain
from whosent.join.lives import Begun, Early
from whosent.join.messages import Join, layout
from whosent.join.sessions import Sessions
from whosent.model.rows import Closed, Login, Message, Outcome, Result
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings
from whosent.reading.reader import Reader
from whosent.reading.recipients import as_given
from whosent.reading.stamps import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whosent.model.rows import JoinedRow

CLIENT = "pc01.corp.test [10.77.0.101]"
CLOCK = Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC))


def said(*lines: str, begin: float = 0, tag: str = "sm-mta[148]") -> bytes:
    """Lines a second apart from 10:48:41 on; one may bring its own process as ``149| text``."""
    whole = ""
    for number, line in enumerate(lines):
        process, bar, text = line.rpartition("| ")
        at = datetime.fromtimestamp(1_795_776_521 + begin + number, UTC)
        whole += f"{at:%b %d %H:%M:%S} mx {f'sm-mta[{process}]' if bar else tag}: {text}\n"
    return whole.encode()


def auth(account: str = "bob", client: str = CLIENT) -> str:
    return f"AUTH=server, relay={client}, authid={account}, mech=PLAIN, bits=0"


def came(queue_id: str = "6ARAmfGj000148", protocol: str = "ESMTPA", client: str = CLIENT, count: int = 1) -> str:
    return (
        f"{queue_id}: from=<b@corp.test>, size=9, class=0, nrcpts={count}, msgid=<1@x>, proto={protocol}, "
        f"daemon=MTA-v4, relay={client}"
    )


def sent(queue_id: str = "6ARAmfGj000148", to: str = "<a@far.test>", fate: str = "dsn=2.0.0, stat=Sent (Ok)") -> str:
    return f"{queue_id}: to={to}, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay=far. [192.0.2.1], {fate}"


def join_of(*, passes_on: bool = False) -> Join:
    join = Join(Surroundings(Ours()), passes_on=passes_on)
    join.continue_with(1, CLOCK)
    return join


def rows(text: bytes, join: Join | None = None) -> list[Any]:
    reader = Reader(text, CLOCK, layout)
    found = [*(join or join_of()).rows(reader.tokens(text), 0)]
    assert reader.counts.unknown == 0
    return found


def who(found: Iterable[JoinedRow | Early | Begun]) -> list[tuple[str, str]]:
    return [row.actor[:2] for row in found if isinstance(row, Message)]


def test_a_login_belongs_to_every_message_of_its_process() -> None:
    text = said(auth(), came(), came("6ARAmfGk000148"), sent(), sent("6ARAmfGk000148"))
    found = rows(text)
    assert who(found) == [("account", "bob")] * 2
    assert [row.actor.name for row in found if isinstance(row, Outcome)] == ["bob", "bob"]
    assert [row.account for row in found if isinstance(row, Login)] == ["bob"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((auth(), came(protocol="ESMTP")), ("account", "bob")),  # 8.14 marks nothing
        ((auth(), came(), came("6ARAmjGj000148", "ESMTP")), ("host", "10.77.0.101")),  # 8.15 and later do
        ((auth(), came("6ARAYfGj000148", "ESMTP")), ("host", "10.77.0.101")),  # the process began later
        ((auth(), came(client="[10.77.0.9]")), ("unknown", "")),  # another client
        ((came(),), ("unknown", "")),  # the login is not in the log
        (("149| " + auth(), came()), ("unknown", "")),  # another process
        ((auth(), came(), came("6ARAmjGj000148")), ("unknown", "")),  # its number came back
        ((auth("a"), auth("b"), came()), ("account", "b")),
        ((auth(), came("6ARAmfGj00014x")), ("unknown", "")),  # no number at the end
        ((auth(), came(protocol="SMTP")), ("host", "10.77.0.101")),  # cannot log in
        ((came(protocol="ESMTP", client="[203.0.113.9]"),), ("stranger", "203.0.113.9")),
    ],
)
def test_whose_message_it_is(lines: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert who(rows(said(*lines)))[-1] == expected


def test_who_called_sendmail_is_told_by_the_relay_and_not_by_the_sender() -> None:
    line = (
        "6ARAmfGj000119: from=root, size=9, class=0, nrcpts=1, msgid=<1@x>, relay=carol@localhost, relay=www@localhost"
    )
    assert who(rows(said(line, tag="sendmail[119]"))) == [("local_user", "www")]


def test_a_login_without_process_number_is_a_login_all_the_same() -> None:
    found = rows(said(auth(), came(), tag="sm-mta"))
    assert [row.account for row in found if isinstance(row, Login)] == ["bob"]
    assert who(found) == [("unknown", "")]


def test_names_an_alias_stands_for_are_forwarded() -> None:
    found = rows(said(came(protocol="ESMTP", count=2), sent(to="b@far.test"), sent(to="<a@far.test>")))
    assert [row.forwarded for row in found if isinstance(row, Outcome)] == [True, False]


def test_several_recipients_in_one_line_share_their_fate() -> None:
    twice = sent(to="<a@far.test>,<b@far.test>", fate="dsn=4.2.0, reply=451 4.2.0 later, stat=Deferred: later")
    found = rows(said(came(protocol="ESMTP", count=2), twice, twice))
    results = [row.result for row in found if isinstance(row, Outcome)]
    assert results == [Result.DEFERRED] * 2 + [Result.DEFERRED_AGAIN] * 2


def test_a_bounce_is_a_message_of_the_mail_server() -> None:
    line = "6ARAmfGj000148: 6ARAmfGj000150: DSN: User unknown"
    found = rows(said(came(protocol="ESMTP"), line, sent("6ARAmfGj000150")))
    assert who(found) == [("host", "10.77.0.101"), ("mta", "mx")]
    assert found[-1].actor.kind == "mta"


@pytest.mark.parametrize(
    "line",
    [
        "6ARAmfGj000148: 6ARAmfGj000151: clone: owner=carol",
        "6ARAmfGj000148: split: count=2, ids=6ARAmfGj000151; 6ARAmfGj000152",
    ],
)
def test_what_goes_on_under_another_id_is_the_same_message(line: str) -> None:
    found = rows(said(auth(), came(), line, sent("6ARAmfGj000151")))
    assert who(found) == [("account", "bob")]
    assert found[-1].actor.name == "bob"


def test_a_line_told_twice_counts_once() -> None:
    assert len(who(rows(said(auth(), came(), came())))) == 1


def test_outcomes_of_a_message_before_the_log_are_of_nobody_known() -> None:
    join = join_of()
    (found,) = rows(said(sent()), join)
    assert (found.actor.kind, join.first_sight) == ("unknown", 1)


def test_two_ids_of_one_message_are_followed_and_counted_once() -> None:
    local = "6ARAmfGj000119: from=root, size=9, class=0, nrcpts=1, msgid=<1@x>, relay=www@localhost"
    handed = (
        "6ARAmfGj000119: to=a@far.test, delay=00:00:01, xdelay=00:00:01, mailer=relay, pri=1, relay=[127.0.0.1] "
        "[127.0.0.1], dsn=2.0.0, stat=Sent (6ARAmfGj000148 Message accepted for delivery)"
    )
    text = said("119| " + local, came(protocol="ESMTP", client="localhost [127.0.0.1]"), "119| " + handed, sent())
    chain = Chain()
    found = [*chain.rows(rows(text)), *chain.rest()]
    assert who(found) == [("local_user", "www")]
    assert {row.actor.name for row in found if isinstance(row, Outcome)} == {"www"}


def test_messages_are_forgotten_when_nothing_more_is_heard_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.join.lives._MANY_LIVES", 50)
    join = join_of()
    ids = [f"6ARAmf{a}{b}000148" for a in range(10) for b in range(10)]
    for queue_id in ids:
        rows(said(came(queue_id, "ESMTP")), join)
    for queue_id in ids[:60]:
        rows(said(sent(queue_id)), join)
    assert join.open_lives() == 100
    more = [came(f"6ARAmg{a}{b}000148", "ESMTP") for a in range(10) for b in range(10)]
    found = rows(said(*more, begin=7200), join)
    assert sum(row.__class__ is Closed for row in found) == 60
    assert join.open_lives() == 140
    rows(said(*(came(f"6ARAm{c}{a}{b}000148", "ESMTP") for c in "hij" for a in range(10) for b in range(10)),
              begin=12 * 86_400), join)  # fmt: skip
    assert join.open_lives() == 300


def test_a_message_is_not_forgotten_while_one_of_its_recipients_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One address given, an alias of two: one of them is reached at once, the other hours later."""
    monkeypatch.setattr("whosent.join.lives._MANY_LIVES", 1)
    join = join_of()
    later = sent(to="b@far.test", fate="dsn=4.2.0, reply=451 4.2.0 later, stat=Deferred: later")
    rows(said(auth(), came(), sent(to="a@far.test"), later), join)
    crowd = [came(f"6ARAmg{a}{b}000190", "ESMTP") for a in range(10) for b in range(10)]
    rows(said(*crowd, begin=7200), join)
    (found,) = (row for row in rows(said(sent(to="b@far.test"), begin=7300), join) if isinstance(row, Outcome))
    assert found.actor.name == "bob"
    more = [came(f"6ARAm{c}{a}{b}000190", "ESMTP") for c in "hi" for a in range(10) for b in range(10)]
    rows(said(*more, begin=20_000), join)
    assert join.open_lives() == 300  # nobody waits for it any more


def test_a_later_part_passes_on_what_an_earlier_one_may_explain() -> None:
    first, second = join_of(), join_of(passes_on=True)
    rows(said(auth()), first)
    text = said(
        came("6ARAmfGl000151", "ESMTP"), came(), sent(), "6ARAmfGj000190: 6ARAmfGj000191: clone: owner=x", begin=5
    )
    passed = rows(text, second)
    assert all(isinstance(row, Early) for row in passed)
    finished = [row for early in passed for row in first.early(early)]
    assert who(finished) == [("host", "10.77.0.101"), ("account", "bob")]
    first.merge(second)
    assert first.servers == {"mx": "sendmail"}


def test_a_later_part_knows_its_own_logins() -> None:
    later = join_of(passes_on=True)
    assert who(rows(said(auth(), came(), sent()), later)) == [("account", "bob")]
    unmarked = rows(said("151| " + came("6ARAmfGl000151", "ESMTP")), later)
    assert who(unmarked) == [("host", "10.77.0.101")]


def test_logins_are_remembered_for_a_day_and_not_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.join.sessions._MANY", 3)
    sessions = Sessions()
    for pid in (b"1", b"2", b"3"):
        sessions.authenticated(pid, b"bob", None, 0.0)
    sessions.authenticated(b"4", b"bob", None, 90_000.0)  # those of yesterday make room
    assert [sessions.account(b"6ARAmfGj00000%d" % pid, None, b"ESMTPA", 90_001.0) for pid in (1, 4)] == [None, b"bob"]
    for pid in (b"5", b"6", b"7"):  # and when there are too many today, all do
        sessions.authenticated(pid, b"bob", None, 90_002.0)
    assert [sessions.account(b"6ARAmfGj00000%d" % pid, None, b"ESMTPA", 90_003.0) for pid in (4, 7)] == [None, b"bob"]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (b"<a@b>", [(b"a@b", True)]),
        (b"<a@b>,<c@d>", [(b"a@b", True), (b"c@d", True)]),
        (b"a@b,<c@d>", [(b"a@b", False), (b"c@d", True)]),
        (b"|/bin/cat a, b", [(b"|/bin/cat a, b", False)]),
        (b'<"a>,<b"@c>', [(b'"a>,<b"@c', True)]),
        (b'<"a\\\\">,<b"@c>,d', [(b'"a\\\\">,<b"@c', True), (b"d", False)]),
    ],
)
def test_recipients_as_they_were_given(listed: bytes, expected: list[tuple[bytes, bool]]) -> None:
    assert as_given(listed) == expected
