"""A keeper that does what it is told to a queue of numbers, and a ledger with an incident."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.store.test_incidents import incident
from whosent.containing.desk import Desk
from whosent.model.action import Progressed
from whosent.model.finding import Strength, Suspect
from whosent.model.incident import Incident
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.responders.keeping import Keeper
from whosent.store.actions import Actions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger

ALICE = Suspect(kind="account", name="alice@example.org")
CLAIM = "account:alice@example.org"


class Queue(Keeper):
    """Ten messages of the suspect among three of others; asks the journal before it acts."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(Containment())
        self._actions = Actions(ledger)
        self.calls: list[tuple[str, ...]] = []
        self.held = 0
        self.dies_at = self.fails_at = ""

    def call(
        self, verb: str, claim: str, how: str = "", progress: Callable[[Mapping[str, int]], None] = lambda _said: None
    ) -> dict[str, Any]:
        if verb != "look":
            self.calls.append((verb, claim, how) if how else (verb, claim))
        if verb in {"hold", "close", "wall"}:
            assert self._actions.standing(Progressed.APPLYING), "acted before it was written down"
        if verb == self.dies_at:
            raise KeyboardInterrupt
        if verb == self.fails_at:
            raise Mistake("it was told to fail")
        progress({"held": 1, "files": 3, "total": 10})
        return self._done(verb)

    def _done(self, verb: str) -> dict[str, Any]:
        before = self.held
        if verb == "hold":
            self.held = 10
            return {"held": 10 - before, "passes": 3, "others": 3, "unread": 0, "still_coming": False}
        if verb == "release":
            self.held = 0
            return {"released": before, "queued_anew": min(before, 2), "gone": 1, "left": 4}
        if verb == "purge":
            self.held = 0
            return {"purged": before, "bytes": 100 * before, "left": 1, "manifest": "/kept/manifest.tsv"}
        if verb == "look":
            return {"messages": 10, "others": 3, "unread": 0, "held_by_us": before, "folders": {"deferred": 10}}
        return {"servers": 1, "problems": [], "seconds": 60}


def desk(place: Path, settings: Containment | None = None, who: str = "anna") -> tuple[Desk, Queue]:
    """A desk with that keeper."""
    ledger = Ledger(place)
    found = Desk(ledger, settings or Containment(), who)
    queue = Queue(ledger)
    found.tools = found.tools._replace(keeper=queue)
    return found, queue


def accuse(place: Path, **changes: Any) -> Incident:  # noqa: ANN401  # fields of an incident
    """Put an incident that any order would act on into the ledger."""
    told = {"suspect": ALICE, "strength": Strength.PROVEN, "witnesses": ["log of mx", "queue of mx"], **changes}
    one = incident(**told)
    Incidents(Ledger(place)).tell(one)
    return one
