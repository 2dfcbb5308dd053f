"""Exim: what a session pretended from outside (``exim -bh``) says, and the line of the ACL or router that let it pass.

``exim -bh ADDRESS`` runs the real ACLs as if that client had connected, tells each statement with its file and line,
and takes no message; ``exim -bt`` tells where an address leads.  See the Exim specification, chapters 5 and 43.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from whosent.model.check import Content, Heard, Opening, Question, Ran, Read, Run
from whosent.servers.attempt import Attempt

_STATEMENT: Final = re.compile(r'processing "(\w+)" \((.+) (\d+)\)$')
_NAMED_LIST: Final = re.compile(r'in "\+(\w+)"\? yes')
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


def lookups(heard: Heard, key: str, attempt: Attempt) -> Iterator[Question]:
    """A pretended session of this attempt, and where its recipient would lead."""
    place = path(heard)
    if place is None:
        return
    yield Read(key=place, path=place)
    said = (f"EHLO {attempt.helo}", f"MAIL FROM:<{attempt.sender}>", f"RCPT TO:<{attempt.recipient}>", "QUIT")
    session = "".join(_CONTROLS.sub("", line) + "\r\n" for line in said)
    yield Run(key=f"exim -bh {key}", argv=("exim", "-bh", attempt.client), said=session)
    yield Run(key=f"exim -bt {key}", argv=("exim", "-bt", "--", attempt.recipient))


class _Written(NamedTuple):
    file: str
    lines: list[str]

    def cause(self, number: int, why: str) -> Opening:
        text = self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""
        return Opening(file=self.file, line=number, text=text, why=why)


def guilty(heard: Heard, key: str, attempt: Attempt) -> Opening | None:
    """The statement or list that accepted the client, or the router that reads the address anew."""
    place = path(heard)
    session, text = heard.get(f"exim -bh {key}"), heard.get(place or "")
    if place is None or not isinstance(session, Ran) or not isinstance(text, Content):
        return None
    written = _Written(place, text.text.splitlines())
    return _router(heard, key, attempt, written) or _statement(session.output + session.complaint, written)


def _router(heard: Heard, key: str, attempt: Attempt, written: _Written) -> Opening | None:
    """The redirect that makes an address elsewhere of a local part."""
    told = heard.get(f"exim -bt {key}")
    if not isinstance(told, Ran) or f"<-- {attempt.recipient}" not in told.output:
        return None
    name = ""
    for number, line in enumerate(written.lines, 1):
        label = re.fullmatch(r"(\w+):\s*", line.strip())
        name = label[1] if label else name
        if name and re.match(r"\s*data\s*=.*\$\{?local_part", line) and re.search(r"[%!@]", line):
            return written.cause(number, f"The router {name} reads a local part such as user%domain as an address "
                                 "elsewhere, and passes the message on.")  # fmt: skip
    return None


def _statement(session: str, written: _Written) -> Opening | None:
    """The last statement before the recipient was accepted; the list it looks into, where that is what is too wide."""
    rcpt = session.rpartition("using ACL")[2]
    number, verb, listed = 0, "", ""
    for line in rcpt.splitlines():
        found = _STATEMENT.search(line)
        if found:
            verb, number, listed = found[1], int(found[3]), ""
            written = written._replace(file=found[2]) if found[2] == written.file else _Written(found[2], [])
        named = _NAMED_LIST.search(line)
        listed = named[1] if named else listed
        if verb == "accept" and "accept: condition test succeeded" in line:
            return _list(written, listed) or written.cause(
                number, "This statement of the ACL for recipients accepts the client, whoever it writes to."
            )
    return None


def _list(written: _Written, name: str) -> Opening | None:
    for number, line in enumerate(written.lines, 1):
        if name and re.match(rf"\s*(?:host|domain|address)list\s+{re.escape(name)}\s*=", line):
            return written.cause(number, f"Who or what stands in {name} may send to everybody through this server.")
    return None
