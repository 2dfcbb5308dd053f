"""``whosent top``: the live screen."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from typing import Annotated

import typer

from whosent.cli.leaving import Exit, fail
from whosent.cli.options import Zone, settings_with
from whosent.configuration import zone_of
from whosent.console.view import Reader
from whosent.store.ledger import folder
from whosent.telling import this_host


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(top)


def top(
    *,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.5, max=3600, help="Look so often; more on a slow line.")
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Print what there is to see once, as plain lines, and leave.")
    ] = False,
    timezone: Zone = "",
) -> None:
    """Watch live: what leaves, the queue, who is suspected and how sure; hold and release at a key.

    Example: whosent top --every 5
    """
    settings = settings_with(None, None, timezone, 0)
    place = folder(settings.state.folder, os.environ, root=os.geteuid() == 0)
    blocks = (sys.stdout.encoding or "").lower().startswith("utf")
    reader = Reader(place, this_host(), zone_of(settings.logs.timezone), blocks=blocks)
    if once or not sys.stdout.isatty():
        view = reader.look(time.time())
        rows = ["  ".join(row.cells).rstrip() for row in view.rows]
        sys.stdout.write("".join(f"{line}\n" for line in (view.head, view.outgoing, view.queue, *rows) if line))
        raise SystemExit(Exit.CLEAN)
    if find_spec("textual") is None:
        fail("the live screen needs the library textual: pip install 'whosent[console]'; `top --once` does without.")
    from whosent.console.screen import Top, run_whosent  # noqa: PLC0415  # an extra, and slow to load

    Top(reader.look, run_whosent, every).run(mouse=False)
    raise SystemExit(Exit.CLEAN)
