"""What ``whosent scan`` says, whole: the documented, versioned shape behind the terminal, the JSON and the HTML."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from whosent.model.incident import Incident, ReportedFinding

SCHEMA: Final = "whosent.scan/1"

Verdict = Literal["clean", "warning", "critical", "unknown"]


class Unrecognised(msgspec.Struct, frozen=True, kw_only=True):
    """A shape of line nobody understood: digits and names replaced, how often, and one of them."""

    shape: str
    count: int
    source: str  # of the first such line
    line: int  # its number, from 1
    excerpt: str  # as in Evidence


class SourceCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one input and what came of it."""

    source: str  # path as given, "-" for standard input
    format: str  # "postfix (RFC 3164)", "access log", ... or "not recognised"
    bytes: int  # decompressed
    lines: int
    understood: int  # lines a dialect recognised, as a fact or as nothing of interest
    other_programs: int  # lines of programs that have nothing to do with who sent mail
    first: str | None  # RFC 3339, UTC
    last: str | None
    problem: str | None  # null: it was read whole; "truncated gzip after 12,345 bytes: what came before it was used"


class LinesRead(msgspec.Struct, frozen=True, kw_only=True):
    """Every line accounted for: understood + other_programs + not_understood = lines."""

    lines: int
    understood: int  # recognised, as a fact or as nothing of interest
    other_programs: int  # written by programs that have nothing to do with who sent mail
    not_understood: int  # nothing recognised them, or nothing could be believed
    forged: int  # of those: journal entries whose trusted fields contradict the program they claim to be
    ambiguous: int  # of those: lines whose fields could not be told from text a stranger wrote
    bytes: int  # decompressed
    sources: list[SourceCoverage]  # one for each input
    programs: dict[str, int]  # the commonest other programs
    unrecognised: list[Unrecognised]  # the commonest shapes


class Coverage(LinesRead, frozen=True, kw_only=True):
    """The lines, and what could be joined of them."""

    messages: int  # that entered a queue; re-injected ones once
    outcomes: int  # recipients, each attempt
    beginnings_missing: int  # messages whose client line is not in the logs
    ends_missing: int  # messages whose end was not logged although their id was used again


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """Outgoing recipients of one span of time, for the timeline."""

    start: str  # RFC 3339, UTC
    sent: int  # accepted by a host that is not ours
    deferred: int  # put off for the first time
    refused: int  # bounced or expired
    culprits: dict[str, int]  # incident id -> recipients (sent, deferred or refused) in this span


class LoginNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network from which an incident's account submitted mail or logged in."""

    incident: str  # its id
    network: str  # /16 or /32 prefix
    place: str | None  # country or ASN, where an MMDB was given
    messages: int
    first: str  # RFC 3339, UTC
    last: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers behind the charts."""

    bucket_seconds: int  # length of each span of the timeline
    timeline: list[Bucket]
    reply_reasons: dict[str, dict[str, int]]  # incident id or "everybody else" -> reason -> recipients
    networks: list[LoginNetwork]  # of accounts that incidents are about


class QueueSource(msgspec.Struct, frozen=True, kw_only=True):
    """One queue that was looked at."""

    path: str  # its folder
    mta: str  # postfix, exim
    read: str  # when, RFC 3339, UTC
    messages: int
    recipients: int  # still waiting
    bytes: int  # of the queue files
    folders: dict[str, int]  # active, deferred, hold, maildrop ... -> messages
    unread: dict[str, int]  # why files tell nothing -> how many
    damaged: dict[str, str]  # a few of these files -> what is wrong with them
    problem: str | None  # null: all of it could be read


class QueueSample(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a pile; strangers' text as in Evidence."""

    queue_id: str  # as the mail server names it
    folder: str  # active, deferred, hold, maildrop, input, frozen ...
    arrived: str  # RFC 3339, UTC
    sender: str  # of the envelope; "" is a bounce
    recipient: str  # the first that waits
    subject: str  # the header field, as it was written
    author: str  # the From header: the sender's own word
    message_id: str  # the header field


class QueuePile(msgspec.Struct, frozen=True, kw_only=True):
    """All queued mail of one sender (and script) at the moment its queue was read."""

    queue: str  # the queue's folder
    kind: str  # account, local_user, host, stranger, mta (its own bounces), unknown
    name: str  # account, uid or address
    host: str | None  # what the mail server calls itself
    script: str | None  # as a header that PHP writes names it
    incident: str | None  # the id of the incident it belongs to
    messages: int
    recipients: int  # still waiting
    done: int  # recipients of these messages already delivered or given up
    bytes: int  # of the messages
    folders: dict[str, int]  # active, deferred, hold ... -> messages
    oldest: str  # when the first of them came, RFC 3339, UTC
    youngest: str  # when the latest came
    onset: str  # since when all but one in twenty came
    senders: int  # different ones; exact up to 256, an estimate above, here and below
    subjects: int  # different ones
    different_recipients: int  # among those still waiting
    domains: int  # of recipients
    common_senders: dict[str, int]  # the commonest, of a fair sample where there are many
    common_subjects: dict[str, int]  # the same of subjects
    common_domains: dict[str, int]  # the same of recipients' domains
    reasons: dict[str, int]  # why recipients wait, of the messages looked at
    replies: dict[str, int]  # the same in the next hop's words
    looked_at: int  # messages whose reasons were read
    samples: list[QueueSample]  # a few to look at, the oldest first


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What lay in the queue, sender by sender."""

    sources: list[QueueSource]  # one for each queue
    messages: int
    recipients: int
    senders: int  # piles there are
    piles: list[QueuePile]  # the biggest first, at most forty


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, and everything it rests on."""

    schema: str  # "whosent.scan/1"; the number rises when a field changes its meaning or goes
    version: str  # of Whosent
    verdict: Verdict  # the exit code says the same
    sentence: str  # the answer in one sentence
    window: tuple[str, str] | None  # first and last line, RFC 3339, UTC
    timezone: str = "UTC"  # IANA zone in which people are shown times; every field is UTC
    hosts: list[str]  # whose mail logs were read
    coverage: Coverage
    assumptions: list[str]  # what we took to be ours, zones, years; how to override
    blind_spots: list[str]  # what the logs do not record, and the setting that would record it
    incidents: list[Incident]  # the worst first
    notices: list[ReportedFinding]  # what concerns everybody and accuses nobody: our address on a blocklist
    overview: Overview
    queue: Queue | None = None  # null: none was looked at
