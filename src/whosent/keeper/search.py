"""Finds a suspect's messages in a queue: processes of their own read and judge, this one hears the ids at once."""

from __future__ import annotations

import os
import selectors
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


class Hit(NamedTuple):
    """A message that was judged to be the suspect's."""

    queue_id: str
    arrived: float
    folder: str
    path: str


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
        while selector.get_map():
            for key, _ in selector.select():
                yield from _heard(selector, key, pipes, seen)
    finally:
        selector.close()
        for ours, pid in pipes.items():
            os.close(ours)
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def _heard(
    selector: selectors.BaseSelector, key: selectors.SelectorKey, pipes: dict[int, int], seen: Seen
) -> Iterator[list[Hit]]:
    """What one process said."""
    block = os.read(key.fd, 1 << 16)
    rest: bytearray = key.data
    rest += block
    if block:
        *lines, left = bytes(rest).split(b"\n")
        rest[:] = left
        hits = [hit for line in lines if (hit := _line(line, seen))]
        if hits:
            yield hits
        return
    selector.unregister(key.fd)
    os.close(key.fd)
    _, status = os.waitpid(pipes.pop(key.fd), 0)
    if status:
        raise KeeperError("a process that read the queue ended early; run the command again")


def _line(line: bytes, seen: Seen) -> Hit | None:
    if line.startswith(b"="):
        files, others, unread = map(int, line[1:].split())
        seen.files += files
        seen.others += others
        seen.unread += unread
        return None
    queue_id, arrived, folder, path = os.fsdecode(line).split("\t", 3)
    seen.by_folder[folder] += 1
    return Hit(queue_id, float(arrived), folder, path)


def _child(  # noqa: PLR0913, PLR0917  # what to read, and where to write
    pipe: int, server: Server, mine: Callable[[Letter], bool], among: Sequence[str], part: int, parts: int
) -> None:
    """Read this part of the queue, write what is the suspect's, and end."""
    code = 1
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
            letter, (path, _, queue_id, kept_in, _), _ = found
            if exim and among is not ALL and (kept_in == "frozen") != frozen:
                continue
            if mine(letter):
                said += os.fsencode(f"{queue_id}\t{letter.arrived}\t{kept_in}\t{path}/{name}\n")
            else:
                others += 1
            if len(said) > _BLOCK:
                said += b"=%d %d %d\n" % (files, others, unread)
                files = others = unread = 0
                yield bytes(said)
                said.clear()
    said += b"=%d %d %d\n" % (files, others, unread)
    yield bytes(said)
