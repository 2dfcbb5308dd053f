"""Whosent's acting commands on a lab host: run as an operator would, with a state of that host's own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.incident import Incident

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.machine import Machine

STATE, KEPT = "/run/whosent", "/run/whosent-keeper"
SETTINGS = (f"WHOSENT_STATE={STATE}", f"WHOSENT_CONTAINMENT__FOLDER={KEPT}", "WHOSENT_CONFIG=/run")
RUN = "from whosent.cli import main; main()"
TELL = """
import sys, msgspec
from whosent.model.incident import Incident
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from pathlib import Path
Incidents(Ledger(Path(sys.argv[1]))).tell(msgspec.json.decode(sys.stdin.read(), type=Incident))
"""


def argv(*arguments: str) -> list[str]:
    """The command as a vector for a host."""
    return ["env", *SETTINGS, sys.executable, "-c", RUN, *arguments]


def said(machine: Machine, *arguments: str) -> str:
    """What it prints, whatever its exit code."""
    return machine.run(argv(*arguments), check=False, within=600)


def told(machine: Machine, *arguments: str) -> Any:  # noqa: ANN401  # JSON
    """What it prints with --json."""
    printed = said(machine, *arguments, "--json")
    assert printed.startswith("{"), machine.run(["sh", "-c", '"$@" 2>&1; true', "_", *argv(*arguments)])
    return json.loads(printed)


def set_up(machine: Machine, server: str = "postfix") -> None:
    """Install what containing needs."""
    assert all(one["stands"] for one in told(machine, "setup", server, "--install")["changes"])


def accuse(
    machine: Machine, suspect: Suspect, cause: Cause = Cause.COMPROMISED_ACCOUNT, name: str = "abc123abc123"
) -> str:
    """Put an incident into the host's ledger."""
    incident = Incident(
        id=name, suspect=suspect, cause=cause, strength=Strength.PROVEN, severity="critical",
        since="2026-11-24T09:00:00Z", until="2026-11-24T10:00:00Z", ongoing=True, messages=40, recipients=80,
        refused=60, sentence=f"{suspect.name} is being used to send spam.", witnesses=["log", "queue"], unproven=[],
        candidates=[], findings=[], remedies=[],
    )  # fmt: skip
    machine.run([sys.executable, "-c", TELL, STATE], msgspec.json.encode(incident).decode())
    return name


def queued(waiting: Sequence[dict[str, Any]], sender: str) -> dict[str, int]:
    """Folder -> messages of this envelope sender."""
    folders: dict[str, int] = {}
    for one in waiting:
        if one["sender"] == sender:
            folders[one["queue_name"]] = folders.get(one["queue_name"], 0) + 1
    return folders
