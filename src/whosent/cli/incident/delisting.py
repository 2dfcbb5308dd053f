"""``whosent incident dossier``: what a blocklist wants to know, or why it cannot honestly be asked yet."""

from __future__ import annotations

import ipaddress
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from whosent import gathering, presence
from whosent.blocklists import ALIVE, ENDED, Blocklist, named
from whosent.case.dossier import Asked, dossier
from whosent.case.request import text
from whosent.cli.incident.naming import operator, the_one
from whosent.cli.incident.reporting import Changes, Id, ScanReport
from whosent.cli.leaving import Exit, fail
from whosent.cli.options import OwnDomain, OwnNetwork, Queue, QueueDirectory, Year, Zone, ledger_of, settings_with
from whosent.cli.scanning import scanned
from whosent.configuration import zone_of
from whosent.model.case import Change
from whosent.model.incident import Incident
from whosent.model.report import Report
from whosent.model.settings import Settings
from whosent.report import words
from whosent.store.incidents import Incidents


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command(name="dossier")(command)


def command(  # noqa: PLR0913  # each is a documented option
    incident_id: Id,
    *,
    blocklist: Annotated[
        str, typer.Option("--list", metavar="LIST", help="The blocklist: its name, zone, or how a refusal calls it.")
    ],
    address: Annotated[
        str, typer.Option("--address", metavar="ADDRESS", help="What is listed: our address, or a domain.")
    ],
    logs: Annotated[
        list[str] | None,
        typer.Option("--logs", metavar="LOG", help="Our logs up to now: files, folders, globs; may be repeated."),
    ] = None,
    scan: ScanReport = None,
    change: Changes = None,
    queue: Queue = False,
    queue_directory: QueueDirectory = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.dossier/1).")] = False,
    own_domain: OwnDomain = None,
    own_network: OwnNetwork = None,
    timezone: Zone = "",
    year: Year = 0,
) -> None:
    """Prove that spam stopped and draft the request to a blocklist; refuse, with the reason, while it is not proven.

    Example: whosent incident dossier 3f2a9c --list zen.spamhaus.org --address 192.0.2.25 --logs '/var/log/mail.log*'
    """
    settings = settings_with(own_domain, own_network, timezone, year)
    found = _known(blocklist)
    _checked(address, found)
    if not logs:
        fail("which logs? Silence is proven by them: --logs '/var/log/mail.log*'.")
    done = scanned(logs, queue_directory or [], settings, queue=queue)
    incident, changes, hosts = _incident(incident_id, scan, done.report, settings)
    stated = [gathering.stated(one, f"{operator()} on {os.uname().nodename}") for one in change or []]
    made = dossier(
        Asked(
            incident=incident, blocklist=found, address=address, hosts=hosts, since=done.report, now=datetime.now(UTC),
            changes=sorted([*changes, *stated], key=lambda one: one.at or ""),
            presence=presence.of(done.sources, settings, zone_of(settings.logs.timezone)),
        )
    )  # fmt: skip
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(made) + b"\n")
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(text(made, words.zone(done.report.timezone)))
    raise SystemExit(Exit.CLEAN if made.ready else Exit.WARNING)


def _known(name: str) -> Blocklist:
    zone = name.strip().rstrip(".").lower()
    if zone in ENDED:
        fail(f"{ENDED[zone]} There is nothing to ask: whoever still uses it has to take it out.")
    found = named(name)
    if found is None:
        fail(f"no list that Whosent knows is called {name!r}, or several are. It knows: "
             f"{', '.join(one.name for one in ALIVE)}.")  # fmt: skip
    return found


def _checked(address: str, found: Blocklist) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        if found.lists == "address":
            fail(f"{found.name} lists addresses, and {address!r} is none: give the address that mail leaves from.")
    else:
        if found.lists == "domain":
            fail(f"{found.name} lists domains, and {address} is an address.")


def _incident(
    name: str, scan: Path | None, fresh: Report, settings: Settings
) -> tuple[Incident, list[Change], list[str]]:
    """The incident, what was done about it, and the hosts that were watched when it happened."""
    ledger = ledger_of(settings)
    if scan is not None:
        report, _ = gathering.report_in(scan)
        told = gathering.of_report(report, name, ledger, ())
        return told.incident, list(told.changes), report.hosts
    if Incidents(ledger).get(name) is None:
        told = gathering.of_report(fresh, name, ledger, ())
        return told.incident, list(told.changes), fresh.hosts
    told = gathering.of_ledger(the_one(Incidents(ledger), name).incident, ledger, ())
    host = told.incident.suspect.host
    return told.incident, list(told.changes), [host] if host else []
