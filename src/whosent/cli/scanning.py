"""What ``whosent scan`` does once it is known what is asked: sources, the walk, the report, where it goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from whosent import answer, walk
from whosent.cli.leaving import fail
from whosent.cli.options import console, queues_of, sources_of, write_whole
from whosent.configuration import zone_name, zone_of
from whosent.model.report import Report
from whosent.model.settings import Settings
from whosent.progress import counting, reading
from whosent.queue_reading import Snapshot, snapshot
from whosent.sources.files import Source
from whosent.sources.postfix_settings import ours_of_this_machine, together
from whosent.sources.queue import size
from whosent.sources.spools import Spool
from whosent.store import evidence_folder


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


def write(done: Scanned, html: Path | None, folder: Path | None) -> None:
    """Write the page and the folder that were asked for."""
    if html is None and folder is None:
        return
    from whosent.report import page  # noqa: PLC0415  # a tenth of the start of a scan that writes none

    markup = page.page(done.report)
    try:
        if folder is not None:
            evidence_folder.write(done.report, folder, done.lines, markup)
        if html is not None:
            write_whole(html, markup)
    except OSError as error:
        fail(f"could not write {error.filename}: {error.strerror}. Name a place you may write to.")


def show(report: Report, *, json: bool) -> None:
    """Print the answer."""
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
    else:
        from whosent.report import terminal  # noqa: PLC0415  # a tenth of the start of a scan for a program

        terminal.render(report, console())
