"""``whosent scan``: read logs and name the culprits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer

from whosent import answer, walk
from whosent.cli.leaving import Exit, fail
from whosent.cli.options import (
    Logs,
    OwnDomain,
    OwnNetwork,
    Queue,
    QueueDirectory,
    Year,
    Zone,
    console,
    queues_of,
    settings_with,
    sources_of,
    write_whole,
)
from whosent.configuration import zone_name, zone_of
from whosent.model.report import Report
from whosent.model.settings import Settings
from whosent.progress import counting, reading
from whosent.queue_reading import Snapshot, snapshot
from whosent.report import terminal
from whosent.sources.files import Source
from whosent.sources.postfix_settings import ours_of_this_machine, together
from whosent.sources.queue import size
from whosent.sources.spools import Spool
from whosent.store import evidence_folder


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
    settings = settings_with(own_domain, own_network, timezone, year)
    done = scanned(logs, queue_directory or [], settings, queue=queue, jobs=jobs)
    _write(done.report, done.lines, html, evidence_folder)
    _show(done.report, json=json)
    raise SystemExit(Exit[done.report.verdict.upper()])


class Scanned(NamedTuple):
    """What a scan leaves behind: its report, the quoted lines by source and offset, and its sources."""

    report: Report
    lines: Mapping[tuple[str, int], bytes]
    sources: list[Source]


def scanned(
    logs: list[str] | None, queue_directory: list[str], settings: Settings, *, queue: bool, jobs: int = 0
) -> Scanned:
    """Scan what these arguments name."""
    spools = queues_of(queue_directory) if queue or queue_directory else []
    sources, missing = sources_of(logs) if logs or not spools else ([], [])
    if not sources and (missing or not spools):
        fail(f"no such file: {', '.join(missing)}. Give log files, folders or globs, or - for standard input.")
    settings = _with_own_of_this_machine(settings, sources, spools)
    jobs = jobs or os.cpu_count() or 1
    snapshots = _snapshots(spools, len(sources), jobs)
    zone = zone_of(settings.logs.timezone)
    inputs = walk.prepare(sources, settings, zone)
    with reading(sum(source.stored_size for source in sources)) as progress:
        done = walk.scan(inputs, settings, progress, zone, jobs, snapshots)
    quotes = answer.read_back(done)
    report = answer.report(done, quotes, missing, zone_name(settings.logs.timezone))
    return Scanned(report, answer.raw_lines(done, quotes), sources)


def _snapshots(spools: list[Spool], first: int, jobs: int) -> list[Snapshot]:
    """Look at each queue."""
    if not spools:
        return []
    total = sum(map(size, spools))
    with counting("queued messages", total) as progress:
        host = os.uname().nodename
        return [snapshot(spool, first + number, jobs, host, progress) for number, spool in enumerate(spools)]


def _with_own_of_this_machine(settings: Settings, sources: list[Source], spools: list[Spool]) -> Settings:
    """Domains and networks from this machine's main.cf, where the logs or queues are its own."""
    found = ours_of_this_machine((source.head() for source in sources), here=any(spool.here for spool in spools))
    return msgspec.structs.replace(settings, ours=together(settings.ours, found))


def _write(report: Report, lines: Mapping[tuple[str, int], bytes], html: Path | None, folder: Path | None) -> None:
    if html is None and folder is None:
        return
    from whosent.report import page  # noqa: PLC0415  # a tenth of the start of a scan that writes none

    markup = page.page(report)
    try:
        if folder is not None:
            evidence_folder.write(report, folder, lines, markup)
        if html is not None:
            write_whole(html, markup)
    except OSError as error:
        fail(f"could not write {error.filename}: {error.strerror}. Name a place you may write to.")


def _show(report: Report, *, json: bool) -> None:
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
    else:
        terminal.render(report, console())
