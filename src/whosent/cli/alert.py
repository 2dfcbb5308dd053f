"""``whosent alert``: try the channels, list what was told, and tell where `watch` itself fell silent."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from whosent.alerts.wording import Plain, Voice, plain
from whosent.channels import chosen, discover
from whosent.cli.leaving import Exit, fail
from whosent.cli.options import console, ledger_of
from whosent.configuration import load, zone_of
from whosent.metrics.prometheus import Exposition
from whosent.model.alert import News, TriedChannel
from whosent.model.mistake import Mistake
from whosent.model.settings import Metrics, Settings
from whosent.report.words import counted, duration, visible, when
from whosent.store.alerts import Outbox
from whosent.store.ledger import folder
from whosent.telling import this_host
from whosent.telling.composing import Composer, stamp
from whosent.telling.delivering import Delivery, means_of
from whosent.telling.heartbeat import notify
from whosent.telling.teller import Teller

_TEST = Plain(
    "test", News.TEST, "information", "test", "This is a test: somebody ran `whosent alert test`. Nothing happened."
)


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        help="Who is told, what was told, and by which channel.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("test")(try_channels)
    group.command("list")(list_)
    group.command()(check)
    group.command()(run)
    app.add_typer(group, name="alert")


def try_channels(
    *,
    channel: Annotated[
        str, typer.Option("--channel", metavar="NAME", help="Only this one; it need not be among alerts.channels.")
    ] = "",
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a channel (schema whosent.alert/1).")
    ] = False,
) -> None:
    """Send a test through each configured channel and say which took it.

    Example: whosent alert test
    """
    settings = load(os.environ)
    known = discover()
    if channel and channel not in known:
        fail(f"there is no channel {visible(channel)!r}. There are: {', '.join(sorted(known))}.")
    channels = [known[channel]] if channel else chosen(settings.alerts)
    if not channels:
        fail(
            f"no channel is configured. Set alerts.channels to some of {', '.join(sorted(known))}, in the order "
            "in which they are to be tried."
        )
    delivery = _delivery(settings)
    alert = plain(_TEST, Voice(this_host(), stamp(time.time())))
    bad = 0
    for one in channels:
        began = time.monotonic()
        problem = one.lacks(delivery.means) or delivery.attempt(one, alert)
        took = time.monotonic() - began
        bad += bool(problem)
        if json:
            tried = TriedChannel(channel=one.name, taken=not problem, problem=problem or None, seconds=round(took, 3))
            sys.stdout.buffer.write(msgspec.json.encode(tried) + b"\n")
        else:
            said = f"not taken: {problem}" if problem else f"taken within {duration(took)}"
            console().print(Text(f"{one.name}: {said}"))
    raise SystemExit(Exit.CLEAN if not bad else Exit.CRITICAL if bad == len(channels) else Exit.WARNING)


def list_(
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="NUMBER", min=1, help="So many, the latest first.")] = 20,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object an alert (schema whosent.alert/1).")
    ] = False,
) -> None:
    """List what was told, when, by which channel, and what still waits; then how each channel has done.

    Example: whosent alert list --limit 50
    """
    settings = load(os.environ)
    outbox = Outbox(ledger_of(settings))
    kept = outbox.latest(limit)
    waiting = outbox.counts().get("waiting", 0)
    if json:
        sys.stdout.buffer.write(b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
        sys.stdout.buffer.flush()
        raise SystemExit(Exit.WARNING if waiting else Exit.CLEAN)
    out, zone = console(), zone_of(settings.logs.timezone)
    out.print(Text(f"{counted(len(kept), 'alert')} shown, {waiting:,} still to be told."))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("Due", "Urgency", "Told by", "What"):
        table.add_column(title, no_wrap=title != "What", overflow="fold")
    for one in kept:
        told = ", ".join(one.taken_by) or one.state
        table.add_row(when(one.alert.at, zone, brief=True), one.alert.urgency, told, Text(visible(one.alert.title)))
    if kept:
        out.print(table)
    for channel in outbox.channels():
        if channel.problem:
            failing = (
                f"failed {counted(channel.failures, 'time')} in a row"
                if channel.failures
                else "took the last alert, but"
            )
            out.print(Text(f"{channel.name}: {failing}: {visible(channel.problem)}"))
    raise SystemExit(Exit.WARNING if waiting else Exit.CLEAN)


def check() -> None:
    """Tell somebody if `whosent watch` fell silent, and once more when it is back; made for a timer.

    Example: whosent alert check
    """
    settings = load(os.environ)
    composer = Composer(ledger_of(settings), settings, this_host())
    alive = composer.watch(time.time())
    _delivery(settings).deliver()
    if not alive:
        console().print(Text("whosent watch gives no sign of life."))
    raise SystemExit(Exit.CLEAN if alive else Exit.CRITICAL)


def run(
    *,
    until_input_ends: Annotated[
        bool, typer.Option("--until-input-ends", help="End when standard input does: for whoever starts it.")
    ] = False,
) -> None:
    """Tell what becomes due and answer Prometheus until stopped; `whosent watch` runs this beside itself.

    Example: whosent alert run
    """
    settings = load(os.environ)
    place = folder(settings.state.folder, os.environ, root=os.geteuid() == 0)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    _survive_broken_pipes()
    teller = Teller(place, settings, this_host())
    teller.start()
    notify("READY=1")
    if until_input_ends:
        threading.Thread(target=_wait_for_the_end_of_input, args=(stopped,), daemon=True).start()
    exposition = _exposed(place, settings.metrics, stopped)
    while not stopped.wait(0.5):
        pass
    teller.stop(settings.alerts.timeout)
    if exposition:
        exposition.stop()
    raise SystemExit(Exit.CLEAN)


def _exposed(place: Path, rules: Metrics, stopped: threading.Event) -> Exposition | None:
    """Numbers for Prometheus as soon as can be: an address may be in use for a moment, alerts do not wait for it."""
    said = ""
    while not stopped.is_set():
        try:
            return Exposition(place, rules)
        except Mistake as error:
            if str(error) != said:
                sys.stderr.write(f"whosent: {error}\n")
            said = str(error)
            stopped.wait(2)
    return None


def _wait_for_the_end_of_input(stopped: threading.Event) -> None:
    os.read(sys.stdin.fileno(), 1)
    stopped.set()


def _survive_broken_pipes() -> None:
    """Who hangs up on us fails his channel, and does not end us as the reader of our output may."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _delivery(settings: Settings) -> Delivery:
    _survive_broken_pipes()
    ledger = ledger_of(settings)
    return Delivery(Outbox(ledger), chosen(settings.alerts), means_of(settings, ledger, this_host()))
