"""A login in somebody else's hands: hold its mail, change its password, end its sessions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whosent.model.incident import Remedy
from whosent.remedies import panels
from whosent.remedies.login import lock
from whosent.remedies.postfix.incoming import OVERRIDE, access_map
from whosent.remedies.postfix.queued import by_account, look_and_hold
from whosent.remedies.queued import place
from whosent.remedies.shell import plain

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect


def contain(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against mail submitted with one login."""
    name = plain(suspect.name)
    choice = by_account(name)
    steps = [*look_and_hold(tag, suspect, choice), _block(tag, suspect, name)]
    panel = [panels.plesk_mailbox(suspect, name)] if "@" in name.strip("@") else []
    return [*steps, *panel, lock(name)]


def _block(tag: str, suspect: Suspect, name: str) -> Remedy:
    reach = f"only mail handed in with the login {name}{place(suspect)}"
    if re.search(r'[\s"#]', name) or not name.isascii():
        return Remedy(
            step="block",
            title=f"Stop new mail of {name}",
            reach=reach,
            commands=[],
            undo=[],
            note="A lookup table cannot hold a name with spaces, quotes, # or letters beyond ASCII: lock the account"
            " where it lives instead.",
        )
    commands, undo = access_map(tag, "check_sasl_access", name.lower(), "HOLD")
    return Remedy(
        step="block",
        title=f"Hold new mail of {name}",
        reach=f"{reach}; it waits in the hold queue, nothing is lost",
        commands=commands,
        undo=undo,
        note=f"Write REJECT instead of HOLD to refuse it. {OVERRIDE}",
    )
