"""Messages from outside in our name, the texts that filters must stop, and what shows how they were treated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from whosent.model.check import Arrived, Replies, Treatment

_FILTERS: Final = re.compile(
    r"(?im)^(X-(?:Virus|Spam|Rspamd|Amavis|Spamd|MailScanner|Sophos|Clam)[\w-]*|Authentication-Results):"
)
_SIGNATURE: Final = re.compile(r"(?im)^DKIM-Signature:(.*(?:\n[ \t].*)*)")
_SIGNED: Final = re.compile(r"(?ims)^DKIM-Signature:.*?\bd=([\w.-]+)")


class Probe(NamedTuple):
    """One message."""

    name: str
    outgoing: bool  # from here to the sink; else from outside to our mailbox
    ours: bool  # its From names us
    payload: str = ""  # virus, spam
    alone: bool = False  # its From names us, its envelope does not

    @property
    def words(self) -> str:
        """What it is."""
        what = {"": "an ordinary message", "virus": "the virus test file EICAR", "spam": "the spam test text GTUBE"}
        name = " with our name in From alone" if self.alone else " in our name"
        return what[self.payload] + (name if self.ours and not self.outgoing else "")


PROBES: Final = (
    Probe("plain", outgoing=False, ours=False),
    Probe("in our name", outgoing=False, ours=True),
    Probe("our From alone", outgoing=False, ours=True, alone=True),
    Probe("virus", outgoing=False, ours=False, payload="virus"),
    Probe("virus in our name", outgoing=False, ours=True, payload="virus"),
    Probe("spam", outgoing=False, ours=False, payload="spam"),
    Probe("spam in our name", outgoing=False, ours=True, payload="spam"),
    Probe("plain outgoing", outgoing=True, ours=True),
    Probe("virus outgoing", outgoing=True, ours=True, payload="virus"),
    Probe("spam outgoing", outgoing=True, ours=True, payload="spam"),
)


def taken(answer: object) -> bool:
    """Whether a server took the message."""
    last = answer.replies[-1:] if isinstance(answer, Replies) else ()
    return bool(last) and last[0].command == "." and last[0].code < 300  # noqa: PLR2004  # RFC 5321


class Fate(NamedTuple):
    """A message, and what became of it."""

    probe: Probe
    answer: Replies
    arrived: Arrived | None

    @property
    def refused(self) -> bool:
        """Whether a server said no."""
        return bool(self.answer.replies) and self.answer.replies[-1].code >= 400  # noqa: PLR2004  # RFC 5321

    @property
    def told(self) -> str:
        """In a few words."""
        if self.arrived is not None:
            return "arrived"
        if self.refused:
            return f"refused: {self.answer.replies[-1].code} {self.answer.replies[-1].text}"[:300]
        if taken(self.answer):
            return "taken, and not delivered"
        return self.answer.problem.sentence if self.answer.problem else "no clear answer"


def treated(plain: Arrived, forged: Arrived, ours: set[str]) -> Iterator[tuple[Treatment, str]]:
    """What shows that the forged one was taken for outgoing, beside an ordinary one that came the same way."""
    signed = _found(_SIGNED, forged) - _found(_SIGNED, plain)
    if signed & ours:
        yield "signed", f"it was signed as {', '.join(sorted(signed & ours))} (DKIM)"
    missing = _found(_FILTERS, plain) - _found(_FILTERS, forged)
    if missing:
        yield "unfiltered", f"a filter did not look at it ({', '.join(sorted(missing))} is missing)"
    if forged.body.split() != plain.body.split():
        yield "changed", "its text was changed, as with a disclaimer"


def selectors(one: Arrived, ours: set[str]) -> frozenset[str]:
    """Those of its DKIM signatures of ours (RFC 6376 3.5)."""
    told = (dict(re.findall(r"\b([ds])=([\w.-]+)", text)) for text in _SIGNATURE.findall(one.headers))
    return frozenset(tags["s"] for tags in told if "s" in tags and tags.get("d", "").lower() in ours)


def _found(pattern: re.Pattern[str], one: Arrived) -> set[str]:
    return {found.lower() for found in pattern.findall(one.headers)}
