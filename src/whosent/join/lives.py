"""What is known of a queue id while it lives, and what a reading process passes on of one that began earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.join.replies import queued_as
from whosent.model.rows import Result

if TYPE_CHECKING:
    from whosent.dialects import Rule
    from whosent.model.rows import Actor
    from whosent.reading.tokens import Fields

SESSION: Final = 86_400.0  # seconds after which a client that never finished its message is gone
_QUIET: Final = 3_600.0  # seconds after which nothing more is heard of a message with no recipient left
_GIVEN_UP: Final = 10 * 86_400.0  # twice as long as an MTA tries


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

    __slots__ = ("actor", "deferred", "opened", "queue_id", "sender")

    def __init__(self, actor: Actor, opened: float, queue_id: str) -> None:
        self.actor = actor
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


def is_over(life: Life, now: float) -> bool:
    """Whether nothing more will be heard of it."""
    if isinstance(life, Counted):
        return now - life.heard > (_QUIET if life.left <= 0 else _GIVEN_UP)
    return life.sender is None and now - life.opened > 2 * SESSION


def refused(life: Life, recipient: bytes | None, status: bytes | None) -> Result:
    """What a recipient's refusal means: deferred, deferred again, bounced."""
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
