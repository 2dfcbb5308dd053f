"""An incident is kept once and told anew; operators decide; the history is the feed that others follow."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.incident import Incident
from whosent.model.lifecycle import State, What
from whosent.store.incidents import _MIGRATIONS, Incidents, Line
from whosent.store.ledger import Ledger


def incident(**changed: object) -> Incident:
    one = Incident(
        id="abc123abc123",
        suspect=Suspect(kind="account", name="alice@example.org"),
        cause=Cause.COMPROMISED_ACCOUNT,
        strength=Strength.SHOWN,
        severity="critical",
        since="2026-11-10T03:00:00Z",
        until="2026-11-10T03:05:00Z",
        ongoing=True,
        messages=40,
        recipients=100,
        refused=60,
        sentence="The account alice@example.org is being used to send spam.",
        witnesses=["Postfix log of mx"],
        unproven=[],
        candidates=[],
        findings=[],
        remedies=[],
    )
    return msgspec.structs.replace(one, **changed)


@pytest.fixture
def kept(tmp_path: Path) -> Incidents:
    return Incidents(Ledger(tmp_path))


def test_telling_the_same_again_changes_nothing(kept: Incidents) -> None:
    assert kept.tell(incident()) is What.OPENED
    assert kept.tell(incident()) is None
    assert [(one.what, one.who) for one in kept.after(0)] == [(What.OPENED, "whosent")]
    one = kept.get("abc1")
    assert one
    assert (one.state, one.revision, one.incident) == (State.OPEN, 1, incident())


def test_it_is_told_again_aloud_when_it_doubles_or_gets_worse(kept: Incidents) -> None:
    kept.tell(incident(severity="warning"))
    assert kept.tell(incident(severity="warning", recipients=150)) is What.REVISED
    assert kept.tell(incident(severity="warning", recipients=200)) is What.GREW
    assert kept.tell(incident(severity="critical", recipients=210)) is What.GREW
    assert kept.tell(incident(severity="critical", recipients=390)) is What.REVISED
    assert [one.what for one in kept.after(0)] == [What.OPENED, What.GREW, What.GREW]
    one = kept.get("abc123abc123")
    assert one
    assert one.revision == 5


def test_what_a_closed_tap_holds_back_is_no_growth(kept: Incidents) -> None:
    name = incident().id
    kept.tell(incident(refused=30))
    kept.move(name, What.CONTAINED, "whosent", at="2026-11-10T03:06:00Z")
    on_the_way = kept.tell(incident(recipients=300, refused=90), at="2026-11-10T03:06:40Z")
    assert on_the_way is What.REVISED  # what had left before the tap was closed
    assert kept.tell(incident(recipients=20_000, refused=90), at="2026-11-10T03:20:00Z") is What.REVISED
    assert kept.all()[0].leaked == 0
    assert kept.tell(incident(recipients=20_000, refused=120), at="2026-11-10T03:21:00Z") is What.GREW
    assert kept.tell(incident(recipients=20_000, refused=140), at="2026-11-10T03:22:00Z") is What.REVISED
    assert kept.all()[0].leaked == 50
    kept.move(name, What.RELEASED, "anna", at="2026-11-10T03:30:00Z")
    assert kept.all()[0].leaked == 0
    assert kept.tell(incident(recipients=30_000, refused=300), at="2026-11-10T03:31:00Z") is What.REVISED
    assert kept.tell(incident(recipients=40_000, refused=400), at="2026-11-10T03:32:00Z") is What.GREW
    assert [(one.what, one.text) for one in kept.history(name) if one.what is What.GREW] == [
        (What.GREW, "although it is contained, 30 more recipients were refused"),
        (What.GREW, "40,000 recipients, 400 of them refused"),
    ]


def test_what_an_earlier_version_knew_contained_is_counted_from_now(tmp_path: Path) -> None:
    ledger, one = Ledger(tmp_path), incident(refused=60)
    ledger.bring_up("incidents", _MIGRATIONS[:1])
    row = (one.id, one.since, one.since, one.recipients, msgspec.json.encode(one).decode())
    ledger.base.execute("INSERT INTO incident VALUES (?, 'contained', 1, 0, ?, ?, NULL, NULL, 'critical', ?, ?)", row)
    kept = Incidents(ledger)
    assert kept.tell(incident(refused=100), at="2026-11-10T04:00:00Z") is What.REVISED
    assert kept.tell(incident(refused=130), at="2026-11-10T04:00:10Z") is What.GREW
    assert kept.all()[0].leaked == 30


def test_it_is_provisional_until_the_lines_that_may_change_it_have_come(kept: Incidents) -> None:
    kept.tell(incident(), provisional=True)
    assert kept.all()[0].provisional
    assert kept.tell(incident(), provisional=False) is What.SETTLED
    assert not kept.all()[0].provisional
    assert kept.tell(incident(), provisional=True) is None


def test_a_resolved_one_is_reopened_by_later_signs_alone(kept: Incidents) -> None:
    kept.tell(incident())
    kept.move("abc123abc123", What.RESOLVED, "root", "password changed", at="2026-11-10T04:00:00Z")
    assert kept.tell(incident(until="2026-11-10T03:59:00Z")) is What.REVISED
    assert kept.all()[0].state is State.RESOLVED
    assert kept.tell(incident(until="2026-11-10T04:01:00Z")) is What.REOPENED
    assert kept.all()[0].state is State.OPEN


def test_a_dismissed_one_stays_so_whatever_its_size(kept: Incidents) -> None:
    kept.tell(incident(cause=Cause.DIRTY_LIST))
    kept.move("abc123abc123", What.DISMISSED, "root", "our newsletter")
    assert kept.tell(incident(cause=Cause.DIRTY_LIST, recipients=10**6, until="2030-01-01T00:00:00Z")) is What.REVISED
    assert kept.all(State.OPEN) == []
    assert kept.tell(incident(cause=Cause.COMPROMISED_ACCOUNT)) is What.REOPENED
    assert kept.all(State.OPEN)


def test_who_did_what_when_and_why_is_kept(kept: Incidents) -> None:
    kept.tell(incident(), at="2026-11-10T03:05:00Z")
    kept.move("abc123abc123", What.CONTAINED, "order", at="2026-11-10T03:06:00Z")
    assert kept.all()[0].state is State.CONTAINED
    kept.move("abc123abc123", What.NOTED, "anna", "laptop stolen", at="2026-11-10T03:07:00Z")
    assert kept.all()[0].state is State.CONTAINED
    kept.move("abc123abc123", What.RELEASED, "anna", at="2026-11-10T03:08:00Z")
    assert kept.all()[0].state is State.OPEN
    told = [(one.at[14:16], one.who, one.what.value, one.text) for one in kept.history("abc123abc123")]
    assert told[1:] == [
        ("06", "order", "contained", ""),
        ("07", "anna", "noted", "laptop stolen"),
        ("08", "anna", "released", ""),
    ]
    assert [one.what for one in kept.after(kept.latest() - 1)] == [What.RELEASED]


def test_quoted_lines_are_kept_once(kept: Incidents) -> None:
    one = Line("/var/log/mail.log", 17, 2, "ab", b"Nov 10 \xff line")
    kept.tell(incident(), [one])
    kept.tell(incident(recipients=101), [one, Line("/var/log/mail.log", 90, 3, "cd", b"more")])
    assert [line.raw for line in kept.lines("abc123abc123")] == [b"Nov 10 \xff line", b"more"]
