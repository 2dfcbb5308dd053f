"""``whosent trace``: where a message really entered, and what can be proven."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from whosent.cli.leaving import Exit, fail
from whosent.cli.options import OwnDomain, OwnNetwork, Year, Zone, console, settings_with
from whosent.configuration import zone_of
from whosent.inquiring import inquirer
from whosent.measures.phrases import times_in
from whosent.model.settings import Settings
from whosent.model.trace import Trace
from whosent.progress import reading
from whosent.report import journey
from whosent.sources.archives import unpacked
from whosent.sources.arguments import expand
from whosent.sources.files import Source, at_path
from whosent.sources.mailboxes import messages_at
from whosent.sources.postfix_settings import ours_of_this_machine, together
from whosent.tracing import Logs, traces

Messages = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MESSAGE]...",
        help="Files with a message or an mbox, Maildirs, folders, pasted headers, or - for standard input.",
        show_default=False,
    ),
]


class Reach(StrEnum):
    """How far questions may go."""

    OFFLINE = "offline"
    REGISTRIES = "registries"
    DNS = "dns"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trace)


def trace(  # noqa: PLR0913  # each is a documented option
    messages: Messages = None,
    *,
    logs: Annotated[
        list[str] | None,
        typer.Option("--logs", metavar="LOG", help="A log, folder or glob of our own mail servers; may be repeated."),
    ] = None,
    own_name: Annotated[
        list[str] | None,
        typer.Option(
            "--own-name",
            metavar="NAME",
            help="What a mail server of ours calls itself in 'by', or *.example.org for all below; may be repeated.",
        ),
    ] = None,
    investigate: Annotated[
        bool,
        typer.Option(
            "--investigate", help="Also say what the message advertises and who registered it; nothing is opened."
        ),
    ] = False,
    reach: Annotated[
        Reach,
        typer.Option(
            "--reach",
            metavar="LEVEL",
            help="How far --investigate asks: offline; registries; or dns, which the owner of a name may notice.",
        ),
    ] = Reach.REGISTRIES,
    own_network: OwnNetwork = None,
    own_domain: OwnDomain = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line for each message (schema whosent.trace/1).")
    ] = False,
    timezone: Zone = "",
    year: Year = 0,
) -> None:
    """Say where a message really entered, which of its lines prove that, and which only claim something.

    Example: whosent trace spam.eml --own-name mx.example.org --logs '/var/log/mail.log*'
    """
    settings = settings_with(own_domain, own_network, timezone, year)
    settings = _named(settings, own_name)
    arguments = _arguments(messages)
    log_sources = _logs(logs)
    settings = _with_own_of_this_machine(settings, log_sources)
    zone = zone_of(settings.logs.timezone)
    sources, missing = messages_at(arguments)
    remembered = list(sources) if log_sources else None  # read twice
    read = Logs(log_sources, settings, zone) if log_sources else None
    inquire = inquirer(reach.value, settings) if investigate else None
    with reading(sum(source.stored_size for source in log_sources)) as progress, times_in(zone):
        answers = traces(
            lambda: iter(remembered) if remembered is not None else sources, settings, read, progress, inquire
        )
        code = _say(answers, json=json)
    for argument in missing:
        sys.stderr.write(f"whosent: {argument}: no such file\n")
    raise SystemExit(code)


def _arguments(messages: list[str] | None) -> list[str]:
    if messages:
        return messages
    if sys.stdin.isatty():
        fail("no message given. Try: whosent trace spam.eml, or paste the headers: whosent trace - (end with Ctrl-D).")
    return ["-"]


def _named(settings: Settings, names: list[str] | None) -> Settings:
    ours = msgspec.structs.replace(settings.ours, mail_servers=(*settings.ours.mail_servers, *(names or ())))
    return msgspec.structs.replace(settings, ours=ours)


def _logs(arguments: list[str] | None) -> list[Source]:
    if not arguments:
        return []
    paths, missing = expand(arguments)
    if missing:
        fail(f"no such log: {', '.join(missing)}. Give log files, folders or globs with --logs.")
    return list(unpacked(map(at_path, paths)))


def _with_own_of_this_machine(settings: Settings, logs: list[Source]) -> Settings:
    if not logs:
        return settings
    found = ours_of_this_machine(source.head() for source in logs)
    return msgspec.structs.replace(settings, ours=together(settings.ours, found))


def _say(answers: Iterator[Trace], *, json: bool) -> Exit:
    """Print each as it comes; the exit code is that of the worst."""
    worst = Exit.UNKNOWN
    encoder = msgspec.json.Encoder()
    screen = console()
    for number, one in enumerate(answers):
        if json:
            sys.stdout.buffer.write(encoder.encode(one) + b"\n")
        else:
            journey.render(one, screen, first=number == 0)
        worst = _worse(worst, _exit(one))
    sys.stdout.flush()
    return worst


def _exit(one: Trace) -> Exit:
    """2: somebody of ours sent it; 1: somebody forged a line of ours; 0: it came from elsewhere; 3: not provable."""
    if one.suspect is not None:
        return Exit.CRITICAL
    if any(forgery.proves for forgery in one.forgeries):
        return Exit.WARNING
    return Exit.CLEAN if one.boundary is not None else Exit.UNKNOWN


def _worse(one: Exit, other: Exit) -> Exit:
    """2 beats 1 beats 0; 3 only where there is nothing else."""
    order = (Exit.UNKNOWN, Exit.CLEAN, Exit.WARNING, Exit.CRITICAL)
    return max(one, other, key=order.index)
