"""What is done about a suspect: actions on the world, each with reach, reason, expiry and undo; and plans of them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from whosent.model.finding import Suspect


class Progressed(StrEnum):
    """How far an action has come."""

    PLANNED = "planned"  # written down, nothing done yet
    APPLYING = "applying"  # begun; found so at a start, it is completed or rolled back
    APPLIED = "applied"  # done, and looked at
    FAILED = "failed"  # not done; the note says why
    UNDONE = "undone"  # taken back
    EXPIRED = "expired"  # taken back because its time was over


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One step against one suspect."""

    id: str  # unlike any other
    incident: str  # its id; "" where an operator named the suspect directly
    responder: str  # who does it: tap, queue, nftables, command, purge, brake
    how: str  # hold or refuse; for a responder that knows only one way: ""
    suspect: Suspect  # whom it is about
    claim: str  # whose mail is meant, as a queue file proves it; "" for what is not done to mail
    reach: str  # who and what it touches, in words
    reason: str  # why, in a sentence
    who: str  # the operator's login name, or "whosent" for a standing order
    at: str  # RFC 3339, UTC
    expires: str | None  # when it is taken back by itself; null: never
    undo: str  # the command that takes it back; "" where that cannot be done
    state: Progressed = Progressed.PLANNED  # how far it has come
    counts: dict[str, int] = {}  # what was done, by name: held, released, purged ...
    note: str = ""  # why it failed, or what to know


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done, narrowest first, and what it is expected to touch."""

    schema: str = "whosent.plan/1"  # the number rises when a field changes its meaning or goes
    suspect: Suspect  # whom it is about
    claim: str  # whose mail is meant
    messages: int  # of the suspect, in the queue now
    held: int  # of these, held by us already
    others: int  # messages of everybody else in the queue: none of them is touched
    touched: list[str]  # innocent mail that the taps are expected to touch, a sentence each; empty: none
    steps: list[Action]  # in the order in which they are done


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a plan, or of taking one back."""

    schema: str = "whosent.done/1"  # the number rises when a field changes its meaning or goes
    sentence: str  # what was done, and what is left
    actions: list[Action]  # as they stand now
    problems: list[str]  # what could not be done, a sentence each
    command: str  # the next command: what takes it back, or what to do now


class QueueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the queue is a suspect's."""

    schema: str = "whosent.queue/1"  # the number rises when a field changes its meaning or goes
    claim: str  # whose mail was counted; everything: of everybody
    messages: int  # of the suspect, in the queue now
    others: int  # of everybody else
    held_by_us: int  # of the suspect's: held by a command or a tap of ours
    unread: int  # files that tell nothing: gone, half written, damaged
    folders: dict[str, int]  # of the suspect's: where they lie
    in_force: list[str]  # what stands against the suspect, a sentence each


class SetUpChange(msgspec.Struct, frozen=True):
    """One change of a server's configuration."""

    what: str  # the lines as they stand, or will
    why: str  # what it is for
    stands: bool  # whether it is made


class SetUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a server needs, and what of it there is."""

    schema: str = "whosent.setup/1"  # the number rises when a field changes its meaning or goes
    server: str  # postfix, exim, php, dovecot
    changes: list[SetUpChange]  # in the order in which they are made
    changed: int = 0  # made or taken back just now


class ReplayedSuspect(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom an order would have contained."""

    suspect: Suspect  # whom
    at: str  # when, RFC 3339, UTC
    mail: int  # messages of the outbreak until then
    messages: int  # messages of the outbreak in the end
    guilty: bool  # whether an incident names it in the end
    delayed: int  # honest messages that would have waited


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a standing order would have done in the past."""

    schema: str = "whosent.replay/1"  # the number rises when a field changes its meaning or goes
    sentence: str  # at which mail it would have stopped what, and whom it would have delayed
    days: int  # of log
    suspects: list[ReplayedSuspect]  # whom it would have contained
    missed: list[Suspect]  # named in the end, and left to you
    delayed: int  # honest messages that would have waited
