"""Signs that lines were written to mislead, each with its reason.

What our own log or a believed line refutes proves it.  The rest are hints: clocks drift, and servers are set up oddly.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from whosent.measures.phrases import count, dated, duration
from whosent.model.finding import Level
from whosent.model.trace import Forgery, Sign
from whosent.trace.addresses import canonical, is_impossible, is_private
from whosent.trace.boundary import Walk
from whosent.trace.letter import Letter
from whosent.trace.ours import Ours
from whosent.trace.received import Received

_DRIFT: Final = 300.0  # seconds clocks of servers differ
_EARLIEST: Final = 315_532_800.0  # 1980: no mail server of today's kind ran before
_LATEST: Final = 4_102_444_800.0  # 2100
_MOST: Final = 40  # signs told of one message


def signs(letter: Letter, walk: Walk, ours: Ours) -> list[Forgery]:
    """All signs, those that prove something first."""
    found: list[Forgery] = []
    believed = len(walk.steps)
    for source in (
        _refuted(letter, walk), _our_name(letter, walk, ours), _times(letter, believed), _joins(letter, believed),
        _twice(letter), _addresses(letter), _whole(letter),
    ):  # fmt: skip
        found += islice(source, 2 * _MOST)
    found.sort(key=lambda sign: (not sign.proves, sign.hop or 0))
    return found[:_MOST]


def _sign(sign: Sign, number: int | None, sentence: str, *, proves: bool = False) -> Forgery:
    return Forgery(sign=sign, hop=None if number is None else number + 1, proves=proves, sentence=sentence)


def _refuted(letter: Letter, walk: Walk) -> Iterator[Forgery]:
    """Lines that our own log refutes."""
    for number, match in walk.matches.items():
        line = letter.lines[number].read
        if match.absent:
            when = f" of {dated(line.time)}" if line.time is not None else ""  # a log covers it: it is a moment of ours
            yield _sign("absent_from_log", number,
                        f"Line {number + 1} claims that {line.by} took it under the queue id {line.id}; the log "
                        f"of {match.host} covers the time{when} and does not have that id. {line.by} did not "
                        "write this line.", proves=True)  # fmt: skip
        elif match.refutes:
            yield _sign("borrowed_queue_id", number,
                        f"Line {number + 1} names the queue id {line.id} of {line.by}, but {match.why}: the line is "
                        "not about this message.", proves=True)  # fmt: skip


def _our_name(letter: Letter, walk: Walk, ours: Ours) -> Iterator[Forgery]:
    """Strangers that call themselves, or their lines, by our names."""
    for step in walk.steps:
        line = letter.lines[step.number].read
        address = line.from_address
        literal = canonical((line.from_helo or "").strip("[]"))
        if address is None or ours.is_address(address):
            continue
        if ours.named and ours.is_name(line.from_helo):
            yield _sign("our_name_from_a_stranger", step.number,
                        f"{address} is not ours, but called itself {line.from_helo}, a name of ours.")  # fmt: skip
        elif literal is not None and literal != address and ours.is_public_own(literal):
            yield _sign("our_name_from_a_stranger", step.number,
                        f"{address} is not ours, but called itself {line.from_helo}, an address of ours.")  # fmt: skip
    for number in range(len(walk.steps), len(letter.lines)):
        line = letter.lines[number].read
        if ours.named and ours.is_name(line.by) and number not in walk.matches:
            yield _sign("our_name_from_a_stranger", number,
                        f"Line {number + 1} claims to be written by {line.by}, a name of ours, below the last line "
                        "that can be believed: whoever sent the message can have written it.")  # fmt: skip


def _times(letter: Letter, believed: int) -> Iterator[Forgery]:
    """Times that cannot be, or that run backwards."""
    above: tuple[int, float] | None = None
    for number, (line, _) in enumerate(letter.lines):
        if line.time is None:
            if line.date and line.by:
                yield _sign("impossible_time", number, f"Line {number + 1} has no date that exists.")
            continue
        if not _EARLIEST <= line.time <= _LATEST:
            yield _sign("impossible_time", number, f"Line {number + 1} is dated before 1980 or after 2100.")
            continue
        if above is not None and line.time > above[1] + _DRIFT:
            later = duration(line.time - above[1])
            yield _sign("in_the_future" if number >= believed > above[0] else "out_of_order", number,
                        f"Line {number + 1} is dated {later} after line {above[0] + 1}, which was written "
                        "later.")  # fmt: skip
            continue
        above = (number, line.time)


def _joins(letter: Letter, believed: int) -> Iterator[Forgery]:
    """Claimed lines whose client is not the server that wrote the line below."""
    for number in range(max(0, believed - 1), len(letter.lines) - 1):
        line, below = letter.lines[number].read, letter.lines[number + 1].read
        if line.local is not None and not line.onward:
            yield _sign("broken_chain", number + 1,
                        f"Line {number + 1} says that the message was handed in on that host itself; no server can "
                        f"have written line {number + 2} before.")  # fmt: skip
        elif below.by and line.from_address and not _could_be(line, below):
            yield _sign("broken_chain", number + 1,
                        f"Line {number + 1} had the message from {_client(line)}; line {number + 2} says it was "
                        f"written by {below.by}.")  # fmt: skip


def _could_be(line: Received, below: Received) -> bool:
    """Whether the client of a line may be the writer of the one below: any name of it is alike, or is an address."""
    by = (below.by or "").lower()
    if canonical(by) is not None or "." not in by or is_private(line.from_address or ""):
        return True
    names = [name.lower() for name in (line.from_helo, line.from_rdns) if name]
    if not names:
        return True
    site = _site(by)
    return any("." not in name or _site(name) == site for name in names)


@lru_cache(4096)
def _site(name: str) -> str:
    """The last two labels of a name, or three where the last but one is short (co.uk): enough for a hint."""
    labels = name.rstrip(".").split(".")
    return ".".join(labels[-3:] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[-2:])  # noqa: PLR2004  # labels


def _client(line: Received) -> str:
    name = line.from_rdns or line.from_helo
    return f"{name} ({line.from_address})" if name else str(line.from_address)


def _twice(letter: Letter) -> Iterator[Forgery]:
    """Queue ids that stand in two lines of one server."""
    seen: dict[tuple[str, str], int] = {}
    for number, (line, _) in enumerate(letter.lines):
        if not line.id or not line.by or (line.with_ or "").startswith("Microsoft"):
            continue  # Exchange writes its version there
        first = seen.setdefault((line.by.lower(), line.id), number)
        if first != number:
            yield _sign("same_id_twice", number,
                        f"Lines {first + 1} and {number + 1} have the same queue id of {line.by}, {line.id}; a server "
                        "uses one once.")  # fmt: skip


def _addresses(letter: Letter) -> Iterator[Forgery]:
    for number, (line, _) in enumerate(letter.lines):
        if line.from_address and is_impossible(line.from_address):
            yield _sign("impossible_address", number,
                        f"Line {number + 1} names {line.from_address}, which no client can have.")  # fmt: skip
        if line.forgeable:
            yield _sign("unreadable_line", number,
                        f"Line {number + 1} names addresses in a form of no known server: none is taken.")  # fmt: skip
        elif not line.readable:
            yield _sign("unreadable_line", number, f"Line {number + 1} is none that any known server writes.")


def _whole(letter: Letter) -> Iterator[Forgery]:
    if letter.below_ordinary > 0:
        yield _sign("headers_above_received", letter.below_ordinary,
                    f"Line {letter.below_ordinary + 1} and those below it stand under From, To or Subject; servers put "
                    "theirs on top.")  # fmt: skip
    if letter.more:
        yield _sign("too_many_lines", None,
                    f"There are {count(letter.more, 'Received line')} more than were read; real mail has fewer than "
                    "a hundred.")  # fmt: skip


def refuted_levels(walk: Walk) -> dict[int, Level]:
    """Lines that our log contradicts, by number."""
    return {number: Level.CONTRADICTED for number, match in walk.matches.items() if match.refutes}
