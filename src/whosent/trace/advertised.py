"""Links and contacts in the text of a message: found, never opened; the text is neither shown nor kept.

Bounded: so many bytes of the message, so many parts, so many finds.  Attachments are digested and not looked into.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Final, Literal

from whosent.model.inquiry import Advertised, Disguise
from whosent.trace.heads import BODY_LIMIT
from whosent.trace.whereto import Destination, destination, mailbox

_PARTS: Final = 100
_TEXT: Final = 1 << 20  # characters of one part
_FOUND: Final = 200
_SHOWN: Final = 200
_TAG: Final = re.compile(r"<[A-Za-z!/][^<>]{0,8000}>")
_ATTRIBUTE: Final = re.compile(
    r"(?i)\b(?:href|src|action|background|formaction|data|poster)\s{0,9}=\s{0,9}"
    r"(\"[^\"]{0,4000}\"|'[^']{0,4000}'|[^\s>\"']{1,4000})"
)
_ABSOLUTE: Final = re.compile(r"(?i)(?:https?|ftp):|[/\\]{2}")
_CONTROL: Final = re.compile(r"[\t\r\n]")
_LINK: Final = re.compile(
    r"(?i)\b(?:h(?:tt|xx|\*\*|__)ps?|fxp|ftp)\s?(?:\[:\]|:)\s?[/\\]{1,4}[^\s<>\"'`]{1,2000}"
    r"|\bwww\.[^\s<>\"'`]{3,2000}"
    r"|\b(?:[a-z0-9-]{1,63}\s?(?:\[\.\]|\(\.\)|\[dot\]|\(dot\))\s?){1,6}[a-z]{2,24}(?:/[^\s<>\"'`]{0,2000})?"
)
_CONTACT: Final = re.compile(
    r"(?i)\b[a-z0-9._%+'-]{1,64}\s?(?:@|\[at\]|\(at\))\s?"
    r"(?:[a-z0-9-]{1,63}\s?(?:\.|\[\.\]|\[dot\]|\(dot\))\s?){1,6}[a-z]{2,24}\b"
)
_AT: Final = re.compile(r"\s?(?:\[at\]|\(at\))\s?", re.IGNORECASE)
_BEHIND: Final = ".,;:!?)]}>'\""


def advertised(raw: bytes) -> tuple[list[Advertised], list[str]]:
    """What the message advertises, each host once a kind, and the SHA-256 of each of its parts."""
    message = message_from_bytes(raw[:BODY_LIMIT])
    found: dict[tuple[str, str], Advertised] = {}
    digests: list[str] = []
    for part in _parts(message):
        content = _decoded(part)
        digests.append(hashlib.sha256(content).hexdigest())
        if part.get_content_maintype() != "text":
            continue
        text = _text(part, content)[:_TEXT]
        for one in _in_html(text) if part.get_content_subtype() == "html" else _in_text(text):
            if len(found) < _FOUND:
                found.setdefault((one.kind, one.host), one)
    return list(found.values()), digests


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= _PARTS:
            return
        if not part.is_multipart():
            yield part


def _decoded(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message, content: bytes) -> str:
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("latin-1")


def _in_text(text: str, disguises: tuple[Disguise, ...] = ()) -> Iterator[Advertised]:
    for match in _LINK.finditer(text):
        written = match[0].rstrip(_BEHIND)
        yield from _told("link", written, destination(written), disguises)
    for match in _CONTACT.finditer(text):
        address = _AT.sub("@", match[0])
        more: tuple[Disguise, ...] = (*disguises, "defanged") if address != match[0] else disguises
        yield from _told("contact", match[0], mailbox(address), more)


def _in_html(text: str) -> Iterator[Advertised]:
    """Addresses in attributes, then those in the words; by pattern, since a parser may take long on bad markup."""
    for tag in _TAG.finditer(text):
        for match in _ATTRIBUTE.finditer(tag[0]):
            raw = match[1].strip("\"'")
            written = _CONTROL.sub("", html.unescape(raw)).strip()
            disguises: tuple[Disguise, ...] = ("entities",) if _coded(raw) else ()
            yield from _in_attribute(written, disguises)
    yield from _in_text(html.unescape(_TAG.sub(" ", text)))


def _coded(raw: str) -> bool:
    """Whether entities hide part of the host: before any query they have no business."""
    return "&" in re.split(r"[?]", raw, maxsplit=1)[0]


def _in_attribute(written: str, disguises: tuple[Disguise, ...]) -> Iterator[Advertised]:
    if written[:7].lower() == "mailto:":
        for address in written[7:].partition("?")[0].split(",")[:10]:
            yield from _told("contact", address, mailbox(address), disguises)
    elif _ABSOLUTE.match(written):
        yield from _told("link", written, destination(written), disguises)


def _told(
    kind: Literal["link", "contact"], written: str, where: Destination | None, more: tuple[Disguise, ...]
) -> Iterator[Advertised]:
    if where is not None:
        yield Advertised(
            kind=kind, text=written.strip()[:_SHOWN], host=where.host, domain=where.domain,
            disguises=list(dict.fromkeys((*where.disguises, *more))),
        )  # fmt: skip
