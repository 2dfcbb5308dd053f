"""``whosent scan``: read logs and name the culprits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whosent.cli.leaving import Exit
from whosent.cli.options import Logs, OwnDomain, OwnNetwork, Queue, QueueDirectory, Year, Zone, settings_with


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(scan)


def scan(  # noqa: PLR0913  # each is a documented option
    logs: Logs = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.scan/1).")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a self-contained HTML report without scripts."),
    ] = None,
    evidence_folder: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="FOLDER", help="Also write the quoted lines with a SHA-256 manifest."),
    ] = None,
    queue: Queue = False,
    queue_directory: QueueDirectory = None,
    own_domain: OwnDomain = None,
    own_network: OwnNetwork = None,
    timezone: Zone = "",
    year: Year = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processor cores to use; 0: all there are.")] = 0,
) -> None:
    """Read logs and name who sends spam, since when, why we say so, and what stops exactly that.

    Example: whosent scan --queue /var/log/mail.log* /var/log/apache2/access.log* /var/log/php-mail.log
    """
    from whosent.cli import scanning  # noqa: PLC0415  # the help needs none of it

    settings = settings_with(own_domain, own_network, timezone, year)
    done = scanning.scanned(logs, queue_directory or [], settings, queue=queue, jobs=jobs)
    scanning.write(done, html, evidence_folder)
    scanning.show(done.report, json=json)
    raise SystemExit(Exit[done.report.verdict.upper()])
