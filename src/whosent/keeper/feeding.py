"""Gives ids to the mail server's own program, which holds, releases, queues anew or deletes those messages.

``postsuper`` reads a stream; Exim and Sendmail are called with so many ids at once.  Sendmail has no way to delete:
what is quarantined, which no queue run touches, is taken out of the folder here.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, Self

from whosent.keeper.servers import ENVIRONMENT, PATIENCE, KeeperError, Server, widened
from whosent.queues import sendmail
from whosent.sources.spools import FLAGS, FORMS, Where, folders

_POSTSUPER: Final = {"hold": "-h", "release": "-H", "requeue": "-r", "delete": "-d"}
_EXIM: Final = {"hold": "-Mf", "release": "-Mt", "requeue": "-Mt", "delete": "-Mrm"}
_SENDMAIL: Final = {"hold": ("-Qwhosent",), "release": ("-Q", "-qQ"), "requeue": ("-Q", "-qQ")}
_AT_ONCE: Final = {"exim": 200, "sendmail": 1000}  # ids given by one command
_SIDE_BY_SIDE: Final = 4  # commands
_USUAL: Final = 14  # characters of an id of Sendmail's


class Feed:
    """Gives ids to the mail server's own program: ``hold``, ``release``, ``requeue`` or ``delete`` them."""

    def __init__(self, server: Server, verb: str) -> None:
        self.server, self.verb = server, verb
        self.given = 0
        self._postsuper: subprocess.Popen[bytes] | None = None
        self._others: list[str] | None = None
        self._running: list[tuple[subprocess.Popen[bytes], list[str], set[int]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """All of it is done, or the program is ended."""
        try:
            if kind is None:
                self.finish()
        finally:
            self.stop()

    def give(self, ids: Sequence[str]) -> None:
        """Some more; each is checked to be nothing but a queue id."""
        mta = self.server.spool.mta
        form = FORMS[mta]
        sound = [one for one in ids if form.fullmatch(one)]
        if not sound:
            return
        self.given += len(sound)
        if mta == "postfix":
            self._to_postsuper("".join(f"{one}\n" for one in sound).encode())
        elif mta == "exim":
            for batch in _batches(sound, _AT_ONCE[mta]):
                self._called([self.server.config, _EXIM[self.verb], *batch], {0, 1})  # 1: some are being delivered
        elif self.verb == "delete":
            _taken_out(self.server, frozenset(sound))
        else:
            for batch in _batches([one for one in sound if not self._stands_in_another(one)], _AT_ONCE[mta]):
                self._called([*self.server.config.split(), *_SENDMAIL[self.verb], *(f"-qI{one}" for one in batch)], {0})

    def _called(self, argv: list[str], fine: set[int]) -> None:
        """Begin a command; a few run side by side, for each waits for the disk most of the time."""
        while len(self._running) >= _SIDE_BY_SIDE:
            self._waited(*self._running.pop(0))
        process = subprocess.Popen(  # noqa: S603  # ids of the server's own form
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT
        )
        self._running.append((process, argv, fine))

    @staticmethod
    def _waited(process: subprocess.Popen[bytes], argv: list[str], fine: set[int]) -> None:
        try:
            code = process.wait(PATIENCE + len(argv))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise KeeperError(f"{argv[0]} {argv[1]} did not end in time and was ended") from None
        if code not in fine:
            raise KeeperError(f"{argv[0]} {argv[1]} failed with {code}")

    def _stands_in_another(self, one: str) -> bool:
        """Whether Sendmail would take another message for this one: it looks for the id within names."""
        if self._others is None:
            names = (name for _, names, _ in folders(self.server.spool) for name in names)
            self._others = [name[2:] for name in names if len(name) > _USUAL + 2]
        return any(one in other and one != other for other in self._others)

    def _to_postsuper(self, lines: bytes) -> None:
        if self._postsuper is None:
            among = () if self.verb == "hold" else ("hold",)  # what was released meanwhile is let alone
            self._postsuper = subprocess.Popen(  # noqa: S603  # argument vectors of our own
                ["postsuper", "-c", self.server.config, _POSTSUPER[self.verb], "-", *among],  # noqa: S607  # a fixed path is searched
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
            )  # fmt: skip
            assert self._postsuper.stdin is not None
            os.set_blocking(self._postsuper.stdin.fileno(), False)
            widened(self._postsuper.stdin.fileno())
        assert self._postsuper.stdin is not None
        pipe, view = self._postsuper.stdin.fileno(), memoryview(lines)
        while view:
            if not select.select([], [pipe], [], PATIENCE)[1]:
                raise KeeperError(f"postsuper took nothing for {PATIENCE:.0f} seconds and was ended")
            try:
                view = view[os.write(pipe, view) :]
            except BrokenPipeError:
                self.finish()
                raise KeeperError("postsuper ended early; its log says why") from None

    def finish(self) -> None:
        """Wait until the program has done all of it."""
        while self._running:
            self._waited(*self._running.pop(0))
        if self._postsuper is None:
            return
        assert self._postsuper.stdin is not None
        self._postsuper.stdin.close()
        try:
            code = self._postsuper.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise KeeperError(f"postsuper did not end within {PATIENCE:.0f} seconds and was ended") from None
        if code:
            raise KeeperError(f"postsuper ended early with {code}; its log says why")
        self._postsuper = None

    def stop(self) -> None:
        """End the program, whatever it is doing."""
        for process, *_ in self._running:
            process.kill()
            process.wait()
        if self._postsuper is not None and self._postsuper.poll() is None:
            self._postsuper.kill()
            self._postsuper.wait()


def _batches(ids: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (ids[at : at + size] for at in range(0, len(ids), size))


def _taken_out(server: Server, ids: frozenset[str]) -> None:
    """Delete quarantined messages of Sendmail's, the control file first: a text alone is none any more."""
    for _, names, where in folders(server.spool):
        for name in names:
            if name.startswith(sendmail.HELD) and name[2:] in ids and _locked_and_gone(where, name):
                for text in (f"df{name[2:]}", f"../df/df{name[2:]}", f"xf{name[2:]}", f"../xf/xf{name[2:]}"):
                    with suppress(OSError):
                        os.unlink(text, dir_fd=where.descriptor)


def _locked_and_gone(where: Where, name: str) -> bool:
    """Unless Sendmail is at it."""
    try:
        descriptor = os.open(name, FLAGS, dir_fd=where.descriptor)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=where.descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
