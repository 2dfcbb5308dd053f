"""Exim: the statement, router or transport that treats mail by a name its sender writes, and what mends it.

Exim is asked itself: ``exim -bh`` holds a pretended session from the same client twice, once in our name and once in a
stranger's, message and all, and takes nothing; the first statement at which they part is to blame.  ``exim -bt`` tells
which router and transport each of them goes by (``-oMa``: as if from that client), ``exim -bP transport`` what that
transport signs and filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from whosent.model.check import Content, Heard, Opening, Question, Ran, Read, Run
from whosent.model.finding import Strength
from whosent.servers import exim, mending, running
from whosent.servers.attempt import Blamed, Forged

_TALLEST: Final = 20  # lines of a statement
_MOST: Final = 20  # files that the configuration includes
_NAMES: Final = re.compile(
    r"\$\{?(?:sender_address|[br]?h_from|[br]?h_sender|[br]?header_from|[br]?header_sender|return_path)"
    r"|\bsenders\s*=|\bsender_domains\s*=|from_address", re.IGNORECASE,
)  # fmt: skip
_ROUTE: Final = re.compile(r"^\s*router = (\w+), transport = (\w+)", re.MULTILINE)
_SESSIONS: Final = ("in our name", "our From alone", "a stranger's")
_STEP: Final = re.compile(r'>>> processing "(\w+)" \((.+) (\d+)\)$')
_REFUSING: Final = {"deny", "drop", "defer", "discard"}
_BEGINS: Final = re.compile(r"\s*(?:(?:accept|deny|drop|defer|discard|require|warn)\b|\w+:|begin\s)")
_OURS: Final = "or{{{{def:sender_host_authenticated}}{{eq{{$sender_host_address}}{{}}}}{}}}"
_RELAYED: Final = "{match_ip{$sender_host_address}{+relay_from_hosts}}"


def lookups(heard: Heard, forged: Forged) -> Iterator[Question]:
    """Three pretended sessions, two ways of delivery; then what was found there."""
    place = exim.path(heard)
    if place is None:
        return
    yield Read(key=place, path=place)
    yield from (Read(key=path, path=path) for path in _included(heard, place))
    for name, (sender, header) in zip(_SESSIONS, _told(forged), strict=True):
        yield exim.pretended(f"exim -bh {name}", 25, forged.attempt._replace(sender=sender), header)
    for sender in (forged.attempt.sender, forged.stranger):
        argv = ("exim", "-oMa", forged.attempt.client, "-f", sender, "-bt", "--", forged.attempt.recipient)
        yield Run(key=f"exim -bt {sender}", argv=argv)
    yield Run(key="exim -bP system_filter", argv=("exim", "-bP", "system_filter"))
    if path := _system_filter(heard):
        yield Read(key=path, path=path)
    if route := _route(heard, forged.attempt.sender):
        yield Run(key=f"exim -bP transport {route[1]}", argv=("exim", "-bP", "transport", route[1]))


def _told(forged: Forged) -> Iterator[tuple[str, str]]:
    """Envelope sender and From line of each session."""
    yield forged.attempt.sender, forged.header
    yield forged.stranger, forged.header
    yield forged.stranger, forged.ordinary


def guilty(heard: Heard, forged: Forged, kinds: set[str]) -> Iterator[Blamed]:
    """The lines that explain what was shown."""
    if exim.path(heard) is None:
        return
    files = _files(heard)
    if kinds & {"signed", "changed"}:
        found = _routed(heard, forged, files) or _transported(heard, forged, files, kinds) or _system(heard)
        yield from [found] if found else []
    if "unfiltered" in kinds:
        accepted = _parted(heard, files)
        yield from [accepted] if accepted else []


# ------------------------------------------------------------------ its files


def _included(heard: Heard, place: str) -> list[str]:
    """Files that the main one includes."""
    told = heard.get(place)
    text = told.text if isinstance(told, Content) else ""
    return re.findall(r"(?m)^\s*\.include(?:_if_exists)?\s+(/\S+)", text)[:_MOST]


def _files(heard: Heard) -> list[exim.Written]:
    place = exim.path(heard) or ""
    found = ((path, heard.get(path)) for path in (place, *_included(heard, place)))
    return [exim.Written(path, running.split(told.text)) for path, told in found if isinstance(told, Content)]


class _Option(NamedTuple):
    """Lines of an option of a router or transport."""

    file: exim.Written
    label: int  # line of the driver's name
    first: int  # 0: it is not written there
    last: int
    value: str


def _option(files: list[exim.Written], section: str, driver: str, wanted: str) -> _Option | None:
    """The first option like ``wanted`` of a driver; without one, the driver's own line; None: no such driver."""
    for file in files:
        within, label = files[0] is not file, 0
        for number, line in enumerate(file.lines, 1):
            if begun := re.match(r"\s*begin\s+(\w+)", line):
                if label:
                    break
                within, label = begun[1] == section, 0
            elif within and (named := re.fullmatch(r"(\w+):\s*", line.strip())):
                if label:
                    return _Option(file, label, 0, 0, "")
                label = number if named[1] == driver else 0
            elif label and (told := re.match(rf"\s*(?:{wanted})\s*=\s*(.*)", line)):
                last, value = _whole(file, number, told[1])
                return _Option(file, label, number, last, value)
        if label:
            return _Option(file, label, 0, 0, "")
    return None


def _whole(file: exim.Written, number: int, value: str) -> tuple[int, str]:
    """The last line of a value, and all of it."""
    parts = [value.strip()]
    while parts[-1].endswith("\\") and number < len(file.lines):
        number += 1
        if not (line := file.lines[number - 1].strip()).startswith("#"):
            parts[-1:] = [parts[-1][:-1], line]
    return number, "".join(parts)


def _ours(files: list[exim.Written]) -> str:
    """The condition that a message was handed in by one of ours: a password, a program of this host, our networks."""
    relays = any(re.match(r"\s*hostlist\s+relay_from_hosts\s*=", line) for file in files for line in file.lines)
    return _OURS.format(_RELAYED if relays else "")


# ------------------------------------------------------------------ ways out


def _route(heard: Heard, sender: str) -> tuple[str, str] | None:
    """Router and transport of the last hop from here."""
    told = heard.get(f"exim -bt {sender}")
    found = _ROUTE.findall(told.output) if isinstance(told, Ran) else []
    return found[0] if found else None


def _routed(heard: Heard, forged: Forged, files: list[exim.Written]) -> Blamed | None:
    """A router that takes our name another way than a stranger's."""
    ours, theirs = _route(heard, forged.attempt.sender), _route(heard, forged.stranger)
    if ours is None or ours == theirs:
        return None
    router, transport = ours
    found = _named(files, router) or _option(files, "routers", router, "condition")
    if found is None:
        return None
    way = f"mail in our name goes by the router {router} and the transport {transport}, a stranger's another way"
    reach = f"what the router {router} is for: mail from outside goes the way of all other"
    if not _named(files, router) or theirs is None or _named(files, theirs[0]):
        opening = mending.suspected(found.file.cause(found.first or found.label, f"{way}."))
        note = ("A router that asks for the sender parts them. Let it ask who handed the message in as well: "
                f"${{if {_ours(files)}}}; and see that other mail still finds a router.")  # fmt: skip
        return mending.by_hand(opening, _LET, reach, note)
    why = f"{way[0].upper()}{way[1:]}: this decides by a name that the sender writes."
    edit = f"{found.label}a\\  condition = ${{if {_ours(files)}}}"
    return _edited(found.file.cause(found.first, why), edit, _LET, reach)


def _named(files: list[exim.Written], router: str) -> _Option | None:
    """The option by which a router goes by a name that the sender writes."""
    for wanted in ("senders", "condition"):
        found = _option(files, "routers", router, wanted)
        if found and found.first and _NAMES.search(f"{wanted} = {found.value}"):
            return found
    return None


def _transported(heard: Heard, forged: Forged, files: list[exim.Written], kinds: set[str]) -> Blamed | None:
    """What the transport signs, or filters, by a name that the sender writes."""
    route = _route(heard, forged.attempt.sender)
    told = heard.get(f"exim -bP transport {route[1]}") if route else None
    if route is None or not isinstance(told, Ran):
        return None
    for kind, name in (("signed", "dkim_domain"), ("changed", "transport_filter")):
        value = re.search(rf"(?m)^{name} = (.+)$", told.output)
        found = _option(files, "transports", route[1], name) if kind in kinds and value else None
        if found is not None and value is not None and found.first:
            return _guarded(found, route[1], name, value[1], _ours(files))
    return None


def _guarded(found: _Option, transport: str, name: str, value: str, ours: str) -> Blamed:
    """An option that is to hold for what our own people hand in alone."""
    way = f"mail in our name leaves by the transport {transport}, and this {_DOES[name]}"
    opening = mending.suspected(found.file.cause(found.first, f"{way}, whoever handed it in.", name))
    if _NAMES.search(value):
        opening = found.file.cause(found.first, f"{way[0].upper()}{way[1:]} by a name that the sender writes.", name)
    reach = f"what leaves by {transport}: mail from outside stays as it is"
    if found.value.startswith('"') or name == "transport_filter" or opening.strength == Strength.CANDIDATES:
        note = f"Give {transport} to mail for which ${{if {ours}}} holds, other mail a transport without this line."
        return mending.by_hand(opening, _LET, reach, note)
    guarded = f"{name} = ${{if {ours}{{{found.value}}}{{}}}}".replace("\\", "\\\\")
    return _edited(opening, f"{found.first},{found.last}c\\  {guarded}", _LET, reach)


_LET: Final = "Let it hold for what our own people hand in"
_DOES: Final = {"dkim_domain": "signs it", "transport_filter": "changes it"}


def _edited(opening: Opening, edit: str, title: str, reach: str) -> Blamed:
    return opening, [mending.exim_edit(opening.file, edit, title, reach)]


def _system_filter(heard: Heard) -> str:
    told = heard.get("exim -bP system_filter")
    found = re.search(r"system_filter = (/\S+)", told.output) if isinstance(told, Ran) else None
    return found[1] if found else ""


def _system(heard: Heard) -> Blamed | None:
    """A line of the system filter that asks for a name that the sender writes."""
    path = _system_filter(heard)
    file = exim.Written(path, running.lines(heard, path))
    for number, line in enumerate(file.lines, 1):
        if not line.lstrip().startswith("#") and _NAMES.search(line):
            why = "the system filter asks here for a name that the sender writes."
            note = 'Add to its condition: and "$sender_host_authenticated" is not ""'
            return mending.by_hand(mending.suspected(file.cause(number, why)), _LET, "mail that this line is for", note)
    return None


# ------------------------------------------------------------------ ACLs


class _Walked(NamedTuple):
    """A statement of an ACL, and what came of it in a pretended session."""

    verb: str
    file: str
    line: int
    checks: tuple[str, ...]  # as far as it was looked at
    succeeded: bool


def _walk(heard: Heard, name: str) -> list[_Walked]:
    """Every statement that was looked at, in their order."""
    told = heard.get(f"exim -bh {name}")
    found: list[_Walked] = []
    for line in (told.output + told.complaint).splitlines() if isinstance(told, Ran) else ():
        if begun := _STEP.search(line):
            found.append(_Walked(begun[1], begun[2], int(begun[3]), (), succeeded=False))
        elif found and (asked := re.match(r">>> check (.*)", line)):
            found[-1] = found[-1]._replace(checks=(*found[-1].checks, asked[1].strip()))
        elif found and re.match(rf">>> {found[-1].verb}: condition test succeeded", line):
            found[-1] = found[-1]._replace(succeeded=True)
    return found


def _parted(heard: Heard, files: list[exim.Written]) -> Blamed | None:
    """The first statement that decides and parts our name from a stranger's; else the first that parts them."""
    plain = {(one.file, one.line): one for one in _walk(heard, _SESSIONS[2])}
    every = [(one, other) for name in _SESSIONS[:2] for one in _walk(heard, name)
             if (other := plain.get((one.file, one.line)))
             and (one.succeeded, len(one.checks)) != (other.succeeded, len(other.checks))]  # fmt: skip
    for one, other in [pair for pair in every if _decides(*pair)] or every:
        file = next((written for written in files if written.file == one.file), exim.Written(one.file, []))
        return _accused(file, one, other)
    return None


def _decides(one: _Walked, other: _Walked) -> bool:
    """Whether it lets our name pass before a stranger's, or looks less closely at it."""
    if one.verb == "accept":
        return one.succeeded and not other.succeeded
    return one.verb in _REFUSING and not one.succeeded and (other.succeeded or len(one.checks) < len(other.checks))


def _accused(file: exim.Written, one: _Walked, other: _Walked) -> Blamed:
    """A statement that lets our name pass, or leaves it out."""
    decided = (one.checks[-1:] or other.checks[-1:] or ("",))[0]
    reach = "mail in our name without a password: it is looked at as all other"
    asked = "Asked by a pretended session, Exim"
    if not _decides(one, other):
        why = f"asked by a pretended session, Exim parts our name from a stranger's here ({decided})."
        opening = mending.suspected(file.cause(one.line, why))
        return mending.by_hand(
            opening, "See what hangs on it", reach, "A statement below may go by what is noted here."
        )
    if one.succeeded:
        why = f"{asked} finds our name here ({decided}) and accepts it, before what stands below; a stranger's goes on."
        title = "Let it hold for who has logged in"
        if not file.lines:
            return mending.by_hand(file.cause(one.line, why), title, reach, "Add to it: authenticated = *")
        edit = f"{_end(file, one.line)}a\\         authenticated = *"
        return _edited(file.cause(one.line, why), edit, title, reach)
    why = f"{asked} leaves our name out here ({decided}); a stranger's is looked at."
    number = next((number for number, line in _below(file, one.line) if _same(line, decided)), 0)
    title = "Take that condition out"
    if not number:
        return mending.by_hand(file.cause(one.line, why), title, reach, "It shares its line with others.")
    return _edited(file.cause(number, why), f"{number}s/^/#/", title, reach)


def _below(file: exim.Written, number: int) -> Iterator[tuple[int, str]]:
    """The further lines of a statement."""
    for below, line in enumerate(file.lines[number : number + _TALLEST], number + 1):
        if _BEGINS.match(line):
            return
        yield below, line


def _same(line: str, check: str) -> bool:
    """Whether a line is the condition that was told."""
    return re.sub(r"\s", "", line) == re.sub(r"\s", "", check)


def _end(file: exim.Written, number: int) -> int:
    """The last of the lines that a line goes on in."""
    while number < len(file.lines) and file.lines[number - 1].rstrip().endswith("\\"):
        number += 1
    return number
