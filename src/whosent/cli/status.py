"""``whosent status``: how the daemon and its incidents are, in one line that monitoring systems read."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from typing import Annotated

import msgspec
import typer

from whosent.cli.leaving import Exit
from whosent.cli.options import ledger_of
from whosent.configuration import load
from whosent.report.status import Seen
from whosent.report.status import status as told
from whosent.store.alerts import Outbox
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.rates import Rates

_HOUR = 3600.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print what watch says of itself as one JSON object (whosent.condition/1).")
    ] = False,
) -> None:
    """Say in one line whether all is well, as a Nagios or Icinga plugin with its exit code and performance figures.

    Example: whosent status
    """
    ledger = ledger_of(load(os.environ))
    condition, rates, now = Conditions(ledger).latest(), Rates(ledger), time.time()
    hour: Counter[str] = Counter()
    for (_, measure), value in rates.sums(now - _HOUR, now + _HOUR).items():
        hour[measure] += value
    queued: Counter[str] = Counter()
    for one in rates.latest_queues():
        queued[one.folder] += one.messages
    outbox = Outbox(ledger)
    seen = Seen(
        condition, Incidents(ledger).all(), hour, queued, outbox.channels(), outbox.counts().get("waiting", 0)
    )  # fmt: skip
    code, text = told(seen, now)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(condition) + b"\n")
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(f"{text}\n")
    raise SystemExit(Exit(code))
