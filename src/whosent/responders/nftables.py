"""The firewall: nftables closes the mail ports of this machine to one address, for a time that ends by itself."""

from __future__ import annotations

from typing import Final

from whosent.model.action import Action
from whosent.model.settings import Containment
from whosent.responders import Step, Tools, Wish

_HOUR: Final = 3600


class _Nftables:
    name, rank = "nftables", 30

    def plan(self, wish: Wish, _settings: Containment) -> Step | None:
        """Only where it is asked for: it cuts open connections and refuses what the tap would hold."""
        kind, _, address = wish.claim.partition(":")
        if kind != "client" or not wish.wall:
            return None
        return Step(str((wish.hours or 24 * 30) * _HOUR), f"every mail connection from {address}, logged in or not",
                    expires=True, touches=f"Whoever shares the address {address} cannot hand in mail.")  # fmt: skip

    def apply(self, action: Action, tools: Tools) -> dict[str, int]:
        """Put it into the set."""
        return {"seconds": tools.keeper.call("wall", action.claim, action.how)["seconds"]}

    def verify(self, _action: Action, _tools: Tools) -> str:
        """The kernel took the whole batch or none of it."""
        return ""

    def undo(self, action: Action, tools: Tools) -> dict[str, int]:
        """Take it out."""
        tools.keeper.call("unwall", action.claim)
        return {}


responder = _Nftables()
