"""Queue folders of Postfix, Exim and Sendmail: where they are, their files in order, one message as its file tells.

Nothing is locked, written or asked of a daemon.  Names and contents are strangers' work: a file is opened below an open
folder, never through a link, and read up to a bound.  Only the standard library, for the keeper's sake.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, Literal, NamedTuple, overload

from whosent.model.pile import Letter, Place
from whosent.queues import DamagedError, TooLongError, Unread, exim, postfix, sendmail
from whosent.queues.proving import Proof
from whosent.sources.text import shown

Mta = Literal["postfix", "exim", "sendmail"]
PLACES: Final = (
    "/var/spool/postfix", "/var/spool/postfix-*", "/var/spool/exim4", "/var/spool/exim", "/var/spool/mqueue",
    "/var/spool/mqueue-client", "/var/spool/clientmqueue",
)  # fmt: skip
_MQUEUES: Final = frozenset(Path(place).name for place in PLACES if "mqueue" in place)
_TEXTS: Final = frozenset(("df", "xf"))  # folders of Sendmail's that hold no control files
_GROUPS: Final = 100  # folders of a Sendmail queue that are looked at to know it for one
# Messages go from left to right, and back from deferred: the first two are looked at again, and maildrop, where a
# message has another name than in the queue, last: better one overlooked than one counted twice.
ROUND: Final = ("incoming", "active", "deferred", "hold", "incoming", "active", "maildrop")
FOLDERS: Final[dict[Mta, tuple[str, ...]]] = {  # as they are told; those that are mostly empty only if they are not
    "postfix": ("incoming", "active", "deferred", "hold"), "exim": ("input", "frozen"),
    "sendmail": ("queue", "quarantined"),
}  # fmt: skip
FORMS: Final[dict[Mta, re.Pattern[str]]] = {  # of a queue id
    "postfix": postfix.NAME, "exim": re.compile(exim.NAME.pattern.removesuffix("-H")),
    "sendmail": re.compile(sendmail.NAME.pattern.removeprefix("[qhQ]f").strip("()")),
}  # fmt: skip
READ: Final = 1 << 15
_MOSTLY: Final = 1 << 12  # bytes that hold most queue files; room for more costs time
FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEPTH: Final = 4  # of hashed folders
_PART: Final = 3  # characters: what has fewer is named by a part of an id
_READS: Final = 256  # of one file
_SELF: Final = os.geteuid()  # as the program began, whatever a process of it gives up later
_WHY: Final = {errno.ENOENT: Unread.VANISHED, errno.EACCES: Unread.FORBIDDEN, errno.EPERM: Unread.FORBIDDEN,
               errno.ELOOP: Unread.NO_FILE, errno.ENXIO: Unread.NO_FILE, errno.ESPIPE: Unread.NO_FILE,
               errno.EISDIR: Unread.NO_FILE}  # fmt: skip


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


class Where(NamedTuple):
    """A folder that is open."""

    descriptor: int
    path: str
    inner: str  # its part below the queue's folder
    owned: bool  # its files still belong to who wrote them: it is no copy


class Opened(NamedTuple):
    """A message that was read."""

    letter: Letter
    place: Place
    total: int  # bytes of its file
    raw: bytes  # its first bytes, mostly all of them


class Proven(NamedTuple):
    """A message that is the one suspect's who was asked for, and was read no further."""

    arrived: float
    place: Place
    total: int  # bytes of its file
    raw: bytes  # all of them


class Elsewhere(Enum):
    """A message that is frozen where others were asked for, or the reverse: whose it is was not read."""

    UNREAD = auto()


class Damaged(NamedTuple):
    """A file that is no message, or not all of one."""

    path: str
    why: str


def spools(named: Sequence[str]) -> tuple[list[Spool], list[str]]:
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
    if os.path.basename(place.rstrip("/")) in ROUND and os.path.isdir(place):  # noqa: PTH112, PTH119  # any bytes
        return Spool(place, "postfix")
    try:
        inside = set(os.listdir(place))  # noqa: PTH208  # names are enough
    except OSError:
        return Spool(place, "postfix") if os.path.isdir(place) else None  # noqa: PTH112  # any bytes
    if inside.intersection(("deferred", "active", "incoming")):
        return Spool(place, "postfix")
    if "input" in inside or any(exim.NAME.fullmatch(name) for name in inside):
        return Spool(place, "exim")
    if os.path.basename(place.rstrip("/")) in _MQUEUES or _has_control_files(place, 2):  # noqa: PTH119  # any bytes
        return Spool(place, "sendmail")
    return None


def _has_control_files(place: str, depth: int) -> bool:
    """Whether a folder, or one of those in it (queue groups, ``qf``), holds such files as Sendmail's."""
    deeper = []
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    deeper.append(entry.path)
                elif sendmail.NAME.fullmatch(entry.name):
                    return True
    except OSError:
        return False
    return depth > 0 and any(_has_control_files(path, depth - 1) for path in deeper[:_GROUPS])


def folders(
    spool: Spool, refused: Callable[[str], object] = lambda _path: None, among: Sequence[str] = ROUND
) -> Iterator[tuple[str, list[str], Where]]:
    """Each folder that holds messages, with the names in it, open while it is used.

    ``refused`` is told of closed ones and of links; ``among`` names the folders of Postfix that are wanted, in order.
    """
    for folder, path in tops(spool, among):
        yield from _below(folder, path, "", refused, _DEPTH, grouped=spool.mta == "sendmail")


def tops(spool: Spool, among: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each of its own folders: as it is called, and where it lies."""
    base = os.path.basename(spool.path.rstrip("/"))  # noqa: PTH119  # any bytes
    # Whoever keeps the queue elsewhere has put a link in its place.
    root = os.path.realpath(spool.path) if os.path.islink(spool.path.rstrip("/")) else spool.path  # noqa: PTH114  # any bytes
    if spool.mta == "exim":
        inner = os.path.join(root, "input")  # noqa: PTH118  # any bytes
        yield "input", inner if os.path.isdir(inner) else root  # noqa: PTH112  # any bytes
    elif spool.mta == "sendmail":
        yield "queue", root
    elif base in ROUND:
        yield base, root
    else:
        yield from ((folder, os.path.join(root, folder)) for folder in among)  # noqa: PTH118  # any bytes


def _below(  # noqa: PLR0913  # one walk
    folder: str, path: str, inner: str, refused: Callable[[str], object], depth: int, *, grouped: bool
) -> Iterator[tuple[str, list[str], Where]]:
    with _opened(path, refused) as descriptor:
        if descriptor is None:
            return
        names, deeper = _inside(descriptor, grouped=grouped)
        owner = os.fstat(descriptor).st_uid  # of a copy it is root or whoever made it
        yield folder, names, Where(descriptor, path, inner, owner not in (0, _SELF))
        del names
    for name in sorted(deeper) if depth else ():
        yield from _below(folder, f"{path}/{name}", f"{inner}{name}/", refused, depth - 1, grouped=grouped)


def _inside(descriptor: int, *, grouped: bool) -> tuple[list[str], list[str]]:
    """Names of files, and of folders that may hold more."""
    names = os.listdir(descriptor)  # a tenth of the cost of looking at each entry
    if not grouped and min(map(len, names), default=_PART) >= _PART:
        return names, []
    names, deeper = [], []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if len(entry.name) >= _PART and not (grouped and entry.is_dir(follow_symlinks=False)):
                names.append(entry.name)
            elif entry.name not in _TEXTS and entry.is_dir(follow_symlinks=False):
                deeper.append(entry.name)
    return names, deeper


@contextmanager
def _opened(path: str, refused: Callable[[str], object]) -> Iterator[int | None]:
    """The folder, open; None where it cannot be."""
    try:
        descriptor = os.open(path, FLAGS | os.O_DIRECTORY)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM) or os.path.islink(path):  # noqa: PTH114  # any bytes
            refused(shown(os.fsencode(path)))
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class Sought(NamedTuple):
    """What only one suspect's messages are looked for with."""

    quick: Proof  # what it proves of a file of Postfix's is told as Proven
    frozen: bool | None  # of Exim and Sendmail only messages that are so, or not; None: all


def own(spool: Spool, name: str) -> bool:
    """Whether a file of Exim's or Sendmail's that is called so can be a message's own, and not its text."""
    return name.endswith("-H") if spool.mta == "exim" else name[:2] in {"qf", "hf"}


Found = Opened | Proven | Elsewhere | Damaged | Unread | None


@overload
def message(spool: Spool, folder: str, where: Where, name: str) -> Opened | Damaged | Unread | None: ...
@overload
def message(spool: Spool, folder: str, where: Where, name: str, sought: Sought) -> Found: ...
def message(spool: Spool, folder: str, where: Where, name: str, sought: Sought | None = None) -> Found:
    """The message in the file of this name; None where the file is none of a message's own."""
    if spool.mta == "postfix":
        return _of_postfix(folder, where, name, sought.quick if sought and folder != "maildrop" else None)
    frozen = sought.frozen if sought else None
    return _of_exim(folder, where, name, frozen) if spool.mta == "exim" else _of_sendmail(folder, where, name, frozen)


def _of_postfix(folder: str, where: Where, name: str, quick: Proof | None) -> Found:
    if not (name.isalnum() and name.isascii()):
        return Unread.UNFINISHED if name.replace(".", "").isdigit() else Unread.DAMAGED
    try:
        descriptor = os.open(name, FLAGS, dir_fd=where.descriptor)
    except OSError as error:
        return _WHY.get(error.errno or 0, Unread.UNREADABLE)
    try:
        return _read(descriptor, folder, where, name, quick)
    except DamagedError as error:
        status = os.fstat(descriptor)
        unfinished = not status.st_mode & stat.S_IXUSR  # set when the file is whole
        otherwise = Unread.UNFINISHED if unfinished else None if status.st_size else Unread.EMPTY
        return otherwise or Damaged(shown(os.fsencode(f"{where.path}/{name}")), str(error))
    except OSError as error:
        return _WHY.get(error.errno or 0, Unread.UNREADABLE)
    finally:
        os.close(descriptor)


def _read(descriptor: int, folder: str, where: Where, name: str, quick: Proof | None) -> Found:
    """What an open queue file of Postfix's says."""
    head, place = os.pread(descriptor, _MOSTLY, 0), (where.path, name, name, folder, where.inner)
    if len(head) == _MOSTLY:
        head = os.pread(descriptor, READ, 0)
    if quick and len(head) < READ and (arrived := quick(name, head)) is not None:
        return Proven(arrived, place, len(head), head)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return Unread.NO_FILE
    fetch = None if status.st_size <= len(head) else _fetching(descriptor)
    owner = status.st_uid if where.owned else -1
    letter = postfix.letter(name, head, fetch, owner, dropped=folder == "maildrop")
    return Opened(letter, place, status.st_size, head)


def _fetching(descriptor: int) -> Callable[[int], bytes]:
    left = _READS

    def fetch(at: int) -> bytes:
        nonlocal left
        left -= 1
        if left < 0:
            raise TooLongError("is too long to be read whole")
        return os.pread(descriptor, READ, at)

    return fetch


def _of_exim(folder: str, where: Where, name: str, frozen: bool | None) -> Found:  # noqa: FBT001  # see Sought
    if not name.endswith("-H") or not exim.NAME.fullmatch(name):
        return None  # the text of a message, its journal, a file that is about to take the name of one
    whole = _whole(where, name)
    if isinstance(whole, Unread):
        return whole
    head, total = whole
    try:
        if frozen is not None and exim.frozen(name, head) is not frozen:
            return Elsewhere.UNREAD
        letter = exim.letter(name, head)
        text = os.stat(f"{name[:-1]}D", dir_fd=where.descriptor, follow_symlinks=False).st_size
    except DamagedError as error:
        return Damaged(shown(os.fsencode(f"{where.path}/{name}")), str(error)) if head else Unread.EMPTY
    except OSError as error:
        return Unread.VANISHED if error.errno == errno.ENOENT else Unread.UNREADABLE
    place = "frozen" if letter.frozen else folder
    letter = letter._replace(size=letter.size + text)
    return Opened(letter, (where.path, name, name[:-2], place, where.inner), total, head)


def _of_sendmail(folder: str, where: Where, name: str, frozen: bool | None) -> Found:  # noqa: FBT001  # see Sought
    known = sendmail.NAME.fullmatch(name)
    if known is None:
        return None  # the text of a message, what is said of its delivery, a file that is about to take the name of one
    if name.startswith(sendmail.LOST):
        return Unread.CORRUPT
    if frozen is not None and name.startswith(sendmail.HELD) is not frozen:
        return Elsewhere.UNREAD
    whole = _whole(where, name)
    if isinstance(whole, Unread):
        return whole
    head, total = whole
    try:
        letter = sendmail.letter(name, head)
    except DamagedError as error:
        return Damaged(shown(os.fsencode(f"{where.path}/{name}")), str(error)) if head else Unread.EMPTY
    letter = letter._replace(size=letter.size + _text_size(where, f"df{known[1]}"))
    place = "quarantined" if letter.frozen else folder
    return Opened(letter, (where.path, name, known[1], place, where.inner), total, head)


def _text_size(where: Where, name: str) -> int:
    """Of the text of a message, beside its control file or in a folder of its own; 0 where it is not there."""
    for path in (name, f"../df/{name}"):
        with suppress(OSError):
            return os.stat(path, dir_fd=where.descriptor, follow_symlinks=False).st_size
    return 0


def _whole(where: Where, name: str) -> tuple[bytes, int] | Unread:
    """A file, up to a bound, and how long all of it is."""
    try:
        descriptor = os.open(name, FLAGS, dir_fd=where.descriptor)
    except OSError as error:
        return _WHY.get(error.errno or 0, Unread.UNREADABLE)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Unread.NO_FILE
        head = os.pread(descriptor, _MOSTLY, 0)
        if len(head) == _MOSTLY:
            head = b"".join(_pieces(descriptor, min(status.st_size, READ * _READS)))
    except OSError:
        return Unread.UNREADABLE
    else:
        return head, status.st_size
    finally:
        os.close(descriptor)


def _pieces(descriptor: int, total: int) -> Iterator[bytes]:
    at = 0
    while at < total and (piece := os.pread(descriptor, READ, at)):
        yield piece
        at += len(piece)
