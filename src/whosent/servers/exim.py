"""Exim: what a session pretended from outside (``exim -bh``) says, and the line of the ACL or router that let it pass.

``exim -bh ADDRESS`` runs the real ACLs as if that client had connected, tells each statement with its file and line,
and takes no message; ``exim -bt`` tells where an address leads.  See the Exim specification, chapters 5 and 43.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from whosent.model.check import Content, Heard, Opening, Question, Ran, Read, Run
from whosent.servers import running
from whosent.servers.attempt import Attempt

_STATEMENT: Final = re.compile(r'processing "(\w+)" \((.+) (\d+)\)$')
_NAMED_LIST: Final = re.compile(r'in "\+(\w+)"\? yes')
_HERE: Final = "127.0.0.1"
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


def questions() -> Iterator[Question]:
    """Whether there is an Exim here, and where its configuration stands."""
    yield Run(key="exim -bP", argv=("exim", "-bP", "config_file"))


def path(heard: Heard) -> str | None:
    """Its configuration file; None if there is no Exim here."""
    told = heard.get("exim -bP")
    if not isinstance(told, Ran) or told.problem is not None:
        return None
    return told.output.strip() or None


def lookups(heard: Heard, key: str, port: int, attempt: Attempt) -> Iterator[Question]:
    """A pretended session of this attempt at a port, and where its recipient would lead."""
    place = path(heard)
    if place is None:
        return
    yield Read(key=place, path=place)
    yield pretended(f"exim -bh {key}", port, attempt)
    yield Run(key=f"exim -bt {key}", argv=("exim", "-bt", "--", attempt.recipient))


def pretended(key: str, port: int, attempt: Attempt, header: str = "") -> Run:
    """A session of this attempt that takes nothing; with a From line, up to the end of a message."""
    envelope = (f"EHLO {attempt.helo}", f"MAIL FROM:<{attempt.sender}>", f"RCPT TO:<{attempt.recipient}>")
    message = ("DATA", header, "Subject: probe", "", "probe", ".") if header else ()
    session = "".join(_CONTROLS.sub("", line) + "\r\n" for line in (*envelope, *message, "QUIT"))
    return Run(key=key, argv=("exim", "-oMi", f"{_HERE}.{port}", "-bh", attempt.client), said=session)


class Written(NamedTuple):
    """A configuration file, by lines."""

    file: str
    lines: list[str]

    def cause(self, number: int, why: str, setting: str = "") -> Opening:
        """What stands in a line."""
        text = self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""
        return Opening(file=self.file, line=number, text=text, why=why, setting=setting)


def written(heard: Heard) -> Written | None:
    """The configuration, as far as it was read."""
    place = path(heard)
    text = heard.get(place or "")
    return Written(place, running.split(text.text)) if place and isinstance(text, Content) and text.text else None


class Option(NamedTuple):
    """A setting of the main section."""

    value: str
    first: int  # line, from 1
    last: int


def option(main: Written, name: str) -> Option | None:
    """The last line that sets it, with the lines it goes on in."""
    found: Option | None = None
    lines = iter(enumerate(main.lines, 1))
    for number, line in lines:
        if re.match(r"\s*begin\s", line):
            break
        told = re.match(rf"\s*{re.escape(name)}\s*=\s*(.*)", line)
        if told is None:
            continue
        value, last = told[1].rstrip(), number
        while value.endswith("\\"):
            last, more = next(lines, (last, ""))
            value = value[:-1] + more.strip()
        found = Option(value, number, last)
    return found


def guilty(heard: Heard, key: str, attempt: Attempt) -> Opening | None:
    """The statement or list that accepted the client, or the router that reads the address anew."""
    main = written(heard)
    if main is None:
        return None
    found = _router(heard, key, attempt, main)
    if found is None and (told := statement(heard, key, main)) is not None:
        found = _list(main, told.listed) or told.cause
    return found


def _router(heard: Heard, key: str, attempt: Attempt, main: Written) -> Opening | None:
    """The redirect that makes an address elsewhere of a local part."""
    told = heard.get(f"exim -bt {key}")
    if not isinstance(told, Ran) or f"<-- {attempt.recipient}" not in told.output:
        return None
    name = ""
    for number, line in enumerate(main.lines, 1):
        label = re.fullmatch(r"(\w+):\s*", line.strip())
        name = label[1] if label else name
        if name and re.match(r"\s*data\s*=.*\$\{?local_part", line) and re.search(r"[%!@]", line):
            return main.cause(number, f"The router {name} reads a local part such as user%domain as an address "
                                 "elsewhere, and passes the message on.")  # fmt: skip
    return None


class Accepting(NamedTuple):
    """The statement of an ACL that accepted a recipient."""

    cause: Opening
    listed: str  # the named list that it looked into last; empty: none


def statement(heard: Heard, key: str, main: Written) -> Accepting | None:
    """The last statement before the recipient was accepted, as the pretended session tells it."""
    session = heard.get(f"exim -bh {key}")
    if not isinstance(session, Ran):
        return None
    rcpt = (session.output + session.complaint).rpartition("using ACL")[2]
    number, verb, listed, where = 0, "", "", main
    for line in rcpt.splitlines():
        found = _STATEMENT.search(line)
        if found:
            verb, number, listed = found[1], int(found[3]), ""
            where = main if found[2] == main.file else Written(found[2], [])
        named = _NAMED_LIST.search(line)
        listed = named[1] if named else listed
        if verb == "accept" and "accept: condition test succeeded" in line:
            why = "This statement of the ACL for recipients accepts the client, whoever it writes to."
            return Accepting(where.cause(number, why), listed)
    return None


def _list(main: Written, name: str) -> Opening | None:
    for number, line in enumerate(main.lines, 1):
        if name and re.match(rf"\s*(?:host|domain|address)list\s+{re.escape(name)}\s*=", line):
            return main.cause(number, f"Who or what stands in {name} may send to everybody through this server.")
    return None
