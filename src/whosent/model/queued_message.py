"""One queued message as ``whosent parse --queue`` prints it."""

from __future__ import annotations

import msgspec


class QueueSample(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="queue_sample"):
    """A message that lay in a queue when it was looked at, as its file tells; texts are the sender's own words."""

    time: str  # RFC 3339, UTC: when it arrived
    host: str | None  # what the mail server that wrote the file calls itself
    source: str  # the file
    offset: int | None  # where the record stands that says who handed it in; null if none does
    mta: str  # postfix, exim, sendmail
    folder: str  # deferred, hold, frozen, quarantined ...
    queue_id: str  # under which the mail server's commands know it
    actor: str  # account, local_user, client (a host of ours or a stranger), mta, or unknown
    account: str | None  # the login
    uid: int | None  # of who called sendmail
    local_user: str | None  # likewise, by name; claimed by the process where there is a uid
    client_address: str | None  # which handed it in, if one did
    script: str | None  # as PHP's header names it
    sender: str  # of the envelope; "" is a bounce
    recipients: list[str]  # that wait; the first 50
    recipient_count: int  # that wait
    recipients_done: int  # delivered or given up, where the file still tells
    size: int  # bytes
    subject: str  # the header field, as it was written
    message_id: str  # the header field
    author: str  # the From header
    hops: int  # Received headers below our own
    forwarded: bool  # an alias of ours rewrote a recipient
    frozen: bool  # held by an operator or by the mail server
    automatic: bool  # Auto-Submitted says so
