"""``whosent parse``: every line's event as JSON, and what was not understood."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from whosent import parsing
from whosent.cli.leaving import Exit
from whosent.cli.options import Logs, Year, Zone, console, settings_with, sources_of
from whosent.configuration import zone_of
from whosent.progress import reading
from whosent.report import account


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(parse)


def parse(
    logs: Logs = None,
    *,
    stats: Annotated[
        bool, typer.Option("--stats", help="Print what was understood and what was not, instead of events.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="With --stats: as one JSON object. Events are JSON always.")
    ] = False,
    timezone: Zone = "",
    year: Year = 0,
) -> None:
    """Print one JSON event a line, each with source, offset and line number.

    Example: whosent parse /var/log/mail.log | jq 'select(.event == "login")'
    """
    settings = settings_with(None, None, timezone, year)
    sources, missing = sources_of(logs)
    out = None if stats else sys.stdout.buffer
    with reading(sum(source.stored_size for source in sources)) as progress:
        inputs = parsing.parse(sources, settings, zone_of(settings.logs.timezone), out, progress)
    sys.stdout.flush()
    read = parsing.statistics(inputs, missing)
    if stats and json:
        sys.stdout.buffer.write(parsing.encode(read))
    elif stats:
        account.render(read, console())
    for source in read.sources:
        if source.problem:
            sys.stderr.write(f"whosent: {source.source}: {source.problem}\n")
    raise SystemExit(Exit.CLEAN if read.understood else Exit.UNKNOWN)
