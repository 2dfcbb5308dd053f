"""A login in somebody else's hands: hold its mail, change its password, end its sessions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whosent.model.incident import Remedy
from whosent.remedies.incoming import OVERRIDE, access_map
from whosent.remedies.queued import by_attribute, look_and_hold, place
from whosent.remedies.shell import plain, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect


def contain(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against mail submitted with one login."""
    name = plain(suspect.name)
    choice = by_attribute(f"handed in with the login {name}", "sasl_username", name)
    return [*look_and_hold(tag, suspect, choice), _block(tag, suspect, name), _lock(name)]


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


def _lock(name: str) -> Remedy:
    commands = [f"doveadm auth cache flush -- {quoted(name)}"]
    if not re.search(r"[*?\\]", name):  # kick takes a mask
        commands.append(f"doveadm kick -- {quoted(name)}")
    return Remedy(
        step="close",
        title=f"Give {name} a new password and end its sessions",
        reach=f"all sessions of {name}: its owner has to log in again everywhere",
        commands=commands,
        undo=[],
        note="First change the password where the account lives (directory, database, panel); then run this, or a"
        " cached login stays valid. There is nothing to undo: the owner logs in with the new password. Look for rules"
        " and forwards the thief left in the mailbox, and for the device that leaked the password.",
    )
