"""What a report from outside says: complaint, bounce, listing; and what our own logs answer to it."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from whosent.model.finding import Level, Strength, Suspect

SCHEMA: Final = "whosent.complaint/1"

ReportKind = Literal["complaint", "bounce", "listing", "notice", "other"]
Ownership = Literal["yes", "no", "unknown"]


_NO_MAIL: Final = ("connection/", "content/", "copyright/", "vulnerability/")  # classes of XARF that no message is of
_DEED: Final = re.compile(
    r"(?:[\w-]{1,60}/)?(?:[a-z]{1,30}[_-]attack|port[_-]?scan|ddos|copyright|regbot|badbot|harvesting)"
)


def is_no_message(feedback_type: str | None, *, quoted: bool) -> bool:
    """Whether something is reported that is no message: an attack, a site, a hole; ``quoted``: it has one with it."""
    kind = feedback_type or ""
    return kind.startswith(_NO_MAIL) or (_DEED.fullmatch(kind) is not None and not quoted)


class ReportedRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient of a bounce and what its server said; in the words of RFC 3464 and of ``whosent parse``."""

    recipient: str | None  # null: the report names none
    dsn: str | None  # enhanced status code (RFC 3463), such as 5.1.1
    status: str | None  # bounced, deferred, sent; null: not said
    smtp_reply: str | None  # what the server said, if it said anything


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """One line of our own logs that the answer rests on."""

    source: str  # path as given
    offset: int  # of the line's first byte, from 0, in decompressed bytes
    line: int  # its number, from 1
    excerpt: str  # bytes that are not UTF-8 as \xNN, control characters escaped
    sha256: str  # of the line's bytes without its line end
    note: str  # what this line shows, in a few words


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one event of a report says, before anybody looked into our logs; all of it is the reporter's word."""

    kind: ReportKind
    layout: str
    reporter: str | None = None
    feedback_type: str | None = None
    source_address: str | None = None
    source_port: int | None = None
    arrival: float | None = None  # seconds since the epoch
    original_mail_from: str | None = None
    original_recipient: str | None = None
    recipient_told: bool = False  # by the reporter; else read in the original's headers, which its sender wrote
    message_id: str | None = None
    urls: tuple[str, ...] = ()
    recipients: tuple[ReportedRecipient, ...] = ()
    reported: float | None = None  # when the report was written, by its Date
    feedback_ids: tuple[str, ...] = ()  # what the original carried for us to know it again: CFBL-Feedback-ID, VERP ...
    claims: tuple[HopClaim, ...] = ()  # what Received lines of the original, and the report, say of queue ids
    redacted: bool = False  # its reporter hides who complained
    mentioned: tuple[str, ...] = ()  # other public addresses in its text: one of them may be ours


class HopClaim(msgspec.Struct, frozen=True):
    """A host is said to have had the message under a queue id; a line anybody may have written."""

    host: str  # name behind "by", lower case; "" if none is given
    queue_id: str
    address: str | None = None  # of the client, as that line has it
    port: int | None = None
    time: float | None = None  # seconds since the epoch
    account: str | None = None  # login, as that line has it


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """One event of one report: what it says, and what can be answered from our own logs."""

    schema: str  # "whosent.complaint/1"; the number rises when a field changes its meaning or goes
    id: str  # digest of the report and the event's place in it: the same report has the same ids
    source: str  # where the report was read: path as given, "-" for standard input; with the message's number
    sha256: str  # of the report's bytes
    kind: ReportKind  # what sort of report it is
    layout: str  # whose form the report has: arf, xarf, dsn, spamcop, exim ...
    reporter: str | None  # address or name of who reports, as the report says
    feedback_type: str | None  # RFC 5965, XARF: abuse, fraud, virus, not-spam, auth-failure, messaging/spam ...
    source_address: str | None  # accused address, compressed
    source_port: int | None  # where the report has it; behind a shared address only the port tells who
    arrival_date: str | None  # when the accused message came, RFC 3339, UTC
    original_mail_from: str | None  # envelope sender, else that of the From header
    original_recipient: str | None  # as far as it is not redacted
    message_id: str | None  # of the accused or returned message, with its brackets
    urls: list[str]  # advertised, as written
    recipients: list[ReportedRecipient]  # of a bounce
    ours: Ownership  # whether the message left through us
    suspect: Suspect | None  # who handed us the message; null: nobody is named
    candidates: list[Suspect]  # where several are possible and nobody is named
    strength: Strength  # of the suspect, or of "no"
    level: Level  # what the statement of ours rests on: observed in our log, claimed by the reporter, contradicted
    queue_id: str | None  # of the message in our logs
    incident: str | None  # id of the incident of this suspect, as whosent scan has it
    sentence: str  # plain, complete, true on its own
    evidence: list[Basis]  # lines of our logs
    incident_sentence: str | None = None  # what the scan said of that incident when the report came; null: nothing
