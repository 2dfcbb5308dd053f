"""What ``whosent trace --investigate`` adds: what a message advertises, and what registries say of it."""

from __future__ import annotations

from typing import Literal

import msgspec

Reach = Literal["offline", "registries", "dns"]
Disguise = Literal[
    "userinfo", "number_for_address", "percent_coding", "entities", "defanged", "other_alphabet", "backslashes"
]


class Advertised(msgspec.Struct, frozen=True, kw_only=True):
    """A link or a contact in the text of a message; nobody opened it."""

    kind: Literal["link", "contact"]  # a web address or a mail address
    text: str  # as it stands there, at most 200 characters
    host: str  # where it would lead: name in ASCII, or address
    domain: str | None  # the part of the name that somebody registered; null: an address, or no such name
    disguises: list[Disguise]  # how it hides where it leads


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry says of a domain or an address."""

    about: str  # the domain or address asked about
    kind: Literal["domain", "network"]  # of a name, of an address
    server: str | None  # who answered: URL of RDAP, name of a WHOIS server; null: nobody
    asked: str  # RFC 3339, UTC
    registrar: str | None  # of a domain
    registered: str | None  # when, as the registry writes it
    expires: str | None  # when, as the registry writes it
    name_servers: list[str]  # of a domain, as registered
    holder: str | None  # who holds the domain or network, as far as it is told
    network: str | None  # first and last address of a network
    asn: str | None  # autonomous system that announces it
    country: str | None  # as the registry writes it
    abuse_contact: str | None  # mail address for complaints
    status: list[str]  # of a domain, such as "client hold"
    problem: str | None  # null: it was answered


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What the DNS says of a host, domain or address; asked only where that was wanted."""

    name: str  # the name asked about
    type: str  # NS, A, AAAA, PTR, TXT (of the announcing system), or a blocklist's zone
    answers: list[str]  # as text; empty: none
    problem: str | None  # null: it was answered


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A DKIM signature or the ARC chain of a message, verified where the DNS may be asked for keys."""

    kind: Literal["dkim", "arc"]  # of an ARC chain the newest seal is told
    domain: str | None  # d=: who signed, if the signature is valid; null: it cannot be read
    selector: str | None  # s=: which of its keys
    fields: list[str]  # names of the header fields it covers, lower case, at most 40; nothing else of the header is
    body_length: int | None  # bytes of the body it covers; null: all of it
    result: Literal["valid", "invalid", "not verified"]  # only valid says anything about the domain
    problem: str | None  # why it is not valid, or not verified
    sentence: str  # what that means; true on its own


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked about one message, and what came of it."""

    reach: Reach  # how far questions went
    sentence: str  # who was asked, and who may have noticed
    advertised: list[Advertised]  # links and contacts, each host once
    registrations: list[Registration]  # of the entry address, and of what is advertised
    resolutions: list[Resolution]  # from the DNS
    signatures: list[Signature]  # DKIM, then ARC; verified only where the DNS is asked
    digests: list[str]  # SHA-256 of each decoded part of the message, in order; the parts are not kept
