"""A login in somebody else's hands, whatever mail server took its mail: a new password, no session left."""

from __future__ import annotations

import re

from whosent.model.incident import Remedy
from whosent.remedies.shell import quoted


def lock(name: str) -> Remedy:
    """Give it a new password, and end what was opened with the old one."""
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
