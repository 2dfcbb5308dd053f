"""``whosent incident obey``: carry out the standing order, and take back what has run out; ``watch`` runs it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import msgspec
import typer

from whosent.cli.leaving import Exit
from whosent.cli.options import console, ledger_of
from whosent.configuration import load
from whosent.containing.desk import Desk
from whosent.containing.obeying import obey as obeyed
from whosent.model.lifecycle import MACHINE
from whosent.report import words


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(obey)


def obey(*, json: Annotated[bool, typer.Option("--json", help="Print a JSON list of sentences.")] = False) -> None:
    """Do what the standing order says about open incidents, and open taps whose time is over.

    Example: whosent incident obey
    """
    settings = load(os.environ)
    told = obeyed(Desk(ledger_of(settings), settings.containment, MACHINE), os.uname().nodename)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    else:
        for line in told:
            console().print(words.visible(line), soft_wrap=True)  # in the journal a sentence is a line
    raise SystemExit(Exit.CLEAN)
