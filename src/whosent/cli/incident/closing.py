"""``whosent incident resolve``, ``dismiss``, ``reopen`` and ``note``: what an operator decides, with the reason."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import msgspec
import typer

from whosent.cli.incident.naming import IncidentId, incidents, operator, the_one
from whosent.cli.leaving import Exit, fail
from whosent.configuration import load
from whosent.model.lifecycle import KeptIncident, What
from whosent.remedies.recovery import Step, left_undone, steps

Why = Annotated[str, typer.Argument(metavar="WHY", help="The reason, for whoever reads the history.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the incident as one JSON object (schema whosent.incident/1).")
]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for command in (resolve, dismiss, reopen, note):
        group.command()(command)


def resolve(
    incident_id: IncidentId,
    *,
    done: Annotated[
        list[str] | None,
        typer.Option("--done", metavar="STEP", help="A step of recovery that was done, or all; may be repeated."),
    ] = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="A word for whoever reads the history.")] = "",
    json: AsJson = False,
) -> None:
    """Walk through recovery, keep what was done and what was not, and close the incident; new signs reopen it.

    Example: whosent incident resolve 3f2a9c --done password --done sessions
    """
    store = incidents(load(os.environ))
    kept = the_one(store, incident_id)
    plan = steps(kept.incident.cause)
    names = _done(plan, done or [])
    undone = left_undone(plan, names)
    text = "; ".join(part for part in (why, f"done: {', '.join(names)}" if names else "", undone) if part)
    _tell(store.move(kept.incident.id, What.RESOLVED, operator(), text), f"resolved. {undone}".strip(), json=json)


def _done(plan: list[Step], given: list[str]) -> list[str]:
    """The steps that were done: as given, or asked for one by one on a terminal."""
    known = [step.name for step in plan]
    strange = [name for name in given if name not in {*known, "all"}]
    if strange:
        fail(f"no step of recovery here is called {', '.join(strange)}. The steps are: {', '.join(known)}.")
    if given:
        return [name for name in known if name in given or "all" in given]
    if not sys.stdin.isatty():
        return []
    return [step.name for step in plan if typer.confirm(f"{step.question} ({step.why})", default=False, err=True)]


def dismiss(incident_id: IncidentId, why: Why, *, json: AsJson = False) -> None:
    """Say that an incident is none; only another cause for the same suspect reopens it.

    Example: whosent incident dismiss 3f2a9c 'our newsletter, sent on the first of the month'
    """
    _move(incident_id, What.DISMISSED, why, "dismissed: only another cause reopens it.", json=json)


def reopen(incident_id: IncidentId, why: Why, *, json: AsJson = False) -> None:
    """Take back a resolution or a dismissal.

    Example: whosent incident reopen 3f2a9c 'the newsletter was not ours after all'
    """
    _move(incident_id, What.REOPENED, why, "open again.", json=json)


def note(incident_id: IncidentId, text: Why, *, json: AsJson = False) -> None:
    """Add a line to the history.

    Example: whosent incident note 3f2a9c 'spoke to her: the laptop was stolen on Monday'
    """
    _move(incident_id, What.NOTED, text, "noted.", json=json)


def _move(name: str, what: What, why: str, said: str, *, json: bool) -> None:
    if not why.strip():
        fail("a reason is needed: it stands in the history, and whoever reads it will ask.")
    store = incidents(load(os.environ))
    _tell(store.move(the_one(store, name).incident.id, what, operator(), why), said, json=json)


def _tell(kept: KeptIncident, said: str, *, json: bool) -> None:
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(kept) + b"\n")
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(f"{kept.incident.id}: {said}\n")
    raise SystemExit(Exit.CLEAN)
