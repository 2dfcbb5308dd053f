"""All messages of a queue, read file by file while the mail server goes on working with them, added up to piles.

Files come, move and go meanwhile: one that was seen in one folder is not counted again in the next, and folders that
messages pass through are looked at twice.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from whosent.join.piles import Piles
from whosent.queues import Unread, exim, postfix, sendmail
from whosent.sources.spools import FLAGS, READ, ROUND, Damaged, Opened, Spool, folders, message

_COUNTED: Final = "corrupt"
_EXAMPLES: Final = 5
_A_STEP: Final = 1000  # files between two reports of progress


@dataclass
class Reading:
    """What one process read of a spool."""

    piles: Piles = field(default_factory=Piles)
    folders: Counter[str] = field(default_factory=Counter)  # messages
    unread: Counter[Unread] = field(default_factory=Counter)
    examples: list[tuple[str, str]] = field(default_factory=list)  # damaged files: path, what is wrong
    closed: set[str] = field(default_factory=set)  # folders that may not be read
    bytes: int = 0

    def merge(self, other: Reading) -> None:
        """Add what another process read."""
        self.piles.merge(other.piles)
        self.folders += other.folders
        self.unread += other.unread
        self.examples = sorted(self.examples + other.examples)[:_EXAMPLES]
        self.closed |= other.closed
        self.bytes += other.bytes


def size(spool: Spool) -> int:
    """About how many messages there are: entries of its folders."""
    return sum(len(names) for _, names, _ in folders(spool))


def read(spool: Spool, part: int = 0, parts: int = 1, progress: Callable[[int], None] = lambda _files: None) -> Reading:
    """All messages of a spool, or of several parts one, added up to piles."""
    reading = Reading()
    for found in each(spool, reading, part, parts, progress):
        reading.piles.add(found.letter, found.place)
    return reading


def each(
    spool: Spool,
    reading: Reading,
    part: int = 0,
    parts: int = 1,
    progress: Callable[[int], None] = lambda _files: None,
) -> Iterator[Opened]:
    """Each message once, or of several parts one: which, the name of a file decides; ``reading`` has the account."""
    seen: set[str] = set()
    gone: set[str] = set()
    since = 0
    for folder, names, where in folders(spool, reading.closed.add):
        for name in names:
            if (parts > 1 and crc32(name.encode(errors="surrogateescape")) % parts != part) or name in seen:
                continue
            found = message(spool, folder, where, name)
            since += 1
            if found is Unread.VANISHED:
                gone.add(name)
                continue
            seen.add(name)
            if isinstance(found, Opened):
                reading.folders[found.place[3]] += 1
                reading.bytes += found.total
                yield found
            elif found is not None:
                reading.unread[_noted(reading, found)] += 1
        if since >= _A_STEP:
            progress(since)
            since = 0
    progress(since)
    reading.unread[Unread.VANISHED] += len(gone - seen)
    if part == 0:
        reading.unread[Unread.CORRUPT] += _set_aside(spool)
    reading.unread = +reading.unread


def _noted(reading: Reading, found: Damaged | Unread) -> Unread:
    """Why a file was not read; of a few that are damaged, which and where."""
    if not isinstance(found, Damaged):
        return found
    if len(reading.examples) < _EXAMPLES:
        reading.examples.append(found)
    return Unread.DAMAGED


def _set_aside(spool: Spool) -> int:
    try:
        return len(os.listdir(os.path.join(spool.path, _COUNTED))) if spool.mta == "postfix" else 0  # noqa: PTH118, PTH208  # any bytes
    except OSError:
        return 0


def attempts(spool: Spool, queue_id: str, inner: str) -> Iterator[tuple[bytes, bytes]]:
    """Why the recipients of a message wait: (status, reply) of each, from the notes the MTA keeps beside the queue."""
    if spool.mta == "postfix":
        base = spool.path.rstrip("/").rpartition("/")[0] if _tops_one(spool) else spool.path
        paths, told = [f"{base}/defer/{inner}{queue_id}", f"{base}/defer/{queue_id}"], postfix.attempts
    elif spool.mta == "sendmail":
        paths, told = [f"{spool.path}/{inner}{kind}{queue_id}" for kind in ("qf", sendmail.HELD)], sendmail.attempts
    else:
        base = spool.path
        paths, told = [f"{base}/msglog/{inner}{queue_id}", f"{base}/msglog/{queue_id}"], exim.attempts
    for path in dict.fromkeys(paths):
        try:
            descriptor = os.open(path, FLAGS)
        except OSError:
            continue
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                yield from told(os.read(descriptor, READ))
                return
        except OSError:
            return
        finally:
            os.close(descriptor)


def _tops_one(spool: Spool) -> bool:
    return os.path.basename(spool.path.rstrip("/")) in ROUND  # noqa: PTH119  # any bytes
