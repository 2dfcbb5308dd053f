"""The whole main job: `whosent scan` with all detectors, beside the peer, and whom it names."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench, Log, lacks, whosent
from benchmarks.findings import Section, Table, costs
from benchmarks.generator.recipe import Recipe
from benchmarks.sizes import written

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.generator.truth import Planted

PROGRAM = "whosent scan"
CONTEXT = {"unusual_volume", "mail_loop", "unknown", "spoofed_elsewhere", "backscatter", "dirty_list"}
"""Causes that accuse nobody of sending spam."""

Incident = dict[str, Any]


def measure(bench: Bench) -> Section:
    """Compare cost with the peer and the incidents with what was planted."""
    section = Section(
        "scan",
        f"The main job on a Postfix log of {written(bench.size)}: read, join, all detectors, evidence, one "
        "JSON report. The peer only counts.",
    )
    if lacks("whosent.cli"):
        section.missing = True
        return section
    log = bench.log(Recipe(seed=bench.seed, size=bench.size))
    output = log.folder / "scan.json"
    measured = bench.compare({PROGRAM: whosent("scan", "--json", *log.paths, output=output)}, log)
    section.tables += [costs(measured, log.size), named(log, output)]
    section.notes += accused(log, output)
    return section


def named(log: Log, output: Path) -> Table:
    """List what was planted and whether the report names it."""
    truth, incidents = log.truth(), _incidents(output)
    table = Table(["planted", "cause", "messages", "recipients", "named as", "strength", "since, off by"])
    for planted in truth.incidents:
        found = next((each for each in incidents if is_about(each, planted)), None)
        answer = (
            ["not named", "-", "-"] if found is None else [found["cause"], found["strength"], _late(found, planted)]
        )
        row = [planted.actor, planted.cause, f"{planted.messages:,}", f"{planted.recipients:,}", *answer]
        table.rows.append(row)
    return table


def accused(log: Log, output: Path) -> list[str]:
    """Say which innocents the report accuses."""
    truth = log.truth()
    others = [each for each in _incidents(output) if not any(is_about(each, planted) for planted in truth.incidents)]
    innocent = [_suspect(each) for each in others if each["cause"] not in CONTEXT]
    context = [_suspect(each) for each in others if each["cause"] in CONTEXT]
    senders = len(truth.messages_by_actor)
    shown = f": {'; '.join(innocent[:5])}" if innocent else ""
    notes = [f"Innocents accused, of {senders:,} actors (among them a newsletter): {len(innocent)}{shown}."]
    if context:
        notes.append(f"Mentioned without an accusation: {len(context)}: {'; '.join(context[:5])}.")
    return notes


def is_about(incident: Incident, planted: Planted) -> bool:
    """Tell whether an incident's suspect is who was planted."""
    suspect = incident["suspect"]
    if suspect.get("host") not in (None, planted.host):
        return False
    if planted.kind == "account":
        return (suspect["kind"], suspect["name"]) == ("account", planted.name)
    names = {suspect["name"], suspect.get("local_user"), f"uid:{suspect.get('uid')}@{planted.host}"}
    return suspect["kind"] in {"local_user", "script"} and bool(names & {planted.name, planted.actor, "uid:33", "33"})


def _incidents(output: Path) -> list[Incident]:
    incidents: list[Incident] = json.loads(output.read_text(encoding="utf-8"))["incidents"]
    return incidents


def _suspect(incident: Incident) -> str:
    suspect = incident["suspect"]
    return f"{suspect['kind']} {suspect['name']} ({incident['cause']}, {incident['strength']})"


def _late(incident: Incident, planted: Planted) -> str:
    since = datetime.fromisoformat(incident["since"]).timestamp()
    return f"{(since - (planted.first or planted.start)) / 60:+.0f} min"
