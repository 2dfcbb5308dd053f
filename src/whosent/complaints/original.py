"""The message a report is about: what its headers say of it, and which queue ids its Received lines claim.

All of it is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from whosent.complaints import extract
from whosent.complaints.mail import Headers, Mail, Part, fields, parse
from whosent.model.complaint import HopClaim
from whosent.trace.received import read

_MOST_LINES: Final = 50  # Received lines that are looked at
_NAMES: Final = (
    r"(?:received|return-path|from|to|subject|message-id|date|x-[\w-]{2,60}|delivered-to|mime-version|dkim-signature"
    r"|content-type|reply-to|feedback-id)"
)
# Mail programs wrap what is pasted: up to four lines without a name belong to the header line before them.
_RUN: Final = re.compile(
    rf"(?im)^[> \t|]{{0,8}}{_NAMES}[ \t]*:[^\n]*\n(?:[> \t|]{{0,8}}(?:[ \t]+[^\n]*|[\w-]{{2,60}}[ \t]*:[^\n]*)\n"
    rf"|(?:[^\s>|][^\n]*\n){{1,4}}(?=[> \t|]{{0,8}}(?:{_NAMES}|[\w-]{{0,30}}(?:authentication-results|arc-\w[\w-]*"
    r"|received-spf|domainkey-signature))[ \t]*:|[ \t]+[\S\n]))*"
)
_WRAPPED: Final = re.compile(r"(?m)^(?![\w-]{2,60}[ \t]*:)(?=[^ \t\n])")
# Some put an empty line after each line of what is pasted.
_LONGEST_GAP: Final = 2_000  # characters between header lines, without an empty line
_SPACED: Final = re.compile(
    rf"(?im)^[> \t|]{{0,8}}{_NAMES}[ \t]*:[^\n]*\n(?:[> \t\r|]{{0,8}}\n[> \t|]{{0,40}}[^\s>|][^\n]*(?:\n|\Z)){{3,}}"
)
_EMPTY: Final = re.compile(r"\n[> \t\r|]{0,8}(?=\n)")
_QUOTE: Final = re.compile(r"(?m)^[ \t]{0,4}[>|] ?")
_TRACED: Final = ("x-cfbl-feedback-id", "cfbl-feedback-id", "feedback-id", "x-feedback-id", "x-campaign-id",
                  "x-report-abuse-id")  # fmt: skip
_VERP: Final = re.compile(r"[+=-].{3,}[=_].{3,}@")

_INNER: Final = re.compile(r"\.(?:local|lan|internal|intranet|intra|corp|home|localdomain)$", re.IGNORECASE)
_BARE: Final = re.compile(r"[A-Za-z][\w-]+")  # a host's name without a domain

_read: Final = lru_cache(512)(read)  # a line is asked about several times


class Original(NamedTuple):
    """The message complained of, or returned."""

    headers: Headers
    body: str

    @property
    def message_id(self) -> str | None:
        """Its Message-ID with brackets."""
        found = self.headers.get("message-id").strip()
        return found.split()[0][:998] if found else None

    @property
    def mail_from(self) -> str | None:
        """The envelope sender, as Return-Path or a Received line has it; else the From header's."""
        path = extract.mailbox(self.headers.get("return-path")) or extract.mailbox(self.headers.get("x-envelope-from"))
        if path:
            return path
        for line in self.received:
            sender = _read(line).envelope_from
            if sender and "@" in sender:
                return extract.folded(sender)
        return extract.mailbox(self.headers.get("from"))

    @property
    def recipients(self) -> list[str]:
        """Envelope recipients that Received lines name; else those of To and Cc."""
        found = [_read(line).for_ or "" for line in self.received]
        found += [
            value for name in ("x-original-to", "delivered-to", "x-envelope-to") for value in self.headers.all(name)
        ]
        known = [box for word in found if (box := extract.mailbox(word))]
        visible = [box for name in ("to", "cc") for value in self.headers.all(name) for box in extract.mailboxes(value)]
        return list(dict.fromkeys([*known, *visible]))

    @property
    def delivered_to(self) -> str | None:
        """The recipient that the last hop names: what stands below it may be copied from another mail."""
        return extract.mailbox(_read(self.received[0]).for_ or "") if self.received else None

    @property
    def received(self) -> list[str]:
        """Its Received lines, the last hop first."""
        return self.headers.all("received")[:_MOST_LINES]

    @property
    def moment(self) -> float | None:
        """When its last hop had it, else its Date."""
        for line in self.received:
            time = _read(line).time
            if time is not None:
                return time
        return extract.moment(self.headers.get("date"))

    @property
    def client(self) -> tuple[str | None, int | None]:
        """Address and port that the last hop had it from: the first public one of the uppermost lines.

        A relay of the recipient's own is passed by where its name is the recipient's. Nobody is named where only the
        line below says that it is one, which anybody can write, nor where a provider took it from a client of its own
        name, which was not looked up, and had it before.
        """
        lines = self.received
        for place, line in enumerate(lines):
            claim = read_received(line)
            if claim and claim.address and extract.is_public(claim.address):
                if _is_handed_on(line, lines[place + 1 :], at_home=self._is_at_home(_read(line).by)):
                    return None, None
                if not self._is_at_home(next((by for below in lines[place + 1 :] if (by := _read(below).by)), None)):
                    return claim.address, claim.port
                if not self._is_at_home(_read(line).from_rdns):
                    return None, None
        for name in ("x-originating-ip", "x-sender-ip", "x-source-ip"):
            found = next(extract.addresses(self.headers.get(name)), None)
            if found and extract.is_public(found):
                return found, None
        return None, None

    def _is_at_home(self, host: str | None) -> bool:
        """Whether a host bears the name of the recipient's domain."""
        home = (self.delivered_to or "").rpartition("@")[2].lower()
        name = (host or "").lower().strip("[].")
        return bool(home) and (name == home or name.endswith(f".{home}"))

    @property
    def claims(self) -> tuple[HopClaim, ...]:
        """What its Received lines say of queue ids and clients, one each."""
        return tuple(claim for line in self.received if (claim := read_received(line)))

    @property
    def feedback_ids(self) -> tuple[str, ...]:
        """What lets its sender know it again: RFC 9477's identifier and its relatives, and a VERP sender."""
        found = [f"{name}: {value}"[:500] for name in _TRACED for value in self.headers.all(name) if value]
        sender = self.mail_from
        return tuple([*found, f"return-path: {sender}"] if sender and _VERP.search(sender) else found)


def read_received(line: str) -> HopClaim | None:
    """One Received line as a claim; None if it names neither host nor id nor client."""
    said = _read(line)
    host, name = (said.by or "").lower().strip("[]."), (said.id or "").rstrip(".")
    if not (host or name or said.from_address):
        return None
    return HopClaim(host, name, said.from_address, said.from_port, said.time, said.login)


def _is_handed_on(line: str, below: Sequence[str], *, at_home: bool) -> bool:
    """Whether a server of one site seems to have it from another one, whose name was not looked up.

    Client and server say one domain, and a server of it, or one that says no domain, had the message before; or one
    of them (the client, where the server is ``at_home``) bears a name that only its site knows, and the client calls
    itself like the writer of the next line.
    """
    said = _read(line)
    if said.from_rdns:
        return False
    home = _domain(said.by)
    if home is not None and home == _domain(said.from_helo):
        return any(_domain(_read(other).by) == home or _BARE.fullmatch(_read(other).by or "") for other in below)
    inner = _INNER.search(said.by or "") or (at_home and _BARE.fullmatch(said.from_helo or ""))
    return bool(inner and below and said.from_helo) and _read(below[0]).by == said.from_helo


def _domain(host: str | None) -> str | None:
    """The last two labels of a host's name; None if it has none."""
    labels = (host or "").lower().strip("[].").split(".")
    return ".".join(labels[-2:]) if len(labels) > 1 and labels[-1].isalpha() else None


def of_part(part: Part) -> Original:
    """The message in an attached part."""
    inner = parse(part.body) if part.headers.get("content-transfer-encoding") else parse(part.raw)
    return of_mail(inner)


def of_mail(mail: Mail) -> Original:
    """A parsed message as an original."""
    return Original(mail.headers, "\n".join(part.text for part in mail.parts[:5] if part.kind.startswith("text/")))


def pasted(text: str) -> Original | None:
    """The headers of a message pasted or quoted into a text, None if there are none.

    The longest run of header lines counts, of those that have a Received line or a Message-ID and another one, or a
    Received line that says whom it was received from.
    """
    text = _SPACED.sub(lambda spaced: _EMPTY.sub("", spaced[0]), text)
    runs: list[str] = []
    end = 0
    for match, _ in zip(_RUN.finditer(text), range(200), strict=False):
        gap = text[end : match.start()]
        if runs and len(gap) < _LONGEST_GAP and "\n\n" not in gap:  # what a mail program broke up is one head
            runs[-1] += match[0]
        else:
            runs.append(match[0])
        end = match.end()
    best: Headers | None = None
    for run in runs:
        headers = fields(_WRAPPED.sub("\t", _QUOTE.sub("", run)).encode("utf-8", "replace"))
        names = {name for name, _ in headers.fields}
        told = len(names) > 1 or any(_read(value).from_address for value in headers.all("received"))
        if names & {"received", "message-id"} and told and (
            best is None or len(headers.fields) > len(best.fields)
        ):  # fmt: skip
            best = headers
    return Original(best, "") if best else None


def texts(parts: Sequence[Part]) -> str:
    """The text of the parts that are text, plain before HTML."""
    plain = [part.text for part in parts if part.kind == "text/plain" or (part.kind.startswith("text/x"))]
    if any(text.strip() for text in plain):
        return "\n".join(plain)
    return "\n".join([*plain, *(part.text for part in parts if part.kind == "text/html")])
