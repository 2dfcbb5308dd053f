"""An audit's nouns: what a check asks the world, what came back, and what it concludes.

A check is pure.  It is asked for its questions until it has no more, each time with all that was heard so far, and
then for its results: whatever it concludes can be concluded again from the answers kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

import msgspec

from whosent.model.finding import Strength
from whosent.model.incident import Remedy
from whosent.model.settings import Settings
from whosent.model.token import issue

Decision = Literal["open", "closed", "accepted_undelivered", "undecided"]
WORST_FIRST: Final[tuple[Decision, ...]] = ("open", "accepted_undelivered", "undecided", "closed")
Family = Literal[0, 4, 6]  # 0: whichever the name has
Treatment = Literal["signed", "unfiltered", "changed"]  # of mail that is taken for outgoing
Obstacle = Literal[
    "unresolvable",  # the name has no address
    "unreachable",  # no way there
    "refused",  # nothing listens
    "timeout",  # no answer in time, or a tarpit: the bound was reached
    "closed",  # hung up in the middle
    "tls",  # no agreement on encryption
    "protocol",  # something else speaks there
    "too_long",  # more was said than anybody should
    "permission",  # this user may not
    "missing",  # no such file or program, or no sink to ask
    "failed",  # the program said no
]


def worst(decisions: Iterable[Decision]) -> Decision:
    """What several decisions amount to; undecided if there are none."""
    return min(decisions, key=WORST_FIRST.index, default="undecided")


# ------------------------------------------------------------------ questions


class Question(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """Something put to the world; ``key`` names it among the questions of one check on one target."""

    key: str


class Via(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy to be led through, without credentials."""

    protocol: Literal["connect", "socks4", "socks4a", "socks5"]
    host: str
    port: int


class Dialogue(Question, frozen=True, kw_only=True):
    """An SMTP dialogue, one connection: ends at the first reply of 400 or above, and with QUIT.

    ``commands`` are said one by one, each after the reply to the one before: ``STARTTLS`` is followed by the
    handshake, ``DATA`` (if the reply is 354) by ``message``.
    """

    host: str
    port: int
    commands: tuple[str, ...] = ()
    message: str = ""  # lines end with \n; said with CR LF, dots doubled
    family: Family = 0
    tls: bool = False  # from the first byte (port 465)
    via: Via | None = None  # a proxy: then host and port are what it is asked to reach
    outside: bool = False  # to be held by the sink, from where it is; only with the address that asks it
    within: float = 15.0  # seconds for all of it


class Exchange(Question, frozen=True, kw_only=True):
    """Bytes said to a port at once, and what comes back until it hangs up, ``most`` bytes came or time is over."""

    host: str
    port: int
    send: bytes
    family: Family = 0
    most: int = 65536
    tls: bool = False  # from the first byte
    outside: bool = False  # as for a Dialogue
    within: float = 8.0


class Fetch(Question, frozen=True, kw_only=True):
    """An HTTP request; redirects are not followed."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    most: int = 262_144
    within: float = 15.0


class Resolve(Question, frozen=True, kw_only=True):
    """A question to the DNS; ``server`` is an address, with its port behind # if it is not 53; empty: as configured."""

    name: str
    type: str = "A"
    server: str = ""


class Run(Question, frozen=True, kw_only=True):
    """A program of this machine, as an argument vector: it only tells (``postconf``), or takes a probe of ours back."""

    argv: tuple[str, ...]
    said: str = ""  # to its standard input
    within: float = 20.0
    most: int = 4_000_000


class Read(Question, frozen=True, kw_only=True):
    """A file of this machine."""

    path: str
    most: int = 4_000_000


class Await(Question, frozen=True, kw_only=True):
    """Which of these tokens reached the sink; waits until all have, or ``within`` seconds."""

    tokens: tuple[str, ...]
    within: float = 5.0


class Reach(Question, frozen=True, kw_only=True):
    """Whether a local user's program can speak SMTP to a host, as that user; ``token`` is what it greets with."""

    uid: int
    host: str
    port: int
    token: str
    family: Family = 0
    within: float = 8.0


# ------------------------------------------------------------------ answers


class Problem(msgspec.Struct, frozen=True):
    """Why a question has no answer, or only half of one."""

    obstacle: Obstacle
    sentence: str  # plain, with what was tried


class Said(msgspec.Struct, frozen=True):
    """One line of a transcript."""

    who: Literal["we", "they"]
    text: str  # as it was, bytes that are not UTF-8 as \xNN, cut where it is endless
    at: float  # seconds since the question was put


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """What came back; a problem does not take away what was said before it."""

    key: str  # the question's
    at: float  # when it was asked, seconds since the epoch
    took: float = 0.0  # seconds
    problem: Problem | None = None
    transcript: tuple[Said, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """An SMTP reply; ``command`` is what it answers: empty for the greeting, ``.`` for the end of the message."""

    command: str
    code: int
    lines: tuple[str, ...]  # without their codes

    @property
    def text(self) -> str:
        """In one line."""
        return " ".join(self.lines)


class Replies(Answer, frozen=True, kw_only=True):
    """Of a Dialogue (and of Reach)."""

    replies: tuple[Reply, ...] = ()
    address: str = ""  # that was spoken to
    client: str = ""  # that we spoke from, as far as we know
    encrypted: str = ""  # TLS version, if it came to that
    through: str = ""  # what a proxy said when it was asked to connect


class Received(Answer, frozen=True, kw_only=True):
    """Of an Exchange."""

    raw: bytes = b""


class Fetched(Answer, frozen=True, kw_only=True):
    """Of a Fetch."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Resolved(Answer, frozen=True, kw_only=True):
    """Of a Resolve: no records and no problem means that there is no such name or no such record."""

    records: tuple[str, ...] = ()


class Ran(Answer, frozen=True, kw_only=True):
    """Of a Run."""

    code: int = 0
    output: str = ""
    complaint: str = ""


class Content(Answer, frozen=True, kw_only=True):
    """Of a Read."""

    text: str = ""
    cut: bool = False  # there is more


class Arrived(msgspec.Struct, frozen=True):
    """A token that reached the sink: proof."""

    token: str
    at: float
    client: str  # the address that brought it
    by: Literal["mail", "greeting", "smtp_text", "http", "tcp"]  # a whole message; EHLO; other words to port 25; ...
    helo: str = ""
    sender: str = ""
    recipient: str = ""
    headers: str = ""  # the first lines of the message
    body: str = ""


class Arrivals(Answer, frozen=True, kw_only=True):
    """Of an Await."""

    arrived: tuple[Arrived, ...] = ()


Heard: TypeAlias = Mapping[str, Answer]  # by the question's key


# ------------------------------------------------------------------ what is known beforehand


class Target(msgspec.Struct, frozen=True):
    """What is audited, as an operator names it: a host, an address, a domain, a URL, a folder."""

    name: str
    here: bool = False  # it is this machine: its configuration can be read

    def __str__(self) -> str:
        return self.name


class Sink(msgspec.Struct, frozen=True, kw_only=True):
    """Where probes are received: ``domain`` is what mail is addressed to, ``address`` what connections go to."""

    address: str
    domain: str = ""  # empty: only address literals can be used
    key: bytes = b""
    query: str = ""  # URL of its HTTP port
    other: str = ""  # the same by the other family of addresses; empty: it has none

    @property
    def literal(self) -> str:
        """Its address as RFC 5321 writes it in place of a domain."""
        return f"[IPv6:{self.address}]" if ":" in self.address else f"[{self.address}]"

    @property
    def mail(self) -> str:
        """What stands behind the @ of its recipients."""
        return self.domain or self.literal


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """What every check knows before it asks."""

    settings: Settings
    run: str = ""  # of this audit
    moment: int = 0  # when it began, seconds since the epoch
    host: str = ""  # this machine's name
    addresses: tuple[str, ...] = ()  # this machine's own
    users: tuple[tuple[int, str], ...] = ()  # uid and name of the local users who could run programs
    root: bool = False
    sink: Sink | None = None

    def token(self, key: str) -> str:
        """The token for the question ``key``; the same each time it is asked for."""
        return issue(self.sink.key if self.sink else b"", self.moment, f"{self.run} {key}")


# ------------------------------------------------------------------ results


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The line of a configuration that opened a hole."""

    file: str  # path, or the map as its server names it
    line: int | None  # from 1; null: a default, written nowhere
    text: str  # of the line
    why: str  # what it does, in one sentence
    setting: str = ""  # as the server's own tool names it: "mynetworks", "submission/inet/mynetworks"
    entry: str = ""  # the part of its value that is to blame
    strength: Strength = Strength.SHOWN  # candidates: the place to look, where what was read does not decide


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """One way that was tried, and what came of it."""

    name: str  # "port 25, IPv4: sender postmaster@corp.test, recipient user%domain"
    verdict: Decision  # of this way
    answer: str  # the reply or obstacle that decided
    token: str | None = None  # what was to arrive at the sink
    seconds: float = 0.0  # it took


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: lines of a transcript, of the sink's record or of a file, and when they were taken."""

    source: str  # "SMTP dialogue with 203.0.113.2:25", "sink 198.51.100.25", "/etc/postfix/main.cf"
    at: str  # RFC 3339, UTC
    lines: list[str]  # "> " said by us, "< " said to us


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a check concludes on one thing; ``open``: the hole or fault is there, proven."""

    check: str  # which one: see the list of checks
    target: str  # as it was named
    about: str  # which part of the target: "port 25", "selector mail2024"; with check and target it is unique
    verdict: Decision  # see the closed list
    severity: Literal["critical", "warning", "note"]  # of an open one; how much it matters if undecided
    sentence: str  # the answer: plain, complete, true on its own
    why: str  # how we know, or why it is undecided and what would decide it
    causes: list[Opening] = []  # where the configuration could be read
    fix: list[Remedy] = []  # steps that close it, narrowest first
    verify: str = ""  # the command that proves it closed
    vectors: list[Vector] = []  # every way that was tried
    evidence: list[Passage] = []  # of the ways that decided
    left: list[str] = []  # what of a probe may still lie somewhere, in words


# ------------------------------------------------------------------ the check


class Check(NamedTuple):
    """One file of ``checks/`` exports one of these as ``check``, named like the file."""

    name: str
    title: str
    targets: Callable[[Knowledge], Iterable[Target]]  # what it looks at here when nothing is named
    questions: Callable[[Target, Knowledge, Heard], Iterable[Question]]  # known keys among them are not asked again
    judge: Callable[[Target, Knowledge, Heard], Iterable[Result]]
    probes: bool = True  # it speaks to the target itself: then the target must be ours, or confirmed


Questions: TypeAlias = Annotated[
    Dialogue | Exchange | Fetch | Resolve | Run | Read | Await | Reach, "every kind of question there is"
]
