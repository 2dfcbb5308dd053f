"""Sendmail's steps where the mail only passes: forwards, bounces, lists; chosen by the envelope."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.sendmail.queued import by_file, look_and_hold
from whosent.remedies.shell import plain, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from whosent.model.finding import Cause, Suspect

_TO: Final = (
    'awk \'/^R/ { sub(/^R[^:]*:/, ""); gsub(/^<|>$/, ""); if ($0 == ENVIRON["to"]) found = 1 }\n'
    '    END { exit !found }\' "$file"'
)


def contain_forwarder(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Quarantine what is on its way to where the address leads, whoever wrote it."""
    to = plain(suspect.address or suspect.name)
    choice = by_file(
        f"to {to}, whoever wrote it", f"export to={quoted(to)}", _TO, (quoted(to), "any(.recipients[]; . == $who)")
    )
    close = Remedy(
        step="close",
        title="Filter before forwarding",
        reach="nothing by itself",
        commands=[],
        undo=[],
        note="Filter spam before it is forwarded, or stop forwarding and let the other side collect the mail. Forwards"
        " are written in /etc/mail/aliases, virtusertable and ~/.forward.",
    )
    return [*look_and_hold(tag, suspect, choice), close]


def by_sender(title: str, advice: str, name: str = "") -> Callable[[str, Suspect, Cause], list[Remedy]]:
    """Make the steps against whatever bears the suspect's address as its sender, or ``name``'s empty one."""

    def steps(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
        sender = "" if name else plain(suspect.name)
        line = quoted(f"S{name}" if name else f"S<{sender}>")  # the null sender is written by that name
        whose = f"with the sender {name or sender}, whoever wrote it"
        choice = by_file(
            whose, f"line={line}", 'grep -Fxq -e "$line" "$file"', (shlex.quote(sender), ".sender == $who")
        )
        close = Remedy(step="close", title=title, reach="nothing by itself", commands=[], undo=[], note=advice)
        return [*look_and_hold(tag, suspect, choice), close]

    return steps
