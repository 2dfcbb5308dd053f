"""What a visitor can make a form do, judged from what it sends: to whom, with which header lines, what text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from whosent.forms.sending import Sent
from whosent.forms.values import MAYBE, NO, YES, Mark, Value, marks, sureness
from whosent.model.site import Hole

RANK: Final[dict[Hole, int]] = {
    "command_injection": 4,
    "option_injection": 3,
    "recipient_from_request": 2,
    "header_injection": 1,
}
_ADDRESSING: Final = frozenset({"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc", "apparently-to"})
_HEADER_NAME: Final = re.compile(r"([A-Za-z][\w-]*)\s*:[^\n]*\Z")


class Risk(NamedTuple):
    """One hole of one script."""

    hole: Hole
    line: int  # where mail is handed on
    field: str  # what of the visitor's gets there, as the script calls it
    where: str  # the header line or argument it gets into
    how: str  # the function
    sure: bool  # False: a filter or test stands in between that was not followed


def risks(sent: Iterable[Sent], text: Value) -> list[Risk]:
    """The holes, worst first, each place once; ``text``: what is set as text elsewhere."""
    found: dict[tuple[Hole, int], Risk] = {}
    for one in sent:
        for risk in _risks(one, text):
            known = found.get((risk.hole, risk.line))
            if known is None or (risk.sure and not known.sure):
                found[risk.hole, risk.line] = risk
    return sorted(found.values(), key=lambda risk: (not risk.sure, -RANK[risk.hole], risk.line))


def _risks(one: Sent, elsewhere: Value) -> Iterator[Risk]:
    for mark in marks(one.command):
        if mark.chosen:
            yield _risk("command_injection", mark, one, "the command line", mark.chosen)
    for mark in marks(one.options):
        if mark.chosen and mark.free:
            yield _risk("option_injection", mark, one, "the mail program's options", min(mark.chosen, mark.free))
    head, body = _parted(one)
    text = one.text if one.text is not None else (body if one.raw else elsewhere)
    written = sureness(text, lambda mark: min(mark.chosen, mark.free))
    for mark in marks(one.recipients):
        yield from _recipient(mark, one, one.line, "the recipient", written)
    for mark, name, line in (*_headers(((one.headers, one.line),)), *_headers(head)):
        if name in _ADDRESSING:
            yield from _recipient(mark, one, line, f"the {name.title()} header line", written)
        if mark.breaks and not one.checked:
            where = f"the {name.title()} header line" if name else "the header lines"
            yield Risk("header_injection", line, mark.origin, where, one.how, mark.breaks == YES)


def _recipient(mark: Mark, one: Sent, line: int, where: str, written: int) -> Iterator[Risk]:
    """To an address of the visitor's: a hole only where the text is the visitor's, too."""
    sure = min(mark.chosen, written)
    if sure != NO:
        yield Risk("recipient_from_request", line, mark.origin, where, one.how, sure == YES)


def _risk(hole: Hole, mark: Mark, one: Sent, where: str, sure: int) -> Risk:
    return Risk(hole, one.line, mark.origin, where, one.how, sure > MAYBE)


def _parted(one: Sent) -> tuple[tuple[tuple[Value, int], ...], Value]:
    """A message as it is written, parted at its first empty line."""
    head: list[tuple[Value, int]] = []
    body: list[str | Mark] = []
    ended, last = False, ""
    for value, line in one.raw:
        pieces: list[str | Mark] = []
        for piece in value:
            if ended:
                body.append(piece)
            elif isinstance(piece, str):
                before, empty, after = (last + piece).replace("\r\n", "\n").partition("\n\n")
                ended = bool(empty)
                pieces.append(before[len(last) :] if not ended else before[len(last) :] + "\n")
                last = "\n" if piece.endswith("\n") and not ended else ""
                body += [after] if ended else []
            else:
                pieces.append(piece)
                last = ""
        head.append((tuple(pieces), line))
    return tuple(head), tuple(body)


def _headers(written: tuple[tuple[Value, int], ...]) -> Iterator[tuple[Mark, str, int]]:
    """Each mark with the header line it stands in."""
    before = "\n"
    for value, line in written:
        for piece in value:
            if isinstance(piece, str):
                before = (before + piece)[-400:]
            else:
                name = _HEADER_NAME.search(before.rpartition("\n")[2])
                yield piece, name[1].lower() if name else "", line
                before += "x"
