"""What the keeper does to a queue: look, hold, release, purge; each message judged from its own file just before."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import IO, Final

from whosent.keeper.feeding import Feed
from whosent.keeper.memory import BRAKE, Memory, Order, Said
from whosent.keeper.reading import ALL, HELD, WAITING, Hit, Known, Question, Whose, digested
from whosent.keeper.search import AT_ONCE, Seen, search
from whosent.keeper.servers import KeeperError, Server, mail_servers
from whosent.queues.belonging import Claim
from whosent.sources.spools import folders

QUIET: Final = 2  # passes that find nothing, one after the other, end the holding
_PASSES: Final = 100
_PATIENT: Final = 20  # passes in which Exim may be delivering what is to be frozen
_PAUSE: Final = 0.3  # seconds before looking again
_OFTEN: Final = 0.5  # seconds between two words of progress
_OLD: Final = 0.5  # of its lifetime: an older message is queued anew, else it bounces at its next failure
_SAMPLES: Final = 20


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


def look(order: Order) -> Said:
    """How much of the queue is the suspect's, and where it lies; what of that we held."""
    memory, brake = order.memory, order.brake
    told = {"messages": 0, "others": 0, "unread": 0, "held_by_us": 0}
    by_folder: Counter[str] = Counter()
    for server in mail_servers():
        seen, noted, braked = Seen(), memory.held(server), brake.held(server)
        for hits in search(Question(server, Whose.claimed(order.memory.claim), ALL), seen):
            told["held_by_us"] += sum(
                _held_by_us(hit, memory, noted) or _held_by_us(hit, brake, braked) for hit in hits
            )
        told["messages"] += seen.by_folder.total()
        told["others"] += seen.others
        told["unread"] += seen.unread
        by_folder += seen.by_folder
    return {**told, "folders": by_folder}


def hold(order: Order) -> Said:
    """Hold what is queued, again and again until two passes find nothing."""
    memory, progress = order.memory, Progress(order.say, "held")
    told: Said = {"held": 0, "passes": 0, "others": 0, "unread": 0, "still_coming": False}
    with memory.alone():
        blind = "sendmail" if memory.claim.kind == "account" else ""
        servers = mail_servers()
        queues = [_Queue(server) for server in servers if server.spool.mta != blind]
        if memory.claim != BRAKE:
            told["held"] += sum(_adopt(one.server, memory, order.brake) for one in queues)
        while going := [one for one in queues if one.goes_on]:
            found = 0
            for one in going:
                found += one.held_once(memory, progress, told["held"] + found)
            told["held"] += found
            if not found and any(one.goes_on for one in going):
                time.sleep(_PAUSE)
    if len(queues) < len(servers):
        raise KeeperError("which login handed a message in stands in no queue file of Sendmail: what is queued"
                          " is let alone (`whosent scan` with the log says how to quarantine it)")  # fmt: skip
    for one in queues:
        told["others"] += one.seen.others
        told["unread"] += one.seen.unread
        told["passes"] = max(told["passes"], one.passes)
        told["still_coming"] |= one.quiet < QUIET
    return told


class _Queue:
    """The queue of one mail server while all in it that is the suspect's is being held."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.passes = self.quiet = 0  # quiet: those that found nothing, one after the other
        self.seen = Seen()  # in the last pass
        self._given: set[str] = set()  # by the last pass
        self._known: Known = {}  # of Exim and Sendmail, where what is held lies where it lay

    @property
    def goes_on(self) -> bool:
        """Whether another pass is due."""
        return self.quiet < QUIET and self.passes < _PASSES

    def held_once(self, memory: Memory, progress: Progress, before: int) -> int:
        """One pass; how many were new: those that Exim is delivering are given again."""
        known = None if self.server.spool.mta == "postfix" else self._known
        given, self.seen = _hold_once(self.server, memory, progress, before, known)
        found = len(given - self._given)
        if given and not found and self.passes > _PATIENT:
            raise KeeperError(f"{len(given):,} messages stay where they are although they were to be held: see the"
                              " mail server's log")  # fmt: skip
        self._given = given
        self.passes += 1
        self.quiet = 0 if given else self.quiet + 1
        return found


def _hold_once(
    server: Server, memory: Memory, progress: Progress, before: int, known: Known | None = None
) -> tuple[set[str], Seen]:
    """One pass: the ids stream to the mail server's own program while the queue is read."""
    given, seen = set[str](), Seen()
    with Feed(server, "hold") as feed:
        for hits in search(Question(server, Whose.claimed(memory.claim), WAITING, known=known), seen):
            ids = [hit.queue_id for hit in hits]
            memory.note(server, [hit[:2] for hit in hits])
            feed.give(ids)
            given.update(ids)
            progress.told(before + len(given), seen)
    if given and not server.steady:
        _give_back(server, memory.claim, given)
    return given, seen


def _give_back(server: Server, claim: Claim, ids: set[str]) -> None:
    """Short ids are used again: what is held under one and is not the suspect's goes on its way at once."""
    mine = Whose.claimed(claim).mine
    others = Whose(lambda letter: not mine(letter), lambda _name, _head: None)
    with Feed(server, "release") as feed:
        for hits in search(Question(server, others, HELD, only=ids), Seen()):
            feed.give([hit.queue_id for hit in hits if hit.queue_id in ids])


def _adopt(server: Server, memory: Memory, brake: Memory) -> int:
    """What the emergency brake holds of this suspect is from now on held for the suspect."""
    braked = brake.held(server)
    if not braked and brake.tap[0] == float("inf"):
        return 0
    count, known = 0, memory.held(server)
    for hits in search(Question(server, Whose.claimed(memory.claim), HELD), Seen()):
        ours = [hit[:2] for hit in hits if hit.queue_id not in known and _held_by_us(hit, brake, braked)]
        memory.note(server, ours)
        count += len(ours)
    return count


def _held_by_us(hit: Hit, memory: Memory, noted: Container[str]) -> bool:
    """By a command that noted it, or by a tap that was closed when it came."""
    held = hit.folder in {"hold", "frozen", "quarantined"}
    return held and (hit.queue_id in noted or memory.caught(hit.arrived))


def release(order: Order) -> Said:
    """Let go what we held; what would bounce for its age is queued anew."""
    memory, progress = order.memory, Progress(order.say, "released")
    told = {"released": 0, "queued_anew": 0, "gone": 0, "left": 0}
    with memory.alone():
        for server in mail_servers():
            _release(server, memory, order.brake, told, progress)
        memory.forget()
    return told


def _release(server: Server, memory: Memory, brake: Memory, told: dict[str, int], progress: Progress) -> None:
    """Ids that are never used again were proven when they were held; all others are judged from their files."""
    own, claim, seen = memory.held(server), memory.claim, Seen()
    met, before = 0, told["released"]

    def let_go(ours: Iterable[tuple[str, float]]) -> None:
        sides: tuple[list[str], list[str]] = ([], [])
        for one, arrived in ours:
            sides[arrived < time.time() - _OLD * server.lifetime].append(one)
        release.give(sides[False])
        requeue.give(sides[True])
        told["released"] = before + release.given + requeue.given
        progress.told(told["released"], seen)

    with Feed(server, "release") as release, Feed(server, "requeue") as requeue:
        if server.steady and server.spool.mta == "postfix":
            for _, names, _ in folders(server.spool, among=HELD):
                known = [(name, own[name]) for name in names if own.get(name)]
                met += len(known)
                for at in range(0, len(known), AT_ONCE):
                    let_go(known[at : at + AT_ONCE])
            release.finish()
            requeue.finish()
        braked = brake.held(server) if claim != BRAKE else {}
        caught = claim._replace(uid="")  # the tap knows a script by its name alone: what it caught of others goes, too
        for hits in search(Question(server, Whose.claimed(caught), HELD), seen):
            ours = [hit for hit in hits if _held_by_us(hit, memory, own) or _held_by_us(hit, brake, braked)]
            met += sum(hit.queue_id in own for hit in ours)
            told["left"] += len(hits) - len(ours)
            let_go(hit[:2] for hit in ours)
    told["queued_anew"] += requeue.given
    told["gone"] += len(own) - met


def purge(order: Order) -> Said:
    """Delete what we held of this suspect, without bounces; a manifest with digests and some samples stay."""
    if order.memory.claim == BRAKE:
        raise KeeperError("everything is never purged: name a suspect")
    memory, progress = order.memory, Progress(order.say, "purged")
    told: Said = {"purged": 0, "bytes": 0, "left": 0, "manifest": None}
    with memory.alone():
        kept = memory.purged(time.time())
        with (kept / "manifest.tsv").open("a", encoding="utf-8") as manifest:
            if not manifest.tell():  # else two purges in one second
                manifest.write("sha256\tbytes\tqueue_id\tarrived\n")
            for server in mail_servers():
                _purge(server, memory, manifest, told, progress)
        told["manifest"] = str(kept / "manifest.tsv")
        memory.forget()
    return told


def _purge(server: Server, memory: Memory, manifest: IO[str], told: Said, progress: Progress) -> None:
    seen, noted, kept = Seen(), memory.held(server), Path(manifest.name).parent
    with Feed(server, "delete") as feed:
        for hits in search(Question(server, Whose.claimed(memory.claim), HELD, digests=True), seen):
            ours = [hit for hit in hits if _held_by_us(hit, memory, noted)]
            told["left"] += len(hits) - len(ours)
            for at in range(min(len(ours), max(0, _SAMPLES - told["purged"]))):
                ours[at] = digested(ours[at], server, sample=kept / f"{ours[at].queue_id}.sample")
            manifest.writelines(f"{hit.digest}\t{hit.size}\t{hit.queue_id}\t{hit.arrived:.0f}\n" for hit in ours)
            manifest.flush()
            os.fdatasync(manifest.fileno())
            feed.give([hit.queue_id for hit in ours])
            told["bytes"] += sum(hit.size for hit in ours)
            told["purged"] += len(ours)
            progress.told(told["purged"], seen)
