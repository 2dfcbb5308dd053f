"""Finds a suspect's messages in a queue: processes of their own read and judge, this one hears the ids at once."""

from __future__ import annotations

import gc
import hashlib
import os
import pwd
import select
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from whosent.keeper.servers import KeeperError, Server, widened
from whosent.model.pile import Letter
from whosent.queues import Unread
from whosent.queues.belonging import Claim, judge
from whosent.queues.proving import Proof, proof
from whosent.sources.spools import FLAGS, READ, ROUND, Damaged, Opened, Proven, folders, message

WAITING: Final = ("incoming", "active", "deferred", "incoming", "active")  # where Postfix's can be held
HELD: Final = ("hold",)
ALL: Final = ROUND
_WORTH_ANOTHER: Final = 5_000  # messages
_MOST: Final = 4  # processes
_BLOCK: Final = 3_000  # bytes written at once, and a line or two: PIPE_BUF is 4,096
_OFTEN: Final = 1_000  # files after which a process says how far it is
AT_ONCE: Final = 8_192  # messages passed on together: each time they are written down first
_WAIT: Final = 0.25  # seconds after which fewer are passed on
_ALLOCATIONS: Final = 50_000  # neither letters nor hits make cycles


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
        """Of its files: all of it in one, or the envelope and where the text may lie."""
        place = f"{server.spool.path}/"
        if server.spool.mta == "exim":
            return [f"{place}input/{self.inner}{self.queue_id}-{kind}" for kind in "HD"]
        if server.spool.mta == "sendmail":
            control = "hf" if self.folder == "quarantined" else "qf"
            text = f"{self.inner.removesuffix('qf/')}df/" if self.inner.endswith("qf/") else self.inner
            return [f"{place}{self.inner}{control}{self.queue_id}", f"{place}{text}df{self.queue_id}"]
        return [f"{place}{self.folder}/{self.inner}{self.queue_id}"]


@dataclass
class Seen:
    """What was looked at so far."""

    files: int = 0
    others: int = 0  # messages of others
    unread: int = 0
    total: int = 0  # entries of the folders when it began
    by_folder: Counter[str] = field(default_factory=Counter)  # the suspect's


def search(
    server: Server, whose: Whose, among: Sequence[str], seen: Seen, *, digests: bool = False
) -> Iterator[list[Hit]]:
    """The suspect's messages in these folders (``HELD`` where none is for that: what is frozen), as they are found.

    All reading processes write whole lines into one pipe, in blocks that the kernel does not tear apart.
    """
    sizes = sum(len(names) for _, names, _ in folders(server.spool, among=tuple(dict.fromkeys(among))))
    seen.total += sizes
    gc.set_threshold(_ALLOCATIONS)  # here and in all that read
    parts = min(_MOST, len(os.sched_getaffinity(0)), 1 + sizes // _WORTH_ANOTHER)
    ours, theirs = os.pipe()
    widened(ours)
    children: list[int] = []
    try:
        for part in range(parts):
            pid = os.fork()
            if not pid:
                os.close(ours)
                _child(theirs, _blocks(server, whose, among, (part, parts), digests=digests))
            children.append(pid)
        os.close(theirs)
        yield from _heard(ours, seen)
        while children:
            if os.waitpid(children.pop(), 0)[1]:
                raise KeeperError("a process that read the queue ended early; run the command again")
    finally:
        os.close(ours)
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def _heard(pipe: int, seen: Seen) -> Iterator[list[Hit]]:
    """What the processes say, many at a time but none late."""
    hits: list[Hit] = []
    rest, last, block = "", time.monotonic(), b" "
    while block:
        if select.select([pipe], [], [], _WAIT)[0]:
            block = os.read(pipe, 1 << 16)
            *lines, rest = (rest + block.decode("ascii")).split("\n")
            hits += [hit for line in lines if (hit := _line(line, seen))]
        if hits and (len(hits) >= AT_ONCE or time.monotonic() - last >= _WAIT or not block):
            yield hits
            hits, last = [], time.monotonic()


def _line(line: str, seen: Seen) -> Hit | None:
    if line[0] == "=":
        files, others, unread = map(int, line[1:].split())
        seen.files += files
        seen.others += others
        seen.unread += unread
        return None
    queue_id, arrived, folder, inner, digest, size = line.split("\t")
    seen.by_folder[folder] += 1
    return Hit(queue_id, float(arrived), folder, inner, digest, int(size))


def _child(pipe: int, blocks: Iterator[bytes]) -> None:
    """Read this part of the queue, write what is the suspect's, and end."""
    code = 1
    try:
        for block in blocks:
            os.write(pipe, block)  # all of it: no more than the kernel writes in one
        code = 0
    except BrokenPipeError:
        pass
    finally:
        os._exit(code)


def _blocks(
    server: Server, whose: Whose, among: Sequence[str], share: tuple[int, int], *, digests: bool
) -> Iterator[bytes]:
    """The lines of what is the suspect's among this share of the names, and of how much was looked at."""
    wanted = None if among is ALL or server.spool.mta == "postfix" else among is HELD  # frozen; None: all
    said, others, unread, files = bytearray(), 0, 0, 0
    for found in _found(server, whose.quick, among, share):
        files += 1
        if isinstance(found, Proven) or (
            isinstance(found, Opened) and (wanted is None or found.letter.frozen is wanted) and whose.mine(found.letter)
        ):
            said += _told(server, found, digests=digests)
        elif not isinstance(found, Opened):
            unread += 1
        elif wanted is None or found.letter.frozen is wanted:
            others += 1
        if len(said) > _BLOCK or files >= _OFTEN:
            yield bytes(said) + b"=%d %d %d\n" % (files, others, unread)
            said, others, unread, files = bytearray(), 0, 0, 0
    yield bytes(said) + b"=%d %d %d\n" % (files, others, unread)


def _found(
    server: Server, quick: Proof, among: Sequence[str], share: tuple[int, int]
) -> Iterator[Opened | Proven | Damaged | Unread]:
    """Each message once, and what could not be read."""
    part, parts = share
    done: set[str] = set()
    for folder, names, where in folders(server.spool, among=among):
        if where.inner and not where.inner.replace("/", "").isalnum():
            continue  # no folder that a mail server makes
        for name in names:
            if (parts > 1 and crc32(name.encode(errors="surrogateescape")) % parts != part) or name in done:
                continue
            found = message(server.spool, folder, where, name, quick)
            if isinstance(found, Opened | Proven):
                done.add(name)
            if found is not None:
                yield found


def _told(server: Server, found: Opened | Proven, *, digests: bool) -> bytes:
    """The line of one message; none if it left meanwhile."""
    _, (_, _, queue_id, folder, inner), total, raw = found
    arrived = found.arrived if isinstance(found, Proven) else found.letter.arrived
    digest, size = "", 0
    if digests and server.spool.mta == "postfix" and total == len(raw):
        digest, size = hashlib.sha256(raw).hexdigest(), total
    elif digests:
        *_, digest, size = digested(Hit(queue_id, arrived, folder, inner), server)
        if not digest:
            return b""
    return f"{queue_id}\t{arrived}\t{folder}\t{inner}\t{digest}\t{size}\n".encode()


def digested(hit: Hit, server: Server, sample: Path | None = None) -> Hit:
    """With SHA-256 and length of its files, the text after the envelope, copied; without where it is gone."""
    digest, length = hashlib.sha256(), 0
    try:
        with sample.open("wb") if sample else nullcontext() as copy:
            for one in hit.paths(server):
                with os.fdopen(os.open(one, FLAGS), "rb", 0) as file:
                    while block := file.read(READ):
                        digest.update(block)
                        length += len(block)
                        if copy:
                            copy.write(block)
    except OSError:
        return hit
    return hit._replace(digest=digest.hexdigest(), size=length)
