"""``whosent replay``: try the standing order on the logs there are, before it may act alone."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from whosent.cli.leaving import Exit, fail
from whosent.cli.options import Zone, console, ledger_of, settings_with
from whosent.configuration import zone_of
from whosent.containing.replaying import replay as replayed
from whosent.orders import digest
from whosent.report import words
from whosent.sources.here import logs_here
from whosent.store.actions import Actions


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    logs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LOG]...",
            help="Logs, without the endings of rotation; none: as configured for watch, else what is found here.",
            show_default=False,
        ),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.replay/1).")] = False,
    timezone: Zone = "",
) -> None:
    """Say what the standing order `contain` would have done on these logs, and keep that it was tried.

    Example: whosent replay /var/log/mail.log /var/log/php-mail.log
    """
    settings = settings_with(None, None, timezone, 0)
    paths = logs_here(tuple(logs) if logs else settings.watch.logs)
    if not paths:
        fail("no log was found. Name some: whosent replay /var/log/mail.log.")
    told = replayed(paths, settings, zone_of(settings.logs.timezone))
    if not told.days:
        fail("these logs hold nothing that could be tried. Name the logs of your mail server.")
    Actions(ledger_of(settings)).replayed(digest(settings.containment), told.sentence)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()
    else:
        out = console()
        out.print(words.visible(told.sentence))
        for one in told.suspects:
            if not one.guilty:
                out.print(f"Honest, and delayed: {words.visible(one.suspect.name)}, {one.delayed:,} messages.")
        for suspect in told.missed:
            out.print(f"Left to you: {words.visible(suspect.name)}.")
        out.print('It may act now: set containment.order = "contain" in /etc/whosent/whosent.toml.')
    raise SystemExit(Exit.CLEAN)
