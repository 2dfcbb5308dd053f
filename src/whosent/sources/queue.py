"""The queue folders of Postfix and Exim, read file by file while the mail server goes on working with them.

Nothing is locked, written or asked of a daemon.  Files come, move and go meanwhile: one that was seen in one folder is
not counted again in the next, and folders that messages pass through are looked at twice.  Each file is read up to a
bound.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

from whosent.join.piles import Piles, Place
from whosent.model.pile import Letter
from whosent.queues import DamagedError, TooLongError, Unread, exim, postfix
from whosent.sources.text import shown

Mta = Literal["postfix", "exim"]
PLACES: Final = ("/var/spool/postfix", "/var/spool/postfix-*", "/var/spool/exim4", "/var/spool/exim")
# Messages go from left to right, and back from deferred: the first two are looked at again, and maildrop, where a
# message has another name than in the queue, last: better one overlooked than one counted twice.
_ROUND: Final = ("incoming", "active", "deferred", "hold", "incoming", "active", "maildrop")
_COUNTED: Final = "corrupt"
_DEPTH: Final = 4  # of hashed folders
_READ: Final = 1 << 15
_READS: Final = 256  # of one file
_EXAMPLES: Final = 5
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WHY: Final = {errno.ENOENT: Unread.VANISHED, errno.EACCES: Unread.FORBIDDEN, errno.EPERM: Unread.FORBIDDEN,
               errno.ELOOP: Unread.NO_FILE, errno.ENXIO: Unread.NO_FILE}  # fmt: skip
_A_STEP: Final = 1000  # files between two reports of progress


@dataclass(frozen=True)
class Spool:
    """A queue on disk."""

    path: str
    mta: Mta

    @property
    def here(self) -> bool:
        """Whether this machine's own mail server works with it."""
        return any(Path(self.path).match(pattern) for pattern in PLACES)

    @property
    def name(self) -> str:
        """As it is shown."""
        return shown(os.fsencode(self.path))


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


def spools(named: list[str]) -> tuple[list[Spool], list[str]]:
    """The queues at these places (those a mail server uses by default if none is named), and places with none."""
    found: dict[str, Spool] = {}
    missing = []
    for place in named:
        spool = _at(place)
        if spool is None:
            missing.append(shown(os.fsencode(place)))
        else:
            found.setdefault(os.path.realpath(place), spool)
    if not named:
        for pattern in PLACES:
            for path in sorted(Path("/").glob(pattern.lstrip("/"))):
                spool = _at(str(path))
                if spool is not None:
                    found.setdefault(os.path.realpath(path), spool)
    return list(found.values()), missing


def _at(place: str) -> Spool | None:
    """What queue a folder is, told by what is in it; None if it is none."""
    if os.path.basename(place.rstrip("/")) in _ROUND and os.path.isdir(place):  # noqa: PTH112, PTH119  # any bytes
        return Spool(place, "postfix")
    try:
        inside = set(os.listdir(place))  # noqa: PTH208  # names are enough
    except OSError:
        return Spool(place, "postfix") if os.path.isdir(place) else None  # noqa: PTH112  # any bytes
    if inside.intersection(("deferred", "active", "incoming")):
        return Spool(place, "postfix")
    if "input" in inside or any(exim.NAME.fullmatch(name) for name in inside):
        return Spool(place, "exim")
    return None


def size(spool: Spool) -> int:
    """About how many messages there are: entries of its folders."""
    return sum(len(names) for _, names, _ in _folders(spool, Reading()))


def read(spool: Spool, part: int = 0, parts: int = 1, progress: Callable[[int], None] = lambda _files: None) -> Reading:
    """All messages of a spool, or of several parts one: which, the name of a file decides."""
    reading = Reading()
    one = _read_postfix if spool.mta == "postfix" else _read_exim
    seen: set[str] = set()
    gone: set[str] = set()
    since = 0
    for folder, names, where in _folders(spool, reading):
        for name in names:
            if (parts > 1 and crc32(name.encode(errors="surrogateescape")) % parts != part) or name in seen:
                continue
            why = one(reading, folder, where, name)
            since += 1
            if why is Unread.VANISHED:
                gone.add(name)
                continue
            seen.add(name)
            if why is not None:
                reading.unread[why] += 1
        if since >= _A_STEP:
            progress(since)
            since = 0
    progress(since)
    reading.unread[Unread.VANISHED] += len(gone - seen)
    if part == 0:
        reading.unread[Unread.CORRUPT] += _set_aside(spool)
    reading.unread = +reading.unread
    return reading


Where = tuple[int, str, str, bool]
"""An open folder, its path, its part below the queue's folder, and whether its files still belong to who wrote them."""


def _folders(spool: Spool, reading: Reading) -> Iterator[tuple[str, list[str], Where]]:
    """Each folder that holds messages, with the names in it, open while it is used."""
    for folder, path in _tops(spool):
        yield from _below(folder, path, "", reading, _DEPTH)


def _tops(spool: Spool) -> Iterator[tuple[str, str]]:
    base = os.path.basename(spool.path.rstrip("/"))  # noqa: PTH119  # any bytes
    if spool.mta == "exim":
        inner = os.path.join(spool.path, "input")  # noqa: PTH118  # any bytes
        yield "input", inner if os.path.isdir(inner) else spool.path  # noqa: PTH112  # any bytes
    elif base in _ROUND:
        yield base, spool.path
    else:
        yield from ((folder, os.path.join(spool.path, folder)) for folder in _ROUND)  # noqa: PTH118  # any bytes


def _below(folder: str, path: str, inner: str, reading: Reading, depth: int) -> Iterator[tuple[str, list[str], Where]]:
    with _opened(path, reading) as descriptor:
        if descriptor is None:
            return
        names, deeper = [], []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                name = entry.name
                if len(name) < 3:  # noqa: PLR2004  # a part of an id that folders are named after
                    if depth and entry.is_dir(follow_symlinks=False):
                        deeper.append(name)
                else:
                    names.append(name)
        owner = os.fstat(descriptor).st_uid  # of a copy it is root or whoever made it
        yield folder, names, (descriptor, path, inner, owner not in (0, os.geteuid()))
        del names
    for name in sorted(deeper):
        yield from _below(folder, f"{path}/{name}", f"{inner}{name}/", reading, depth - 1)


@contextmanager
def _opened(path: str, reading: Reading) -> Iterator[int | None]:
    """The folder, open; None where it cannot be."""
    try:
        descriptor = os.open(path, _FLAGS | os.O_DIRECTORY)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            reading.closed.add(shown(os.fsencode(path)))
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _set_aside(spool: Spool) -> int:
    try:
        return len(os.listdir(os.path.join(spool.path, _COUNTED))) if spool.mta == "postfix" else 0  # noqa: PTH118, PTH208  # any bytes
    except OSError:
        return 0


def _read_postfix(reading: Reading, folder: str, where: Where, name: str) -> Unread | None:
    if not (name.isalnum() and name.isascii()):
        return Unread.UNFINISHED if name.replace(".", "").isdigit() else Unread.DAMAGED
    dropped = folder == "maildrop"
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=where[0])
    except OSError as error:
        return _WHY.get(error.errno or 0, Unread.UNREADABLE)
    try:
        status = os.fstat(descriptor)
        mode, total = status.st_mode, status.st_size
        if not stat.S_ISREG(mode):
            return Unread.NO_FILE
        head = os.read(descriptor, _READ)
        fetch = None if total <= len(head) else _fetching(descriptor)
        owner = status.st_uid if where[3] else -1
        letter = postfix.letter(name, head, fetch, owner, dropped=dropped)
    except DamagedError as error:
        unfinished = not mode & stat.S_IXUSR  # set when the file is whole
        otherwise = Unread.UNFINISHED if unfinished else None if total else Unread.EMPTY
        return otherwise or _damaged(reading, where, name, error)
    except OSError:
        return Unread.UNREADABLE
    finally:
        os.close(descriptor)
    _count(reading, letter, (where[1], name, name, folder, where[2]), total)
    return None


def _fetching(descriptor: int) -> Callable[[int], bytes]:
    left = _READS

    def fetch(at: int) -> bytes:
        nonlocal left
        left -= 1
        if left < 0:
            raise TooLongError("is too long to be read whole")
        return os.pread(descriptor, _READ, at)

    return fetch


def _read_exim(reading: Reading, folder: str, where: Where, name: str) -> Unread | None:
    if not name.endswith("-H") or not exim.NAME.fullmatch(name):
        return None  # the text of a message, its journal, a file that is about to take the name of one
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=where[0])
    except OSError as error:
        return _WHY.get(error.errno or 0, Unread.UNREADABLE)
    total = -1
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Unread.NO_FILE
        total = status.st_size
        head = b"".join(_pieces(descriptor, min(total, _READ * _READS)))
        letter = exim.letter(name, head)
        text = os.stat(f"{name[:-1]}D", dir_fd=where[0], follow_symlinks=False).st_size
    except DamagedError as error:
        return _damaged(reading, where, name, error) if total else Unread.EMPTY
    except OSError as error:
        return Unread.VANISHED if error.errno == errno.ENOENT else Unread.UNREADABLE
    finally:
        os.close(descriptor)
    place = "frozen" if letter.frozen else folder
    letter = letter._replace(size=letter.size + text)
    _count(reading, letter, (where[1], name, name[:-2], place, where[2]), total)
    return None


def _pieces(descriptor: int, total: int) -> Iterator[bytes]:
    at = 0
    while at < total and (piece := os.pread(descriptor, _READ, at)):
        yield piece
        at += len(piece)


def _damaged(reading: Reading, where: Where, name: str, error: DamagedError) -> Unread:
    if len(reading.examples) < _EXAMPLES:
        reading.examples.append((shown(os.fsencode(f"{where[1]}/{name}")), str(error)))
    return Unread.DAMAGED


def _count(reading: Reading, letter: Letter, place: Place, total: int) -> None:
    reading.folders[place[3]] += 1
    reading.bytes += total
    reading.piles.add(letter, place)


def attempts(spool: Spool, queue_id: str, inner: str) -> Iterator[tuple[bytes, bytes]]:
    """Why the recipients of a message wait: (status, reply) of each, from the notes the MTA keeps beside the queue."""
    if spool.mta == "postfix":
        base = spool.path.rstrip("/").rpartition("/")[0] if _tops_one(spool) else spool.path
        paths, told = [f"{base}/defer/{inner}{queue_id}", f"{base}/defer/{queue_id}"], postfix.attempts
    else:
        base = spool.path
        paths, told = [f"{base}/msglog/{inner}{queue_id}", f"{base}/msglog/{queue_id}"], exim.attempts
    for path in dict.fromkeys(paths):
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError:
            continue
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                yield from told(os.read(descriptor, _READ))
                return
        except OSError:
            return
        finally:
            os.close(descriptor)


def _tops_one(spool: Spool) -> bool:
    return os.path.basename(spool.path.rstrip("/")) in _ROUND  # noqa: PTH119  # any bytes
