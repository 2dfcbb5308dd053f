"""The queue: what of the suspect waits there is held, each message proven its own from its queue file just before."""

from __future__ import annotations

from whosent.model.action import Action
from whosent.model.settings import Containment
from whosent.responders import Step, Tools, Wish


class _Queue:
    name, rank = "queue", 50

    def plan(self, wish: Wish, _settings: Containment) -> Step | None:
        """Always, unless only the tap is wanted."""
        if not wish.queue:
            return None
        whose = "everything" if wish.claim == "everything:" else f"only queued mail of {wish.claim.rstrip(':')}"
        return Step("", f"{whose}; each message is proven from its queue file; nothing is lost", expires=False)

    def apply(self, action: Action, tools: Tools) -> dict[str, int]:
        """Hold until two passes find nothing."""
        done = tools.keeper.call("hold", action.claim, progress=tools.progress)
        return {name: int(done[name]) for name in ("held", "passes", "others", "unread", "still_coming")}

    def verify(self, action: Action, _tools: Tools) -> str:
        """Two passes that find nothing are the proof; mail that keeps coming says so."""
        if action.counts.get("still_coming"):
            return "mail of it still comes in: its tap is not closed"
        return ""

    def undo(self, action: Action, tools: Tools) -> dict[str, int]:
        """Release what we held."""
        done = tools.keeper.call("release", action.claim, progress=tools.progress)
        return {name: int(done[name]) for name in ("released", "queued_anew", "gone", "left")}


responder = _Queue()
