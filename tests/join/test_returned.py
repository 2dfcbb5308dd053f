"""Bounces as outcomes, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from whosent.join.returned import Returned, rows
from whosent.join.sightings import Sent, Sighting
from whosent.model.complaint import ReportedRecipient, Told
from whosent.model.rows import Reason, Result

OPENED = 1_000_000.0


def sighting(status: str = "sent") -> Sighting:
    one = Sighting("mx", "4B00001", OPENED)
    one.account, one.address, one.message_id, one.sender = "alice", "203.0.113.9", "<1@corp.test>", "alice@corp.test"
    one.closed = OPENED + 2
    one.sent.append(Sent(OPENED + 1, 1, "anna@isp.test", "", "mx.isp.test", status, "2.0.0", "ok", ()))
    return one


def told(**changed: Any) -> Told:  # noqa: ANN401  # fields of any kind
    fields = {"status": "bounced", "dsn": "5.1.1", "smtp_reply": "550 5.1.1 User unknown", "recipient": "Anna@isp.test"}
    recipient = ReportedRecipient(**{**fields, **{key: changed.pop(key) for key in list(changed) if key in fields}})
    known: dict[str, Any] = {"message_id": "<1@corp.test>", "reported": OPENED + 60, "recipient_told": True}
    return Told(kind="bounce", layout="dsn", recipients=(recipient,), **{**known, **changed})


def test_an_outcome_of_who_sent_it() -> None:
    returned = Returned([sighting()], lambda _: False)
    [row] = rows([(told(), 77), (told(), 78)], returned)
    assert (row.time, row.ref, row.actor.kind, row.actor.name) == (OPENED + 60, 77, "account", "alice")
    assert (row.result, row.reason, row.recipient) == (Result.BOUNCED, Reason.UNKNOWN_USER, b"anna@isp.test")
    assert (returned.used, returned.told_before, returned.unknown) == (1, 1, 0)


@pytest.mark.parametrize(
    ("changed", "result"),
    [
        ({"status": "deferred", "dsn": "4.2.2"}, Result.DEFERRED),
        ({"status": "sent"}, None),
        ({"status": None}, None),
        ({"recipient": None}, None),
        ({"recipient": "zoe@isp.test"}, None),
        ({"message_id": "<2@corp.test>"}, None),
        ({"recipient_told": False}, None),
    ],
)
def test_what_counts(changed: dict[str, Any], result: Result | None) -> None:
    found = rows([(told(**changed), 1)], Returned([sighting()], lambda _: False))
    assert [row.result for row in found] == ([result] if result is not None else [])


@pytest.mark.parametrize(
    ("before", "status"), [("bounced", "bounced"), ("expired", "bounced"), ("deferred", "deferred")]
)
def test_what_the_log_tells_itself_does_not_count(before: str, status: str) -> None:
    returned = Returned([sighting(before)], lambda _: False)
    assert rows([(told(status=status), 1)], returned) == []
    assert returned.told_before == 1


@pytest.mark.parametrize("reported", [None, 0.0, OPENED - 1, OPENED + 90 * 86_400])
def test_an_unbelievable_date_is_not_believed(reported: float | None) -> None:
    [row] = rows([(told(reported=reported), 1)], Returned([sighting()], lambda _: False))
    assert row.time == OPENED + 2


def test_only_bounces_count() -> None:
    complaint = Told(kind="complaint", layout="arf", message_id="<1@corp.test>")
    assert rows([(complaint, 1)], Returned([sighting()], lambda _: False)) == []
