"""A message as layouts look at it: parsed once, its text and its original found once."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

from whosent.complaints import enclosed, extract
from whosent.complaints.mail import Mail
from whosent.complaints.original import Original, of_part, pasted, texts

_LONGEST: Final = 64 << 10  # characters of text that are looked at
_DAEMON: Final = re.compile(
    r"mailer[-_ ]?da?emon|mail[-_. ]deliver|postmaster|post_master|mdaemon|mail (?:system|administrator)|bounce|mmdf"
    r"|mailsystem|delivery[-_ ]?(?:status|subsystem)|undeliver|no-?reply@[\w.-]*(?:dion|ezweb|docomo)|uucp@",
    re.IGNORECASE,
)
_ORIGINATORS: Final = ("x-rt-originator", "x-original-from", "x-original-sender")  # of ticket systems and lists
# Where a bounce's own words end and the returned message begins.
_DIVIDER: Final = re.compile(
    r"(?im)^[ \t>*=_-]{0,60}(?:below (?:this line )?is a copy|this is a copy of (?:the|your) (?:message|mail)"
    r"|original (?:message|mail)(?: header)?s?(?: details| follows?| below| text)?[ .:*=_-]{0,80}$"
    r"|message headers? follow"
    r"|the original message (?:follows|was)|(?:included|enclosed|following|attached|below) is (?:a|the) (?:copy"
    r"|original)[^\n]{0,40}(?:message|mail|header)?|unsent message|returned message|undelivered message"
    r"|original (?:message|mail) (?:header|text)|the header of the original|(?:header|body|text|content"
    r"|copy)s? of (?:the|your) (?:original )?(?:undelivered )?(?:message|mail)|message (?:header|text|body"
    r"|content)s?(?: follows)?[ .:*=_-]{0,80}$|your message (?:follows|reads)|rejected message|start of (?:original"
    r"|returned)|begin of original|\(body omitted|original-headers|message content)"
)
_HEADER_RUN: Final = re.compile(
    r"(?m)^(?:Received|Return-[Pp]ath|DKIM-Signature|X-[\w-]{2,40}"
    r"|Message-I[Dd]):[^\n]*\n(?:[ \t][^\n]*\n)*(?:(?:Received|From|To|Subject|Date|Message-I[Dd]|X-[\w-]{2,40}"
    r"|MIME-Version|Return-[Pp]ath|Sender|Reply-To|DKIM-[\w-]{2,40}|Content-[\w-]{2,40}|ARC-[\w-]{2,40}):[^\n]*)"
)


class View:
    """A message, and what every layout asks of it."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        self.headers = mail.headers

    @cached_property
    def subject(self) -> str:
        """Its subject, decoded."""
        return self.headers.text("subject")[:1_000]

    @cached_property
    def reporter(self) -> str | None:
        """Who wrote it: the mailbox of From, else the name there; behind a desk's tickets whoever wrote to it."""
        value = self.headers.text("from")
        known = extract.mailbox(value) or value.strip(" <>\"'")[:200] or None
        if known and known.lower() in self.addressee:
            return next(filter(None, (extract.mailbox(self.headers.get(name)) for name in _ORIGINATORS)), known)
        return known

    @cached_property
    def reported(self) -> float | None:
        """When it was written, as its Date has it."""
        return extract.moment(self.headers.get("date"))

    @cached_property
    def text(self) -> str:
        """The text of its parts, without what is attached as a message."""
        parts = [part for part in self.mail.parts if part.kind.startswith("text/") and not part.is_original]
        return texts(parts)[:_LONGEST]

    @cached_property
    def lists(self) -> list[str]:
        """The lists that are attached (CSV)."""
        return list(enclosed.lists(self.mail))

    @cached_property
    def enclosures(self) -> list[str]:
        """The texts among its other attachments: logs, JSON, XML, YAML."""
        return [text[:_LONGEST] for text in enclosed.texts(self.mail)]

    @cached_property
    def own_words(self) -> str:
        """Its text up to the returned message."""
        ends = [found.start() for pattern in (_DIVIDER, _HEADER_RUN) if (found := pattern.search(self.text))]
        return self.text[: min(ends)] if ends else self.text

    def words_from(self, place: int) -> str:
        """The text from there on, up to the returned message behind it."""
        rest = self.text[place:]
        end = _DIVIDER.search(rest)
        return rest[: end.start()] if end else rest

    @cached_property
    def original(self) -> Original | None:
        """The message that is attached to it, or pasted into its text."""
        for part in self.mail.originals:
            found = of_part(part)
            if found.headers.fields:
                return found
        return pasted(self.text)

    @cached_property
    def attached(self) -> bool:
        """Whether a message, or its headers, is attached."""
        return any(part.raw.strip() for part in self.mail.originals)

    @cached_property
    def by_daemon(self) -> bool:
        """Whether a mail system says to have written it: a null reverse-path, or a sender called like one."""
        path = self.headers.all("return-path")[:1]
        return (
            "<>" in path or bool(_DAEMON.search(self.headers.text("from"))) or self.headers.get("from").strip() == "<>"
        )

    @cached_property
    def addressee(self) -> set[str]:
        """The mailboxes it was sent to."""
        return {box.lower() for name in ("to", "delivered-to") for value in self.headers.all(name)
                for box in extract.mailboxes(value)}  # fmt: skip
