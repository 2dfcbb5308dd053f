"""``whosent complaint``: complaints and bounces in, culprit out; the list by suspect; drafts of answers."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from whosent import triage, walk
from whosent.cli.leaving import Exit, fail
from whosent.cli.mailbox import Arriving
from whosent.cli.options import OwnDomain, OwnNetwork, Year, Zone, console, ledger_of, settings_with, sources_of
from whosent.configuration import load, zone_of
from whosent.model.complaint import Complaint
from whosent.model.settings import Settings
from whosent.progress import reading
from whosent.report import complaints as shown
from whosent.report.reply import draft
from whosent.sources.archives import unpacked
from whosent.sources.arguments import expand
from whosent.sources.files import Source, at_path
from whosent.sources.postfix_settings import ours_of_this_machine, together
from whosent.sources.reports import Raw
from whosent.store.complaints import Complaints, Kept

_AT_ONCE = 5_000  # reports answered in one pass over the logs

Reports = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[REPORT]...",
        help="Files, folders, Maildirs, mboxes, globs, or - for standard input.",
        show_default=False,
    ),
]
ComplaintId = Annotated[str, typer.Argument(metavar="ID", help="The complaint's id, or its first digits.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Complaints and bounces in, culprit out.", no_args_is_help=True, rich_markup_mode=None)
    for command in (add, show, answer):
        group.command()(command)
    group.command("list")(list_)
    app.add_typer(group, name="complaint")


def add(  # noqa: PLR0913  # each is a documented option
    reports_: Reports = None,
    *,
    logs: Annotated[
        list[str] | None,
        typer.Option("--logs", metavar="LOG", help="Our logs, to answer from: files, folders, globs; may be repeated."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object an event (schema whosent.complaint/1).")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep what was read in the ledger, or only print it.")
    ] = True,
    imap: Annotated[
        str,
        typer.Option(
            "--imap", metavar="ADDRESS", help="An IMAP folder as well, imaps://USER@HOST/FOLDER: what is new."
        ),
    ] = "",
    mark: Annotated[bool, typer.Option("--mark", help="Mark what was read there as seen; nothing is deleted.")] = False,
    own_domain: OwnDomain = None,
    own_network: OwnNetwork = None,
    timezone: Zone = "",
    year: Year = 0,
) -> None:
    """Read reports, answer from our logs whose message each is about, and keep them.

    Example: whosent complaint add ~/Maildir/.abuse --logs /var/log/mail.log
    """
    settings = settings_with(own_domain, own_network, timezone, year)
    address = imap or (settings.intake.imap if not reports_ else "")
    sources, missing = sources_of(reports_) if reports_ or not address else ([], [])
    if not sources and not address:
        fail(
            f"no such file: {', '.join(missing)}. Give reports, folders, a Maildir or an mbox, or - for standard input."
        )
    paths, absent = expand(logs or [])
    if absent:
        fail(f"no such log: {', '.join(absent)}. Give log files, folders or globs to --logs.")
    ledger = ledger_of(settings) if keep else None
    arriving = Arriving(sources, address, settings, ledger, mark=mark)
    kept_before = Complaints(ledger) if ledger else None
    tally: Counter[str] = Counter()
    out = console()
    for events in _answered(arriving, list(unpacked(map(at_path, paths))), settings):
        new = kept_before.add(events) if kept_before else True
        arriving.used(events[0].source)
        tally["new" if new else "known"] += 1
        tally["events"] += len(events)
        tally.update(event.ours for event in events)
        _tell(events, out, json=json)
    arriving.close()
    for name in missing:
        sys.stderr.write(f"whosent: {name}: no such file\n")
    for problem in arriving.problems:
        sys.stderr.write(f"whosent: {problem}\n")
    if not json:
        shown.summary(tally, out, kept=keep)
    raise SystemExit(Exit.UNKNOWN if arriving.broken else _code(tally, nothing_new=arriving.nothing_new))


def _tell(events: list[Complaint], out: Console, *, json: bool) -> None:
    if json:
        sys.stdout.buffer.write(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
        sys.stdout.buffer.flush()
    else:
        for event in events:
            shown.event(event, out)


def _code(tally: Counter[str], *, nothing_new: bool) -> Exit:
    """Mail of ours is a warning: somebody should look."""
    if not tally["events"]:
        return Exit.CLEAN if nothing_new else Exit.UNKNOWN
    return Exit.WARNING if tally["yes"] else Exit.CLEAN


def _answered(arriving: Iterable[Raw], logs: list[Source], settings: Settings) -> Iterator[list[Complaint]]:
    """The events of each report, answered; many reports share one pass over the logs."""
    zone = zone_of(settings.logs.timezone)
    if logs:
        settings = msgspec.structs.replace(
            settings, ours=together(settings.ours, ours_of_this_machine(source.head() for source in logs))
        )
        inputs = walk.prepare(logs, settings, zone)
        with reading(sum(source.stored_size for source in logs)) as progress:
            done = walk.scan(inputs, settings, progress, zone, os.cpu_count() or 1)
    batch: list[triage.Report] = []

    def told() -> Iterator[list[Complaint]]:
        found = (
            triage.with_logs(batch, inputs, done, settings, zone)
            if logs
            else triage.without_logs(batch, settings, zone)
        )
        by_report: dict[tuple[str, str], list[Complaint]] = {}
        for one in found:
            by_report.setdefault((one.source, one.sha256), []).append(one)
        yield from by_report.values()

    for raw in arriving:
        batch.append(triage.report(raw.name, raw.raw))
        if len(batch) >= (_AT_ONCE if logs else 1):
            yield from told()
            batch.clear()
    if batch:
        yield from told()


def list_(
    *,
    suspect: Annotated[str, typer.Option("--suspect", metavar="NAME", help="Only complaints about this suspect.")] = "",
    days: Annotated[
        int, typer.Option("--days", metavar="DAYS", min=0, help="Only those that came within so many days; 0: all.")
    ] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a complaint (schema whosent.complaint/1).")
    ] = False,
    timezone: Zone = "",
) -> None:
    """List what came in by suspect, a burst of complaints about one suspect as one incident, the latest first.

    Example: whosent complaint list --days 7
    """
    settings = settings_with(None, None, timezone, 0)
    kept = [one for one in _complaints(settings).all() if shown.within(one.complaint, one.added, days)
            and (not suspect or (one.complaint.suspect and one.complaint.suspect.name == suspect))]  # fmt: skip
    if json:
        sys.stdout.buffer.write(b"".join(msgspec.json.encode(one.complaint) + b"\n" for one in kept))
        sys.stdout.buffer.flush()
    else:
        shown.table([(one.complaint, one.added) for one in kept], console(), zone_of(settings.logs.timezone))
    raise SystemExit(Exit.CLEAN)


def show(
    complaint_id: ComplaintId,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the JSON object (schema whosent.complaint/1).")] = False,
) -> None:
    """Show one complaint with everything that it and our logs say.

    Example: whosent complaint show 3f2a9c
    """
    kept = _get(complaint_id)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(kept.complaint) + b"\n")
        sys.stdout.buffer.flush()
    else:
        shown.whole(kept.complaint, console())
    raise SystemExit(Exit.CLEAN)


def answer(complaint_id: ComplaintId) -> None:
    """Print the draft of an answer to who complained; nothing is sent.

    Example: whosent complaint answer 3f2a9c > answer.txt
    """
    sys.stdout.write(draft(_get(complaint_id).complaint))
    raise SystemExit(Exit.CLEAN)


def _get(name: str) -> Kept:
    kept = _complaints(load(os.environ)).get(name)
    if kept is None:
        fail(f"no complaint has the id {name}, or several begin so. `whosent complaint list` shows them.")
    return kept


def _complaints(settings: Settings) -> Complaints:
    return Complaints(ledger_of(settings))
