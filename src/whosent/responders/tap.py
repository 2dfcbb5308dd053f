"""The tap: new mail of the suspect is held (or refused) by the mail server itself, from the next message on."""

from __future__ import annotations

from typing import Final

from whosent.model.action import Action
from whosent.model.settings import Containment
from whosent.responders import Step, Tools, Wish

_REACH: Final = {
    "account": "only new mail handed in with the login {name}; mail to the administrators still passes",
    "client": "only new mail that {name} hands in without a login; mail to the administrators still passes",
    "local_user": "new mail that any program under uid {name} on this machine hands in with sendmail(1)",
    "script": "only new mail of local users whose PHP header names {name}",
}


class _Tap:
    name, rank = "tap", 10

    def plan(self, wish: Wish, _settings: Containment) -> Step | None:
        """None for the mail server's own bounces: they have no tap."""
        kind, _, rest = wish.claim.partition(":")
        if kind not in _REACH:
            return None
        name = rest.rpartition(":")[2] if kind == "script" else rest
        fate = "it is refused with a word what to do" if wish.refuse else "it waits, nothing is lost"
        return Step("refuse" if wish.refuse else "hold", f"{_REACH[kind].format(name=name)}: {fate}", expires=True,
                    touches=_touches(kind, name))  # fmt: skip

    def apply(self, action: Action, tools: Tools) -> dict[str, int]:
        """Close it."""
        return {"servers": tools.keeper.call("close", action.claim, action.how)["servers"]}

    def verify(self, _action: Action, _tools: Tools) -> str:
        """The keeper's last word came after the tables were on disk and the server had taken notice."""
        return ""

    def undo(self, action: Action, tools: Tools) -> dict[str, int]:
        """Open it."""
        return {"servers": tools.keeper.call("open", action.claim)["servers"]}


def _touches(kind: str, name: str) -> str:
    if kind == "script":
        return f"Another script of the same file name ({name}) on this machine is held with it until the release."
    if kind == "local_user":
        return f"Honest programs that run under uid {name} are held with it until the release."
    if kind == "client":
        return f"Whoever shares the address {name} (NAT, proxy) and does not log in is held with it until the release."
    return ""


responder = _Tap()
