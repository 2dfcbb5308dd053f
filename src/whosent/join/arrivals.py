"""Messages that enter the queue in one line, with client and envelope (Exim, Sendmail, Exchange): who sent them (pure).

What is not logged stays unknown: a recipient count that no field tells is taken for one, the least it can be.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from whosent.model.rows import Actor
from whosent.reading.recipients import split

_DIGITS: Final = 18  # of a number that is one
_UID: Final = 10


class Arrival(NamedTuple):
    """The fields of the line, as far as it has them."""

    queue_id: bytes
    client_address: bytes | None
    account: bytes | None
    uid: bytes | None
    local_user: bytes | None  # the login name of who called sendmail, where the MTA logs that instead of the uid
    sender: bytes | None
    size: bytes | None
    recipient_count: bytes | None
    recipients: bytes | None  # the list itself, where the line has one
    script: bytes | None  # the script that called sendmail, or its folder
    original_queue_id: bytes | None  # of the message that a bounce is about


LAYOUT: Final = Arrival._fields


def local_user(came: Arrival, host: str) -> Actor | None:
    """The local user who called sendmail; None if a client, an account or the mail server itself handed it in.

    A bounce is made by the mail server, in the name of the user it runs as.
    """
    named = came.uid[:_UID] if came.uid else came.local_user
    if not named or came.client_address or came.account or (not came.sender and came.original_queue_id):
        return None
    name = came.local_user if came.uid else None
    return Actor("local_user", _text(named), host, _text(name or named), _text(came.script) if came.script else None)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def number(digits: bytes | None) -> int:
    """A size, 0 if none was logged."""
    return int(digits[:_DIGITS]) if digits and digits.isdigit() else 0


def recipients(came: Arrival) -> int:
    """How many recipients, at least."""
    return number(came.recipient_count) or len(split(came.recipients or b"")) or 1
