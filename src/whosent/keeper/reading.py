"""Reads a queue and judges whose its messages are: a process of its own, without root's rights where that can be.

What strangers wrote is parsed here alone.  What comes out are lines of fixed form; the ids in them are checked again
before the mail server is given them.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import stat
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from whosent.keeper.servers import Server
from whosent.model.pile import Letter
from whosent.queues import Unread
from whosent.queues.belonging import Claim, judge
from whosent.queues.proving import Proof, proof
from whosent.sources.spools import (
    FLAGS,
    FOLDERS,
    FORMS,
    READ,
    ROUND,
    Damaged,
    Elsewhere,
    Mta,
    Opened,
    Proven,
    Sought,
    Spool,
    Where,
    folders,
    message,
    own,
    tops,
)

WAITING: Final = ("incoming", "active", "deferred", "incoming", "active")  # where Postfix's can be held
HELD: Final = ("hold",)
ALL: Final = ROUND
_BLOCK: Final = 3_000  # bytes written at once, and a line or two: PIPE_BUF is 4,096
_OFTEN: Final = 1_000  # files after which a process says how far it is
_INNER: Final = re.compile(r"(?:[0-9A-Za-z]{1,255}/){0,5}")
CLOSED: Final = 2  # how a process ends that may not open the queue
_FILES: Final = 1 << 16  # more than can be open: the lowest number that is free is taken
_GIVES_WAY: Final = 3  # the mail server, and its program that is fed meanwhile and takes longest, go first
_COARSE: Final = 20_000_000  # nanoseconds by which the time of a file's change may lag behind


def _hit(mta: Mta) -> str:
    """The form of what is said of one message: see :class:`Hit`."""
    folders = "|".join(ALL if mta == "postfix" else FOLDERS[mta])
    where = rf"(?:{FORMS[mta].pattern})\t[0-9]{{1,12}}\.[0-9]{{6}}\t(?:{folders})\t{_INNER.pattern}"
    return rf"{where}\t(?:[0-9a-f]{{64}})?\t[0-9]{{1,15}}\n"


_HITS: Final = {mta: re.compile(_hit(mta)) for mta in FORMS}
_COUNTS: Final = "=[0-9]{1,9} [0-9]{1,9} [0-9]{1,9}\n"  # files, messages of others, unread
_LEFT: Final = r"\+[0-9A-Za-z-]{1,64}(?:\t-?[0-9]{1,20}){3}\t[01]\n"  # one more that is known
SAID: Final = {mta: re.compile(f"(?:{_hit(mta)}|{_COUNTS}|{_LEFT})*") for mta in FORMS}
"""All that a reading process may say of a queue, to the last character: whole lines of three kinds."""

Known = dict[str, tuple[tuple[int, int, int], bool]]
"""Messages that an earlier pass left alone: name of the file -> inode, size and nanosecond of its last change; whether
it is another's (else it is frozen, as it should be)."""


class Whose(NamedTuple):
    """Tells a suspect's messages from all others."""

    mine: Callable[[Letter], bool]
    quick: Proof

    @classmethod
    def claimed(cls, claim: Claim) -> Whose:
        """By a claim; Sendmail writes down the login name of a local user, not the number."""
        uid, login = claim.name if claim.kind == "local_user" else claim.uid, ""
        with suppress(KeyError):
            login = pwd.getpwuid(int(uid)).pw_name if uid else ""
        return cls(judge(claim, login), proof(claim, login))


class Hit(NamedTuple):
    """A message that was judged to be the suspect's."""

    queue_id: str
    arrived: float
    folder: str  # of Postfix's queue; Exim: input or frozen; Sendmail: queue or quarantined
    inner: str  # the part of its path below that folder
    digest: str = ""  # SHA-256 of its files, where that was asked for
    size: int = 0  # bytes of them

    def told(self, server: Server) -> str:
        """The line that says it; "" unless each part has the form that it has in this server's queue."""
        line = "%s\t%.6f\t%s\t%s\t%s\t%d\n" % self  # noqa: UP031  # all of it at once
        return line if _HITS[server.spool.mta].fullmatch(line) else ""

    def paths(self, server: Server) -> list[str]:
        """Of its files: all of it in one, or the envelope and where the text may lie; none if it is not sound."""
        if not self.told(server):
            return []
        place = f"{server.spool.path}/"
        if server.spool.mta == "exim":
            return [f"{place}input/{self.inner}{self.queue_id}-{kind}" for kind in "HD"]
        if server.spool.mta == "sendmail":
            control = "hf" if self.folder == "quarantined" else "qf"
            text = f"{self.inner.removesuffix('qf/')}df/" if self.inner.endswith("qf/") else self.inner
            return [f"{place}{self.inner}{control}{self.queue_id}", f"{place}{text}df{self.queue_id}"]
        return [f"{place}{self.folder}/{self.inner}{self.queue_id}"]


class Question(NamedTuple):
    """What is looked for, and where."""

    server: Server
    whose: Whose
    among: Sequence[str]  # folders of Postfix's; else HELD means what is frozen, WAITING what is not
    digests: bool = False
    known: Known | None = None  # what did not change since is not read again; more becomes known
    only: Container[str] | None = None  # of Postfix's these ids alone; None: all

    @property
    def frozen(self) -> bool | None:
        """Whether only what is frozen is meant, or only what is not; None: all in these folders."""
        among = tuple(self.among)  # compared, for in compiled code a constant tuple is a new one at each use
        return None if self.server.spool.mta == "postfix" or among == ALL else among == HELD


def run(pipe: int, question: Question, share: tuple[int, int]) -> None:
    """What a new process does: give up root, read its part of the queue, write what is the suspect's, and end."""
    code = 1
    try:
        question = _confined(pipe, question)
        os.nice(_GIVES_WAY)
        for block in _blocks(question, share):
            os.write(pipe, block)  # all of it: no more than the kernel writes in one
        code = 0
    except BrokenPipeError:
        pass
    except PermissionError:
        code = CLOSED
    finally:
        os._exit(code)


def _confined(pipe: int, question: Question) -> Question:
    """Keep no open file but the pipe, go to the queue, and be its user from then on; the question as asked from there.

    A queue may lie where its user cannot go: Postfix's own programs, too, are there before they give up root.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for one in {0, 1, 2} - {pipe}:
        os.dup2(nothing, one)
    os.closerange(3, pipe)
    os.closerange(max(3, pipe + 1), _FILES)
    os.chdir(question.server.spool.path)
    spool = replace(question.server.spool, path=".")
    _give_up_root(spool)
    return question._replace(server=question.server._replace(spool=spool))


def _give_up_root(spool: Spool) -> None:
    """For good: from now on this process may do what the queue's own user may; Sendmail's files are root's own."""
    (_, top), *_ = tops(spool, ("active",))
    # Whoever owns the spool can put a link to a folder of root's where the queue was: then he is who owns the link.
    own_folders = (os.lstat(top), Path(top).stat(), Path(spool.path).stat()) if spool.mta != "sendmail" else ()
    owner = next((one.st_uid for one in own_folders if one.st_uid), 0)
    if owner and not os.geteuid():
        try:
            group = pwd.getpwuid(owner).pw_gid
        except KeyError:  # of no name
            group = owner
        os.setgroups([group])
        os.setresgid(group, group, group)
        os.setresuid(owner, owner, owner)


def _blocks(question: Question, share: tuple[int, int]) -> Iterator[bytes]:
    """The lines of what is the suspect's among this share of the names, and of how much was looked at."""
    said, others, unread, files = bytearray(), 0, 0, 0
    begun = time.time_ns() - _COARSE
    for found, name, status in _found(question, share):
        files += 1
        if isinstance(found, Proven) or (isinstance(found, Opened) and question.whose.mine(found.letter)):
            said += _told(question.server, found, digests=question.digests)
        elif isinstance(found, Damaged | Unread):
            unread += 1
        else:
            another = found if isinstance(found, bool) else isinstance(found, Opened)
            others += another
            if status and not isinstance(found, bool) and status[2] < begun:
                said += b"+%b\t%d\t%d\t%d\t%d\n" % (name.encode(), *status, another)
        if len(said) > _BLOCK or files >= _OFTEN:
            yield bytes(said) + b"=%d %d %d\n" % (files, others, unread)
            said, others, unread, files = bytearray(), 0, 0, 0
    yield bytes(said) + b"=%d %d %d\n" % (files, others, unread)


_Status = tuple[int, int, int] | None


def _found(
    question: Question, share: tuple[int, int]
) -> Iterator[tuple[Opened | Proven | Elsewhere | Damaged | Unread | bool, str, _Status]]:
    """Each message once, and what could not be read; of what is known and did not change, whether it is another's."""
    spool, whose, known = question.server.spool, question.whose, question.known
    sought, done, closed = Sought(whose.quick, question.frozen), set[str](), set[str]()
    for folder, names, where in _files(question, share, closed):
        for name in names:
            if name in done:
                continue
            status = None if known is None or not own(spool, name) else _status(where, name)
            if status and known and (before := known.get(name)) and before[0] == status:
                yield before[1], name, None
                continue
            found = message(spool, folder, where, name, sought)
            if isinstance(found, Opened | Proven):
                done.add(name)
            if found is not None:
                yield found, name, status
    for path in closed if not share[0] else ():  # told by one process
        yield Unread.FORBIDDEN, path, None


def _files(question: Question, share: tuple[int, int], closed: set[str]) -> Iterator[tuple[str, list[str], Where]]:
    """Each folder with the names in it that are this share's; PermissionError if one of the queue's own is closed."""
    spool, only, (part, parts) = question.server.spool, question.only, share
    own_folders = {path for _, path in tops(spool, question.among)}

    def refused(path: str) -> None:
        if path in own_folders:
            raise PermissionError(path)
        closed.add(path)

    for folder, every, where in folders(spool, refused, question.among):
        if not _INNER.fullmatch(where.inner):
            continue  # no folder that a mail server makes
        # What was forked from one process has one hash of a name.
        names = every if parts == 1 else [name for name in every if hash(name) % parts == part]
        yield folder, names if only is None else [name for name in names if name in only], where


def _status(where: Where, name: str) -> _Status:
    """Inode, size and last change of a file, before it is read: what replaces it meanwhile has others."""
    try:
        status = os.stat(name, dir_fd=where.descriptor, follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_ctime_ns


def _told(server: Server, found: Opened | Proven, *, digests: bool) -> bytes:
    """The line of one message; none if it left meanwhile, or is called as no message is."""
    _, (_, _, queue_id, folder, inner), total, raw = found
    arrived = found.arrived if isinstance(found, Proven) else found.letter.arrived
    hit = Hit(queue_id, arrived, folder, inner)
    if digests:
        hit = digested(hit, server, raw if total == len(raw) else b"")
    return b"" if digests and not hit.digest else hit.told(server).encode()


def digested(hit: Hit, server: Server, first: bytes = b"", sample: Path | None = None) -> Hit:
    """With SHA-256 and length of its files, the text after the envelope, copied; without where it is gone.

    ``first``: all of the first file, where it has been read.
    """
    digest, length = hashlib.sha256(first), len(first)
    if first and server.spool.mta == "postfix":  # that is all of it
        return Hit(*hit[:4], digest.hexdigest(), length)
    paths = hit.paths(server)
    if not paths:
        return hit
    try:
        with sample.open("wb") if sample else nullcontext() as copy:
            for one in paths[bool(first) :]:
                with os.fdopen(_opened(server.spool.path, one), "rb", 0) as file:
                    while block := file.read(READ):
                        digest.update(block)
                        length += len(block)
                        if copy:
                            copy.write(block)
    except OSError:
        return hit
    return hit._replace(digest=digest.hexdigest(), size=length)


def _opened(place: str, path: str) -> int:
    """A plain file of the queue there; OSError where a link leads to it: below, folders are not root's."""
    descriptor = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in path.removeprefix(f"{place}/").split("/"):
        folder = descriptor
        try:
            descriptor = os.open(name, FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return descriptor
