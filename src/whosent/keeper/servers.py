"""The mail servers of this machine: their queues, and the programs that hold, release and delete what lies there.

Argument vectors only, a fixed search path, a time limit on everything; ids go to a program's standard input or stand
behind a letter or digit, so that nothing of theirs can be an option.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from whosent.queues import exim, postfix
from whosent.sources.spools import Spool

ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin", "LC_ALL": "C"}
PATIENCE: Final = 60.0  # seconds without any progress of a program
_AT_ONCE: Final = 200  # ids given to Exim by one command
_DAY: Final = 86_400
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": _DAY, "w": 7 * _DAY}
_EXIM_ID: Final = re.compile(exim.NAME.pattern.removesuffix("-H"))


class KeeperError(Exception):
    """Something could not be done; the text says what, and what to do next."""


class Server(NamedTuple):
    """One mail server, or one instance of Postfix."""

    spool: Spool
    config: str  # Postfix: its configuration's folder; Exim: the program
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


def mail_servers() -> list[Server]:
    """What is installed here and has a queue."""
    found = [one for config in _postfix_configs() if (one := _postfix(config))]
    program = _program("exim4", "exim")
    if program:
        spool = ask([program, "-bP", "spool_directory"]).rpartition("=")[2].strip()
        if os.path.isdir(spool):  # noqa: PTH112  # plain text is enough
            found.append(Server(Spool(spool, "exim"), program, steady=True, lifetime=float("inf")))
    if not found:
        raise KeeperError("no mail server with a queue was found here (Postfix, Exim)")
    return found


def _program(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name, path=ENVIRONMENT["PATH"]))), None)


def _postfix_configs() -> list[str]:
    if not _program("postconf"):
        return []
    try:
        more = ask(["postconf", "-h", "multi_instance_directories"]).replace(",", " ").split()
    except KeeperError:
        return []  # installed, never configured
    return ["/etc/postfix", *more]


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


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([smhdw]?)", text)
    return int(found[1]) * _UNITS[found[2] or "d"] if found else 5.0 * _DAY


class Feed:
    """Gives ids to the mail server's own program: ``hold``, ``release``, ``requeue`` or ``delete`` them."""

    def __init__(self, server: Server, verb: str) -> None:
        self.server, self.verb = server, verb
        self.given = 0
        self._postsuper: subprocess.Popen[bytes] | None = None

    def give(self, ids: Sequence[str]) -> None:
        """Some more; each is checked to be nothing but a queue id."""
        form = postfix.NAME if self.server.spool.mta == "postfix" else _EXIM_ID
        sound = [one for one in ids if form.fullmatch(one)]
        if not sound:
            return
        self.given += len(sound)
        if self.server.spool.mta == "postfix":
            self._to_postsuper("".join(f"{one}\n" for one in sound).encode())
            return
        flag = {"hold": "-Mf", "release": "-Mt", "requeue": "-Mt", "delete": "-Mrm"}[self.verb]
        for at in range(0, len(sound), _AT_ONCE):
            batch = sound[at : at + _AT_ONCE]
            done = subprocess.run(  # noqa: S603  # ids of Exim's own form
                [self.server.config, flag, *batch], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env=ENVIRONMENT, timeout=PATIENCE + len(batch), check=False,
            )  # fmt: skip
            if done.returncode not in {0, 1}:  # 1: some of them were being delivered, or are gone
                raise KeeperError(f"{self.server.config} {flag} failed with {done.returncode}")

    def _to_postsuper(self, lines: bytes) -> None:
        if self._postsuper is None:
            flag = {"hold": "-h", "release": "-H", "requeue": "-r", "delete": "-d"}[self.verb]
            among = () if self.verb == "hold" else ("hold",)  # what was released meanwhile is let alone
            self._postsuper = subprocess.Popen(  # noqa: S603  # argument vectors of our own
                ["postsuper", "-c", self.server.config, flag, "-", *among],  # noqa: S607  # a fixed path is searched
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
            )  # fmt: skip
            assert self._postsuper.stdin is not None
            os.set_blocking(self._postsuper.stdin.fileno(), False)
        assert self._postsuper.stdin is not None
        pipe, view = self._postsuper.stdin.fileno(), memoryview(lines)
        while view:
            if not select.select([], [pipe], [], PATIENCE)[1]:
                self.stop()
                raise KeeperError(f"postsuper took nothing for {PATIENCE:.0f} seconds and was ended")
            try:
                view = view[os.write(pipe, view) :]
            except BrokenPipeError:
                raise KeeperError(self._ended()) from None

    def finish(self) -> None:
        """Wait until the program has done all of it."""
        if self._postsuper is None:
            return
        assert self._postsuper.stdin is not None
        self._postsuper.stdin.close()
        try:
            code = self._postsuper.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.stop()
            raise KeeperError(f"postsuper did not end within {PATIENCE:.0f} seconds and was ended") from None
        if code:
            raise KeeperError(self._ended())
        self._postsuper = None

    def _ended(self) -> str:
        assert self._postsuper is not None
        assert self._postsuper.stdin is not None
        self._postsuper.stdin.close()
        try:
            code = self._postsuper.wait(PATIENCE)
        except subprocess.TimeoutExpired:  # it closed its input and goes on
            self.stop()
            return "postsuper takes no more and was ended"
        return f"postsuper ended early with {code}; its log says why"

    def stop(self) -> None:
        """End the program, whatever it is doing."""
        if self._postsuper is not None and self._postsuper.poll() is None:
            self._postsuper.kill()
            self._postsuper.wait()


def feed_all(server: Server, verb: str, ids: Iterable[str]) -> int:
    """Give these ids and wait; how many there were."""
    feed = Feed(server, verb)
    feed.give(list(ids))
    feed.finish()
    return feed.given


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
