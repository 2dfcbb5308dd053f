"""What is published for mail programs: Mozilla's autoconfig, Microsoft's autodiscover, SRV records (RFC 6186, 8314)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

from whosent.autoconfig.offers import Offer, Protocol, Security

SERVICES: Final[dict[str, tuple[Protocol, Security]]] = {
    "_submissions._tcp": ("smtp", "tls"), "_submission._tcp": ("smtp", "starttls"), "_imaps._tcp": ("imap", "tls"),
    "_imap._tcp": ("imap", "starttls"), "_pop3s._tcp": ("pop3", "tls"), "_pop3._tcp": ("pop3", "starttls"),
}  # fmt: skip
ASKING: Final = (
    '<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/'
    'outlook/requestschema/2006"><Request><EMailAddress>audit@{domain}</EMailAddress><AcceptableResponseSchema>'
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>"
    "</Request></Autodiscover>"
)
_LONGEST: Final = 200_000
_MOST: Final = 24
_HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}\.?", re.IGNORECASE)
_SOCKETS: Final[dict[str, Security]] = {"ssl": "tls", "starttls": "starttls", "plain": "plain"}
_PORTS: Final = range(1, 65_536)


def _tree(page: bytes) -> ET.Element | None:
    """The document; none that declares a type or entities is read."""
    if len(page) > _LONGEST or b"<!DOCTYPE" in page.upper() or b"<!ENTITY" in page.upper():
        return None
    try:
        return ET.fromstring(page)  # noqa: S314  # declarations are refused above
    except (ET.ParseError, ValueError, LookupError):
        return None


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Elements of a name, whatever their namespace and case."""
    return (one for one in element.iter() if one.tag.rpartition("}")[2].lower() == name)


def _word(element: ET.Element, name: str) -> str:
    return next(((one.text or "").strip() for one in _named(element, name)), "")


def _offer(protocol: Protocol, host: str, port: str, security: Security) -> Offer | None:
    if not _HOST.fullmatch(host) or not port.isdecimal() or int(port) not in _PORTS:
        return None
    return Offer(protocol, host.rstrip(".").lower(), int(port), security)


def of_autoconfig(page: bytes) -> list[Offer] | None:
    """config-v1.1.xml; None: it is none."""
    tree = _tree(page)
    if tree is None or tree.tag.rpartition("}")[2].lower() != "clientconfig":
        return None
    found: list[Offer] = []
    for kind in ("incomingserver", "outgoingserver"):
        for server in list(_named(tree, kind))[:_MOST]:
            protocol = server.get("type", "").lower()
            security = _SOCKETS.get(_word(server, "sockettype").lower(), "plain")
            if protocol in {"smtp", "imap", "pop3"}:
                one = _offer(protocol, _word(server, "hostname"), _word(server, "port"), security)  # type: ignore[arg-type]  # one of them
                found += [one] if one is not None else []
    return found


def of_autodiscover(page: bytes) -> list[Offer] | None:
    """An autodiscover answer; None: it is none."""
    tree = _tree(page)
    if tree is None or tree.tag.rpartition("}")[2].lower() != "autodiscover":
        return None
    found: list[Offer] = []
    for block in list(_named(tree, "protocol"))[:_MOST]:
        protocol = _word(block, "type").lower()
        encryption, ssl = _word(block, "encryption").lower(), _word(block, "ssl").lower()
        security: Security = "plain"
        if encryption == "tls":
            security = "starttls"
        elif encryption in {"ssl", "auto"} or (not encryption and ssl != "off"):
            security = "tls"
        if protocol in {"smtp", "imap", "pop3"}:
            one = _offer(protocol, _word(block, "server"), _word(block, "port"), security)  # type: ignore[arg-type]  # one of them
            found += [one] if one is not None else []
    return found


def of_srv(service: str, records: tuple[str, ...]) -> list[Offer]:
    """SRV records of a service; a single dot says that it is not offered."""
    protocol, security = SERVICES[service]
    found = []
    for record in records[:_MOST]:
        words = record.split()
        if len(words) == 4 and words[3] != ".":  # noqa: PLR2004  # priority, weight, port, host
            one = _offer(protocol, words[3], words[2], security)
            found += [one] if one is not None else []
    return found
