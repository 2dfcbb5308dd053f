"""``whosent incident list`` and ``show``: the incidents of the ledger, and one of them with all that is known of it."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from whosent.cli.incident.naming import IncidentId, incidents, the_one
from whosent.cli.leaving import Exit
from whosent.cli.options import Zone, console, settings_with
from whosent.configuration import zone_name
from whosent.model.lifecycle import IncidentShown, State
from whosent.report import incidents as told


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("list")(list_)
    group.command()(show)


def list_(
    *,
    state: Annotated[
        list[State] | None,
        typer.Option("--state", metavar="STATE", help="Only those open, contained, resolved or dismissed; repeatable."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are resolved or dismissed as well.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object an incident (schema whosent.incident/1).")
    ] = False,
    timezone: Zone = "",
) -> None:
    """List incidents, the worst first; the exit code is that of the worst that is open.

    Example: whosent incident list --all
    """
    settings = settings_with(None, None, timezone, 0)
    wanted = tuple(state) if state else tuple(State) if every else (State.OPEN, State.CONTAINED)
    kept = incidents(settings).all(*wanted)
    if json:
        sys.stdout.buffer.write(b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
        sys.stdout.buffer.flush()
    else:
        told.table(kept, console(), zone_name(settings.logs.timezone), every=every or bool(state))
    worst = {one.incident.severity for one in kept if one.state is State.OPEN}
    raise SystemExit(Exit.CRITICAL if "critical" in worst else Exit.WARNING if worst else Exit.CLEAN)


def show(
    incident_id: IncidentId,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.incident/1).")] = False,
    timezone: Zone = "",
) -> None:
    """Show one incident: why we say so, the lines it rests on, what to do, and what was done.

    Example: whosent incident show 3f2a9c
    """
    settings = settings_with(None, None, timezone, 0)
    store = incidents(settings)
    kept = the_one(store, incident_id)
    history = store.history(kept.incident.id)
    if json:
        whole = IncidentShown(**msgspec.structs.asdict(kept), history=history)
        sys.stdout.buffer.write(msgspec.json.encode(whole) + b"\n")
        sys.stdout.buffer.flush()
    else:
        told.whole(kept, history, console(), zone_name(settings.logs.timezone))
    raise SystemExit(Exit.CLEAN)
