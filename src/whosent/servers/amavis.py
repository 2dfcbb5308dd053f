"""amavis: the line that makes mail from outside its own (``originating``), or spares it; what mends it.

Its configuration is Perl, and is read as text, never run: constants are understood, what is computed is said to be so.
Debian's files are read in the order of ``run-parts``, as amavisd itself does.  A message is *originating*, hence signed
and given a disclaimer, if the policy bank of the port it came to says so, or that of its client's network: by
``@client_ipaddr_policy``, which is ``@mynetworks`` with the bank MYNETS unless something else is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from whosent.model.check import Heard, Question, Ran, Read, Run
from whosent.servers import mending, perl, postfix, running
from whosent.servers.attempt import Blamed, Forged
from whosent.servers.perl import Assigned, Source

_FOLDERS: Final = ("/usr/share/amavis/conf.d", "/etc/amavis/conf.d")
_ELSEWHERE: Final = ("/etc/amavisd/amavisd.conf", "/etc/amavisd.conf")
_MOST: Final = 60  # files
_PORTS: Final = 10  # that are looked at
_RESTART: Final = "systemctl restart amavis"
_DISCLAIMERS: Final = re.compile(r"allow_disclaimers['\"}]*\s*=>?\s*[^0\s;]")
_PORT: Final = re.compile(r"\$interface_policy\{['\"]?(\d{1,5})")
_MYNETS: Final = re.compile(r"\$policy_bank\{['\"]?MYNETS\b")
_NETWORKS: Final = "\\@mynetworks"  # the list itself, in a list of lists
_APART, _ENDED = r"\(^\|[^][0-9A-Za-z.:/!]\)", r"\([^][0-9A-Za-z.:/]\|$\)"
_KEY: Final = re.compile(r"dkim_key\s*\(([^)]{0,1000})\)")
_REACH: Final = "what amavis takes for our own mail: our own networks must be named, or log in"


def lookups(heard: Heard) -> Iterator[Question]:
    """Which files it reads, and they themselves; a list of networks that stands in a file of its own."""
    if not runs(heard):
        return
    for folder in _FOLDERS:
        yield Run(key=f"run-parts {folder}", argv=("run-parts", "--list", folder))
    if all(f"run-parts {folder}" in heard for folder in _FOLDERS):
        yield from (Read(key=path, path=path) for path in _files(heard))
    for one in perl.assigned(_here(heard).files, "@mynetworks_maps"):
        if named := _array(one):
            yield Read(key=named, path=named)


def guilty(heard: Heard, forged: Forged, kinds: set[str]) -> Iterator[Blamed]:
    """What makes the message originating, where it was signed or changed."""
    if runs(heard):
        here = _here(heard)
        if kinds & set(_does(here)):
            yield from _originating(here, forged.attempt.client)


def _does(here: _Here) -> Iterator[str]:
    """What it does with mail of our own: only where it is told to."""
    signing = perl.last(here.files, "$enable_dkim_signing")
    if signing is not None and signing.number != 0:
        yield "signed"
    if any(_DISCLAIMERS.search(file.text) for file in here.files):
        yield "changed"


def runs(heard: Heard) -> bool:
    """Whether it runs here."""
    return any(words[0].rpartition("/")[2].startswith("amavisd") for words in running.command_lines(heard))


def _files(heard: Heard) -> list[str]:
    """In the order they are read."""
    for words in running.command_lines(heard):
        named = [value for name, value in pairwise(words) if name == "-c" and value.startswith("/")]
        if words[0].rpartition("/")[2].startswith("amavisd") and named:
            return named[:_MOST]
    listed = [told.output for folder in _FOLDERS if isinstance(told := heard.get(f"run-parts {folder}"), Ran)]
    found = [line.strip() for output in listed for line in output.splitlines() if line.startswith("/")]
    return found[:_MOST] or list(_ELSEWHERE)


class _Here(NamedTuple):
    """All that was heard, and its files as text."""

    heard: Heard
    files: list[Source]


def _here(heard: Heard) -> _Here:
    return _Here(heard, perl.sources(heard, _files(heard)))


def _array(one: Assigned) -> str:
    """The file that a list is read from."""
    found = re.search(r"""read_array\(\s*['"](/[^'"]+)['"]""", one.text)
    return found[1] if found else ""


# ------------------------------------------------------------------ originating


def signs_as(heard: Heard, selectors: frozenset[str]) -> bool:
    """Whether one of these selectors is written as a word in a statement with a key."""
    keys = [found for file in _here(heard).files for found in _KEY.findall(file.text)]
    return any(re.search(rf"['\"]{re.escape(one)}['\"]", key) for key in keys for one in selectors)


def _originating(here: _Here, client: str) -> Iterator[Blamed]:
    """The first of: everything, the port, the client's network."""
    every = perl.last(here.files, "$originating")
    if every is not None and every.number not in {None, 0}:
        why = "amavis takes all mail for mail of our own: what it has a key for is signed, whoever sent it."
        title = "Take it out: a policy bank says which mail is ours"
        note = "" if _banks(here) else (
            "Give submission a port of amavis with such a bank first ($interface_policy, $policy_bank): "
            "without one our people's mail is signed no more."
        )  # fmt: skip
        yield _off(here, every, why, title, note)
    elif (at := _reached(here)) is not None and at.has(here, "originating"):
        yield _moved(here, at, "makes all of it our own")
    else:
        yield from _by_network(here, client)


def _banks(here: _Here) -> bool:
    """Whether a port has a policy bank for mail of our own."""
    ports = list(dict.fromkeys(port for file in here.files for port in _PORT.findall(file.text)))[:_PORTS]
    named = [one.words[0] for port in ports if (one := perl.keyed(here.files, "interface_policy", port)) and one.words]
    return any(perl.switches(perl.keyed(here.files, "policy_bank", bank), "originating") for bank in named)


def _off(here: _Here, one: Assigned, why: str, title: str, note: str = "") -> Blamed:
    """A statement that is to go; with something to do before that, by hand."""
    opening = running.opening(here.heard, one.path, one.line, why)
    if one.whole and not note:
        return mending.edited(opening, f"{one.line}s/^/#/", title, _REACH, _RESTART)
    return mending.by_hand(opening, title, _REACH, note or "It shares its line, or takes several: edit it by hand.")


class _Reached(NamedTuple):
    """Where port 25 hands its mail to, and the policy bank that is loaded there."""

    site: postfix.Configuration
    setting: str  # of Postfix
    value: str
    port: str
    policy: Assigned
    bank: str

    def has(self, here: _Here, key: str) -> bool:
        """Whether that bank switches something on."""
        preset = key == "originating" and self.bank == "MYNETS"
        return preset or perl.switches(perl.keyed(here.files, "policy_bank", self.bank), key)


def _reached(here: _Here) -> _Reached | None:
    """None: no policy is for that port, or it is not known."""
    site = postfix.configuration(here.heard)
    for setting in ("content_filter", "smtpd_proxy_filter") if site else ():
        value = site.value(setting, site.service(25)) if site else ""
        port = re.search(r":(\d+)$", value)
        policy = perl.keyed(here.files, "interface_policy", port[1]) if port else None
        if site and port and policy and policy.words:
            return _Reached(site, setting, value, port[1], policy, policy.words[0])
    return None


def _moved(here: _Here, at: _Reached, why: str) -> Blamed:
    """Strangers' mail to another port; where there is none, one must be made by hand."""
    told = f"Port 25 hands strangers' mail to {at.value}, where the policy bank {at.bank} {why}."
    other = _other_port(here, at.port)
    if other is None:
        note = ("Add a port to $inet_socket_port that no $interface_policy names, and let port 25 hand its mail there: "
                "our people's mail keeps this one.")  # fmt: skip
        return _off(here, at.policy, told, "Give strangers' mail a port of its own", note)
    service = at.site.service(25)
    opening = postfix.because(at.site.where(at.setting, service), told)
    title, reach = f"Hand it to port {other}, which no policy is for", "what comes to port 25; other mail keeps its way"
    new = re.sub(r"\d+$", other, at.value)
    if service is None:  # postscreen stands before it
        note = f"By postconf -P, give the smtpd behind port 25 {at.setting}={new}; main.cf is for submission as well."
        return mending.by_hand(opening, title, reach, note)
    return opening, [mending.of_service(service, at.setting, new, title, reach)]


def _other_port(here: _Here, port: str) -> str | None:
    """A port of amavis that no policy is for."""
    listens = perl.last(here.files, "$inet_socket_port")
    ports = re.findall(r"\d+", listens.text) if listens else []
    free = [one for one in ports[:_PORTS] if one != port and perl.keyed(here.files, "interface_policy", one) is None]
    return free[0] if free else None


def _by_network(here: _Here, client: str) -> Iterator[Blamed]:
    """The network that makes a client one of ours; what is computed is the place to look.

    A bank that is written nowhere is not loaded: without MYNETS the list of our networks changes nothing.
    """
    banked = any(_MYNETS.search(file.text) for file in here.files)
    if not banked and perl.last(here.files, "@client_ipaddr_policy") is None:
        return
    for name in ("client_ipaddr_policy", "mynetworks_maps", "mynetworks"):
        one = perl.last(here.files, f"@{name}")
        if one is None:
            continue
        path = _array(one) if name == "mynetworks_maps" else ""
        found = list(_by_file(here, path, client)) if path else []
        if found or (path and _NETWORKS not in one.text):
            yield from found
            return
        if one.constant or name == "mynetworks":
            wide = _holding(one.words, client)
            if wide and (line := _line_of(here, one, wide)):
                opening = running.opening(here.heard, one.path, line, _why(client, wide), wide)
                edit = f"{line}s,{_APART}{re.escape(wide)}{_ENDED},\\1127.0.0.1\\2,"  # no entry may be empty
                yield mending.edited(
                    opening, edit, f"Put this host in the place of {wide} in @{name}", _REACH, _RESTART
                )
                return
        if not one.constant and not (name == "mynetworks_maps" and _NETWORKS in one.text):
            why = (f"@{name} is computed by Perl, which is not run here; it says which "
                   f"clients are ours, and {client} may be one.")  # fmt: skip
            opening = mending.suspected(running.opening(here.heard, one.path, one.line, why))
            note = "Our mail server's own networks and nobody else's: what stands there is written by hand."
            yield mending.by_hand(opening, "See that it names our own networks alone", _REACH, note)
            return


def _why(client: str, wide: str) -> str:
    return (f"amavis takes what comes from {wide} for our own, and {client} is there: what it does "
            "to our own mail, or leaves out there, holds for this.")  # fmt: skip


def _by_file(here: _Here, path: str, client: str) -> Iterator[Blamed]:
    """A list of networks, one a line."""
    words = [line.partition("#")[0].strip() for line in running.lines(here.heard, path)]
    if wide := _holding([word for word in words if word], client):
        number = words.index(wide) + 1
        opening = running.opening(here.heard, path, number, _why(client, wide), wide)
        yield mending.edited(opening, f"{number}s/^/#/", f"Take it out of {path}", _REACH, _RESTART)


def _holding(words: list[str], client: str) -> str:
    """The first entry that decides on a client, if it lets it in: ``!`` keeps it out, ``10/8`` is 10.0.0.0/8."""
    for word in words:
        plain = word.lstrip("!").replace("[", "").replace("]", "")
        short = re.fullmatch(r"(\d+(?:\.\d+){0,3})\.?(/\d+)?", plain)
        if short:
            octets = short[1].split(".")
            plain = ".".join([*octets, *["0"] * (4 - len(octets))]) + (short[2] or f"/{8 * len(octets)}")
        if postfix.network_of([plain], client):
            return "" if word.startswith("!") else word
    return ""


def _line_of(here: _Here, one: Assigned, word: str) -> int:
    """The line of a statement in which a word stands; 0: none."""
    lines = running.lines(here.heard, one.path)
    last = min(one.line + one.text.count("\n") + 1, len(lines))
    itself = re.compile(rf"(?<![\w.:/!\[\]]){re.escape(word)}(?![\w.:/\[\]])")
    return next((number for number in range(one.line, last + 1) if itself.search(lines[number - 1])), 0)


# ------------------------------------------------------------------ spared


def sparing(heard: Heard, client: str, payload: str) -> Iterator[Blamed]:
    """What keeps it from looking for viruses or spam: in nobody's mail, or in what it takes for our own."""
    if not runs(heard):
        return
    here, setting = _here(heard), f"bypass_{payload}_checks_maps"
    one, at = perl.last(here.files, f"@{setting}"), _reached(here)
    if one is not None and one.number not in {None, 0}:
        yield _checked(here, one, setting)
    elif at is not None and at.has(here, setting):
        yield _moved(here, at, f"skips the check ({setting})")
    elif perl.switches(perl.keyed(here.files, "policy_bank", "MYNETS"), setting):
        yield from _by_network(here, client)


def _checked(here: _Here, one: Assigned, setting: str) -> Blamed:
    """The check on again: where it is off by a file of the package, by the last file of our own."""
    opening = running.opening(
        here.heard, one.path, one.line, "amavis runs, and by this line makes that check of no mail."
    )
    own = [file.path for file in here.files if file.path.startswith("/etc/")]
    place, edit = (own[-1], "1i") if own and one.path not in own else (one.path, f"{one.line}c")
    if place == one.path and not one.whole:
        return _off(here, one, opening.why, "Take it out")
    elsewhere = msgspec.structs.replace(opening, file=place)
    edit = f"{edit}\\@{setting} = (0);"
    return opening, mending.edited(elsewhere, edit, "Look into all mail", "all mail that amavis sees", _RESTART)[1]
