"""The joined rows that detectors observe: one tuple type for each thing that happened.

The join makes them from log lines; each starts with ``time`` (seconds since the epoch, UTC) and ``ref`` (where
it was read, see :func:`reference`), so that sorting rows gives the one merge order everybody relies on: event
time, then source, then offset.  Texts written by strangers stay bytes until something prints them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

_OFFSET_BITS: Final = 44  # 16 TiB a source


def reference(source: int, offset: int) -> int:
    """One integer for "source number, byte offset"; sorts by source, then offset."""
    return (source << _OFFSET_BITS) + offset


def dereference(ref: int) -> tuple[int, int]:
    """The ``(source number, byte offset)`` that :func:`reference` packed."""
    return ref >> _OFFSET_BITS, ref & ((1 << _OFFSET_BITS) - 1)


OUR_SENDERS: Final = ("account", "local_user", "host")  # kinds of actors whose mail is ours to answer for
ACTOR_KINDS: Final = (*OUR_SENDERS, "stranger", "mta", "unknown")


class Actor(NamedTuple):
    """Who handed us a message, as far as our own MTA recorded it (never from a header).

    ``kind``: ``account`` (SASL login), ``local_user`` (sendmail(1) by uid), ``host`` (unauthenticated client in
    our own networks), ``stranger`` (unauthenticated client outside them), ``mta`` (the MTA's own bounces),
    ``unknown`` (the log starts after the message did).  ``name`` is the account, the uid in digits (Exim: the login
    name) or the address; ``host`` the machine whose MTA took it; ``address`` the client's address, for a local user
    the name it gave; ``script`` the script that called sendmail(1) or its folder, where the MTA logged that.
    """

    kind: str
    name: str
    host: str
    address: str | None = None
    script: str | None = None


class Result(IntEnum):
    """What became of one recipient in one attempt."""

    SENT = 0  # accepted by a host that is not ours
    LOCAL = 1  # delivered to a mailbox, file or pipe of ours
    HANDED_OVER = 2  # taken by another host or filter of ours; its own outcome follows there, if we see it
    DEFERRED = 3  # 4xx, first time for this recipient
    DEFERRED_AGAIN = 4  # 4xx, a later attempt
    BOUNCED = 5  # 5xx, expired or undeliverable


ANSWERS: Final = (Result.SENT, Result.DEFERRED, Result.BOUNCED)  # the world's first word about a recipient


class Reason(IntEnum):
    """Why a recipient was deferred or bounced, from the enhanced status code (RFC 3463) and the reply's text."""

    NONE = 0
    UNKNOWN_USER = 1  # 5.1.1 and its kin: the address does not exist
    POLICY = 2  # 5.7.x: spam, content, reputation, authentication
    LISTED = 3  # the reply names a blocklist
    RATE = 4  # too many messages, connections, recipients
    GREYLISTED = 5  # "try again later" to a first attempt
    MAILBOX = 6  # full, disabled, over quota
    ROUTE = 7  # no such domain, connection refused or timed out, TLS, DNS
    OTHER = 8
    LOOP = 9  # too many hops, or the next hop would be ourselves


class Message(NamedTuple):
    """A message entered our queue: the join of its client or uid line, its Message-ID and its envelope."""

    time: float
    ref: int
    actor: Actor
    queue_id: str  # only where the message may have had another id before, else ""
    sender: bytes
    size: int
    recipient_count: int
    opened: float  # when the client or pickup line was logged, seconds
    client_line: int = 0  # where that line is; 0: not read, or it is this one


class Outcome(NamedTuple):
    """One recipient, one delivery attempt."""

    time: float
    ref: int
    actor: Actor
    queue_id: str  # as in Message
    sender: bytes
    recipient: bytes
    result: Result
    reason: Reason
    relay: str  # address of the next hop, else its name; "" if there was none
    forwarded: bool  # an alias or .forward of ours rewrote the recipient
    original_recipient: bytes = b""  # what it was before; "" unless forwarded


class Login(NamedTuple):
    """Somebody proved, or failed to prove, to be an account."""

    time: float
    ref: int
    host: str
    account: str
    address: str
    succeeded: bool
    service: str  # smtp, imap, pop3, ...
    place: str = ""  # the country the address is in, where the log names it


class Rejection(NamedTuple):
    """We refused something before it became a message."""

    time: float
    ref: int
    host: str
    address: str
    account: str
    stage: str  # CONNECT, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE
    code: int  # SMTP reply code
    reason: bytes


class Request(NamedTuple):
    """A web server answered a request."""

    time: float
    ref: int
    host: str  # virtual host if logged, else ""
    address: str
    method: str
    path: str  # without the query string
    status: int


class Call(NamedTuple):
    """A script called a mail function and the interpreter logged it (PHP ``mail.log``)."""

    time: float
    ref: int
    host: str
    script: str
    line: int
    recipient: bytes


class Reported(NamedTuple):
    """A receiver told what it saw of mail in our domain's name (one record of a DMARC aggregate report)."""

    time: float  # the report's begin
    ref: int
    reporter: str
    domain: str  # whose policy was asked for
    policy: str  # none, quarantine, reject
    address: str
    messages: int
    dkim: bool  # passed, and for this domain
    spf: bool
    override: str  # why the receiver did not do as the policy says: forwarded, mailing_list ...
    signed: bool  # there was a signature of this domain, whole or broken
    until: float


class Verdict(NamedTuple):
    """A content filter of ours judged a message."""

    time: float
    ref: int
    actor: Actor  # of the message; as the filter was told where the message itself is not known
    queue_id: str  # as the filter gave it, "" if it did not
    sender: bytes | None  # reverse-path; None where neither filter nor queue told it yet
    recipients: bytes  # as the filter lists them, b"" if it does not
    program: str  # rspamd, spamd, amavis, clamav; milter: what Postfix passes on of one without a log
    spam: bool  # it calls it spam or infected
    virus: str  # its name, or ""
    action: str  # the filter's own word
    score: float | None
    required: float | None  # the score that is spam, where the filter says it
    digest: str  # of the text alone, the same for every copy; "" where the filter has none


class Subject(NamedTuple):
    """A message's subject, where the MTA logs it."""

    time: float
    ref: int
    actor: Actor
    queue_id: str
    subject: bytes


class Length(NamedTuple):
    """How long a queue was when it was looked at."""

    time: float
    ref: int
    host: str
    queue: str  # its folder
    messages: int


class Handover(NamedTuple):
    """A host or filter of ours took the message and gave it another queue id (for the join; no detector sees it)."""

    time: float
    ref: int
    actor: Actor
    queue_id: str  # as in Message
    relay: str
    next_queue_id: str


class Closed(NamedTuple):
    """A message that may have had another id before left the queue (for the join; no detector sees it)."""

    time: float
    ref: int
    host: str
    queue_id: str


# Rows of systems that track a message across all their servers by one id (Exchange, Microsoft 365, Google), for the
# join alone: see whosent.join.tracked.


class Arrived(NamedTuple):
    """A message was handed in, as far as this row tells."""

    time: float
    ref: int
    host: str
    key: str  # the id that all servers know it by
    account: str  # where the row itself names it
    address: str  # of the client, "" if the system itself or nobody knows
    session: str  # of the SMTP connection it came by
    sender: bytes
    size: int
    recipient_count: int
    origin: str  # "mta": the system itself; "inside": by one of ours; "row": of one recipient; "relayed": it also left


class Attempted(NamedTuple):
    """One recipient, one delivery attempt."""

    time: float
    ref: int
    host: str
    key: str
    sender: bytes
    recipient: bytes
    status: str  # sent, deferred, bounced
    reason: int  # a Reason
    relay: str
    local: bool  # to a mailbox
    forwarded: bool


class Session(NamedTuple):
    """What an SMTP connection turned out to be: a login, or the connection of a client behind a proxy of ours."""

    time: float
    ref: int
    host: str
    session: str
    account: str
    address: str
    behind: str  # the session of the client, at the proxy


class Forward(NamedTuple):
    """A recipient of a message was replaced by another, by a rule or a setting of ours."""

    time: float
    ref: int
    host: str
    key: str
    recipient: bytes


Row: TypeAlias = Message | Outcome | Login | Rejection | Request | Call | Reported | Verdict | Subject | Length
Tracked: TypeAlias = Arrived | Attempted | Session | Forward
JoinedRow: TypeAlias = Row | Handover | Closed | Tracked
