"""Options that several commands share, and what they mean: logs to sources, words of the operator to settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from whosent.cli.leaving import fail
from whosent.configuration import checked, load
from whosent.model.settings import Settings
from whosent.sources.archives import unpacked
from whosent.sources.arguments import expand
from whosent.sources.files import Source, at_path, standard_input
from whosent.sources.spools import PLACES, Spool, spools
from whosent.store.ledger import Ledger, folder

if TYPE_CHECKING:
    from rich.console import Console

Logs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LOG]...",
        help="Files, folders, globs, or - for standard input; compressed, in archives (tar, zip) or not, in any order.",
        show_default=False,
    ),
]
Queue = Annotated[
    bool,
    typer.Option(
        "--queue",
        help="Look at this machine's mail queues as well (Postfix, Exim, Sendmail); without logs: at them alone.",
    ),
]
QueueDirectory = Annotated[
    list[str] | None,
    typer.Option(
        "--queue-directory", metavar="FOLDER", help="A queue, or a copy of one from another machine; may be repeated."
    ),
]
OwnDomain = Annotated[
    list[str] | None,
    typer.Option("--own-domain", metavar="DOMAIN", help="A mail domain that is ours; may be repeated."),
]
OwnNetwork = Annotated[
    list[str] | None, typer.Option("--own-network", metavar="CIDR", help="A network that is ours; may be repeated.")
]
Zone = Annotated[
    str,
    typer.Option(
        "--timezone",
        metavar="ZONE",
        help="Zone of stamps without offset, such as Europe/Berlin; this machine's if not given.",
    ),
]
Year = Annotated[
    int,
    typer.Option(
        "--year", metavar="YEAR", help="Year of the first stamp that has none; otherwise told from file times."
    ),
]


def settings_with(own_domain: list[str] | None, own_network: list[str] | None, timezone: str, year: int) -> Settings:
    """The configured settings with what the command line adds or overrides."""
    settings = load(os.environ)
    ours = msgspec.structs.replace(
        settings.ours,
        domains=(*settings.ours.domains, *(own_domain or ())),
        networks=(*settings.ours.networks, *(own_network or ())),
    )
    logs = msgspec.structs.replace(
        settings.logs, timezone=timezone or settings.logs.timezone, year=year or settings.logs.year
    )
    return checked(msgspec.to_builtins(msgspec.structs.replace(settings, ours=ours, logs=logs)), "the command line")


def sources_of(logs: list[str] | None) -> tuple[list[Source], list[str]]:
    """The sources these arguments name, and the arguments that name none."""
    if not logs:
        if sys.stdin.isatty():
            fail(
                "no log given. Try: whosent scan /var/log/mail.log*, or: "
                "ssh mx 'cat /var/log/mail.log' | whosent scan -"
            )
        logs = ["-"]
    paths, missing = expand([log for log in logs if log != "-"])
    sources = [at_path(path) for path in paths]
    if "-" in logs:
        sources.append(standard_input(sys.stdin.buffer))
    return list(unpacked(sources)), missing


def console() -> Console:
    """Where tables and sentences go: nothing in them is markup."""
    from rich.console import Console  # noqa: PLC0415  # a fifth of the start of a command that prints its help or JSON

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False)


def ledger_of(settings: Settings) -> Ledger:
    """The ledger in the state folder of these settings."""
    return Ledger(folder(settings.state.folder, os.environ, root=os.geteuid() == 0))


def write_whole(path: Path, text: str) -> None:
    """The file appears whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        error.filename = str(path)  # the name the operator gave, not ours
        raise
    finally:
        fresh.unlink(missing_ok=True)


def queues_of(named: list[str] | None) -> list[Spool]:
    """The queues at these places, or this machine's own."""
    found, missing = spools(named or [])
    if missing:
        fail(
            f"no mail queue at {', '.join(missing)}. Name the folder that holds active, deferred and hold, or input,"
            " or Sendmail's qf files."
        )
    if not found:
        fail(f"no mail queue here: none of {', '.join(PLACES)}. Name its folder with --queue-directory.")
    return found
