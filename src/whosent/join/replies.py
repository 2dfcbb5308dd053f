"""Why a recipient was deferred or bounced, from the enhanced status code (RFC 3463) and the reply's text.

The text is the remote server's; the words below are those of Postfix, Exim, Exchange, Gmail, Yahoo, Outlook and
the common filters.  Only what ``status=`` says decides sent, deferred or bounced: a reply cannot forge that.
Plain substrings, since a reply is classified for every refused recipient of a spam run.
"""

from __future__ import annotations

from typing import Final

from whosent.model.rows import Reason

_LISTED: Final = (
    b"blocked using", b"blocklist", b"block list", b"blacklist", b"black list", b"denylist", b"deny list", b"dnsbl",
    b" rbl", b"spamhaus", b"spamcop", b"barracudacentral", b"sorbs", b"uceprotect", b"psbl.", b"invaluement",
    b"mailspike", b"listed at", b"listed in", b"listed on", b"listed by", b"s3150", b"s3140", b"abuseat",
    b"senderbase", b"cloudmark", b"proofpoint dynamic reputation",
)  # fmt: skip
_UNKNOWN: Final = (
    b"user unknown", b"unknown user", b"unknown recipient", b"unknown mailbox", b"unknown local", b"no such user",
    b"no such mailbox", b"no such recipient", b"no such address", b"no such person", b"does not exist",
    b"doesn't exist", b"doesn't have a", b"mailbox not found", b"user not found", b"recipient not found",
    b"address not found", b"invalid recipient", b"invalid mailbox", b"unrouteable", b"no mailbox",
    b"mailbox unavailable", b"recipient rejected", b"account has been disabled", b"is disabled", b"mailbox disabled",
    b"mailbox is inactive",
)  # fmt: skip
_GREYLISTED: Final = (
    b"greylist", b"graylist", b"grey-list", b"gray-list", b"postgrey", b"try again later", b"try again in",
    b"come back later", b"early retry",
)  # fmt: skip
_RATE: Final = (
    b"too many", b"rate limit", b"ratelimit", b"rate-limit", b"throttl", b"unusual rate", b"4.7.28", b"tss0", b"(ts0",
    b"sending limit", b"hourly limit", b"daily limit",
)  # fmt: skip
_POLICY: Final = (
    b"spam", b"unsolicited", b"reputation", b"policy", b"policies", b"due to content", b"message rejected",
    b"message was rejected", b"blocked", b"dmarc", b"phish", b"malware", b"virus",
)  # fmt: skip
_FULL: Final = (
    b"mailbox full",
    b"mailbox is full",
    b"over quota",
    b"overquota",
    b"quota exceeded",
    b"insufficient",
)
_READ: Final = 1000  # bytes of a reply that count


def _says(text: bytes, words: tuple[bytes, ...]) -> bool:
    for word in words:  # noqa: SIM110  # any() with a generator takes twice as long
        if word in text:
            return True
    return False


def reason(dsn: bytes, reply: bytes) -> Reason:  # noqa: PLR0911  # the first that fits
    """The reason behind a 4xx or 5xx; ``dsn`` like ``5.1.1``, ``reply`` as logged."""
    text = reply[:_READ].lower()
    klass, _, detail = dsn.partition(b".")
    if _says(text, _LISTED):
        return Reason.LISTED
    if klass == b"4" and _says(text, _GREYLISTED):
        return Reason.GREYLISTED
    if detail == b"1.2":
        return Reason.ROUTE
    if detail.startswith(b"1.") or _says(text, _UNKNOWN):
        return Reason.UNKNOWN_USER
    if _says(text, _RATE):
        return Reason.RATE
    if detail.startswith(b"2.") or _says(text, _FULL):
        return Reason.MAILBOX
    if detail.startswith(b"7.") or _says(text, _POLICY):
        return Reason.POLICY
    if detail.startswith((b"4.", b"3.", b"8.")):
        return Reason.ROUTE
    return Reason.OTHER
