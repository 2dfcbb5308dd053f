"""``whosent sink``: the receiver of an audit's probes, on a host outside; takes nothing but their tokens."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from whosent.cli.leaving import Exit
from whosent.configuration import load
from whosent.model.check import Arrived
from whosent.model.settings import Settings
from whosent.report.words import visible
from whosent.sink import key as keys
from whosent.sink.receiver import Places
from whosent.sink.receiver import run as serve
from whosent.store.ledger import folder


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="The receiver of an audit's probes.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(init)
    group.command()(run)
    app.add_typer(group, name="sink")


def key_file(settings: Settings) -> Path:
    """Where the key is, as configured or in the state folder."""
    if settings.audit.sink_key:
        return Path(settings.audit.sink_key)
    return folder(settings.state.folder, os.environ, root=os.geteuid() == 0) / keys.NAME


def init() -> None:
    """Make the key that a sink and the host that audits share, unless there is one; say what to do with it.

    Example: whosent sink init
    """
    path = key_file(load(os.environ))
    told = "A new key is in" if keys.make(path) else "There is a key already, in"
    sys.stdout.write(
        f"{told} {path}.\n"
        "Copy this file to the other host, to the same place or where audit.sink_key says there (scp -p; nobody else\n"
        "may read it). Whoever has it can make tokens that the sink takes, and can have the sink ask back.\n"
        "\n"
        "On the host outside:    whosent sink run\n"
        "On the host that audits, in /etc/whosent/whosent.toml (whosent config shows every setting):\n"
        "\n"
        "    [audit]\n"
        '    sink = "NAME-OF-THE-HOST-OUTSIDE"    # a name that mail can be sent to: it has an address\n'
        "\n"
        "Then:                   whosent audit\n"
    )
    raise SystemExit(Exit.CLEAN)


def run(  # noqa: PLR0913  # each is a documented option
    *,
    listen: Annotated[
        list[str] | None,
        typer.Option("--listen", metavar="ADDRESS", help="Address to listen at; may be repeated; all if not given."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the sink calls itself; this host's name if not given.")
    ] = "",
    smtp: Annotated[int, typer.Option("--smtp", min=1, max=65535, help="Port for mail.")] = 25,
    http: Annotated[
        int | None,
        typer.Option("--http", min=1, max=65535, help="Port that says what arrived; audit.sink_port if not given."),
    ] = None,
    tcp: Annotated[int, typer.Option("--tcp", min=0, max=65535, help="Port for bare tokens; 0: none.")] = 0,
    user: Annotated[
        str, typer.Option("--user", metavar="NAME", help="Who to become once the ports are open, such as nobody.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a token that arrives.")] = False,
) -> None:
    """Receive probes until told to end: only tokens that our key issued are taken, and told of as they come.

    Example: whosent sink run --user nobody
    """
    settings = load(os.environ)
    key = keys.read(key_file(settings))
    places = Places(tuple(listen or ()), smtp, http or settings.audit.sink_port, tcp)
    called = name or socket.getfqdn()
    if not json:
        sys.stdout.write(
            f"Sink {called}: mail at port {places.smtp}, questions at port {places.http}; takes nothing but tokens of "
            "its key. Ctrl-C ends it.\n"
        )
        sys.stdout.flush()
    asyncio.run(serve(places, key, called, _tell_json if json else _tell, user=user))
    raise SystemExit(Exit.CLEAN)


def _tell(one: Arrived) -> None:
    when = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="seconds")
    sys.stdout.write(f"{when} {one.token} by {one.by} from {one.client} {visible(one.recipient)}\n")
    sys.stdout.flush()


def _tell_json(one: Arrived) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(one) + b"\n")
    sys.stdout.buffer.flush()
