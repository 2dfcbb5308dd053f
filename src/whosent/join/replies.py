"""What a reply says: why a recipient was deferred or bounced, and the id the next host gave the message (pure).

The reason comes from the enhanced status code (RFC 3463) and the reply's text.

The text is the remote server's; the words below are those of Postfix, Exim, Exchange, Gmail, Yahoo, Outlook and
the common filters.  Only what ``status=`` says decides sent, deferred or bounced: a reply cannot forge that.
Plain substrings, since a reply is classified for every refused recipient of a spam run; of text, not of bytes, where
looking for one takes three times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from whosent.model.rows import Reason
from whosent.reading.native import native


def _any_of(*words: str) -> Callable[[bytes], bool]:
    """Whether any of the words stands in a text of lower case."""
    if native:
        found: Callable[[bytes], bool] = native.Words(b"|".join(re.escape(word.encode()) for word in words)).stand_in
        return found
    encoded = tuple(word.encode() for word in words)

    def says(text: bytes) -> bool:
        for word in encoded:  # noqa: SIM110  # any() with a generator takes twice as long
            if word in text:
                return True
        return False

    return says


_LISTED: Final = _any_of(
    "blocked using", "blocklist", "block list", "blacklist", "black list", "denylist", "deny list", "dnsbl",
    " rbl", "spamhaus", "spamcop", "barracudacentral", "sorbs", "uceprotect", "psbl.", "invaluement",
    "mailspike", "listed at", "listed in", "listed on", "listed by", "s3150", "s3140", "abuseat",
    "senderbase", "banned sending ip", "cloudmark", "proofpoint dynamic reputation",
)  # fmt: skip
_UNKNOWN: Final = _any_of(
    "user unknown", "unknown user", "unknown recipient", "unknown mailbox", "unknown local", "no such user",
    "no such mailbox", "no such recipient", "no such address", "no such person", "does not exist",
    "doesn't exist", "doesn't have a", "mailbox not found", "user not found", "recipient not found",
    "address not found", "invalid recipient", "invalid mailbox", "unrouteable", "no mailbox",
    "mailbox unavailable", "recipient rejected", "account has been disabled", "is disabled", "mailbox disabled",
    "mailbox is inactive",
)  # fmt: skip
_GREYLISTED: Final = _any_of(
    "greylist", "graylist", "grey-list", "gray-list", "postgrey", "try again later", "try again in",
    "come back later", "early retry",
)  # fmt: skip
_RATE: Final = _any_of(
    "too many", "rate limit", "ratelimit", "rate-limit", "throttl", "unusual rate", "4.7.28", "tss0", "(ts0",
    "sending limit", "hourly limit", "daily limit",
)  # fmt: skip
_POLICY: Final = _any_of(
    "spam", "unsolicited", "reputation", "policy", "policies", "due to content", "message rejected",
    "message was rejected", "blocked", "dmarc", "phish", "malware", "virus",
)  # fmt: skip
_FULL: Final = _any_of(
    "mailbox full",
    "mailbox is full",
    "over quota",
    "overquota",
    "quota exceeded",
    "insufficient",
)
_UNREACHED: Final = _any_of(  # no server said that: Exim, which logs no code of its own
    "connection refused", "connection timed out", "connection reset", "no route to host", "network is unreachable",
    "remote host closed connection", "retry time not", "retry timeout exceeded", "have been failing for a long time",
    "host lookup", "non-existent hosts", "points to local host", "tls session", "no immediate delivery",
)  # fmt: skip
_NO_RECIPIENT: Final = b"recipient address rejected: access denied"  # Exchange Online: not in the directory
_LOOP: Final = _any_of(
    "loops back", "too many hops", "hop count", "hopcount", "mail loop", "mail forwarding loop", "routing loop",
    "too many received headers", 'too many "received" headers', "forwarding loop", "loop detected",
)  # fmt: skip
_READ: Final = 1000  # bytes of a reply that count
_DSN: Final = re.compile(rb"(?<!\S)[45]\d\d[ -]#?([45]\.\d{1,3}\.\d{1,3})(?!\S)")  # behind its reply code
_QUEUED_AS: Final = re.compile(  # as Postfix, Exim and Sendmail say it
    rb"queued as ([^\s).,;]+)|\bid=([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4})(?![^\s).,;])"
    rb"|(?<![^\s])([0-9A-Za-z]{8,20}) Message accepted for delivery"
)


def reason(dsn: bytes | None, reply: bytes | None) -> Reason:  # noqa: C901, PLR0911  # the first that fits
    """The reason behind a 4xx or 5xx; ``dsn`` like ``5.1.1`` (else the reply's first one), ``reply`` as logged."""
    reply = reply or b""
    text = reply[:_READ].lower()
    if not dsn:
        found = _DSN.search(reply, 0, _READ)
        dsn = found[1] if found else b""
    klass, _, detail = dsn.partition(b".")
    if _LISTED(text):
        return Reason.LISTED
    if klass == b"4" and _GREYLISTED(text):
        return Reason.GREYLISTED
    if detail in {b"4.6", b"4.14"} or _LOOP(text):
        return Reason.LOOP
    if detail == b"1.2":
        return Reason.ROUTE
    if detail.startswith(b"1.") or _UNKNOWN(text) or (detail == b"4.1" and _NO_RECIPIENT in text):
        return Reason.UNKNOWN_USER
    if _RATE(text):
        return Reason.RATE
    if detail.startswith(b"2.") or _FULL(text):
        return Reason.MAILBOX
    if detail.startswith(b"7.") or _POLICY(text):
        return Reason.POLICY
    if detail.startswith((b"4.", b"3.", b"8.")) or (not dsn and _UNREACHED(text)):
        return Reason.ROUTE
    return Reason.OTHER


def queued_as(reply: bytes | None) -> bytes:
    """The queue id that the next host says it gave the message; "" if it names none."""
    found = _QUEUED_AS.search(reply) if reply else None
    return found[found.lastindex or 0] if found else b""
