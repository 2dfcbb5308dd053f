"""Bounces among the inputs of a scan: read from their mailboxes, every line accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec

from whosent.complaints.reading import read
from whosent.model.complaint import Told
from whosent.model.finding import Finding, Level, Strength
from whosent.model.rows import reference
from whosent.reading.formats import Form
from whosent.reading.mailboxes import messages
from whosent.reading.reader import Reader
from whosent.sources.files import Source

RECORDER: Final = "bounces"  # who wrote such a line down
_OTHER_MAIL: Final = "mail that is no bounce"


class Box(Protocol):
    """An input of the walk."""

    number: int
    source: Source
    reader: Reader
    last: float


def bounces(inputs: Iterable[Box]) -> list[tuple[Told, int]]:
    """The bounces in the mailboxes among the inputs, with where each was read."""
    found = []
    for one in inputs:
        if one.reader.form is not Form.MAILBOX:
            continue
        counts = one.reader.counts
        for message in messages((offset, chunk) for offset, chunk, _ in one.source.chunks()):
            told = [each for each in read(message.raw) if each.kind == "bounce"]
            found += [(each, reference(one.number, message.offset)) for each in told]
            one.last = max([one.last, *(each.reported for each in told if each.reported is not None)])
            if not told:
                counts.other_programs[_OTHER_MAIL] = counts.other_programs.get(_OTHER_MAIL, 0) + message.lines
        counts.lines = one.source.lines
    return found


def weighed(finding: Finding, recorder: Callable[[int], str]) -> Finding:
    """A finding that rests on bounces is a join with others' words: likely, its lines corroborated at most."""
    returned = {quote.ref for quote in finding.quotes if recorder(quote.ref) == RECORDER}
    if not returned:
        return finding
    weaker = finding.strength if finding.strength in {Strength.CANDIDATES, Strength.UNPROVABLE} else Strength.LIKELY
    quotes = tuple(
        msgspec.structs.replace(quote, level=Level.CORROBORATED) if quote.ref in returned else quote
        for quote in finding.quotes
    )
    witnesses = (*finding.witnesses, "bounces that came back")
    return msgspec.structs.replace(finding, strength=weaker, quotes=quotes, witnesses=witnesses)
