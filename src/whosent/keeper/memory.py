"""What the keeper remembers of each claim, in a folder of root's own: ids it held, the tap's hours, what it purged.

An id is written down, and on disk, before the mail server is told to hold it: whatever dies in between, nothing is held
that is not known here.  A list that names too much does no harm, for every message is judged again before anything is
done to it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from whosent.keeper.servers import KeeperError, Server
from whosent.queues.belonging import Claim

BRAKE: Final = Claim("everything", "")
_NOTED: Final = re.compile(r"([^\t]+)\t([0-9A-Za-z-]+)\t([0-9]+(?:\.[0-9]+)?(?:e-[0-9]+)?)\n")  # else cut short
_LATE: Final = 60.0  # seconds for which a message may still pass a tap that is being opened

Said = dict[str, Any]
"""One line of the answer; the last has ``done``."""


def secured(folder: Path) -> Path:
    """The folder, made if need be; refused unless root (or whoever runs this) alone can put anything there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder.resolve()
    for one in (place, *place.parents):
        status = one.stat()
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
        if status.st_uid not in {0, os.geteuid()} or others:
            raise KeeperError(
                f"{one} belongs to somebody else or may be written by others: name a folder of root's own"
            )
    return place


class Memory:
    """What is known of one claim; while it is open, no other keeper works on the same."""

    def __init__(self, folder: Path, claim: Claim) -> None:
        self.claim = claim
        key = hashlib.sha256(str(claim).encode()).hexdigest()[:24]
        self._base = folder / key
        self._list: IO[bytes] | None = None
        self._tap: tuple[float, float | None] | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the claim's lock."""
        with self._base.with_suffix(".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise KeeperError(f"{self.claim} is being worked on by another command; wait until it ends") from None
            try:
                yield
            finally:
                if self._list is not None:
                    self._list.close()
                    self._list = None

    def note(self, server: Server, hits: Iterable[tuple[str, float]]) -> None:
        """These ids, with the times their messages came, are about to be held; on disk when this returns."""
        if self._list is None:
            self._list = self._base.with_suffix(".held").open("ab")
            self._list.write(f"\n# {self.claim}\n".encode())  # a crash may have cut the last line short
        self._list.write("".join(f"{server.config}\t{one}\t{arrived}\n" for one, arrived in hits).encode())
        self._list.flush()
        os.fdatasync(self._list.fileno())

    def held(self, server: Server) -> dict[str, float]:
        """The ids of this mail server that were noted, and when they came."""
        found: dict[str, float] = {}
        try:
            with self._base.with_suffix(".held").open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    noted = _NOTED.fullmatch(line)
                    if noted and noted[1] == server.config:
                        found[noted[2]] = float(noted[3])
        except FileNotFoundError:
            pass
        return found

    def forget(self) -> None:
        """All of it was released or purged."""
        self._base.with_suffix(".held").unlink(missing_ok=True)
        if self.tap[1] is not None:
            self._base.with_suffix(".tap").unlink(missing_ok=True)

    @property
    def tap(self) -> tuple[float, float | None]:
        """Since when the tap is closed, until when it was; from the end of time on if it never was."""
        if self._tap is None:
            try:
                since, until = json.loads(self._base.with_suffix(".tap").read_text(encoding="utf-8"))["closed"]
            except FileNotFoundError:
                since, until = float("inf"), None
            self._tap = since, until
        return self._tap

    def tapped(self, since: float, until: float | None = None) -> None:
        """The tap was closed, or opened again."""
        path = self._base.with_suffix(".tap")
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"claim": str(self.claim), "closed": [since, until]}), encoding="utf-8")
        fresh.replace(path)
        self._tap = since, until

    def caught(self, arrived: float) -> bool:
        """Whether the tap was closed when a message came; Exim counts whole seconds."""
        since, until = self.tap
        return since - 1 <= arrived <= (float("inf") if until is None else until + _LATE)

    def purged(self, moment: float) -> Path:
        """A new folder for the manifest and the samples of a purge."""
        folder = self._base.parent / "purged" / f"{self._base.name}-{int(moment)}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


class Order(NamedTuple):
    """One call of the keeper."""

    how: str  # of a tap: hold or refuse; of a wall: its seconds
    say: Callable[[Said], None]
    memory: Memory  # of the claim
    brake: Memory  # of the emergency brake
