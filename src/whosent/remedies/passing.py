"""Mail that only passes, or that nobody wrote: lists, forwards, bounces of spam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whosent.model.incident import Remedy
from whosent.remedies.queued import by_sender, look_and_hold
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
        " `postconf alias_maps virtual_alias_maps` shows where forwards are written; ~/.forward is the other place."
    )
    return _steps(tag, suspect, plain(suspect.name), "Filter before forwarding", advice)


def refuse_early(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Bounces to people who never wrote to us."""
    advice = (
        "Refuse unknown recipients while the sender is still connected: `smtpd_reject_unlisted_recipient = yes`, and"
        " complete local_recipient_maps, relay_recipient_maps and virtual_mailbox_maps. Never answer spam."
    )
    return _steps(tag, suspect, "MAILER-DAEMON", "Refuse instead of bouncing", advice)


def _steps(tag: str, suspect: Suspect, sender: str, title: str, advice: str) -> list[Remedy]:
    choice = by_sender(f"with the sender {sender}, whoever wrote it", sender)
    close = Remedy(step="close", title=title, reach="nothing by itself", commands=[], undo=[], note=advice)
    return [*look_and_hold(tag, suspect, choice), close]
