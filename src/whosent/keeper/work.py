"""What the keeper does to a queue: look, hold, release, purge; each message judged from its own file just before."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from whosent.keeper.memory import BRAKE, Memory
from whosent.keeper.search import ALL, HELD, WAITING, Hit, Seen, search
from whosent.keeper.servers import Feed, KeeperError, Server, feed_all, mail_servers, now
from whosent.queues.belonging import Claim, judge
from whosent.sources.spools import FLAGS, Opened, folders, message

QUIET: Final = 2  # passes that find nothing, one after the other, end the holding
_PASSES: Final = 100
_PATIENT: Final = 20  # passes in which Exim may be delivering what is to be frozen
_PAUSE: Final = 0.3  # seconds before looking again
_OFTEN: Final = 0.5  # seconds between two words of progress
_OLD: Final = 0.5  # of its lifetime: an older message is queued anew, else it bounces at its next failure
_SAMPLES: Final = 20
_READ: Final = 1 << 16

Said = dict[str, Any]
"""One line of the answer; the last has ``done``."""


class Progress:
    """Says now and then how far it is."""

    def __init__(self, say: Callable[[Said], None], verb: str) -> None:
        self._say, self._verb, self._last = say, verb, time.monotonic()

    def told(self, count: int, seen: Seen) -> None:
        """So many were done."""
        clock = time.monotonic()
        if clock - self._last >= _OFTEN:
            self._last = clock
            self._say({self._verb: count, "files": seen.files, "total": seen.total})


def look(folder: Path, claim: Claim, _say: Callable[[Said], None]) -> Said:
    """How much of the queue is the suspect's, and where it lies; what of that we held."""
    memory, brake = Memory(folder, claim), Memory(folder, BRAKE)
    told = {"messages": 0, "others": 0, "unread": 0, "held_by_us": 0}
    by_folder: dict[str, int] = {}
    for server in mail_servers():
        seen, noted, braked = Seen(), memory.held(server), brake.held(server)
        for hits in search(server, judge(claim), ALL, seen):
            told["held_by_us"] += sum(_held_by_us(hit, (memory, noted), (brake, braked)) for hit in hits)
        told["messages"] += seen.by_folder.total()
        told["others"] += seen.others
        told["unread"] += seen.unread
        for name, count in seen.by_folder.items():
            by_folder[name] = by_folder.get(name, 0) + count
    return {**told, "folders": by_folder}


def hold(folder: Path, claim: Claim, say: Callable[[Said], None]) -> Said:
    """Hold what is queued, again and again until two passes find nothing."""
    memory, progress = Memory(folder, claim), Progress(say, "held")
    told: Said = {"held": 0, "passes": 0, "others": 0, "unread": 0, "still_coming": False}
    with memory.alone():
        for server in mail_servers():
            if claim != BRAKE:
                told["held"] += _adopt(server, memory, Memory(folder, BRAKE))
            quiet = passes = 0
            before: set[str] = set()
            while quiet < QUIET and passes < _PASSES:
                ids, seen = _hold_once(server, memory, progress, told["held"])
                found = len(ids - before)
                if ids and not found and passes > _PATIENT:
                    raise KeeperError(f"{len(ids):,} messages stay where they are although they were to be held: see"
                                      " the mail server's log")  # fmt: skip
                before = ids
                told["held"] += found
                told["others"], told["unread"] = seen.others, seen.unread
                passes += 1
                quiet = 0 if ids else quiet + 1
                if not found and quiet < QUIET:
                    time.sleep(_PAUSE)
            told["passes"] = max(told["passes"], passes)
            told["still_coming"] |= quiet < QUIET
    return told


def _hold_once(server: Server, memory: Memory, progress: Progress, before: int) -> tuple[set[str], Seen]:
    """One pass: the ids stream to the mail server's own program while the queue is read."""
    feed, seen = Feed(server, "hold"), Seen()
    given: set[str] = set()
    try:
        for hits in search(server, judge(memory.claim), WAITING, seen):
            ids = [hit.queue_id for hit in hits]
            memory.note(server, ids)
            feed.give(ids)
            given.update(ids)
            progress.told(before + len(given), seen)
        feed.finish()
    except BaseException:
        feed.stop()
        raise
    if given and not server.steady:
        _give_back(server, memory.claim, given)
    return given, seen


def _give_back(server: Server, claim: Claim, ids: set[str]) -> None:
    """Short ids are used again: what is held under one and is not the suspect's goes on its way at once."""
    mine = judge(claim)
    wrong = [
        name
        for folder, names, where in folders(server.spool, among=HELD)
        for name in ids.intersection(names)
        if isinstance(found := message(server.spool, folder, where, name), Opened) and not mine(found.letter)
    ]
    feed_all(server, "release", wrong)


def _adopt(server: Server, memory: Memory, brake: Memory) -> int:
    """What the emergency brake holds of this suspect is from now on held for the suspect."""
    braked = brake.held(server)
    if not braked and brake.tap[0] == float("inf"):
        return 0
    count, known = 0, memory.held(server)
    for hits in search(server, judge(memory.claim), HELD, Seen()):
        ids = [hit.queue_id for hit in hits if hit.queue_id not in known and _held_by_us(hit, (brake, braked))]
        memory.note(server, ids)
        count += len(ids)
    return count


def _held_by_us(hit: Hit, *lists: tuple[Memory, set[str]]) -> bool:
    """By a command that noted it, or by a tap that was closed when it came."""
    return hit.folder in {"hold", "frozen"} and any(
        hit.queue_id in noted or memory.caught(hit.arrived) for memory, noted in lists
    )


def release(folder: Path, claim: Claim, say: Callable[[Said], None]) -> Said:
    """Let go what we held; what would bounce for its age is queued anew."""
    memory, progress = Memory(folder, claim), Progress(say, "released")
    brake = Memory(folder, BRAKE)
    caught = claim._replace(uid="")  # the tap knows a script by its name alone: what it caught of others goes, too
    told = {"released": 0, "queued_anew": 0, "gone": 0, "left": 0}
    with memory.alone():
        for server in mail_servers():
            own, braked = memory.held(server), brake.held(server) if claim != BRAKE else set()
            feeds = {"release": Feed(server, "release"), "requeue": Feed(server, "requeue")}
            limit, seen, met = now() - _OLD * server.lifetime, Seen(), 0
            for hits in search(server, judge(caught), HELD, seen):
                ours = [hit for hit in hits if _held_by_us(hit, (memory, own), (brake, braked))]
                met += sum(hit.queue_id in own for hit in ours)
                told["left"] += len(hits) - len(ours)
                for verb, feed in feeds.items():
                    feed.give([hit.queue_id for hit in ours if (hit.arrived < limit) == (verb == "requeue")])
                progress.told(sum(feed.given for feed in feeds.values()), seen)
            for feed in feeds.values():
                feed.finish()
            told["released"] += sum(feed.given for feed in feeds.values())
            told["queued_anew"] += feeds["requeue"].given
            told["gone"] += len(own) - met
        memory.forget()
    return told


def purge(folder: Path, claim: Claim, say: Callable[[Said], None]) -> Said:
    """Delete what we held of this suspect, without bounces; a manifest with digests and some samples stay."""
    if claim == BRAKE:
        raise KeeperError("everything is never purged: name a suspect")
    memory, progress = Memory(folder, claim), Progress(say, "purged")
    told: Said = {"purged": 0, "bytes": 0, "left": 0, "manifest": None}
    with memory.alone():
        kept = memory.purged(now())
        with (kept / "manifest.tsv").open("a", encoding="utf-8") as manifest:
            manifest.write("sha256\tbytes\tqueue_id\tarrived\n")
            for server in mail_servers():
                _purge(server, memory, kept, manifest, told, progress)
        told["manifest"] = str(kept / "manifest.tsv")
        memory.forget()
    return told


def _purge(  # noqa: PLR0913, PLR0917  # one step of the above
    server: Server, memory: Memory, kept: Path, manifest: IO[str], told: Said, progress: Progress
) -> None:
    feed, seen, noted = Feed(server, "delete"), Seen(), memory.held(server)
    try:
        for hits in search(server, judge(memory.claim), HELD, seen):
            ours: list[str] = []
            for hit in hits:
                number = told["purged"] + len(ours)
                sample = kept / f"{hit.queue_id}.sample" if number < _SAMPLES else None
                written = _digest(hit.path(server), sample) if _held_by_us(hit, (memory, noted)) else None
                if written is None:
                    told["left"] += 1
                    continue
                manifest.write(f"{written[0]}\t{written[1]}\t{hit.queue_id}\t{hit.arrived:.0f}\n")
                told["bytes"] += written[1]
                ours.append(hit.queue_id)
            manifest.flush()
            os.fdatasync(manifest.fileno())
            feed.give(ours)
            told["purged"] += len(ours)
            progress.told(told["purged"], seen)
        feed.finish()
    except BaseException:
        feed.stop()
        raise


def _digest(path: str, sample: Path | None) -> tuple[str, int] | None:
    """SHA-256 and length of the message's files (Exim's text follows its envelope); None if it is gone."""
    digest, length = hashlib.sha256(), 0
    paths = [path, f"{path[:-1]}D"] if path.endswith("-H") else [path]
    copy = sample.open("wb") if sample else None
    try:
        for one in paths:
            for block in _content(one):
                digest.update(block)
                length += len(block)
                if copy:
                    copy.write(block)
    except OSError:
        return None
    finally:
        if copy:
            copy.close()
    return digest.hexdigest(), length


def _content(path: str) -> Iterator[bytes]:
    descriptor = os.open(path, FLAGS)
    try:
        while block := os.read(descriptor, _READ):
            yield block
    finally:
        os.close(descriptor)


VERBS: Final[Mapping[str, Callable[[Path, Claim, Callable[[Said], None]], Said]]] = {
    "look": look, "hold": hold, "release": release, "purge": purge,
}  # fmt: skip
