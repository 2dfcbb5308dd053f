"""A trace on a terminal: the answer first, then the chain of lines, then what is only claimed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from whosent.model.finding import Level
from whosent.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from whosent.model.inquiry import Advertised, Inquiry, Registration, Signature
    from whosent.model.trace import Hop, Trace

_WIDEST: Final = 100
_NARROWEST: Final = 20
_HOPS: Final = 30  # shown; --json has all
_OTHERS: Final = 12  # forgeries and claims shown
_CELL: Final = 200
_LOUD: Final = {
    Level.OBSERVED: "bold",
    Level.ATTESTED: "bold",
    Level.VOUCHED: "",
    Level.CORROBORATED: "",
    Level.CLAIMED: "dim",
    Level.CONTRADICTED: "bold red",
}
_LINK: Final = re.compile(r"(?i)\b(https?|ftp)(://)([^\s/?#]+)")


def render(one: Trace, console: Console, *, first: bool) -> None:
    """Print one trace; a blank line parts it from the one before."""
    if not first:
        console.print()
    where = f"{one.source}, message {one.number}" if one.number > 1 else one.source
    named = f": {one.subject}" if one.subject else ""
    _say(console, Text(words.shortened(words.visible(f"{where}{named}"), _CELL), style="dim"))
    _say(console, Text(_shown(one.sentence), style="bold"))
    if one.suspect is not None:
        _say(console, Text(f"Strength: {words.strength_word(one.strength)} ({words.STRENGTHS[one.strength]})."))
    if one.hops:
        console.print()
        _chain(one.hops, console)
    _listed(console, "What the log says", _log_lines(one))
    _listed(console, "SPF, DKIM, DMARC as recorded, not checked again", _authentication(one))
    _listed(console, "Signs of forgery", (_mark(sign.proves) + sign.sentence for sign in one.forgeries))
    _listed(
        console,
        "Only claimed",
        (f"{claim.field}{_line(claim.hop)}: {claim.value} ({claim.note})" for claim in one.claims),
    )
    if one.inquiry is not None:
        _inquiry(one.inquiry, console)
    _listed(console, "Taken to be so", one.assumptions)
    if one.problem and one.problem not in one.sentence:
        _listed(console, "Not read", [one.problem])


def _inquiry(inquiry: Inquiry, console: Console) -> None:
    """What it advertises, and who is behind that; names are written so that a click leads nowhere."""
    _listed(console, "Advertised, not opened", map(_advertised, inquiry.advertised))
    _listed(console, "Signatures", (_plain_domains(one) for one in inquiry.signatures))
    _listed(console, "Registered", map(_registered, inquiry.registrations))
    _listed(
        console,
        "In the DNS",
        (
            f"{_plain(told.name)} {told.type}: {told.problem or _plain(', '.join(told.answers)) or 'nothing'}"
            for told in inquiry.resolutions
        ),
    )
    console.print()
    _say(console, Text(inquiry.sentence))


def _advertised(one: Advertised) -> str:
    hidden = f", hidden by {', '.join(one.disguises).replace('_', ' ')}" if one.disguises else ""
    domain = f", registered as {_plain(one.domain)}" if one.domain and one.domain != one.host else ""
    return f"{one.kind} to {_plain(one.host)}{domain}{hidden}: {one.text}"


def _plain_domains(one: Signature) -> str:
    return one.sentence.replace(one.domain, _plain(one.domain)) if one.domain else one.sentence


def _registered(one: Registration) -> str:
    if one.problem:
        return f"{_plain(one.about)}: not known ({one.problem})"
    facts = (
        ("held by", one.holder),
        ("registrar", one.registrar),
        ("since", one.registered),
        ("network", one.network),
        ("announced by", one.asn),
        ("country", one.country),
        ("name servers", ", ".join(map(_plain, one.name_servers[:4]))),
        ("abuse to", one.abuse_contact),
        ("asked", one.server),
    )
    return f"{_plain(one.about)}: " + "; ".join(f"{name} {value}" for name, value in facts if value)


def _plain(name: str) -> str:
    """A name nobody should click on; addresses are no links."""
    return name if name.replace(".", "").isdecimal() else name.replace(".", "[.]")


def _mark(proves: bool) -> str:  # noqa: FBT001  # one word of it
    return "Proven: " if proves else "A hint: "


def _line(hop: int | None) -> str:
    return f", line {hop}" if hop is not None else ""


def _authentication(one: Trace) -> Iterable[str]:
    for each in one.authentication:
        told = ", ".join(f"{name} {value}" for name, value in each.properties.items())
        where = f" ({told})" if told else ""
        yield f"{each.level.value}: {each.method} {each.result} by {each.authserv_id}{where}; {each.note}"


def _log_lines(one: Trace) -> Iterable[str]:
    for entry in one.logged:
        agrees = "agrees" if entry.agrees else "is about another message"
        who = entry.account or (f"uid {entry.uid}" if entry.uid is not None else entry.client_address) or "not logged"
        yield (
            f"line {entry.hop}: the log of {entry.host} {agrees}: {entry.queue_id} was handed in by {who}, from "
            f"{entry.sender or '<>'} to {', '.join(entry.recipients[:3]) or 'nobody yet'}"
        )
        for line in entry.evidence[:3]:
            yield f"{line.source}:{line.line} {words.shortened(line.excerpt, _CELL)}"


def _chain(hops: list[Hop], console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 1))
    for name, style in (("line", "right"), ("worth", "left"), ("from", "left"), ("by", "left"), ("time (UTC)", "left")):
        table.add_column(name, justify="right" if style == "right" else "left", overflow="fold")
    for hop in hops[:_HOPS]:
        style = _LOUD[hop.level]
        cells = (str(hop.position), hop.level.value, _client(hop), hop.by or "?", _time(hop))
        table.add_row(*(Text(_shown(words.shortened(cell, _CELL)), style=style) for cell in cells))
    console.print(table, width=min(console.width, _WIDEST))
    if len(hops) > _HOPS:
        _say(console, Text(f"{len(hops) - _HOPS:,} more lines: --json has all of them."))


def _client(hop: Hop) -> str:
    if hop.local:
        return f"{hop.local} on that host"
    name = hop.from_rdns or (f"“{hop.from_helo}”" if hop.from_helo else "")
    login = f", login {hop.auth}" if hop.auth else ""
    if hop.from_address is None:
        return f"{name or ('not said' if hop.by else hop.line)}{login}"
    return f"{hop.from_address}{f' {name}' if name else ''}{login}"


def _time(hop: Hop) -> str:
    return hop.time.removesuffix("Z").replace("T", " ") if hop.time else "?"


def _listed(console: Console, title: str, sentences: Iterable[str]) -> None:
    told = list(sentences)
    if not told:
        return
    console.print()
    _say(console, Text(title, style="bold"))
    for sentence in told[:_OTHERS]:
        _say(console, Text(_shown(words.shortened(sentence, 2 * _CELL))), "- ")
    if len(told) > _OTHERS:
        _say(console, Text(f"{len(told) - _OTHERS:,} more: --json has all of them."), "  ")


def _shown(text: str) -> str:
    """A stranger's text without effect on the screen, its links without effect on a click."""
    return words.visible(_LINK.sub(_defanged, text))


def _defanged(link: re.Match[str]) -> str:
    return f"{link[1].lower().replace('t', 'x')}{link[2]}{link[3].replace('.', '[.]')}"


def _say(console: Console, text: Text, lead: str = "") -> None:
    """Wrapped by hand, so that no line ends in blanks; behind ``lead`` the lines hang."""
    room = max(_NARROWEST, min(console.width, _WIDEST) - len(lead))
    for place, line in enumerate(text.wrap(console, room, overflow="fold")):
        line.rstrip()
        console.print(Text(" " * len(lead) if place else lead).append_text(line), soft_wrap=True)
