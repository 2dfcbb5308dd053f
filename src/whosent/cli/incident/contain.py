"""``whosent incident contain`` and ``release``: stop the one who was used, and take it back."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from whosent.cli.acting import (
    AsJson,
    DryRun,
    Hours,
    Refuse,
    ReportOption,
    SuspectOption,
    Wall,
    claimed,
    desk,
    show_done,
    show_plan,
    the_suspect,
)
from whosent.cli.leaving import Exit, fail
from whosent.configuration import load
from whosent.model.finding import Strength
from whosent.responders import Wish

IncidentId = Annotated[
    str, typer.Argument(metavar="[ID]", help="The incident's id, or its first digits.", show_default=False)
]
_NAMED = (Strength.PROVEN, Strength.SHOWN, Strength.LIKELY)


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command()(contain)
    group.command()(release)


def contain(  # noqa: PLR0913  # each is a documented option
    incident_id: IncidentId = "",
    *,
    suspect: SuspectOption = "",
    report: ReportOption = None,
    refuse: Refuse = False,
    wall: Wall = False,
    hours: Hours = None,
    tell: Annotated[
        bool, typer.Option("--tell", help="Of an account: write its owner why mail waits and what to do.")
    ] = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Close the tap of the one who was used, narrowest first, and hold what is queued; everybody else's mail flows.

    Example: whosent incident contain 3f2a9c --dry-run
    """
    settings = load(os.environ)
    with desk(settings, quiet=json) as place:
        who, known, reason = the_suspect(place, suspect, report, incident_id)
        kept = place.incidents.get(known) if known else None
        if kept is not None and kept.incident.strength not in _NAMED:
            fail(
                "nobody is named with confidence here: whoever you mean, name him with `whosent queue hold --suspect`."
            )
        lasts = settings.containment.hours if hours is None else hours
        wish = Wish(who, claimed(who), refuse=refuse, wall=wall, hours=lasts, tell=tell)
        plan = place.plan(wish, known, reason, look=dry_run)
        done = None if dry_run else place.contain(plan)
    if done is None:
        show_plan(plan, json=json)
        raise SystemExit(Exit.CLEAN)
    show_done(done, json=json)


def release(
    incident_id: IncidentId = "",
    *,
    suspect: SuspectOption = "",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="A word for whoever reads the history.")] = "",
    json: AsJson = False,
) -> None:
    """Open the tap, let go what was held, and say what time has changed; the incident is open again.

    Example: whosent incident release 3f2a9c --why 'the password is changed'
    """
    with desk(load(os.environ), quiet=json) as place:
        who, known, _ = the_suspect(place, suspect, None, incident_id)
        done = place.release(claimed(who), known, why)
    show_done(done, json=json)
