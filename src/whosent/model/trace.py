"""What ``whosent trace`` says of one message: the documented, versioned shape behind the terminal and the JSON."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from whosent.model.finding import Evidence, Level, Strength, Suspect
from whosent.model.inquiry import Inquiry

SCHEMA: Final = "whosent.trace/1"

Sign = Literal[
    "absent_from_log", "borrowed_queue_id", "broken_chain", "our_name_from_a_stranger",
    "same_id_twice", "out_of_order", "impossible_time", "in_the_future", "impossible_address", "headers_above_received",
    "unreadable_line", "too_many_lines",
]  # fmt: skip
ClaimKind = Literal["address", "account", "script", "uid", "host", "client", "identity"]


class Hop(msgspec.Struct, frozen=True, kw_only=True, rename={"for_": "for", "with_": "with"}):
    """One Received line; the topmost, which was written last, is position 1."""

    position: int  # from 1
    level: Level  # what the line is worth
    note: str  # why it has that level, in a few words
    from_helo: str | None  # the name the client gave itself: anything it liked
    from_rdns: str | None  # the name the server looked up for the client's address
    from_address: str | None  # the client's address as the server saw it; compressed
    from_port: int | None  # its port, where the server writes it down
    by: str | None  # the name the server calls itself
    with_: str | None  # protocol and what the server says of it
    id: str | None  # the server's queue id
    for_: str | None  # recipient, where there was one
    envelope_from: str | None  # envelope sender (reverse-path)
    auth: str | None  # the login; where it is not named, the word that says that there was one
    tls: str | None  # version and cipher
    time: str | None  # RFC 3339, UTC
    local: str | None  # who handed it to sendmail(1) on this host: "uid 33", a user's name; null: it came by network
    line: str  # the whole line unfolded; bytes that are not UTF-8 as \xNN


class Boundary(msgspec.Struct, frozen=True, kw_only=True):
    """Where the message entered, as far as it can be proven: the last line that can be believed, and its client."""

    hop: int  # position of that line
    address: str | None  # who handed the message over; null: it was handed in on that host itself
    port: int | None  # its port, where that line has it
    rdns: str | None  # name of the address, as that line has it
    time: str | None  # RFC 3339, UTC
    level: Level  # of the weakest link down to here
    sentence: str  # who recorded what; true on its own


class Forgery(msgspec.Struct, frozen=True, kw_only=True):
    """A sign that somebody wrote a line to mislead, or that the lines are not those the servers wrote."""

    sign: Sign  # which
    hop: int | None  # position of the line it is about; null: of the whole
    proves: bool  # true: refuted by what we know; false: a hint, since clocks drift and servers are set up oddly
    sentence: str  # the reason


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a header says that nothing here proves: the sender could have written it."""

    field: str  # header, or "Received"
    kind: ClaimKind  # what the value is
    value: str  # what it says; a stamp's at most 300 characters
    hop: int | None  # position of the Received line, where it stands in one
    level: Level  # claimed, or contradicted by our log
    note: str  # who writes such a header, and when it could be believed


class Authenticated(msgspec.Struct, frozen=True, kw_only=True):
    """One result of SPF, DKIM, DMARC or ARC in an Authentication-Results field (RFC 8601); not checked again."""

    authserv_id: str  # the server that says so, lower case
    method: str  # spf, dkim, dmarc, arc, auth ...
    result: str  # pass, fail, none, softfail ...
    properties: dict[str, str]  # smtp.mailfrom, header.d, header.from, smtp.auth ... as written
    level: Level  # attested, if our own border is proven to have written it; else claimed
    note: str  # why it has that level


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """What our own log says of a queue id that a Received line names."""

    hop: int  # position of that line
    host: str  # whose log
    queue_id: str  # as logged
    client_address: str | None  # who handed it in, as logged
    account: str | None  # its login
    uid: int | None  # or the user id that called sendmail(1)
    sender: str | None  # envelope sender
    message_id: str | None  # as logged
    recipients: list[str]  # at most a dozen
    agrees: bool  # false: it is another message's id
    evidence: list[Evidence]  # the lines of the log


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One message: what its trace headers prove, and what they only say."""

    schema: str  # "whosent.trace/1"
    source: str  # path as given, "-" for standard input
    number: int  # of the message in its source, from 1
    message_id: str | None  # Message-ID header
    subject: str | None  # as it stands in the header, encoded words and all
    sha256: str  # of the header block's bytes
    sentence: str  # what is proven, in one sentence
    hops: list[Hop]  # every Received line, topmost first
    boundary: Boundary | None  # null: no line can be believed
    forgeries: list[Forgery]  # those that prove something first
    suspect: Suspect | None  # who of ours put it into the world; null: nobody of ours, or not provable from here
    strength: Strength  # of what the sentence says
    claims: list[Claim]  # what unproven lines and other headers say
    logged: list[Logged]  # where logs were given
    authentication: list[Authenticated]  # what Authentication-Results fields tell, in their order
    assumptions: list[str]  # what was taken to be so, and what would prove more
    inquiry: Inquiry | None = None  # with --investigate: what the message advertises, and what registries say
    problem: str | None  # what of the message could not be read; null: all of its header was
