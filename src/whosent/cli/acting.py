"""What commands that act share: how a suspect is given, the desk, progress, and how plans and results are printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from whosent.cli.incident.naming import operator
from whosent.cli.leaving import Exit, fail
from whosent.cli.options import console, ledger_of
from whosent.containing.desk import Desk
from whosent.containing.whom import claim_of, named
from whosent.model.action import Done, Plan
from whosent.model.finding import Suspect
from whosent.model.report import Report
from whosent.model.settings import Settings
from whosent.report import words

SuspectOption = Annotated[
    str,
    typer.Option(
        "--suspect",
        metavar="KIND:NAME",
        help="Whose mail: account:alice@example.org, script:/path, uid:33, host:192.0.2.7, backscatter:.",
    ),
]
ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Take the suspect from a report of `whosent scan --json`."),
]
IncidentOption = Annotated[
    str,
    typer.Option("--incident", metavar="ID", help="Of the ledger or of --report: the incident, or its first digits."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, to how many messages; change nothing.")
]
Refuse = Annotated[
    bool, typer.Option("--refuse", help="Refuse new mail, with a word what to do, instead of holding it.")
]
Wall = Annotated[bool, typer.Option("--wall", help="Of a host: close the mail ports to it as well (nftables).")]
Hours = Annotated[
    int | None, typer.Option("--hours", metavar="HOURS", min=0, help="Until the tap opens by itself; 0: never.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object (schema whosent.plan/1 or whosent.done/1).")
]


def here() -> str:
    """This machine's name."""
    return os.uname().nodename


def _terminal() -> bool:
    return sys.stderr.isatty()


@contextmanager
def desk(settings: Settings, *, quiet: bool) -> Iterator[Desk]:
    """Where orders are carried out, with a line of progress on a terminal."""
    if quiet or not _terminal():
        yield Desk(ledger_of(settings), settings.containment, operator())
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the queue", total=None, said="")

        def told(said: Mapping[str, int]) -> None:
            verb = next((name for name in said if name not in {"files", "total"}), "")
            count = said.get(verb, 0)
            rate = count / (bar.tasks[0].elapsed or 1)
            total = said.get("total", 0) or None
            bar.update(task, description=verb, completed=count, total=total, said=f"{count:,}, {rate:,.0f} a second")

        yield Desk(ledger_of(settings), settings.containment, operator(), told)


def the_suspect(place: Desk, suspect: str, report: Path | None, incident: str) -> tuple[Suspect, str, str]:
    """The suspect, the incident's id in the ledger ("" if none), and the reason."""
    given = [bool(suspect), bool(report or incident)]
    if sum(given) != 1:
        fail("name one suspect: --suspect account:alice@example.org, or --incident ID (with --report scan.json).")
    if suspect:
        return named(suspect), "", "named by the operator"
    if report is not None:
        return _of_report(report, incident)
    kept = place.incidents.get(incident)
    if kept is None:
        fail(f"no incident has the id {incident}, or several begin so. `whosent incident list --all` shows them.")
    return kept.incident.suspect, kept.incident.id, kept.incident.sentence


def _of_report(path: Path, incident: str) -> tuple[Suspect, str, str]:
    try:
        told = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        fail(f"{path}: {error.strerror}.")
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        fail(f"{path} is no report of this version's `whosent scan --json`: {error}.")
    found = [one for one in told.incidents if one.id.startswith(incident)]
    if len(found) != 1:
        names = ", ".join(f"{one.id} ({words.visible(one.suspect.name)})" for one in told.incidents) or "none"
        fail(f"name one incident of the report with --incident: {names}.")
    return found[0].suspect, "", found[0].sentence


def claimed(suspect: Suspect) -> str:
    """What the keeper is told."""
    return str(claim_of(suspect, here()))


def show_plan(plan: Plan, *, json: bool) -> None:
    """What would be done; nothing was."""
    if json:
        _json(plan)
        return
    out = console()
    name = words.visible(plan.suspect.name)
    out.print(
        f"{words.counted(plan.messages, 'message')} of {name} in the queue ({plan.held:,} held by us);"
        f" {plan.others:,} of others, none of which would be touched."
    )
    for number, step in enumerate(plan.steps, 1):
        until = f", until {step.expires}" if step.expires else ""
        out.print(f"{number}. {step.responder} {step.how}".rstrip() + f": {words.visible(step.reach)}{until}")
    for line in plan.touched:
        out.print(f"Beside it: {words.visible(line)}")
    out.print("Nothing was changed: this was a dry run.")


def show_done(done: Done, *, json: bool) -> None:
    """What was done; leaves with 1 where something could not be."""
    if json:
        _json(done)
    else:
        out = console()
        out.print(words.visible(done.sentence))
        for line in done.problems:
            out.print(f"Note: {words.visible(line)}")
        if done.command:
            out.print(f"Next: {words.visible(done.command)}")
    raise SystemExit(Exit.WARNING if done.problems else Exit.CLEAN)


def _json(told: Plan | Done) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()
