"""The mail servers of this machine and their queues; programs are asked by argument vectors, within a time limit."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from whosent.sources.spools import Spool

ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin", "LC_ALL": "C"}
PATIENCE: Final = 60.0  # seconds without any progress of a program
_DAY: Final = 86_400
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": _DAY, "w": 7 * _DAY}
_MAIN: Final = "/etc/postfix"
_SENDMAILS: Final = ("/usr/libexec/sendmail/sendmail", "/usr/lib/sm.bin/sendmail", "/usr/sbin/sendmail.sendmail")
SENDMAIL_CF: Final = {"-Am": "/etc/mail/sendmail.cf", "-Ac": "/etc/mail/submit.cf"}  # the mail server's, its clients'
_QUEUE: Final = re.compile(r"^(?:O QueueDirectory=|Q[^,\n]*,(?:[^,\n]*,)*[ \t]*P=)(/[^,\s]*)", re.MULTILINE)


class KeeperError(Exception):
    """Something could not be done; the text says what, and what to do next."""


class Server(NamedTuple):
    """One mail server, or one instance of Postfix."""

    spool: Spool
    config: str  # Postfix: its configuration's folder; Exim: the program; Sendmail: the program, and which queue
    steady: bool  # its queue ids are never used again
    lifetime: float  # seconds after which a message that was released bounces at its next failure


def ask(argv: Sequence[str], stdin: str = "", within: float = PATIENCE) -> str:
    """What a program prints; a failure or a hang becomes a sentence."""
    try:
        done = subprocess.run(  # noqa: S603  # argument vectors of our own
            argv, input=stdin, capture_output=True, text=True, errors="replace", env=ENVIRONMENT, timeout=within,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise KeeperError(f"{argv[0]} did not answer within {within:.0f} seconds") from None
    except OSError as error:
        raise KeeperError(f"{argv[0]}: {error.strerror}") from None
    if done.returncode:
        raise KeeperError(f"{' '.join(argv[:3])} failed: {done.stderr.strip()[-300:]!a}")
    return done.stdout


def widened(pipe: int) -> None:
    """Let a pipe hold more, so that neither end waits for the other to be run; where that is not allowed, less."""
    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


def mail_servers() -> list[Server]:
    """What is installed here and has a queue."""
    found = [one for config in _postfix_configs() if (one := _postfix(config))]
    program = _program("exim4", "exim")
    if program:
        spool = ask([program, "-bP", "spool_directory"]).rpartition("=")[2].strip()
        if os.path.isdir(spool):  # noqa: PTH112  # plain text is enough
            found.append(Server(Spool(spool, "exim"), program, steady=True, lifetime=float("inf")))
    found += _sendmails()
    if not found:
        raise KeeperError("no mail server with a queue was found here (Postfix, Exim, Sendmail)")
    return found


def _program(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name, path=ENVIRONMENT["PATH"]))), None)


def _postfix_configs() -> list[str]:
    if not _program("postconf") or not os.path.exists(f"{_MAIN}/main.cf"):  # noqa: PTH110  # plain text is enough
        return []
    try:
        more = ask(["postconf", "-h", "multi_instance_directories"]).replace(",", " ").split()
    except KeeperError:
        return []  # installed, never configured
    return [_MAIN, *more]


def _postfix(config: str) -> Server | None:
    names = ("queue_directory", "enable_long_queue_ids", "maximal_queue_lifetime")
    said: dict[str, str] = {}
    for line in ask(["postconf", "-c", config, *names]).splitlines():
        name, _, value = line.partition("=")
        said[name.strip()] = value.strip()
    queue = said["queue_directory"]
    if not os.path.isdir(f"{queue}/active"):  # noqa: PTH112  # plain text is enough
        return None
    return Server(Spool(queue, "postfix"), config, said["enable_long_queue_ids"] == "yes",
                  _seconds(said["maximal_queue_lifetime"]))  # fmt: skip


def sendmail_program() -> str | None:
    """Sendmail's own program; under the name ``sendmail`` alone it may be another mail server's."""
    return next((path for path in _SENDMAILS if os.path.isfile(path)), None)  # noqa: PTH113  # plain text is enough


def _sendmails() -> Iterator[Server]:
    """The queue that the mail server works on, and that of mail which programs here hand in; groups of queues, too."""
    program = sendmail_program()
    for mode, config in SENDMAIL_CF.items() if program else ():
        try:
            text = Path(config).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        places = {found[1].partition("*")[0].rstrip("/") for found in _QUEUE.finditer(text)}
        for place in sorted(places):
            if os.path.isdir(place) and not any(place.startswith(f"{other}/") for other in places):  # noqa: PTH112
                yield Server(Spool(place, "sendmail"), f"{program} {mode}", steady=True, lifetime=float("inf"))


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([smhdw]?)", text)
    return int(found[1]) * _UNITS[found[2] or "d"] if found else 5.0 * _DAY
