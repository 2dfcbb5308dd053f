"""Finds a suspect's messages in a queue: processes of their own read and judge, this one hears the ids at once."""

from __future__ import annotations

import gc
import os
import selectors
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from zlib import crc32

from whosent.keeper.servers import KeeperError, Server
from whosent.model.pile import Letter
from whosent.sources.spools import ROUND, Opened, folders, message

WAITING: Final = ("incoming", "active", "deferred", "incoming", "active")  # where Postfix's can be held
HELD: Final = ("hold",)
ALL: Final = ROUND
_WORTH_ANOTHER: Final = 5_000  # messages
_MOST: Final = 4  # processes
_BLOCK: Final = 1 << 14  # bytes written at once
_AT_ONCE: Final = 8_192  # messages passed on together: each time they are written down first
_WAIT: Final = 0.25  # seconds after which fewer are passed on
_ALLOCATIONS: Final = 50_000  # letters make no cycles


class Hit(NamedTuple):
    """A message that was judged to be the suspect's."""

    queue_id: str
    arrived: float
    folder: str  # of Postfix's queue; Exim: input or frozen
    inner: str  # the part of its path below that folder

    def path(self, server: Server) -> str:
        """Of its queue file; Exim: of its envelope."""
        if server.spool.mta == "exim":
            return f"{server.spool.path}/input/{self.inner}{self.queue_id}-H"
        return f"{server.spool.path}/{self.folder}/{self.inner}{self.queue_id}"


@dataclass
class Seen:
    """What was looked at so far."""

    files: int = 0
    others: int = 0  # messages of others
    unread: int = 0
    total: int = 0  # entries of the folders when it began
    by_folder: Counter[str] = field(default_factory=Counter)  # the suspect's


def search(server: Server, mine: Callable[[Letter], bool], among: Sequence[str], seen: Seen) -> Iterator[list[Hit]]:
    """The suspect's messages in these folders (``HELD`` of Exim: what is frozen), as they are found."""
    sizes = sum(len(names) for folder, names, _ in folders(server.spool, among=tuple(dict.fromkeys(among))))
    seen.total += sizes
    parts = min(_MOST, len(os.sched_getaffinity(0)), 1 + sizes // _WORTH_ANOTHER)
    pipes: dict[int, int] = {}  # reading end -> process
    selector = selectors.DefaultSelector()
    try:
        for part in range(parts):
            ours, theirs = os.pipe()
            pid = os.fork()
            if not pid:
                _child(theirs, server, mine, among, part, parts)
            os.close(theirs)
            pipes[ours] = pid
            selector.register(ours, selectors.EVENT_READ, bytearray())
        hits: list[Hit] = []
        last = time.monotonic()
        while selector.get_map():
            for key, _ in selector.select(_WAIT):
                hits += _heard(selector, key, pipes, seen)
            if len(hits) >= _AT_ONCE or time.monotonic() - last >= _WAIT or not selector.get_map():
                if hits:
                    yield hits
                hits, last = [], time.monotonic()
    finally:
        selector.close()
        for ours, pid in pipes.items():
            os.close(ours)
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def _heard(
    selector: selectors.BaseSelector, key: selectors.SelectorKey, pipes: dict[int, int], seen: Seen
) -> list[Hit]:
    """What one process said."""
    block = os.read(key.fd, 1 << 16)
    rest: bytearray = key.data
    if block:
        rest += block
        end = rest.rfind(b"\n") + 1
        lines = bytes(rest[:end]).decode("ascii").split("\n")
        del rest[:end]
        return [hit for line in lines if line and (hit := _line(line, seen))]
    selector.unregister(key.fd)
    os.close(key.fd)
    _, status = os.waitpid(pipes.pop(key.fd), 0)
    if status:
        raise KeeperError("a process that read the queue ended early; run the command again")
    return []


def _line(line: str, seen: Seen) -> Hit | None:
    if line[0] == "=":
        files, others, unread = map(int, line[1:].split())
        seen.files += files
        seen.others += others
        seen.unread += unread
        return None
    queue_id, arrived, folder, inner = line.split("\t")
    seen.by_folder[folder] += 1
    return Hit(queue_id, float(arrived), folder, inner)


def _child(  # noqa: PLR0913, PLR0917  # what to read, and where to write
    pipe: int, server: Server, mine: Callable[[Letter], bool], among: Sequence[str], part: int, parts: int
) -> None:
    """Read this part of the queue, write what is the suspect's, and end."""
    code = 1
    gc.set_threshold(_ALLOCATIONS)
    try:
        for block in _blocks(server, mine, among, part, parts):
            view = memoryview(block)
            while view:
                view = view[os.write(pipe, view) :]
        code = 0
    except BrokenPipeError:
        pass
    finally:
        os._exit(code)


def _blocks(
    server: Server, mine: Callable[[Letter], bool], among: Sequence[str], part: int, parts: int
) -> Iterator[bytes]:
    exim, frozen = server.spool.mta == "exim", among is HELD
    done: set[str] = set()
    said = bytearray()
    files = others = unread = 0
    for folder, names, where in folders(server.spool, among=among):
        for name in names:
            if (parts > 1 and crc32(name.encode(errors="surrogateescape")) % parts != part) or name in done:
                continue
            found = message(server.spool, folder, where, name)
            files += 1
            if not isinstance(found, Opened):
                unread += found is not None
                continue
            done.add(name)
            letter, (_, _, queue_id, kept_in, inner), _ = found
            if exim and among is not ALL and (kept_in == "frozen") != frozen:
                continue
            if mine(letter):
                said += f"{queue_id}\t{letter.arrived}\t{kept_in}\t{inner}\n".encode()
            else:
                others += 1
            if len(said) > _BLOCK:
                said += b"=%d %d %d\n" % (files, others, unread)
                files = others = unread = 0
                yield bytes(said)
                said.clear()
    said += b"=%d %d %d\n" % (files, others, unread)
    yield bytes(said)
