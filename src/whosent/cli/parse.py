"""``whosent parse``: every line's event as JSON, and what was not understood."""

from __future__ import annotations

import sys
from typing import Annotated, BinaryIO

import typer

from whosent import parsing, queue_listing
from whosent.cli.leaving import Exit
from whosent.cli.options import Logs, QueueDirectory, Year, Zone, console, queues_of, settings_with, sources_of
from whosent.configuration import zone_of
from whosent.progress import counting, reading
from whosent.report import account
from whosent.sources.queue import size
from whosent.sources.spools import Spool


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(parse)


def parse(  # noqa: PLR0913  # options
    logs: Logs = None,
    *,
    stats: Annotated[
        bool, typer.Option("--stats", help="Print what was understood and what was not, instead of events.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="With --stats: as one JSON object. Events are JSON always.")
    ] = False,
    queue: Annotated[
        bool,
        typer.Option("--queue", help="Also each message in this machine's mail queues; without logs: those alone."),
    ] = False,
    queue_directory: QueueDirectory = None,
    timezone: Zone = "",
    year: Year = 0,
) -> None:
    """Print one JSON event a line, each with source, offset and line number; of a queue, one a message.

    Example: whosent parse /var/log/mail.log | jq 'select(.event == "login")'

    Example: whosent parse --queue | jq -r 'select(.account == "bob@example.org") | .queue_id'
    """
    settings = settings_with(None, None, timezone, year)
    spools = queues_of(queue_directory) if queue or queue_directory else []
    sources, missing = sources_of(logs) if logs or not spools else ([], [])
    out = None if stats else sys.stdout.buffer
    with reading(sum(source.stored_size for source in sources)) as progress:
        inputs = parsing.parse(sources, settings, zone_of(settings.logs.timezone), out, progress)
    lain = _queued(spools, out)
    sys.stdout.flush()
    read = parsing.statistics(inputs, missing)
    if stats and json:
        sys.stdout.buffer.write(parsing.encode(read))
    elif stats and sources:
        account.render(read, console())
    for source in read.sources:
        if source.problem:
            sys.stderr.write(f"whosent: {source.source}: {source.problem}\n")
    raise SystemExit(Exit.CLEAN if read.understood or lain else Exit.UNKNOWN)


def _queued(spools: list[Spool], out: BinaryIO | None) -> bool:
    """Write each message of the queues; whether there was one, or nothing that could not be read."""
    if not spools:
        return False
    with counting("queued messages", sum(map(size, spools))) as progress:
        readings = queue_listing.list_queues(spools, out, progress)
    for spool, one in zip(spools, readings, strict=True):
        why = [f"{number:,} {why}" for why, number in one.unread.items()]
        why += [f"{len(one.closed):,} folders may not be read by this user"] if one.closed else []
        told = f" Not read: {'; '.join(why)}." if why else ""
        sys.stderr.write(f"whosent: {spool.name}: {one.folders.total():,} messages.{told}\n")
    return any(one.folders for one in readings) or not any(one.unread or one.closed for one in readings)
