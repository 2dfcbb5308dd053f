"""``whosent watch``: follow logs, name culprits within seconds, keep incidents; in the foreground or as a service."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Annotated

import msgspec
import typer

from whosent.cli.leaving import Exit, fail
from whosent.cli.options import ledger_of, settings_with
from whosent.configuration import zone_of
from whosent.containing.attending import Attending
from whosent.measures.phrases import count
from whosent.model.settings import Settings
from whosent.model.settings import Watch as Rules
from whosent.queue_reading import Snapshot, snapshot
from whosent.report import words
from whosent.sources.here import logs_here
from whosent.sources.journal import JournalFeed
from whosent.sources.own_spool import OwnSpool
from whosent.sources.postfix_settings import ours_of_this_machine, together
from whosent.sources.receiver import Receiver
from whosent.sources.spools import Spool, spools
from whosent.tailing import Watched
from whosent.telling.companion import Companion
from whosent.watching import Watch

_LOCK = "watch.lock"
_KEPT = 192 << 20  # bytes of queue lengths: years


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    logs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LOG]...",
            help="Logs to follow, without the endings of rotation; none: as configured, else what is found here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Follow logs as they are written, and keep what is found; ends on SIGTERM or Ctrl-C, and goes on from there.

    Example: whosent watch /var/log/mail.log /var/log/apache2/access.log
    """
    settings = settings_with(None, None, "", 0)
    if logs:
        settings = msgspec.structs.replace(settings, watch=msgspec.structs.replace(settings.watch, logs=tuple(logs)))
    paths = logs_here(settings.watch.logs)
    settings = _with_own_of_this_machine(settings, paths)
    os.umask(0o077)  # what is kept names people
    ledger = ledger_of(settings)
    queues, missing = spools(settings.watch.queue_directories) if settings.watch.queue else ([], [])
    if missing:
        fail(f"watch.queue_directories: there is no queue in {', '.join(missing)}. Name a mail server's folder.")
    with _alone(ledger.place):
        feeds = _feeds(settings.watch, ledger.place / "spool", found=bool(paths))
        paths += [feed.spool.path for feed in feeds]
        samples = OwnSpool(ledger.place / "spool" / "queues.log", _KEPT) if queues else None
        followed = list(paths)
        if samples:
            samples.last_line()  # what a crash left unfinished behind it is cut off
            followed.append(samples.path)
        if not paths:
            fail("no log to follow was found here. Name some: whosent watch /var/log/mail.log, or set watch.logs.")
        _say(f"follows {count(len(paths), 'log')}: {', '.join(map(str, paths[:8]))}{' ...' if paths[8:] else ''}")
        watching = Watch(
            settings,
            [Watched(path, settings.watch.lateness) for path in followed],
            ledger,
            zone_of(settings.logs.timezone),
            _say,
            (lambda: _look(queues)) if queues else None,
            feeds,
            samples,
        )
        gc.collect()
        gc.freeze()  # what is there to stay need not be looked at again, nor copied when the process forks
        _run(watching, Companion(settings, _say), Attending(ledger, settings.containment))
    raise SystemExit(Exit.CLEAN)


def _feeds(rules: Rules, folder: Path, *, found: bool) -> list[Receiver | JournalFeed]:
    """What brings lines that are in no log here: syslog from others, and the journal where nothing else is found."""
    feeds: list[Receiver | JournalFeed] = []
    keep = rules.spool << 20
    if rules.syslog_udp or rules.syslog_tcp or rules.syslog_socket:
        spool = OwnSpool(folder / "syslog.log", keep)
        spool.last_line()
        feeds.append(Receiver(spool, rules.syslog_udp, rules.syslog_tcp, rules.syslog_socket, rules.syslog_from))
    if rules.journal == "yes" or (rules.journal == "auto" and not (found or feeds) and JournalFeed.there()):
        feeds.append(JournalFeed(OwnSpool(folder / "journal.log", keep), rules.journal_matches))
    return feeds


def _run(watching: Watch, companion: Companion, attending: Attending) -> None:
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not stopped:
        watching.step()
        companion.look_after()
        attending.step()
    watching.stop()
    companion.stop()
    attending.stop()
    _say("stopped; the next start goes on from here")


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One daemon a state folder; the kernel gives the lock back when the process dies."""
    with (place / _LOCK).open("a+") as lock:
        while not _locked(lock):
            lock.seek(0)
            holder = lock.read().strip()
            if not holder or Path(f"/proc/{holder}").exists():
                fail(
                    f"whosent watch runs already, as process {holder or 'unknown'} with the state in {place}. "
                    "Stop that one first, or give this one a state folder of its own (WHOSENT_STATE)."
                )
            time.sleep(0.1)  # it was killed, and a copy of it is about to notice
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _look(queues: list[Spool]) -> list[Snapshot]:
    return [snapshot(spool, number, 1, os.uname().nodename, lambda _count: None) for number, spool in enumerate(queues)]


def _with_own_of_this_machine(settings: Settings, paths: list[Path]) -> Settings:
    """Domains and networks from this machine's main.cf, where the logs are its own."""
    heads = map(_head, paths)
    return msgspec.structs.replace(settings, ours=together(settings.ours, ours_of_this_machine(heads)))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1 << 18)
    except OSError:
        return b""


def _say(sentence: str) -> None:
    """One line, whatever strangers wrote into it; the journal adds the time, a terminal gets it from us."""
    stamp = "" if os.environ.get("JOURNAL_STREAM") else time.strftime("%Y-%m-%d %H:%M:%S  ")
    sys.stderr.write(f"{stamp}{words.visible(sentence)}\n")
    sys.stderr.flush()
