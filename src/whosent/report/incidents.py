"""Incidents of the ledger on a terminal: the list, and one with its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from whosent.model.lifecycle import State, What
from whosent.report import terminal, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from whosent.model.lifecycle import Happened, KeptIncident

_NAME: Final = 120
_TEXT: Final = 400
_LOUD: Final = {State.OPEN: "bold red", State.CONTAINED: "bold yellow"}


def table(kept: Sequence[KeptIncident], console: Console, timezone: str, *, every: bool) -> None:
    """The list, the worst first; its first line says how many."""
    if not kept:
        console.print("No incident is kept." if every else "No incident is open or contained.")
        return
    zone = words.zone(timezone)
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    rows.add_column("Id", no_wrap=True)
    rows.add_column("State", no_wrap=True)
    rows.add_column("Who was used", overflow="fold", ratio=1)
    rows.add_column("What happened", no_wrap=True)
    rows.add_column("Since", no_wrap=True)
    rows.add_column("Refused", justify="right", no_wrap=True)
    for one in kept:
        incident = one.incident
        rows.add_row(
            Text(incident.id),
            Text(one.state.value, style=_LOUD.get(one.state, "")),
            Text(words.shortened(words.visible(incident.suspect.name), _NAME)),
            Text(words.CAUSES[incident.cause]),
            Text(words.when(incident.since, zone, brief=True)),
            Text(f"{incident.refused:,} of {incident.recipients:,}"),
        )
    console.print(rows)


def whole(kept: KeptIncident, history: Sequence[Happened], console: Console, timezone: str) -> None:
    """One incident, and what happened to it."""
    zone = words.zone(timezone)
    settled = "; lines still awaited may change it" if kept.provisional else ""
    console.print(
        Text.assemble(
            (kept.state.value.upper(), _LOUD.get(kept.state, "bold")),
            f"  incident {kept.incident.id}, revision {kept.revision}{settled}",
        )
    )
    terminal.incident(kept.incident, console, timezone)
    console.print(Text("\nWhat happened", style="bold"))
    for one in history:
        by_machine = one.what in {What.OPENED, What.SETTLED}  # their text is the sentence above
        text = "" if by_machine else f": {words.shortened(words.visible(one.text), _TEXT)}" if one.text else ""
        console.print(Text(f"  {words.when(one.at, zone)}  {one.what.value} by {words.visible(one.who)}{text}"))
