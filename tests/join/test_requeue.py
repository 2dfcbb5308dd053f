"""A message that was requeued (postsuper -r) gets a new id from pickup; it stays with who submitted it."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.join.kit import client, delivery, line, queued, surroundings
from whosent.join.lives import Early
from whosent.join.messages import Join, layout
from whosent.model.rows import JoinedRow, Outcome
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

BEFORE = client(0, "AAAAAA", "alice") + queued(1, "AAAAAA", "alice@corp.test")
REQUEUED = line(60, "postfix/postsuper", "AAAAAA: requeued") + line(
    61, "postfix/pickup", "BBBBBB: uid=104 from=<alice@corp.test> orig_id=AAAAAA"
)
AFTER = queued(62, "BBBBBB", "alice@corp.test") + delivery(63, "BBBBBB", "u@victim.test")


def rows(text: bytes, join: Join) -> list[JoinedRow]:
    clock = Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC))
    join.continue_with(0, clock)
    return list(join.rows(Reader(text, clock, layout).tokens(text), 0))


def test_its_outcomes_are_the_accounts_not_those_of_postfix_itself() -> None:
    outcome = rows(BEFORE + REQUEUED + AFTER, Join(surroundings()))[-1]
    assert isinstance(outcome, Outcome)
    assert (outcome.actor.kind, outcome.actor.name) == ("account", "alice")


def test_without_its_beginning_only_the_uid_is_known() -> None:
    outcome = rows(REQUEUED + AFTER, Join(surroundings()))[-1]
    assert isinstance(outcome, Outcome)
    assert (outcome.actor.kind, outcome.actor.name) == ("local_user", "104")


def test_a_later_part_of_the_log_leaves_it_to_the_part_before() -> None:
    passed = rows(REQUEUED + AFTER, Join(surroundings(), passes_on=True))
    assert passed
    assert all(isinstance(row, Early) for row in passed)


def test_a_sender_that_looks_like_an_original_id_is_a_sender() -> None:
    forged = line(61, "postfix/pickup", "BBBBBB: uid=1001 from=<x> orig_id=AAAAAA>")
    outcome = rows(BEFORE + forged + AFTER, Join(surroundings()))[-1]
    assert isinstance(outcome, Outcome)
    assert (outcome.actor.kind, outcome.actor.name) == ("local_user", "1001")
