"""Carries out the standing order on the incidents that are open, and takes back what has run out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from whosent.containing.desk import Desk
from whosent.containing.whom import claim_of
from whosent.model.action import Progressed
from whosent.model.incident import Incident
from whosent.model.lifecycle import MACHINE, Happened, KeptIncident, State, What
from whosent.model.mistake import Mistake
from whosent.orders import Decision, decide, digest
from whosent.responders import Wish

_DECISIONS = frozenset({What.RELEASED, What.DISMISSED, What.RESOLVED})
_TRIES = 3  # of one incident


def obey(desk: Desk, here: str) -> list[str]:
    """A sentence for each thing that was done."""
    told = desk.sweep()
    if desk.settings.order != "contain":
        return told
    for kept in desk.incidents.all(State.OPEN):
        told += _obeyed(desk, kept.incident, here)
    return told


def decision(desk: Desk, incident: Incident) -> Decision:
    """What the order in force says of this incident."""
    decided = _decided(desk.incidents.history(incident.id))
    replayed = desk.actions.replay_of(digest(desk.settings)) is not None
    return decide(incident, desk.settings, contained=_today(desk), decided=decided, replayed=replayed)


def said(desk: Desk, kept: KeptIncident) -> str:
    """What the standing order says of an incident to somebody who is told of it; "" if it only observes."""
    name, orders = kept.incident.id, desk.settings.order
    if orders == "observe" or kept.state not in {State.OPEN, State.CONTAINED}:
        return ""
    back = f"`whosent incident release {name}` takes it back"
    if kept.state is State.CONTAINED:
        done = [one for one in desk.incidents.history(name) if one.what is What.CONTAINED]
        by_order = done and done[-1].who == MACHINE
        return f"By standing order ({back}): {done[-1].text}." if by_order else ""
    found = decision(desk, kept.incident)
    if found.act == "contain":
        return "The standing order contains it now."
    if orders == "propose" and found.act == "propose":
        return f"The standing order proposes to contain it now ({back})."
    return f"The standing order leaves it to you: {found.why}."


def _decided(history: list[Happened]) -> bool:
    """By an operator, for good; by a tap that ran out, until there is news."""
    decided = False
    for one in history:
        if one.what in _DECISIONS:
            decided = True
            if one.who != MACHINE:
                return True
        elif one.what in {What.GREW, What.REOPENED}:
            decided = False
    return decided


def _today(desk: Desk) -> int:
    """Suspects that orders contained within 24 hours."""
    since = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return len({one.claim for one in desk.actions.standing() if one.who == MACHINE and one.at >= since})


def _obeyed(desk: Desk, incident: Incident, here: str) -> list[str]:
    if decision(desk, incident).act != "contain":
        return []
    tried = desk.actions.standing(Progressed.FAILED, incident=incident.id)
    if len(tried) >= _TRIES:
        return []
    try:
        claim = str(claim_of(incident.suspect, here))
        wish = Wish(incident.suspect, claim, refuse=False, wall=False, hours=desk.settings.hours)
        done = desk.contain(desk.plan(wish, incident.id, incident.sentence, look=False))
    except Mistake as mistake:
        return [f"The standing order could not be carried out against {incident.suspect.name!a}: {mistake}"]
    return [f"By standing order: {done.sentence} Take back: {done.command}", *done.problems]
