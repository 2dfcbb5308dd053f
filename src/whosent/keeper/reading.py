"""Reads a queue and judges whose its messages are: a process of its own, without root's rights where that can be.

What strangers wrote is parsed here alone.  What comes out are lines of fixed form; the ids in them are checked again
before the mail server is given them.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from whosent.keeper.servers import Server
from whosent.model.pile import Letter
from whosent.queues import Unread
from whosent.queues.belonging import Claim, judge
from whosent.queues.proving import Proof, proof
from whosent.sources.spools import (
    FLAGS,
    READ,
    ROUND,
    Damaged,
    Elsewhere,
    Opened,
    Proven,
    Sought,
    Where,
    folders,
    message,
    own,
)

WAITING: Final = ("incoming", "active", "deferred", "incoming", "active")  # where Postfix's can be held
HELD: Final = ("hold",)
ALL: Final = ROUND
_BLOCK: Final = 3_000  # bytes written at once, and a line or two: PIPE_BUF is 4,096
_OFTEN: Final = 1_000  # files after which a process says how far it is
_PLACE: Final = re.compile(r"[a-z]+/(?:[0-9A-Za-z]+/)*[0-9A-Za-z-]+")
_GIVES_WAY: Final = 3  # the mail server, and its program that is fed meanwhile and takes longest, go first
_COARSE: Final = 20_000_000  # nanoseconds by which the time of a file's change may lag behind

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

    def paths(self, server: Server) -> list[str]:
        """Of its files: all of it in one, or the envelope and where the text may lie; none if that is no place."""
        if not _PLACE.fullmatch(f"{self.folder}/{self.inner}{self.queue_id}"):
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

    @property
    def frozen(self) -> bool | None:
        """Whether only what is frozen is meant, or only what is not; None: all in these folders."""
        return None if self.among is ALL or self.server.spool.mta == "postfix" else self.among is HELD


def run(pipe: int, question: Question, share: tuple[int, int]) -> None:
    """What a new process does: give up root, read its part of the queue, write what is the suspect's, and end."""
    code = 1
    try:
        _give_up_root(question.server)
        os.nice(_GIVES_WAY)
        for block in _blocks(question, share):
            os.write(pipe, block)  # all of it: no more than the kernel writes in one
        code = 0
    except BrokenPipeError:
        pass
    finally:
        os._exit(code)


def _give_up_root(server: Server) -> None:
    """For good: from now on this process may do what the queue's own user may; Sendmail's files are root's own."""
    inner = {"postfix": "active", "exim": "input"}.get(server.spool.mta)
    owner = Path(server.spool.path, inner).stat().st_uid if inner else 0
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
    sought, (part, parts) = Sought(whose.quick, question.frozen), share
    done: set[str] = set()
    for folder, names, where in folders(spool, among=question.among):
        if where.inner and not where.inner.replace("/", "").isalnum():
            continue  # no folder that a mail server makes
        for name in names:
            if (parts > 1 and crc32(name.encode(errors="surrogateescape")) % parts != part) or name in done:
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


def _status(where: Where, name: str) -> _Status:
    """Inode, size and last change of a file, before it is read: what replaces it meanwhile has others."""
    try:
        status = os.stat(name, dir_fd=where.descriptor, follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_ctime_ns


def _told(server: Server, found: Opened | Proven, *, digests: bool) -> bytes:
    """The line of one message; none if it left meanwhile."""
    _, (_, _, queue_id, folder, inner), total, raw = found
    arrived = found.arrived if isinstance(found, Proven) else found.letter.arrived
    digest, size = "", 0
    if digests:
        *_, digest, size = digested(Hit(queue_id, arrived, folder, inner), server, raw if total == len(raw) else b"")
        if not digest:
            return b""
    return f"{queue_id}\t{arrived}\t{folder}\t{inner}\t{digest}\t{size}\n".encode()


def digested(hit: Hit, server: Server, first: bytes = b"", sample: Path | None = None) -> Hit:
    """With SHA-256 and length of its files, the text after the envelope, copied; without where it is gone.

    ``first``: all of the first file, where it has been read.
    """
    digest, length = hashlib.sha256(first), len(first)
    try:
        with sample.open("wb") if sample else nullcontext() as copy:
            for one in hit.paths(server)[bool(first) :]:
                with os.fdopen(os.open(one, FLAGS), "rb", 0) as file:
                    while block := file.read(READ):
                        digest.update(block)
                        length += len(block)
                        if copy:
                            copy.write(block)
    except OSError:
        return hit
    return hit._replace(digest=digest.hexdigest(), size=length)
