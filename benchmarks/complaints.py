"""Reports read a second on one core; and how many of a collection of real bounces and reports are understood.

The collections are others' and stand outside the repository: ``WHOSENT_BOUNCES`` names a folder of bounces (.eml), one
message a file, such as set-of-emails of the project Sisimai; ``WHOSENT_XARF`` one of XARF reports (.json).
"""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.findings import Section, Table
from whosent.complaints.reading import read

if TYPE_CHECKING:
    from benchmarks.bench import Bench

SAMPLES = Path(__file__).parents[1] / "tests" / "complaints" / "samples"
ROUNDS = 5
TIMES = 10
BODY = b"Buy one, get two: http://shop.example/offer?id=1234567890 and nothing else for the price.\n" * 220
OTHERS = ("arf", "rfc3834")  # how the collection's feedback reports and automatic answers are called


def measure(_bench: Bench) -> Section:
    """Read the tests' samples as fast as they go, and the collections that are at hand."""
    section = Section("complaints", "Complaints and bounces read by one process, without logs.")
    table = Table(["reports", "their bytes", "reports/s of CPU"])
    for name, mails in reports().items():
        size = sum(map(len, mails)) / len(mails)
        table.rows.append([f"{len(mails)} {name}", f"{size:,.0f}", f"{_rate(mails):,.0f}"])
    section.tables.append(table)
    understood = Table(
        ["collection by others; half of the bounces were looked at while this was written", "files", "read", "as what"]
    )
    if folder := os.environ.get("WHOSENT_BOUNCES"):
        understood.rows += _bounces(sorted(Path(folder).glob("*.eml")))
    if folder := os.environ.get("WHOSENT_XARF"):
        understood.rows += _xarf(sorted(Path(folder).rglob("*.json")))
    if understood.rows:
        section.tables.append(understood)
    return section


def reports() -> dict[str, list[bytes]]:
    """What is read: the samples, and the samples with a body."""
    small = [path.read_bytes() for path in sorted(SAMPLES.glob("*/*.eml"))]
    large = [report.replace(b"\nHello.\n", b"\n" + BODY) for report in small]
    return {"as they are": small, "with 20 kB attached": [report for report in large if len(report) > len(BODY)]}


def _rate(mails: list[bytes]) -> float:
    rates = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            for mail in mails:
                read(mail)
        rates.append(TIMES * len(mails) / (time.process_time() - began))
    return statistics.median(rates)


def _bounces(paths: list[Path]) -> list[list[str]]:
    told = [read(path.read_bytes()) for path in paths if not path.name.startswith(OTHERS)]
    noticed = [[event for event in events if event.kind == "bounce"] for events in told]
    named = [events for events in noticed if any(one.recipient for event in events for one in event.recipients)]
    coded = [events for events in noticed if any(one.dsn for event in events for one in event.recipients)]
    return [
        ["bounces", f"{len(told)}", _share(sum(map(bool, noticed)), len(told)), "as a bounce"],
        ["bounces", f"{len(told)}", _share(len(named), len(told)), "with a recipient"],
        ["bounces", f"{len(told)}", _share(len(coded), len(told)), "with an enhanced status code"],
    ]


def _xarf(paths: list[Path]) -> list[list[str]]:
    wanted: list[tuple[Path, str]] = []
    for path in paths:
        address = _source(json.loads(path.read_bytes()))
        if address:
            wanted.append((path, address))
    found = sum(any(event.source_address == one for event in read(path.read_bytes())) for path, one in wanted)
    return [["XARF reports about an address", f"{len(wanted)}", _share(found, len(wanted)), "with that address"]]


def _source(report: dict[str, Any]) -> str:
    """The accused address; "" where a report is about a domain."""
    old = report.get("Report", {})
    source = report.get("source_identifier") or (old.get("SourceIp") if isinstance(old, dict) else None) or ""
    return source if source.replace(".", "").isdigit() or ":" in source else ""


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.3f})" if whole else "none"
