"""``whosent queue``: whose mail waits; hold one suspect's, let it go, delete it; the emergency brake."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import msgspec
import typer

from whosent.cli.acting import (
    AsJson,
    DryRun,
    IncidentOption,
    ReportOption,
    SuspectOption,
    claimed,
    desk,
    show_done,
    show_plan,
    the_suspect,
)
from whosent.cli.leaving import Exit, fail
from whosent.cli.options import console
from whosent.configuration import load
from whosent.containing.desk import BRAKE, Desk
from whosent.model.finding import Suspect
from whosent.report import words
from whosent.responders import Wish


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Hold one suspect's queued mail, let it go, delete it.", no_args_is_help=True,
                        rich_markup_mode=None)  # fmt: skip
    for command in (status, hold, release, purge, brake):
        group.command()(command)
    app.add_typer(group, name="queue")


def status(
    suspect: SuspectOption = "",
    *,
    report: ReportOption = None,
    incident: IncidentOption = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.queue/1).")] = False,
) -> None:
    """Say how much of the queue is a suspect's and what of it we hold; without one: of everybody.

    Example: whosent queue status --suspect account:alice@example.org
    """
    with desk(load(os.environ), quiet=json) as place:
        given = the_suspect(place, suspect, report, incident)[0] if suspect or report or incident else None
        told = place.status(claimed(given) if given else BRAKE)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()
    else:
        out = console()
        name = words.visible(given.name) if given else "everybody"
        where = ", ".join(f"{folder} {count:,}" for folder, count in sorted(told.folders.items()))
        out.print(
            f"{words.counted(told.messages, 'message')} of {name} in the queue{f' ({where})' if where else ''};"
            f" {told.held_by_us:,} held by us; {told.others:,} of others."
        )
        for line in told.in_force:
            out.print(words.visible(line))
        if not given and told.messages:
            out.print("Whose it is: whosent scan --queue")
    raise SystemExit(Exit.CLEAN)


def hold(
    suspect: SuspectOption = "",
    *,
    report: ReportOption = None,
    incident: IncidentOption = "",
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Hold what is queued of one suspect, each message proven from its queue file, until two passes find nothing.

    Example: whosent queue hold --suspect script:/var/www/shop/contact.php --dry-run
    """
    with desk(load(os.environ), quiet=json) as place:
        who, known, reason = the_suspect(place, suspect, report, incident)
        plan = place.plan(Wish(who, claimed(who), refuse=False, wall=False, hours=0), known, reason, look=dry_run)
        plan = msgspec.structs.replace(plan, steps=[one for one in plan.steps if one.responder == "queue"], touched=[])
        done = None if dry_run else place.contain(plan)
    if done is None:
        show_plan(plan, json=json)
        raise SystemExit(Exit.CLEAN)
    show_done(done, json=json)


def release(
    suspect: SuspectOption = "",
    *,
    report: ReportOption = None,
    incident: IncidentOption = "",
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Open the tap and let go what we held of one suspect; also while the brake is on.

    Example: whosent queue release --suspect account:alice@example.org
    """
    with desk(load(os.environ), quiet=json) as place:
        who, known, _ = the_suspect(place, suspect, report, incident)
        claim = claimed(who)
        if dry_run:
            _say_held(place, claim, who, "would go on its way", json=json)
        done = place.release(claim, known)
    show_done(done, json=json)


def purge(  # noqa: PLR0913  # each is a documented option
    suspect: SuspectOption = "",
    *,
    report: ReportOption = None,
    incident: IncidentOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it was confirmed.")] = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Delete what we held of one suspect, for good and without bounces; a manifest with digests and samples stay.

    Example: whosent queue purge --suspect account:alice@example.org --yes
    """
    with desk(load(os.environ), quiet=json) as place:
        who, known, _ = the_suspect(place, suspect, report, incident)
        claim = claimed(who)
        if dry_run:
            _say_held(place, claim, who, "would be deleted", json=json)
        if not yes:
            _confirm(place, claim, who)
        done = place.purge(claim, known)
    show_done(done, json=json)


def _confirm(place: Desk, claim: str, who: Suspect) -> None:
    count = place.status(claim).held_by_us
    if not _terminal():
        fail(f"{count:,} messages would be deleted for good: say --yes, or run it on a terminal.")
    name = words.visible(who.name)
    if not typer.confirm(f"Delete {words.counted(count, 'message')} of {name} for good?", default=False, err=True):
        fail("nothing was deleted.")


def _terminal() -> bool:
    return sys.stdin.isatty()


def _say_held(place: Desk, claim: str, who: Suspect, what: str, *, json: bool) -> None:
    """The dry run: how many it would be."""
    told = place.status(claim)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()
    else:
        held = words.counted(told.held_by_us, "message")
        console().print(f"{held} of {words.visible(who.name)} {what}. Nothing was changed: this was a dry run.")
    raise SystemExit(Exit.CLEAN)


def brake(
    *,
    off: Annotated[bool, typer.Option("--off", help="Take the brake off, and let go all that it held.")] = False,
    let: Annotated[
        str, typer.Option("--let", metavar="KIND:NAME", help="Let one suspect's mail go on while the brake is on.")
    ] = "",
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Hold everything that we send, at once; then let each sender go as he proves innocent.

    Example: whosent queue brake --let account:alice@example.org
    """
    with desk(load(os.environ), quiet=json) as place:
        if let:
            who = the_suspect(place, let, None, "")[0]
            done = place.let_pass(claimed(who), who)
        elif dry_run:
            everybody = Suspect(kind="host", name="everybody")
            _say_held(place, BRAKE, everybody, "would go on its way" if off else "are held, all others would be",
                      json=json)  # fmt: skip
        else:
            done = place.release(BRAKE) if off else place.brake()
    show_done(done, json=json)
