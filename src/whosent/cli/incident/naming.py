"""How the commands of this group name an incident, the operator, and the ledger."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

from whosent.cli.leaving import fail
from whosent.cli.options import ledger_of
from whosent.model.lifecycle import KeptIncident
from whosent.model.settings import Settings
from whosent.store.incidents import Incidents

IncidentId = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, or its first digits.")]


def incidents(settings: Settings) -> Incidents:
    """The incidents of the ledger of these settings."""
    return Incidents(ledger_of(settings))


def the_one(store: Incidents, name: str) -> KeptIncident:
    """The incident an operator means."""
    kept = store.get(name)
    if kept is None:
        fail(f"no incident has the id {name}, or several begin so. `whosent incident list --all` shows them.")
    return kept


def operator() -> str:
    """Who types: the login name, also behind sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return f"uid {os.getuid()}"
