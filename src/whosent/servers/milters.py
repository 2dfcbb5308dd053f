"""OpenDKIM and ClamAV's milter: the line that makes them take mail from outside for our own, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from whosent.model.check import Heard, Question, Read
from whosent.servers import mending, postfix, running, senders
from whosent.servers.attempt import Blamed, Forged

_PROGRAMS: Final = {  # option that names its configuration, where it is otherwise, what names a list
    "opendkim": ("-x", "/etc/opendkim.conf", "InternalHosts"),
    "clamav-milter": ("-c", "/etc/clamav/clamav-milter.conf", "Whitelist"),
}
_DAEMON: Final = "milter_macro_daemon_name"


def lookups(heard: Heard) -> Iterator[Question]:
    """Their files, of those that run."""
    for program in _PROGRAMS:
        path = _path(heard, program)
        if path is not None:
            yield Read(key=path, path=path)
            listed = _listed(heard, program)
            if listed is not None and listed.file:
                yield Read(key=listed.file, path=listed.file)


def guilty(heard: Heard, forged: Forged, kinds: set[str]) -> Iterator[Blamed]:
    """Whom OpenDKIM signs for, where something was signed; whom ClamAV's milter spares, where it did not look."""
    if "signed" in kinds:
        found = _internal(heard, forged.attempt.client) or _named(heard)
        yield from [found] if found else []
    if "unfiltered" in kinds:
        spared = _spared(heard, forged.attempt.sender)
        yield from [spared] if spared else []


def runs(heard: Heard, program: str) -> bool:
    """Whether it runs here."""
    return _path(heard, program) is not None


def signs_as(heard: Heard, selectors: frozenset[str]) -> bool:
    """Whether OpenDKIM's configuration has one of these selectors; where it has a table of keys, it may."""
    text = [line.split() for line in running.lines(heard, _path(heard, "opendkim"))]
    told = {words[1] for words in text if len(words) > 1 and words[0].lower() == "selector"}
    return bool(told & selectors) or any(words and words[0].lower() == "keytable" for words in text)


class _Listed(NamedTuple):
    """A list that a filter's configuration names."""

    line: int
    file: str  # empty: it is written in the configuration itself
    words: list[str]


def _path(heard: Heard, program: str) -> str | None:
    """The configuration of a filter that runs; None: it does not."""
    option, usual, _ = _PROGRAMS[program]
    for words in running.command_lines(heard):
        if words[0].rpartition("/")[2] == program:
            named = next((value for name, value in pairwise(words) if name == option), usual)
            return named if named.startswith("/") else usual
    return None


def _listed(heard: Heard, program: str, setting: str = "") -> _Listed | None:
    name = setting or _PROGRAMS[program][2]
    for number, line in enumerate(running.lines(heard, _path(heard, program)), 1):
        found = re.match(rf"\s*{name}\s+(\S.*)", line, re.IGNORECASE)
        if found:
            value = re.sub(r"^(?:re)?file:", "", found[1].strip())
            return _Listed(number, value if value.startswith("/") else "", re.split(r"[,\s]+", value))
    return None


def _internal(heard: Heard, client: str) -> Blamed | None:
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
        return _edited(heard, (path, listed.line), why, edit, reach, "opendkim") if wide else None
    for number, line in enumerate(running.lines(heard, listed.file), 1):
        if postfix.network_of(line.partition("#")[0].split()[:1], client):
            return _edited(heard, (listed.file, number), why, f"{number}s/^/#/", reach, "opendkim")
    return None


def _named(heard: Heard) -> Blamed | None:
    """The name that Postfix gives to port 25, where OpenDKIM signs whatever comes by that name."""
    site, listed = postfix.configuration(heard), _listed(heard, "opendkim", "MTA")
    service = site.service(25) if site else None
    if site is None or service is None or listed is None:
        return None
    name = site.value(_DAEMON, service)
    if name not in listed.words:
        return None
    why = f"Port 25 tells filters that it is {name}, and OpenDKIM signs whatever comes from there (MTA {name})."
    opening = postfix.because(site.where(_DAEMON, service), why)
    other = "smtpd"
    while other in listed.words:
        other += "-in"
    title, reach = "Give port 25 its own name", "what filters take for ours at port 25; submission keeps its name"
    return opening, [mending.of_service(service, _DAEMON, other, title, reach)]


def _spared(heard: Heard, sender: str) -> Blamed | None:
    """The entry of the milter's white list that our own sender matches."""
    listed = _listed(heard, "clamav-milter")
    for number, line in enumerate(running.lines(heard, listed.file) if listed else (), 1):
        pattern = line.partition("From:")[2].strip() if line.startswith("From:") else ""
        if listed and pattern and any(senders.meets(pattern, one) for one in (sender, f"<{sender}>")):
            why = f"ClamAV's milter does not look at mail whose sender matches this, and {sender} does."
            reach = "mail whose sender matches it: it is scanned as all other"
            return _edited(heard, (listed.file, number), why, f"{number}s/^/#/", reach, "clamav-milter")
    return None


def _edited(  # noqa: PLR0913, PLR0917  # a line, and what is said of it
    heard: Heard, line: tuple[str, int], why: str, edit: str, reach: str, service: str
) -> Blamed:
    opening = running.opening(heard, *line, why)
    return mending.edited(opening, edit, f"Take it out of {opening.file}", reach, f"systemctl restart {service}")
