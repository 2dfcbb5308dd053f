"""``whosent incident report``, ``attach`` and ``verify``: the case of an incident, and its chain of custody."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from whosent import gathering
from whosent.case import xarf
from whosent.case.abroad import notices
from whosent.case.assembly import Circumstances, Told, assemble
from whosent.case.contents import contents
from whosent.case.pages import page, text
from whosent.cli.incident.naming import operator, the_one
from whosent.cli.leaving import Exit, fail
from whosent.cli.options import Year, Zone, ledger_of, settings_with, write_whole
from whosent.configuration import zone_name, zone_of
from whosent.model.case import CaseFile, Reader
from whosent.model.settings import Settings
from whosent.store import case_folder
from whosent.store.case_folder import Hand
from whosent.store.incidents import Incidents

Id = Annotated[
    str, typer.Argument(metavar="[ID]", help="The incident's id, or its first digits; not needed with a report of one.")
]
ScanReport = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="What `whosent scan --json` printed; otherwise the ledger is asked."),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--change", metavar="TEXT", help="What was done by hand, with its time before it; may be repeated."),
]
CaseFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a case.")]


class For(StrEnum):
    """Who reads the page."""

    MANAGEMENT = "management"
    ENGINEERS = "engineers"
    LAW_ENFORCEMENT = "law-enforcement"

    @property
    def reader(self) -> Reader:
        """As the pages call it."""
        return "management" if self is For.MANAGEMENT else "engineers" if self is For.ENGINEERS else "law_enforcement"


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for command in (report, attach, verify):
        group.command()(command)


def report(  # noqa: PLR0913  # each is a documented option
    incident_id: Id = "",
    *,
    scan: ScanReport = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="FOLDER", help="Write the whole case: pages, lines, exports, chain of custody."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page without scripts.")
    ] = None,
    reader: Annotated[
        For, typer.Option("--for", metavar="READER", help="Whose page: management, engineers or law-enforcement.")
    ] = For.MANAGEMENT,
    change: Changes = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the case as one JSON object (schema whosent.case/1).")
    ] = False,
    abuse_reports: Annotated[
        bool,
        typer.Option(
            "--xarf", help="Print a XARF v4 report a line for each foreign address the incident was driven from."
        ),
    ] = False,
    timezone: Zone = "",
    year: Year = 0,
) -> None:
    """Write up an incident for management, engineers or the police; what is not proven is written as not proven.

    Example: whosent incident report 3f2a9c --folder case/ --change '2026-11-17T12:30+01:00 new password set'
    """
    settings = settings_with(None, None, timezone, year)
    hand = hand_now()
    told, given = told_of(incident_id, scan, change or [], settings, hand.by)
    case = case_of(told, settings, hand)
    if folder is not None:
        files = contents(case, told.raw, settings.reporting, given)
        first = case_folder.make(folder, files, hand)
        sys.stderr.write(
            f"The case stands in {folder}. Write this down elsewhere, it is the head of its chain of custody:\n"
            f"{first.digest}\n"
        )
        if not settings.reporting.contact:
            sys.stderr.write("XARF and ARF drafts were left out: reporting.contact says who answers for them.\n")
        elif not any(name.startswith("abroad/") for name in files):
            sys.stderr.write(
                "No finding names a public address as where it was driven from: there is no XARF or ARF draft.\n"
            )
    if html is not None:
        write_whole(html, page(case, reader.reader))
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(case) + b"\n")
    elif abuse_reports:
        sys.stdout.buffer.write(b"".join(_abuse_reports(case, settings)))
    elif folder is None and html is None:
        sys.stdout.write(text(case))
    sys.stdout.flush()
    raise SystemExit(Exit.CLEAN)


def _abuse_reports(case: CaseFile, settings: Settings) -> list[bytes]:
    if not settings.reporting.contact:
        fail("a XARF report names who answers for it: set reporting.contact, or WHOSENT_REPORTING__CONTACT.")
    return [msgspec.json.encode(xarf.report(one, case, settings.reporting)) + b"\n" for one in notices(case)]


def hand_now() -> Hand:
    """Who types, and when."""
    return Hand(by=f"{operator()} on {os.uname().nodename}", at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def told_of(
    name: str, scan: Path | None, changes: list[str], settings: Settings, who: str
) -> tuple[Told, bytes | None]:
    """What the case is made of, and the scan's JSON as it was given."""
    ledger = ledger_of(settings)
    stated = [gathering.stated(one, who) for one in changes]
    if scan is not None:
        report, given = gathering.report_in(scan)
        told = gathering.of_report(report, name, ledger, stated)
        return gathering.with_submissions(told, settings, _zone(told, settings)), given
    if not name:
        fail("which incident? `whosent incident list` shows those of the ledger; --report FILE reads a scan's JSON.")
    return gathering.of_ledger(the_one(Incidents(ledger), name).incident, ledger, stated), None


def case_of(told: Told, settings: Settings, hand: Hand) -> CaseFile:
    """The case, as made at this moment."""
    zone = told.report.timezone if told.report and not settings.logs.timezone else zone_name(settings.logs.timezone)
    made = Circumstances(
        version=version("whosent"), made=hand.at, made_by=hand.by, timezone=zone, zone=_zone(told, settings),
        year=settings.logs.year,
    )  # fmt: skip
    return assemble(told, made)


def _zone(told: Told, settings: Settings) -> tzinfo:
    """That of stamps without offset: as given, or as the scan had it."""
    return zone_of(settings.logs.timezone or (told.report.timezone if told.report else ""))


def attach(
    folder: CaseFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What is added: copies, nothing is moved.")],
    *,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What it is, for the chain of custody.")],
) -> None:
    """Add files to a case; its chain of custody says who added what when.

    Example: whosent incident attach case/ letter.pdf --note 'what the provider answered'
    """
    link = case_folder.attach(folder, files, note, hand_now())
    sys.stdout.write(f"{', '.join(link.files)}\nThe head of the chain is now {link.digest}\n")
    raise SystemExit(Exit.CLEAN)


def verify(
    folder: CaseFolder,
    *,
    head: Annotated[
        str, typer.Option("--head", metavar="DIGEST", help="A head of its chain that was written down elsewhere.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.verified/1).")] = False,
) -> None:
    """Find every byte of a case folder that was altered, and what went missing, came or changed places.

    Example: whosent incident verify case/ --head 5e1f...
    """
    found = case_folder.verify(folder, head)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.buffer.flush()
        raise SystemExit(Exit.CLEAN if found.intact else Exit.CRITICAL)
    for problem in found.problems:
        sys.stdout.write(f"{problem}\n")
    for link in found.links:
        sys.stdout.write(f"{link.number}. {link.at} {link.by}: {link.what} ({len(link.files)} files)\n")
    said = f"intact: {found.files} files are what their chain says" if found.intact else "NOT intact"
    known = "" if head else "; compare the head with the one written down elsewhere, or give it with --head"
    sys.stdout.write(f"{found.folder} is {said}.\nHead {found.head}{known}.\n")
    raise SystemExit(Exit.CLEAN if found.intact else Exit.CRITICAL)
