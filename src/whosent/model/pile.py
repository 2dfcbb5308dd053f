"""What stands in a mail queue now: single messages as their files tell, and the pile of each who handed them in.

A queue is a sample taken at one moment (``time``), not a history.  A pile is all queued mail of one actor (and script);
its counts are exact, what varies without bound (senders, subjects, domains) is kept as a fair sample.
"""

from __future__ import annotations

from typing import NamedTuple

from whosent.model.rows import Actor, Reason


class Record(NamedTuple):
    """One record or line of a queue file that shows something: where it stands and its bytes without framing."""

    offset: int  # of its first byte
    raw: bytes


Place = tuple[str, str, str, str, str]
"""Path of its folder, name of its file, queue id, the queue's folder, and the part of the path below that."""


class Letter(NamedTuple):
    """One queued message, as far as its queue file tells; texts of strangers stay bytes."""

    kind: str  # of the actor: see Actor
    name: str
    address: str  # client's address, or the name a local user gave
    proof: Record | None  # the record that names the actor
    host: bytes  # what the MTA that wrote the file calls itself; b"" if the file does not say
    arrived: float  # seconds since the epoch
    created: int  # the second in which the MTA logged where it came from; 0 if not recorded
    sender: bytes
    recipients: tuple[bytes, ...]  # still to be delivered; the first of them
    waiting: int  # recipients still to be delivered
    done: int  # recipients delivered or given up
    size: int  # bytes
    script: bytes  # as PHP's header names it: a file name, or host and path
    script_proof: Record | None
    subject: bytes
    message_id: bytes
    author: bytes  # the From header
    hops: int  # Received headers below our own: servers it claims to have passed before
    forwarded: bool  # an alias of ours rewrote a recipient
    frozen: bool  # held by an operator or by the MTA
    automatic: bool  # Auto-Submitted says so
    stamped: str = ""  # from a client on this machine: the user whom the submission program's stamp names, true or not


class Variety(NamedTuple):
    """How many different values there are, and the commonest (or a fair choice of them)."""

    distinct: int  # exact up to the size of the sample, an estimate above
    common: tuple[tuple[bytes, int], ...]


class Sample(NamedTuple):
    """A message of a pile, to be shown; ``ref`` and ``script_ref`` can be quoted as evidence (0: nothing to quote)."""

    ref: int
    script_ref: int
    queue_id: str
    folder: str
    arrived: float
    sender: bytes
    recipient: bytes
    subject: bytes
    author: bytes
    message_id: bytes


class Pile(NamedTuple):
    """All queued mail of one actor (and script) at the moment a queue was read."""

    time: float  # when it was read
    ref: int  # of the first sample
    actor: Actor
    script: str  # as PHP's header names it, "" if none does
    queue: str  # the queue's folder
    mta: str  # postfix, exim
    messages: int
    waiting: int  # recipients still to be delivered
    done: int  # of these messages: delivered or given up
    size: int  # bytes
    folders: dict[str, int]  # active, deferred, hold ... -> messages
    oldest: float
    youngest: float
    onset: float  # since when most of it came
    senders: Variety
    sender_domains: Variety
    subjects: Variety
    recipients: Variety
    recipient_domains: Variety
    authors: Variety  # domains of the From header
    networks: Variety  # from which an account handed in, /16 or /32
    reasons: dict[Reason, int]  # recipients, of the messages whose reasons were looked at
    replies: tuple[tuple[bytes, int], ...]  # the commonest reasons in the next hop's words
    looked_at: int  # messages whose reasons were looked at
    direct: int  # messages without a Received header below our own
    bounces: int  # messages with the empty reverse-path
    forwarded: int
    frozen: int
    chosen: int  # messages of a fair sample
    seconds: frozenset[int]  # in which they were created
    samples: tuple[Sample, ...]
