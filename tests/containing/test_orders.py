"""A standing order acts alone only on two witnesses, above the bar, within its reach; an operator always wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.containing.kit import CLAIM, accuse, desk
from whosent.containing import attending
from whosent.containing.attending import Attending
from whosent.containing.obeying import decision, obey, said
from whosent.containing.replaying import replay
from whosent.model.action import Progressed
from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.incident import ReportedFinding
from whosent.model.lifecycle import State, What
from whosent.model.settings import Containment, Ours, Settings, Watch
from whosent.orders import decide, digest
from whosent.store.ledger import Ledger

ORDERS = Containment(order="contain")
INCIDENT = Path(__file__).parents[2] / "samples" / "incident"
SAYS = ReportedFinding(
    detector="outcomes", sentence="s", since="2026-11-10T03:00:00Z", until="2026-11-10T03:00:00Z", measure=0.6,
    norm=0.02, unit="refused share", accuses=True, strength=Strength.SHOWN, witnesses=[], facts={}, candidates=[],
    evidence=[],
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "orders", "act", "why"),
    [
        ({}, {}, "contain", "two witnesses"),
        ({}, {"order": "observe"}, "observe", "to observe"),
        ({}, {"order": "propose"}, "propose", "to propose"),
        ({"strength": Strength.SHOWN}, {}, "propose", "no two independent witnesses"),
        ({"witnesses": ["log of mx"]}, {}, "propose", "no two independent witnesses"),
        ({"severity": "warning"}, {}, "propose", "warning"),
        ({"cause": Cause.DIRTY_LIST}, {}, "propose", "cause"),
        ({"suspect": Suspect(kind="host", name="10.0.0.7")}, {}, "propose", "no order reaches a host"),
        ({"suspect": Suspect(kind="host", name="10.0.0.7")}, {"order_kinds": ("host",)}, "contain", ""),
        ({}, {"untouchables": ("Alice@Example.org",)}, "propose", "untouchable"),
        ({"recipients": 49}, {}, "propose", "fewer than 50"),
        ({"findings": [msgspec.structs.replace(SAYS, norm=None)]}, {}, "propose", "no norm yet"),
    ],
)
def test_the_bar(tmp_path: Path, changes: dict[str, Any], orders: dict[str, Any], act: str, why: str) -> None:
    one = accuse(tmp_path, **{"findings": [SAYS], **changes})
    found = decide(one, msgspec.structs.replace(ORDERS, **orders))
    assert found.act == act
    assert why in found.why


def test_limits_and_the_operator(tmp_path: Path) -> None:
    one = accuse(tmp_path, findings=[SAYS])
    assert "limit" in decide(one, ORDERS, contained=3).why
    assert "whosent replay" in decide(one, ORDERS, replayed=False).why
    assert decide(one, ORDERS, decided=True).act == "observe"
    assert digest(ORDERS) != digest(msgspec.structs.replace(ORDERS, order_recipients=1))
    assert digest(ORDERS) == digest(Containment())


def test_an_order_in_force(tmp_path: Path) -> None:
    one = accuse(tmp_path, findings=[SAYS])
    place, queue = desk(tmp_path, ORDERS, "whosent")
    assert obey(place, "mx") == []  # never tried on the past
    place.actions.replayed(digest(ORDERS), "fine")
    told = obey(place, "mx")
    assert told[0].startswith("By standing order: New mail of alice@example.org is held until")
    assert queue.calls == [("close", CLAIM, "hold"), ("hold", CLAIM)]
    kept = place.incidents.get(one.id)
    assert kept is not None
    assert kept.state is State.CONTAINED
    assert obey(place, "mx") == []
    (tap, _) = place.actions.standing(Progressed.APPLIED)
    place.actions.write(msgspec.structs.replace(tap, expires="2020-01-01T00:00:00Z"))
    assert "has run out" in obey(place, "mx")[0]  # it is open again, and is let alone until there is news
    kept = place.incidents.get(one.id)
    assert kept is not None
    assert kept.state is State.OPEN
    assert obey(place, "mx") == []
    accuse(tmp_path, findings=[SAYS], recipients=1000)
    assert "By standing order" in obey(place, "mx")[0]
    place.incidents.move(one.id, What.RELEASED, "anna", "it is her newsletter")
    assert decision(place, one).why == "an operator has decided otherwise"
    assert obey(place, "mx") == []


def test_what_the_order_says_to_somebody_who_is_told(tmp_path: Path) -> None:
    one = accuse(tmp_path, findings=[SAYS])

    def of(order: str) -> str:
        rules = msgspec.structs.replace(ORDERS, order=order)
        kept = desk(tmp_path)[0].incidents.get(one.id)
        assert kept is not None
        return said(desk(tmp_path, rules, "whosent")[0], kept)

    assert of("observe") == ""
    back = f"`whosent incident release {one.id}` takes it back"
    assert of("propose") == f"The standing order proposes to contain it now ({back})."
    assert of("contain") == (
        "The standing order leaves it to you: these orders were not tried on the past: run whosent replay."
    )
    place, _ = desk(tmp_path, ORDERS, "whosent")
    place.actions.replayed(digest(ORDERS), "fine")
    assert of("contain") == "The standing order contains it now."
    obey(place, "mx")
    assert of("contain").startswith(f"By standing order ({back}): tap, queue; ")
    place.incidents.move(one.id, What.CONTAINED, "anna")
    assert of("contain") == ""
    place.incidents.move(one.id, What.RELEASED, "anna")
    assert of("propose") == "The standing order leaves it to you: an operator has decided otherwise."


def test_an_order_that_cannot_be_carried_out(tmp_path: Path) -> None:
    accuse(tmp_path, findings=[SAYS], suspect=Suspect(kind="account", name="a@b", host="elsewhere"))
    place, _ = desk(tmp_path, ORDERS, "whosent")
    place.actions.replayed(digest(ORDERS), "fine")
    assert "run the command there" in obey(place, "mx")[0]
    assert obey(desk(tmp_path)[0], "mx") == []


def test_an_order_that_fails_is_not_tried_for_ever(tmp_path: Path) -> None:
    accuse(tmp_path, findings=[SAYS])
    place, queue = desk(tmp_path, ORDERS, "whosent")
    place.actions.replayed(digest(ORDERS), "fine")
    queue.fails_at = "close"
    queue.call = _failing  # type: ignore[method-assign]  # of this one
    for _ in range(5):
        obey(place, "mx")
    assert len(place.actions.standing()) == 4  # two steps, twice


def _failing(*_arguments: object, **_more: object) -> dict[str, Any]:
    from whosent.model.mistake import Mistake  # noqa: PLC0415  # only here

    raise Mistake("no")


def test_the_recorded_incident_replayed() -> None:
    logs = [INCIDENT / name for name in ("mail.log", "web-mail.log", "access.log", "php-mail.log")]
    told = replay(logs, Settings(ours=Ours(domains=("corp.test",))), ZoneInfo("UTC"))
    assert {(one.suspect.name, one.guilty, one.delayed) for one in told.suspects} == {
        ("/var/www/html/contact.php", True, 0), ("alice@corp.test", True, 0)
    }  # fmt: skip
    assert all(0 < one.mail < one.messages for one in told.suspects)
    assert told.sentence.startswith("On your last day this order would have stopped the outbreak of ")
    assert told.missed == []


def test_a_replay_where_the_queue_is_not_looked_at() -> None:
    logs = [INCIDENT / name for name in ("mail.log", "web-mail.log", "access.log", "php-mail.log")]
    told = replay(logs, Settings(ours=Ours(domains=("corp.test",)), watch=Watch(queue=False)), ZoneInfo("UTC"))
    assert [one.suspect.name for one in told.suspects] == ["/var/www/html/contact.php"]
    assert [suspect.name for suspect in told.missed] == ["alice@corp.test"]


def test_a_replay_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text("")
    told = replay([tmp_path / "mail.log"], Settings(), ZoneInfo("UTC"))
    assert (told.days, told.suspects) == (0, [])
    assert "done nothing" in told.sentence


def test_the_daemons_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attending, "_OBEY", ("touch", str(tmp_path / "obeyed")))
    monkeypatch.setattr(attending, "_LOOK", 0.0)
    hand = Attending(Ledger(tmp_path), ORDERS)
    hand.step()
    hand.stop()
    assert (tmp_path / "obeyed").exists()
    (tmp_path / "obeyed").unlink()
    hand.step()  # nothing new
    hand.stop()
    assert not (tmp_path / "obeyed").exists()
    accuse(tmp_path)
    hand.step()
    hand.stop()
    assert (tmp_path / "obeyed").exists()
    monkeypatch.setattr(attending, "_OBEY", ("sleep", "30"))
    monkeypatch.setattr(attending, "_LONGEST", 0.0)
    hand.step()
    accuse(tmp_path, recipients=10_000)
    hand.step()
    hand.step()  # too long: it is ended
    hand.stop()
    hand.step()
    monkeypatch.setattr(attending, "_OBEY", ("/nowhere/whosent",))
    accuse(tmp_path, recipients=100_000)
    hand.step()  # cannot be started: tried again later
    hand.stop()
