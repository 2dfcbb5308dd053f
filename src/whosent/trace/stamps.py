"""Headers by which servers, webmail and scripts name who submitted a message: one entry a header.

Nobody strips them on the way, so whoever sent the message can have written them.  What they say is a claim; where the
message was handed in on a host of ours that writes the header itself, its log can tell.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from whosent.model.trace import ClaimKind
from whosent.trace.addresses import PATTERN, canonical

_LIMIT: Final = 300  # characters of a value that are shown


class Stamp(NamedTuple):
    """A header and what it would say if its writer could be believed."""

    kind: ClaimKind
    writer: str  # who writes it


STAMPS: Final[dict[str, Stamp]] = {
    "x-originating-ip": Stamp("address", "webmail and Exchange write the address of the browser there"),
    "x-originating-email": Stamp("account", "Hotmail wrote the account there"),
    "x-sender-ip": Stamp("address", "some filters write the client's address there"),
    "x-sender-id": Stamp("account", "some servers write the login there"),
    "x-client-ip": Stamp("address", "some webmail writes the address of the browser there"),
    "x-remote-ip": Stamp("address", "some webmail writes the address of the browser there"),
    "x-http-posting-uri": Stamp("script", "some forms write their address there"),
    "x-php-originating-script": Stamp("script", "PHP writes uid and file name of the script with mail.add_x_header"),
    "x-php-script": Stamp("script", "cPanel writes the script's address and its visitor there"),
    "x-php-filename": Stamp("script", "DirectAdmin writes the script's path there"),
    "x-source": Stamp("script", "cPanel writes the program there"),
    "x-source-args": Stamp("script", "cPanel writes the program's arguments there"),
    "x-source-dir": Stamp("script", "cPanel writes the site's folder there"),
    "x-authenticated-sender": Stamp("account", "servers write the login there"),
    "x-authenticated-user": Stamp("account", "servers write the login there"),
    "x-authenticated-id": Stamp("account", "DirectAdmin writes the login there"),
    "x-auth-id": Stamp("account", "some servers write the login there"),
    "x-auth-user": Stamp("account", "some servers write the login there"),
    "x-authentication-warning": Stamp("account", "Sendmail writes there who set another sender"),
    "x-sasl-enc": Stamp("account", "servers write a code for the login there"),
    "x-get-message-sender-via": Stamp("account", "cPanel writes how the sender was known there"),
    "x-antiabuse": Stamp("uid", "cPanel writes host, uid and domains there"),
    "x-squirrel-userhash": Stamp("account", "SquirrelMail writes a code for the account there"),
    "x-roundcube-user": Stamp("account", "Roundcube writes the account there, if set up so"),
    "x-webmail-user": Stamp("account", "some webmail writes the account there"),
    "x-sender": Stamp("account", "Roundcube and others write the account there"),
    "x-mailer": Stamp("client", "the sending program names itself there"),
    "user-agent": Stamp("client", "the sending program names itself there"),
    "x-microsoft-exchange-diagnostics": Stamp("host", "Exchange writes a code for its servers there"),
    "x-originatororg": Stamp("identity", "Exchange writes the tenant's domain there"),
    "arc-authentication-results": Stamp("identity", "a forwarder writes there what it found, as its seal tells"),
    "dkim-signature": Stamp("identity", "who signed, in d=; only a verified signature proves that"),
    "received-spf": Stamp("identity", "a receiving server writes the result of SPF there"),
    "return-path": Stamp("identity", "the last server writes the envelope sender there, which the client chose"),
}  # fmt: skip
_ADDRESS: Final = re.compile(PATTERN)


class Stamped(NamedTuple):
    """One such header of a message."""

    field: str
    kind: ClaimKind
    value: str
    writer: str


def stamped(headers: list[tuple[str, str]], limit: int = 40) -> list[Stamped]:
    """The stamps among a message's headers, in their order, at most so many."""
    found: list[Stamped] = []
    for name, value in headers:
        stamp = STAMPS.get(name)
        if stamp is None or not value:
            continue
        text = value
        if stamp.kind == "address":
            match = _ADDRESS.search(value)
            text = (canonical(match[0]) if match else None) or value
        found.append(Stamped(name, stamp.kind, text[:_LIMIT], stamp.writer))
        if len(found) >= limit:
            break
    return found
