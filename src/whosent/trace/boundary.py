"""How far down a message's Received lines can be believed, and who handed it over there.

A line is believed because of the line above it, never because of a name in it: the host that wrote the line above is
already believed, it recorded the address of its client, and that client is proven to be the server that wrote the
next line.  What proves it, strongest first: our own log has the message under the queue id of the line; the address
was named as a mail server of ours; the name that the believed host looked up for an address of ours is the name the
next line gives its writer.  A name the client gave itself proves nothing, nor does an address in our networks alone:
an infected machine there can write lines too.  Nor does a client on the loopback address: it is a content filter on
most hosts, and on some a web script, which can write what it likes.

In the copy of another site its own hops come first; :mod:`whosent.trace.inside` tells them by their form.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, NamedTuple

from whosent.join.sightings import Sighting, Sightings
from whosent.model.finding import Level
from whosent.trace.addresses import is_private
from whosent.trace.inside import (
    is_of_provider,
    may_be_inside,
    notes_no_name,
    why_inside,
    why_of_google,
    why_one_address,
)
from whosent.trace.letter import Letter
from whosent.trace.logged import Match, delivered, match
from whosent.trace.ours import Ours
from whosent.trace.received import Received

_RANK: Final = {level: rank for rank, level in enumerate(Level)}
_OWN_MAKING: Final = frozenset({"bounce", "mailer-daemon", "localhost"})  # what servers call themselves in such lines
_FETCHED: Final = ("POP3", "IMAP")
_SUBMITTED: Final = "MAPI"  # Exchange's word for what a mailbox's owner hands in: the message begins there
_BY_SMTP: Final = re.compile(r"(?:UTF8|E)?SMTPS?$", re.IGNORECASE)


class End(Enum):
    """Why the walk ended where it did."""

    STRANGER = "a client outside our networks handed it over"
    OWN_CLIENT = "a client in our networks handed it over"
    LOGIN = "a client that had logged in handed it over"
    LOCAL = "it was handed in on this host"
    MTA = "the mail server made it itself"
    NO_CLIENT = "the line does not say who handed it over"
    PERHAPS_INSIDE = "a client handed it over that may be a server of the same site"
    UNREADABLE = "the line cannot be read"
    NOTHING = "no line can be believed"


class Step(NamedTuple):
    """A believed line."""

    number: int  # from 0
    level: Level
    why: str


class Walk(NamedTuple):
    """The believed lines, topmost first, and where they end."""

    steps: list[Step]
    end: End
    matches: dict[int, Match]  # what our log says, by number of the line
    ours: bool  # the writer of the last believed line is a host of ours

    @property
    def level(self) -> Level:
        """Of the weakest link; our own log is a link of its own, which makes the lines above it no weaker."""
        return weakest(step.level for step in self.steps)


def weakest(levels: object) -> Level:
    """The level that counts for a chain."""
    return max(levels, key=_RANK.__getitem__, default=Level.CLAIMED)  # type: ignore[call-overload,no-any-return]


def walk(letter: Letter, ours: Ours, sightings: Sightings | None) -> Walk:
    """Go down from the topmost line as far as each is proven by the one above."""
    matches: dict[int, Match] = {}
    for number in range(len(letter.lines) if sightings is not None else 0):
        if letter.lines[number].read.by:
            found = match(letter, number, ours, sightings)
            if found is not None:
                matches[number] = found
    if not letter.lines:
        return Walk([], End.NOTHING, matches, ours=False)
    first = _first(_named(letter), ours, matches.get(0))
    if first is None:
        return Walk([], End.NOTHING, matches, ours=False)
    steps = [first]
    while True:
        number = steps[-1].number
        line = letter.lines[number].read
        end = _ends(line, ours)
        final = end in {End.LOCAL, End.MTA, End.UNREADABLE}
        step = None if final else _next(letter, number, end, steps[-1], ours, matches)
        if step is None:
            if end is End.STRANGER and _is_of_strangers(line, steps[-1], ours) and number + 1 < len(letter.lines):
                end = End.PERHAPS_INSIDE if may_be_inside(line, letter.lines[number + 1].read) else end
            return Walk(steps, end or End.NO_CLIENT, matches, ours=_is_ours(steps[-1], line, ours))
        steps.append(step)


def _is_ours(step: Step, line: Received, ours: Ours) -> bool:
    return ours.is_name(line.by) or (not ours.named and step.level is not Level.CORROBORATED)


def _named(letter: Letter) -> Received:
    """The topmost line; qmail's does not name its host, the one below it does."""
    top = letter.lines[0].read
    return top._replace(by=letter.lines[1].read.by) if top.onward and not top.by and letter.lines[1:] else top


def _first(line: Received, ours: Ours, found: Match | None) -> Step | None:
    """The topmost line: written by whoever delivered this copy."""
    if found is not None and found.refutes:
        return None
    if found is not None and found.agrees:
        return Step(0, Level.OBSERVED, f"our log agrees: {found.why}")
    if not line.readable:
        return Step(0, Level.VOUCHED, "written by the host that delivered this copy, but cannot be read")
    if ours.is_name(line.by):
        return Step(0, Level.ATTESTED, "the topmost line, written by a mail server of ours")
    if line.by_address and ours.is_public_own(line.by_address):
        return Step(0, Level.ATTESTED, "the topmost line, written at an address of ours")
    return Step(0, Level.VOUCHED, "the topmost line, written by the host that delivered this copy")


def _ends(line: Received, ours: Ours) -> End | None:  # one for each way of handing in
    """Why nothing below this line may be believed on its word; None if it may name the server that wrote the next."""
    if not line.readable or line.forgeable:
        return End.UNREADABLE
    if line.onward:
        return None
    if line.local is not None:
        return End.MTA if line.local.lower() in _OWN_MAKING else End.LOCAL
    if line.auth is not None:
        return End.LOGIN
    if line.from_address is None:
        return None if line.from_helo is None or _is_lmtp(line) else End.NO_CLIENT
    return End.OWN_CLIENT if ours.is_address(line.from_address) else End.STRANGER


def _is_lmtp(line: Received) -> bool:
    return (line.with_ or "").lower().startswith("lmtp")


def _next(  # noqa: PLR0913, PLR0917  # the walk as it stands
    letter: Letter, number: int, end: End | None, step: Step, ours: Ours, matches: dict[int, Match]
) -> Step | None:
    """The line below as a believed one, if something proves that the client of this one wrote it."""
    if number + 1 >= len(letter.lines):
        return None
    below = letter.lines[number + 1].read
    line, found = letter.lines[number].read, matches.get(number + 1)
    if found is not None and not found.agrees:
        return None
    if found is not None and found.life is not None:
        passed_on = _passed_on(found.life, line, letter, ours, step)
        if passed_on:
            return Step(number + 1, _no_stronger(Level.OBSERVED, step.level), f"our log agrees: {passed_on}")
    theirs = number == 0 and found is None and _is_of_strangers(line, step, ours) and not ours.is_name(below.by)
    inside = why_inside(line, below) if theirs else ""
    if inside:
        return Step(1, Level.CORROBORATED, inside)
    if _hides_client(line):
        handed_on = why_of_google(line, below)
        return Step(number + 1, Level.CORROBORATED, handed_on) if handed_on else None
    return None if end is not None and end is not End.OWN_CLIENT else _by_identity(number + 1, line, below, step, ours)


def _passed_on(life: Sighting, line: Received, letter: Letter, ours: Ours, step: Step) -> str:
    """How our log shows that the life below became the message of this line.

    The queue id that the next host gave it does, since only the two hosts know it.  That it was delivered to this
    recipient does so only if the client was ours: whoever had a copy of that message knows the rest of its line.
    """
    if line.id and line.id in life.next_ids:
        return f"our log has it sent on, queued as {line.id}"
    address = line.from_address
    believed = step.level in {Level.OBSERVED, Level.ATTESTED}
    if address is None or not (ours.is_address(address) if believed else ours.is_public_own(address)):
        return ""
    sent = delivered(life, line, letter.recipients)
    return f"our log has it delivered to {sent.recipient} at that time" if sent is not None else ""


def _no_stronger(level: Level, above: Level) -> Level:
    """A link of our own log below a stranger's word is corroborated, not observed."""
    return level if above in {Level.OBSERVED, Level.ATTESTED} else Level.CORROBORATED


def _by_identity(number: int, line: Received, below: Received, step: Step, ours: Ours) -> Step | None:  # noqa: PLR0911
    """The line below, believed because its writer is the client this line recorded."""
    if (not below.readable and not line.onward) or (line.with_ or "").upper().startswith(_SUBMITTED):
        return None
    if line.onward:
        if (line.with_ or "").upper().startswith(_FETCHED):
            return Step(
                number, Level.VOUCHED, "the message was fetched from a mailbox elsewhere, with this line on top"
            )
        return Step(number, step.level, "the same host says that it came by network")
    if line.from_address is None:
        return _handed_inside(number, line, below, step, ours)
    itself = why_one_address(line, below) if _is_of_strangers(line, step, ours) else ""
    if itself:
        return Step(number, Level.CORROBORATED, itself)
    of_provider = is_of_provider(line) and _is_of_strangers(line, step, ours)
    if ours.named and not of_provider and not ours.is_name(below.by) and not _is_local_name(below.by):
        return None
    return _by_address(number, line, below, step, ours)


def _by_address(number: int, line: Received, below: Received, step: Step, ours: Ours) -> Step | None:
    """The same, of a client whose address we know something of; a private one of another site is not ours."""
    address = line.from_address
    if address is None:
        return None
    theirs = ours.named and is_private(address) and _is_of_strangers(line, step, ours)
    if not theirs and ours.is_server(address):
        return Step(number, step.level, f"{address} was named as a mail server of ours")
    if not ours.is_address(address) or ours.is_loopback(address) or _same(line.by, below.by):
        return None
    if line.from_rdns and _same(line.from_rdns, below.by) and (not theirs or ours.is_name(below.by)):
        proves = ours.is_name(below.by) or _is_local_name(below.by)  # any machine may have a looked-up name
        level = step.level if ours.named and proves else Level.CORROBORATED
        return Step(number, level, f"the name looked up for {address} is that of the host that wrote this line")
    speaks = notes_no_name(line) and (not theirs or is_of_provider(line))
    if speaks and line.from_helo and _same_host(line.from_helo, below.by):
        where = "of the provider's own network" if theirs else "in our networks"
        return Step(number, Level.CORROBORATED, f"{address}, {where}, called itself like the host of this line")
    return None


def _handed_inside(number: int, line: Received, below: Received, step: Step, ours: Ours) -> Step | None:
    """A line without a client's address: a server that moves a message within itself writes such lines."""
    if (line.with_ or "").upper().startswith("HTTP") or below.by is None:
        return None
    theirs = _is_of_strangers(line, step, ours) and not ours.is_name(below.by)
    if _same(line.by, below.by):
        return Step(number, step.level, "the same host wrote the line above")
    inside = ours.is_name(line.by) or (line.by_address is not None and theirs) or ours.is_address(line.by_address or "")
    if inside and (ours.is_name(below.by) or theirs):
        level = Level.CORROBORATED if theirs and ours.named else step.level
        return Step(number, level, "the line above moves the message within one site")
    return None


def _hides_client(line: Received) -> bool:
    return line.from_helo is None and line.from_address is None and bool(_BY_SMTP.match(line.with_ or ""))


def _is_of_strangers(line: Received, step: Step, ours: Ours) -> bool:
    """Whether the line stands in the copy of another site, so that what we know of ours says nothing of its servers."""
    return not ours.named or (step.level in {Level.VOUCHED, Level.CORROBORATED} and not ours.is_name(line.by))


def _is_local_name(name: str | None) -> bool:
    return (name or "").lower().partition(".")[0] in {"localhost", "127"}


def _same(one: str | None, other: str | None) -> bool:
    return bool(one) and bool(other) and one.lower().rstrip(".") == other.lower().rstrip(".")  # type: ignore[union-attr]


def _same_host(one: str, other: str | None) -> bool:
    """Whether two names begin with the same host; sites call one machine by several domains."""
    return bool(other) and one.lower().partition(".")[0] == other.lower().partition(".")[0]  # type: ignore[union-attr]
