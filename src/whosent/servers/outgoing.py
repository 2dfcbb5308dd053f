"""What takes mail from outside for our own: the line of Postfix, OpenDKIM or ClamAV's milter, and what mends it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from whosent.model.check import Content, Heard, Opening, Question, Ran, Read, Run, Treatment
from whosent.model.incident import Remedy
from whosent.servers import mending, postfix
from whosent.servers.attempt import Attempt

Blamed = tuple[Opening, list[Remedy]]
_LISTS: Final = tuple(
    f"smtpd_{one}_restrictions" for one in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")
)
_SENDERS: Final = "smtpd_sender_restrictions"
_CONFIGURED: Final = {  # program: option that names its configuration, where it is otherwise, what names a list
    "opendkim": ("-x", "/etc/opendkim.conf", "InternalHosts"),
    "clamav-milter": ("-c", "/etc/clamav/clamav-milter.conf", "Whitelist"),
}
_LONGEST: Final = 500  # characters of a pattern that is tried


class Forged(NamedTuple):
    """A message in our name, as a server saw it."""

    attempt: Attempt
    header: str  # its From line


def questions() -> Iterator[Question]:
    """The mail server, and which filters run."""
    yield from postfix.questions()
    yield Run(key="ps", argv=("ps", "-eo", "args="))


def lookups(heard: Heard, forged: Forged) -> Iterator[Question]:
    """Maps that could send the message another way; the filters' files."""
    site = postfix.configuration(heard)
    if site is not None:
        for step in _maps(site, forged):
            yield from postfix.asks(step)
    for program in _CONFIGURED:
        path = _path(heard, program)
        if path is not None:
            yield Read(key=path, path=path)
            listed = _listed(heard, program)
            if listed is not None and listed.file:
                yield Read(key=listed.file, path=listed.file)


def guilty(heard: Heard, forged: Forged, shown: Iterable[Treatment]) -> list[Blamed]:
    """The lines that explain what was shown."""
    kinds = set(shown)
    found: list[Blamed | None] = []
    if "signed" in kinds:
        found.append(_opendkim(heard, forged.attempt.client))
    if "unfiltered" in kinds:
        found.append(_clamav(heard, forged.attempt.sender))
    if kinds & {"unfiltered", "changed"}:
        found.append(_diverted(heard, forged))
    return [one for one in found if one is not None]


def refusing(heard: Heard, domain: str) -> Blamed | None:
    """The line that could refuse our own senders from outside, and how it would."""
    site = postfix.configuration(heard)
    if site is None:
        return None
    service = site.service(25)
    place = site.where(_SENDERS, service)
    old = site.value(_SENDERS, service)
    new = ", ".join(filter(None, (old, "permit_mynetworks", "permit_sasl_authenticated",
                                  f"check_sender_access inline:{{{domain}=REJECT}}")))  # fmt: skip
    why = "Nothing in it refuses our own addresses as senders to strangers who have not logged in."
    opening = msgspec.structs.replace(place, why=why)
    return opening, mending.parameter(
        opening, old, new, title="Refuse senders of ours that come from outside without a password",
        reach="mail from outside whose envelope sender is ours, also what forwarders send back to us",
        note="Services that send in our name from elsewhere must log in, or be named in mynetworks.",
    )  # fmt: skip


# ------------------------------------------------------------------ Postfix


def _maps(site: postfix.Configuration, forged: Forged) -> Iterator[postfix.Step]:
    """Access maps of port 25 in every list, and header checks: each may answer FILTER."""
    service = site.service(25)
    for name in _LISTS:
        yield from (one for one in postfix.restrictions(site, service, name, forged.attempt) if one.table)
    for table in site.words("header_checks"):
        yield postfix.Step("header_checks", "header_checks", table, (forged.header,))


def _diverted(heard: Heard, forged: Forged) -> Blamed | None:
    """An entry that sends what names us another way, as our own mail goes."""
    site = postfix.configuration(heard)
    for step in _maps(site, forged) if site is not None else ():
        key, answer = postfix.answered(step, heard)
        if answer.upper().startswith("FILTER"):
            why = f"{step.word} looks up {key} here, and sends the message where our own mail goes: {answer}."
            opening = postfix.entry(step, key, answer, heard, why)
            reach = f"mail that {key} stands for, ours too: let the submission service alone send it that way"
            return opening, [msgspec.structs.replace(one, reach=reach) for one in mending.postfix(opening)]
    return None


# ------------------------------------------------------------------ filters


class _Listed(NamedTuple):
    """A list that a filter's configuration names."""

    line: int
    file: str  # empty: it is written in the configuration itself
    words: list[str]


def _path(heard: Heard, program: str) -> str | None:
    """The configuration of a filter that runs; None: it does not."""
    option, usual, _ = _CONFIGURED[program]
    told = heard.get("ps")
    for line in told.output.splitlines() if isinstance(told, Ran) else ():
        words = line.split()
        if words and words[0].rpartition("/")[2] == program:
            named = next((value for name, value in pairwise(words) if name == option), usual)
            return named if named.startswith("/") else usual
    return None


def _lines(heard: Heard, path: str | None) -> list[str]:
    told = heard.get(path or "")
    return told.text.splitlines() if isinstance(told, Content) else []


def _listed(heard: Heard, program: str) -> _Listed | None:
    name = _CONFIGURED[program][2]
    for number, line in enumerate(_lines(heard, _path(heard, program)), 1):
        found = re.match(rf"\s*{name}\s+(\S.*)", line, re.IGNORECASE)
        if found:
            value = re.sub(r"^(?:re)?file:", "", found[1].strip())
            return _Listed(number, value if value.startswith("/") else "", re.split(r"[,\s]+", value))
    return None


def _opendkim(heard: Heard, client: str) -> Blamed | None:
    """The network of InternalHosts that holds a stranger: what comes from there is signed."""
    path, listed = _path(heard, "opendkim"), _listed(heard, "opendkim")
    if path is None or listed is None:
        return None
    why = f"OpenDKIM signs what comes from here, and {client} is one of them."
    reach = "who gets our signature: our own hosts must be in the list"
    if not listed.file:
        wide = postfix.network_of(listed.words, client)
        kept = ",".join(word for word in listed.words if word != wide) or "127.0.0.1"
        edit = f"{listed.line}c\\InternalHosts {kept}"
        return _edited(path, listed.line, heard, why, edit, reach, "opendkim") if wide else None
    for number, line in enumerate(_lines(heard, listed.file), 1):
        if postfix.network_of([line.strip()], client):
            return _edited(listed.file, number, heard, why, f"{number}s/^/#/", reach, "opendkim")
    return None


def _clamav(heard: Heard, sender: str) -> Blamed | None:
    """The entry of the milter's white list that our own sender matches."""
    listed = _listed(heard, "clamav-milter")
    for number, line in enumerate(_lines(heard, listed.file) if listed else (), 1):
        pattern = line.partition("From:")[2].strip() if line.startswith("From:") else ""
        if pattern and len(pattern) <= _LONGEST and _matches(pattern, sender):
            why = f"ClamAV's milter does not look at mail whose sender matches this, and {sender} does."
            reach = "mail whose sender matches it: it is scanned as all other"
            return _edited(listed.file if listed else "", number, heard, why, f"{number}s/^/#/", reach, "clamav-milter")
    return None


def _matches(pattern: str, sender: str) -> bool:
    """As a regular expression of POSIX, near enough."""
    try:
        return re.search(pattern, sender) is not None or re.search(pattern, f"<{sender}>") is not None
    except re.error:
        return False


def _edited(  # noqa: PLR0913, PLR0917  # a line, and what is said of it
    path: str, number: int, heard: Heard, why: str, edit: str, reach: str, service: str
) -> Blamed:
    file, text = shlex.quote(path), _lines(heard, path)[number - 1].strip()
    restart = f"systemctl restart {service}"
    return Opening(file=path, line=number, text=text, why=why), [
        Remedy(
            step="close", title=f"Take it out of {path}", reach=reach,
            commands=[f"sed -i.whosent {shlex.quote(edit)} {file}", restart],
            undo=[f"mv {file}.whosent {file}", restart],
        )
    ]  # fmt: skip
