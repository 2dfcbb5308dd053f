"""What a dialect is, and the discovery of those in this folder.

A dialect is one file that exports ``dialect``: a table of rules, one for each kind of line a program writes.
A rule's pattern names its groups by the fields of the event it makes (``queue_id``, ``client_address`` ...).
Dialects know nothing of each other, of files or of messages; :mod:`whosent.reading.tokens` compiles them into one
alternation.

Rules for patterns (the tests hold every dialect to them):

* bytes; matched from the first byte of the body to the end of the line, never across it;
* possessive quantifiers wherever possible, so that no hostile line costs more than linear time;
* text written by strangers stands where nothing of theirs can be taken for a field: read up to the last
  unforgeable mark, quote-aware where the program quotes, or not at all.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Literal

EventName = Literal[
    "connection",  # a client came or went
    "submission",  # a client handed us a message
    "queued",  # its envelope or Message-ID
    "arrival",  # a message entered the queue, its client and its envelope in one line (Exim, Sendmail, Exchange)
    "collected",  # as arrival, of an MTA that does not log when a message left and names the login elsewhere (Sendmail)
    "delivery",  # one recipient, one attempt
    "deliveries",  # several recipients, one attempt, in one line: ``recipients`` as the program lists them
    "attempts",  # as deliveries, of such an MTA: ``status`` is the class of the status code
    "notification",  # the MTA made a bounce of it
    "returned",  # as notification, of such an MTA
    "cloned",  # some recipients of a message go on under other queue ids
    "removed",  # it left the queue
    "held",
    "released",
    "rejection",
    "login",
    "authenticated",  # a login that the messages of the same process (``pid``, of the tag) belong to
    "session",  # what is found of a connection later: who logged in, or the connection it is proxied from
    "forward",  # a recipient was replaced by another
    "report",  # a receiver tells what it saw of our domain (DMARC)
    "request",  # a web server answered
    "call",  # a script called mail()
    "invocation",  # a program called sendmail(1), and from which folder
    "header",  # a Message-ID or subject of a message in the queue
    "verdict",  # a filter judged a message or a client
    "length",  # how long a queue was when Whosent looked at it
    "notice",  # the program speaks of itself: understood, nothing of a message
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of line: the event it makes and the pattern of its body.

    ``fixed`` adds fields that the kind of line implies (the ``status`` of a delivery, say); what stands there is read
    as if it had been captured, unless the pattern captures it.  ``lead`` is what the pattern begins with, where the
    rules beside it begin alike: it is matched once for all of them.
    """

    event: EventName
    pattern: bytes
    fixed: tuple[tuple[str, str], ...] = ()
    lead: bytes = b""


Programs = tuple[tuple[bytes, tuple[Rule, ...]], ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The lines one family of programs writes.

    Through syslog: ``head`` matches what stands before the program in the tag (its group ``instance`` separates
    mail systems on one host), and ``programs`` pairs a pattern of the program's name with the rules of the bodies
    behind "tag[pid]: ".  A dialect of whole lines (``lines``) has no tag: its rules match from the first byte and
    capture ``stamp`` themselves, in one of the forms :mod:`whosent.reading.stamps` reads.

    ``shortened``: as ``programs``, whole names that RFC 5424 templates cut out of the tag (no ``head`` before them).

    ``ambiguous``: patterns of bodies whose fields cannot be told apart, because a stranger's text imitates them;
    no rule may match them, and they are counted, never used.  ``late``: a line is written at the end of what it
    stamps with its beginning, so stamps may run back a little.
    """

    name: str
    title: str
    head: bytes = b""
    programs: Programs = ()
    shortened: Programs = ()
    lines: tuple[Rule, ...] = ()
    ambiguous: tuple[bytes, ...] = ()
    late: bool = False


@cache
def discover() -> tuple[Dialect, ...]:
    """The dialects of this folder, by module name."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    return tuple(module.dialect for module in modules if hasattr(module, "dialect"))


def rules_of(dialect: Dialect) -> tuple[Rule, ...]:
    """Every rule of a dialect."""
    return (*(rule for _, rules in (*dialect.programs, *dialect.shortened) for rule in rules), *dialect.lines)
