"""The lives of queue ids: what is known of a message while it is in the queue, and what an attempt makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.join.replies import queued_as, reason
from whosent.join.sessions import Sessions
from whosent.model.rows import Actor, Closed, Handover, Message, Outcome, Reason, Result
from whosent.reading.native import native

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.dialects import Rule
    from whosent.reading.tokens import Fields

SESSION: Final = 86_400.0  # seconds after which a client that never finished its message is gone
_QUIET: Final = 3_600.0  # seconds after which nothing more is heard of a message with no recipient left
_GIVEN_UP: Final = 10 * 86_400.0  # twice as long as an MTA tries
_MANY_LIVES: Final = 10_000


class Early(NamedTuple):
    """A token of a message that began in an earlier part of the stream."""

    time: float
    ref: int
    rule: Rule
    fields: Fields


class Begun(NamedTuple):
    """A queue id began (anew) in a later part of the stream."""

    time: float
    ref: int
    host: bytes | None
    instance: bytes | None
    queue_id: bytes


class Life:
    """One queue id from its first line to its last."""

    __slots__ = ("actor", "client_line", "deferred", "opened", "queue_id", "sender")

    def __init__(self, actor: Actor, opened: float, queue_id: str, client_line: int = 0) -> None:
        self.actor = actor
        self.client_line = client_line  # where its client or pickup line is; 0: not read
        self.opened = opened
        self.queue_id = queue_id  # "" unless its actor may be replaced by the one behind another queue id
        self.sender: bytes | None = None  # None until the queue manager told
        self.deferred: set[bytes] | None = None  # recipients that were deferred before


class Counted(Life):
    """One whose end no line tells: it has ended when no recipient is left and it was quiet for a while."""

    __slots__ = ("given", "heard", "left")

    def __init__(self, actor: Actor, opened: float, queue_id: str, sender: bytes, left: int) -> None:
        super().__init__(actor, opened, queue_id)
        self.sender = sender
        self.left = left  # recipients not delivered and not given up; an alias may stand for several
        self.heard = opened
        self.given = False  # over SMTP: then its recipients have angle brackets, and those of aliases have none


class Queue:
    """The lives of one (host, instance), and what its lines keep repeating."""

    __slots__ = ("actors", "began", "host", "lives", "many", "mta", "sessions")

    def __init__(self, host: str) -> None:
        self.host = host
        self.lives: dict[bytes | None, Life] = {}
        self.many = _MANY_LIVES  # as soon as there are more, those that never became a message are dropped
        self.actors: dict[tuple[bytes | None, bytes | None], Actor] = {}
        self.mta = Actor("mta", host, host)
        self.sessions = Sessions()
        self.began: float | None = None  # when the first message was collected whose end will not be logged

    def __getstate__(self) -> tuple[None, dict[str, object]]:
        """Actors are made again when they are met."""
        return None, {**{name: getattr(self, name) for name in self.__slots__}, "actors": {}}

    def take_over(self, later: Queue) -> None:
        """Go on with what a later part of the log left open."""
        self.lives.update(later.lives)
        self.sessions.update(later.sessions)
        self.began = later.began if self.began is None else self.began


def forget(queue: Queue, now: float, ref: int) -> Iterator[Closed]:
    """Drop clients that never finished, long after, and messages of which nothing more will be heard."""
    for queue_id in [name for name, life in queue.lives.items() if _is_over(life, now)]:
        life = queue.lives.pop(queue_id)
        if life.queue_id and queue_id == life.queue_id.encode():
            yield Closed(now, ref, queue.host, life.queue_id)
    queue.many = max(_MANY_LIVES, 2 * len(queue.lives))


def _is_over(life: Life, now: float) -> bool:
    if isinstance(life, Counted):
        return now - life.heard > (_QUIET if life.left <= 0 and not life.deferred else _GIVEN_UP)
    return life.sender is None and now - life.opened > 2 * SESSION


def refused(life: Life, recipient: bytes | None, status: bytes | None) -> Result:
    """What a failed attempt is for this recipient: bounced, deferred, or deferred again."""
    assert recipient is not None
    if status != b"deferred":
        return Result.BOUNCED
    if life.deferred is None:
        life.deferred = {recipient}
    elif recipient in life.deferred:
        return Result.DEFERRED_AGAIN
    else:
        life.deferred.add(recipient)
    return Result.DEFERRED


def handed_over(agent: bytes | None, reply: bytes | None) -> tuple[Result, bytes]:
    """What "sent" to a host of ours means: handed over under another queue id, or delivered to a mailbox."""
    next_id = queued_as(reply)
    if not next_id and agent == b"lmtp":
        return Result.LOCAL, b""
    return Result.HANDED_OVER, next_id


if native:
    native.configure(
        Life,
        Queue,
        (Message, Outcome, Handover, Closed, Begun),
        (Result.LOCAL, Result.HANDED_OVER, Result.DEFERRED, Result.DEFERRED_AGAIN, Result.BOUNCED, Reason.NONE),
        reason,
        handed_over,
        SESSION,
    )
