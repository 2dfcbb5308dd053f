"""The command line: arguments in, answers out, exit codes as Nagios plugins use them."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from enum import IntEnum
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console

from whosent import answer, parsing, walk
from whosent.configuration import checked, load, zone_name, zone_of
from whosent.model import knobs
from whosent.model.mistake import Mistake
from whosent.model.report import Report
from whosent.model.settings import Settings
from whosent.progress import reading
from whosent.reading_process import ALLOCATIONS
from whosent.report import account, evidence, page, terminal
from whosent.sources.files import Source, at_path, expand, standard_input
from whosent.sources.postfix_settings import ours_of_this_machine, together


class Exit(IntEnum):
    """0 clean, 1 warning, 2 critical, 3 nothing usable or the run failed; 2 beats 1 beats 0."""

    CLEAN = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


app = typer.Typer(
    name="whosent",
    help="Is my network sending spam, who sent it, and how do I make it stop?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Logs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LOG]...",
        help="Files, folders, globs, or - for standard input; compressed or not, in any order.",
        show_default=False,
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


def _settings(own_domain: list[str] | None, own_network: list[str] | None, timezone: str, year: int) -> Settings:
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


def _sources(logs: list[str] | None) -> tuple[list[Source], list[str]]:
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
    return sources, missing


def fail(message: str) -> NoReturn:
    """Say what went wrong and what to do next, and leave with 3."""
    sys.stderr.write(f"whosent: {message}\n")
    raise SystemExit(Exit.UNKNOWN)


@app.command()
def scan(  # noqa: PLR0913  # each is a documented option
    logs: Logs = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.scan/1).")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a self-contained HTML report without scripts."),
    ] = None,
    evidence_folder: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="FOLDER", help="Also write the quoted lines with a SHA-256 manifest."),
    ] = None,
    own_domain: OwnDomain = None,
    own_network: OwnNetwork = None,
    timezone: Zone = "",
    year: Year = 0,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="Processes that read in parallel; 0: one a core.")
    ] = 0,
) -> None:
    """Read logs and name who sends spam, since when, why we say so, and what stops exactly that.

    Example: whosent scan /var/log/mail.log* /var/log/apache2/access.log* /var/log/php-mail.log
    """
    settings = _settings(own_domain, own_network, timezone, year)
    sources, missing = _sources(logs)
    if not sources:
        fail(f"no such file: {', '.join(missing)}. Give log files, folders or globs, or - for standard input.")
    settings = _with_own_of_this_machine(settings, sources)
    zone = zone_of(settings.logs.timezone)
    inputs = walk.prepare(sources, settings, zone)
    with reading(sum(source.stored_size for source in sources)) as progress:
        done = walk.scan(inputs, settings, progress, zone, jobs or os.cpu_count() or 1)
    quotes = answer.read_back(done)
    report = answer.report(done, quotes, missing, zone_name(settings.logs.timezone))
    _write(report, answer.raw_lines(done, quotes), html, evidence_folder)
    _show(report, json=json)
    raise SystemExit(Exit[report.verdict.upper()])


def _with_own_of_this_machine(settings: Settings, sources: list[Source]) -> Settings:
    """Domains and networks from this machine's main.cf, where the logs are its own."""
    found = ours_of_this_machine(source.head() for source in sources)
    return msgspec.structs.replace(settings, ours=together(settings.ours, found))


def _write(report: Report, lines: Mapping[tuple[str, int], bytes], html: Path | None, folder: Path | None) -> None:
    markup = page.page(report) if html is not None or folder is not None else ""
    try:
        if folder is not None:
            evidence.write(report, folder, lines, markup)
        if html is not None:
            _write_whole(html, markup)
    except OSError as error:
        fail(f"could not write {error.filename}: {error.strerror}. Name a place you may write to.")


def _write_whole(path: Path, text: str) -> None:
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


def _show(report: Report, *, json: bool) -> None:
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
    else:
        terminal.render(report, _console())


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False)


@app.command()
def parse(
    logs: Logs = None,
    *,
    stats: Annotated[
        bool, typer.Option("--stats", help="Print what was understood and what was not, instead of events.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="With --stats: as one JSON object. Events are JSON always.")
    ] = False,
    timezone: Zone = "",
    year: Year = 0,
) -> None:
    """Print one JSON event a line, each with source, offset and line number.

    Example: whosent parse /var/log/mail.log | jq 'select(.event == "login")'
    """
    settings = _settings(None, None, timezone, year)
    sources, missing = _sources(logs)
    out = None if stats else sys.stdout.buffer
    with reading(sum(source.stored_size for source in sources)) as progress:
        inputs = parsing.parse(sources, settings, zone_of(settings.logs.timezone), out, progress)
    sys.stdout.flush()
    read = parsing.statistics(inputs, missing)
    if stats and json:
        sys.stdout.buffer.write(parsing.encode(read))
    elif stats:
        account.render(read, _console())
    for source in read.sources:
        if source.problem:
            sys.stderr.write(f"whosent: {source.source}: {source.problem}\n")
    raise SystemExit(Exit.CLEAN if read.understood else Exit.UNKNOWN)


@app.command()
def config(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.config/1).")] = False,
) -> None:
    """Print every setting with what it does, its default and its value in force; the output is a configuration file.

    Example: whosent config > /etc/whosent/whosent.toml
    """
    settings = load(os.environ)
    sys.stdout.buffer.write(knobs.as_json(settings) if json else knobs.as_toml(settings).encode())
    sys.stdout.buffer.flush()


def _say_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        sys.stdout.write(f"whosent {installed('whosent')}\n")
        raise typer.Exit


@app.callback()
def whosent(
    *,
    version: Annotated[  # its callback answers
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Take options that stand before the command."""


def main() -> None:
    """Run the command line; interrupted or cut off, leave quietly."""
    gc.set_threshold(ALLOCATIONS)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app()
    except Mistake as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except SystemExit as leaving:
        if leaving.code in (None, 0) or isinstance(leaving.code, Exit):
            raise
        raise SystemExit(130 if leaving.code == 130 else Exit.UNKNOWN) from None  # noqa: PLR2004  # a wrong option is no spam
    except OSError as error:
        fail(f"{error.filename or 'the run failed'}: {error.strerror or error}.")
    except Exception:  # noqa: BLE001  # leaves with 3 all the same
        traceback.print_exc()
        sys.stderr.write("whosent: this is a fault of Whosent, not yours; please report it with the lines above.\n")
        raise SystemExit(Exit.UNKNOWN) from None  # Python's own 1 would say "warning"
