"""Mail that only passes, or that nobody wrote: lists, forwards, bounces of spam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whosent.model.incident import Remedy
from whosent.remedies.exim.queued import by_sender, look_and_hold
from whosent.remedies.shell import plain

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect


def clean_list(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """A list that writes to people who never asked, or who are gone."""
    advice = "Remove the addresses that bounced, and those that never asked, before the list is used again."
    return _steps(tag, suspect, plain(suspect.name), "Clean the list", advice)


def filter_forwards(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """An alias or .forward that carries spam on."""
    advice = (
        "Filter spam before it is forwarded, or stop forwarding and let the other side collect the mail."
        " `exim -bt ADDRESS` shows where an address goes and which router says so."
    )
    return _steps(tag, suspect, plain(suspect.name), "Filter before forwarding", advice)


def refuse_early(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Bounces to people who never wrote to us."""
    advice = (
        "Refuse unknown recipients while the sender is still connected: `require verify = recipient` in the ACL that"
        " `exim -bP acl_smtp_rcpt` names, before the message is accepted. Never answer spam."
    )
    return _steps(tag, suspect, "", "Refuse instead of bouncing", advice)


def _steps(tag: str, suspect: Suspect, sender: str, title: str, advice: str) -> list[Remedy]:
    whose = f"with the sender {sender or '<>'}, whoever wrote it"
    close = Remedy(step="close", title=title, reach="nothing by itself", commands=[], undo=[], note=advice)
    return [*look_and_hold(tag, suspect, by_sender(whose, sender)), close]
