"""The message a report is about: what its headers say of it, and which queue ids its Received lines claim.

All of it is claimed.  The reading of Received lines stands here alone, so that the tracer's can take its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from whosent.complaints import extract
from whosent.complaints.mail import Headers, Mail, Part, fields, parse
from whosent.model.complaint import HopClaim

_MOST_LINES: Final = 50  # Received lines that are looked at
_BY: Final = re.compile(r"(?:^|[\s;)])by ([\w.-]{1,255}|\[[0-9A-Fa-f.:]{3,50}\])")
_ID: Final = re.compile(r"(?:^|[\s(])(?:ESMTP|SMTP|LMTP)?(?:S|A|SA)? ?id:? ?<?([A-Za-z0-9][\w.-]{4,60})", re.IGNORECASE)
_POSTFIX: Final = re.compile(r"\(Postfix[^)]{0,80}\)\s+(?:with|id)[^;]{0,60}?\bid ([0-9A-Za-z]{5,24})")
_LITERAL: Final = re.compile(r"[\[(](?:IPv6:)?([0-9A-Fa-f.:]{3,45})\](?::(\d{1,5}))?")
_BARE: Final = re.compile(r"\((?:[^()\[\]]{0,255} )?((?:\d{1,3}\.){3}\d{1,3})\)")
_PORT: Final = re.compile(r"(?:port=|\]:)(\d{1,5})")
_FOR: Final = re.compile(r"\bfor <?([^\s<>;]{1,320}@[^\s<>;]{1,255})>?")
_FROM: Final = re.compile(r"envelope-(?:from|sender) <?([^\s<>;()]{1,320})>?")
_LOGIN: Final = re.compile(r"Authenticated sender: ([^\s()]{1,255})\)")
_RUN: Final = re.compile(
    r"(?im)^[> \t|]{0,8}(?:received|return-path|from|to|subject|message-id|date|x-[\w-]{2,60}|delivered-to"
    r"|mime-version|dkim-signature|content-type|reply-to|feedback-id)[ \t]*:[^\n]*\n(?:[> \t|]{0,8}(?:[ \t]+[^\n]*"
    r"|[\w-]{2,60}[ \t]*:[^\n]*)\n)*"
)
_QUOTE: Final = re.compile(r"(?m)^[ \t]{0,4}[>|] ?")
_TRACED: Final = ("x-cfbl-feedback-id", "cfbl-feedback-id", "feedback-id", "x-feedback-id", "x-campaign-id",
                  "x-report-abuse-id")  # fmt: skip
_VERP: Final = re.compile(r"[+=-].{3,}[=_].{3,}@")


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
            found = _FROM.search(line)
            if found and "@" in found[1]:
                return extract.folded(found[1])
        return extract.mailbox(self.headers.get("from"))

    @property
    def recipients(self) -> list[str]:
        """Envelope recipients that Received lines name; else those of To and Cc."""
        found = [match[1] for line in self.received for match in _FOR.finditer(line)]
        found += [
            value for name in ("x-original-to", "delivered-to", "x-envelope-to") for value in self.headers.all(name)
        ]
        known = [box for word in found if (box := extract.mailbox(word))]
        visible = [box for name in ("to", "cc") for value in self.headers.all(name) for box in extract.mailboxes(value)]
        return list(dict.fromkeys([*known, *visible]))

    @property
    def delivered_to(self) -> str | None:
        """The recipient that the last hop names: what stands below it may be copied from another mail."""
        found = _FOR.search(self.received[0]) if self.received else None
        return extract.mailbox(found[1]) if found else None

    @property
    def received(self) -> list[str]:
        """Its Received lines, the last hop first."""
        return self.headers.all("received")[:_MOST_LINES]

    @property
    def moment(self) -> float | None:
        """When its last hop had it, else its Date."""
        for line in self.received:
            found = extract.moment(line.rpartition(";")[2]) if ";" in line else None
            if found is not None:
                return found
        return extract.moment(self.headers.get("date"))

    @property
    def client(self) -> tuple[str | None, int | None]:
        """Address and port that the last hop had it from: the first public one of the uppermost lines."""
        for line in self.received:
            claim = read_received(line)
            if claim and claim.address and extract.is_public(claim.address):
                return claim.address, claim.port
        for name in ("x-originating-ip", "x-sender-ip", "x-source-ip"):
            found = next(extract.addresses(self.headers.get(name)), None)
            if found and extract.is_public(found):
                return found, None
        return None, None

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
    said, _, date = line[:4_000].rpartition(";") if ";" in line else (line[:4_000], "", "")
    by = _BY.search(said)
    before = said[: by.start()] if by else said
    client = _LITERAL.search(before) or _BARE.search(before)
    known = extract.address(client[1]) if client else next(extract.addresses(before), None)
    port = _PORT.search(before)
    found = _POSTFIX.search(said) or _ID.search(said[by.end() :] if by else said)
    host = by[1].lower().strip("[].") if by else ""
    login = _LOGIN.search(said)
    if not (host or found or known):
        return None
    number = int(port[1]) if port and 0 < int(port[1]) < 65_536 else None  # noqa: PLR2004  # a port
    return HopClaim(host, found[1].rstrip(".") if found else "", known, number, extract.moment(date),
                 login[1] if login else None)  # fmt: skip


def of_part(part: Part) -> Original:
    """The message in an attached part."""
    inner = parse(part.body) if part.headers.get("content-transfer-encoding") else parse(part.raw)
    return of_mail(inner)


def of_mail(mail: Mail) -> Original:
    """A parsed message as an original."""
    return Original(mail.headers, "\n".join(part.text for part in mail.parts[:5] if part.kind.startswith("text/")))


def pasted(text: str) -> Original | None:
    """The headers of a message pasted or quoted into a text, None if there are none.

    The longest run of header lines counts, of those that have a Received line or a Message-ID and another one.
    """
    runs = [match[0] for match, _ in zip(_RUN.finditer(text), range(200), strict=False)]
    best: Headers | None = None
    for run in runs:
        headers = fields(_QUOTE.sub("", run).encode("utf-8", "replace"))
        names = {name for name, _ in headers.fields}
        if names & {"received", "message-id"} and len(names) > 1 and (
            best is None or len(headers.fields) > len(best.fields)
        ):  # fmt: skip
            best = headers
    return Original(best, "") if best else None


def texts(parts: Iterable[Part]) -> str:
    """The text of the parts that are text, plain before HTML."""
    plain = [part.text for part in parts if part.kind == "text/plain" or (part.kind.startswith("text/x"))]
    if any(text.strip() for text in plain):
        return "\n".join(plain)
    return "\n".join([*plain, *(part.text for part in parts if part.kind == "text/html")])
