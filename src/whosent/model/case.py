"""A case: what is known of one incident, statement by statement, each with its level, its source and its exhibits."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from whosent.model.complaint import Complaint
from whosent.model.finding import Level, Strength
from whosent.model.incident import Incident
from whosent.model.report import LoginNetwork

SCHEMA: Final = "whosent.case/1"

Reader = Literal["management", "engineers", "law_enforcement"]


class Exhibit(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a log, or one record of a queue file, numbered within the case."""

    number: int  # from 1
    source: str  # path as given
    offset: int  # of the line's first byte, from 0, in decompressed bytes
    line: int  # its number, from 1; 0 in a queue file, whose records have none
    excerpt: str  # bytes that are not UTF-8 as \xNN, control characters escaped
    sha256: str  # of the line's bytes without its line end
    level: Level
    note: str  # what this line shows, in a few words
    state: Literal["original", "excerpt"]  # whether its bytes are at hand and have that digest
    time: str | None = None  # as the line itself says, RFC 3339, UTC; null: not readable from the line alone
    host: str | None = None  # which wrote it, as the line says
    event: str | None = None  # what kind of event it is: submission, delivery, login, request ...
    address: str | None = None  # of the client
    port: int | None = None  # of the client
    account: str | None = None  # that the line names
    queue_id: str | None = None  # that the line names
    sender: str | None = None  # of the envelope
    message_id: str | None = None  # header field, where the line has it


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of the case, true on its own, and what it rests on."""

    number: int  # from 1
    sentence: str  # plain, complete, true on its own
    level: Level  # of its weakest exhibit; "claimed" where it has none
    strength: Strength
    recorded_by: list[str]  # who wrote it down: "Postfix log of mx", a reporter
    since: str | None  # RFC 3339, UTC
    until: str | None
    exhibits: list[int]  # their numbers
    accuses: bool  # false: it supports others and accuses nobody alone


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: str  # RFC 3339, UTC
    sentence: str  # what happened
    level: Level
    recorded_by: str  # which host, log or person
    exhibit: int | None = None  # its number


class SeenAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A client address that exhibits name."""

    address: str  # in its shortest form
    ports: list[int]  # that the lines have; none: not recorded
    events: list[str]  # what it was seen doing: submission, login, request, rejection
    first: str | None  # RFC 3339, UTC
    last: str | None
    exhibits: list[int]  # their numbers


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done: by an action of Whosent, or as an operator states."""

    at: str | None  # RFC 3339, UTC; null: not said
    who: str  # the operator's login name, "whosent"
    text: str  # what was done
    level: Level  # observed: in our own journal; claimed: stated by hand


class LogFile(msgspec.Struct, frozen=True, kw_only=True):
    """One input that was read for the case."""

    source: str  # path as given
    format: str  # as the scan recognised it
    lines: int
    first: str | None  # RFC 3339, UTC
    last: str | None
    problem: str | None  # null: it was read whole
    sha256: str | None  # of the stored file when the case was made; null: it was not at hand any more
    bytes: int | None  # of the stored file at that moment


class CaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a case says; what is not proven is written as not proven."""

    schema: str  # "whosent.case/1"; the number rises when a field changes its meaning or goes
    version: str  # of Whosent
    made: str  # when, RFC 3339, UTC
    made_by: str  # login name and machine of who made it
    timezone: str  # IANA zone in which people are shown times; every field is UTC
    state: str | None  # of the incident in the ledger: open, contained, resolved, dismissed; null: not kept there
    hosts: list[str]  # whose logs were read
    window: tuple[str, str] | None  # first and last line that was read, RFC 3339, UTC
    incident: Incident  # as the scan tells it
    statements: list[Statement]  # those that accuse first
    not_proven: list[str]  # a sentence each
    timeline: list[Happening]  # the oldest first
    addresses: list[SeenAddress]  # of clients, by when they were first seen
    networks: list[LoginNetwork]  # from which the account submitted mail or logged in
    exhibits: list[Exhibit]  # the quoted lines, in the order of their numbers
    complaints: list[Complaint]  # that lead to this incident
    changes: list[Change]  # what was done about it, the oldest first
    files: list[LogFile]  # that were read
    assumptions: list[str]  # what was taken to be so


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change: who added which files when."""

    number: int  # from 1
    at: str  # RFC 3339, UTC
    by: str  # login name and machine
    what: str  # in words: "the case was made", or the note of who added something
    files: dict[str, str]  # names within the folder -> SHA-256
    previous: str  # digest of the line before; 64 zeros in the first
    digest: str = ""  # SHA-256 of this object with an empty digest


class Verified(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="whosent.verified/1"):
    """What became of checking a folder."""

    folder: str  # its path
    intact: bool  # nothing is wrong
    problems: list[str]  # a sentence each
    head: str  # digest of the last link of the chain: compare it with the one written down elsewhere
    links: list[Link]  # the chain, as far as it holds
    files: int  # that are in the folder, chain and manifest included
