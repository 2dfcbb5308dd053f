"""What ``whosent parse`` prints: every event of a source as one flat JSON object a line, with its provenance.

Absent: does not apply to this kind of line.  null: the line has a place for it, and nothing stood there.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from whosent.reading import recipients
from whosent.reading.formats import Form
from whosent.reading.reader import Reader
from whosent.reading.stamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whosent.dialects import Rule
    from whosent.reading.stamps import Clock
    from whosent.reading.tokens import Token

Value = str | int | float | None
Event = dict[str, Value]

_CLIENT: Final = ("client_name", "client_address", "client_port")
_SUBMISSION: Final = (
    "queue_id", *_CLIENT, "account", "auth_method", "uid", "local_user",
    "original_queue_id", "original_client_name", "original_client_address", "original_client_port",
)  # fmt: skip
_ARRIVAL: Final = (
    *_SUBMISSION, "pid", "helo", "protocol", "script", "sender", "size", "recipient_count", "recipients", "message_id",
    "subject",
)  # fmt: skip
_DELIVERY: Final = (
    "original_recipient", "agent", "relay_host", "relay_address", "relay_port", "delay", "dsn", "status", "reply",
)  # fmt: skip
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "connection": _CLIENT,
    "submission": _SUBMISSION,
    "queued": ("queue_id", "sender", "size", "recipient_count", "message_id", "subject"),
    "arrival": _ARRIVAL,
    "collected": _ARRIVAL,
    "header": ("queue_id", "message_id", "subject"),
    "delivery": ("queue_id", "recipient", *_DELIVERY),
    "deliveries": ("queue_id", "recipients", *_DELIVERY),
    "attempts": ("queue_id", "recipients", *_DELIVERY),
    "notification": ("queue_id", "notification_queue_id"),
    "returned": ("queue_id", "notification_queue_id"),
    "cloned": ("queue_id", "clone_queue_ids"),
    "removed": ("queue_id",),
    "held": ("queue_id",),
    "released": ("queue_id",),
    "rejection": (
        "queue_id", *_CLIENT, "helo", "account", "protocol", "sender", "recipient",
        "verdict", "stage", "code", "dsn", "reason",
    ),
    "authenticated": (*_CLIENT, "account", "auth_method", "service", "reason"),
    "login": (*_CLIENT, "account", "auth_method", "service", "place", "reason"),
    "request": ("client_address", "method", "path", "http_status"),
    "report": (
        "reporter", "report_id", "until", "domain", "policy", "subdomain_policy", "percent", "client_address", "count",
        "disposition", "dkim", "spf", "override", "header_from", "dkim_domains", "dkim_results", "spf_domain",
        "spf_result",
    ),
    "call": ("script", "script_line", "recipient"),
    "invocation": ("pid", "script"),
    "length": ("queue", "count", "size"),
    "verdict": (
        "program", "queue_id", "message_id", *_CLIENT, "account", "direction", "sender", "listed_recipients", "action",
        "disposition", "score", "required", "symbols", "virus", "digest", "selector", "domain", "next_queue_id",
    ),
}  # fmt: skip
SHOWN: Final = {  # as what the events of one line, or of one kind of MTA, are told
    **dict.fromkeys(("arrival", "collected"), "submission"), **dict.fromkeys(("deliveries", "attempts"), "delivery"),
    "authenticated": "login", "returned": "notification", "header": "queued",
}  # fmt: skip
_STATUS: Final = {b"2": "sent", b"4": "deferred", b"5": "bounced"}  # by the class of its code (RFC 3463)
_LONGEST_ENTRY: Final = 1 << 21
_WHERE: Final = ("stamp", "host", "instance")
_NAMES: Final = re.compile(rb"\(\?P<(\w+)>")


def text(raw: bytes) -> str:
    r"""Bytes as text; those that are no UTF-8 as ``\xNN``."""
    return raw.decode("utf-8", "backslashreplace")


@lru_cache(10_000)
def _address(raw: bytes) -> str | None:
    """An IP address in its shortest form; None for Postfix's "unknown"."""
    word = text(raw)
    try:
        return ipaddress.ip_address(word.removeprefix("IPv6:")).compressed
    except ValueError:
        return None if word == "unknown" else word


def _name(raw: bytes) -> str | None:
    return None if raw in {b"unknown", b"none"} else text(raw)


def _mailbox(raw: bytes) -> str:
    """An envelope address with its domain folded."""
    local, at, domain = text(raw).rpartition("@")
    return f"{local}{at}{domain.casefold()}" if at else domain


def _whole(raw: bytes) -> int | None:
    return int(raw) if raw.isdigit() and len(raw) <= 18 else None  # noqa: PLR2004  # fits 64 bits everywhere


def _decimal(raw: bytes) -> float | None:
    try:
        return float(raw)
    except ValueError:
        return None


def _seconds(raw: bytes) -> float | None:
    """A number of seconds; ``1+02:03:04`` (days, hours, minutes, seconds) in Sendmail's words."""
    days, _, clock = text(raw).rpartition("+")
    try:
        hours, minutes, seconds = clock.split(":") if ":" in clock else ("0", "0", clock)
        return float(days or 0) * 86_400 + float(hours) * 3600 + float(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def _reply(raw: bytes) -> str:
    return text(raw.removesuffix(b")"))


_READ: Final[dict[str, Callable[[bytes], Value]]] = {
    **dict.fromkeys(("client_name", "original_client_name", "relay_host"), _name),
    **dict.fromkeys(("client_address", "original_client_address", "relay_address"), _address),
    **dict.fromkeys(("sender", "recipient", "original_recipient"), _mailbox),
    **dict.fromkeys(
        ("client_port", "original_client_port", "relay_port", "uid", "pid", "size", "recipient_count", "code",
         "http_status", "script_line", "count", "percent"),
        _whole,
    ),
    **dict.fromkeys(("score", "required"), _decimal),
    "delay": _seconds,
    "status": lambda raw: _STATUS.get(raw) or text(raw),
    "reply": _reply,
    "recipients": lambda raw: "\n".join(map(_mailbox, recipients.split(raw))),  # one a line
}  # fmt: skip


def layout(rule: Rule, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Every field of every event; lines that are none are dropped as understood."""
    fields = FIELDS.get(rule.event)
    if fields is None or (rule.event == "connection" and "client_address" not in names):
        return None
    return (*_WHERE, *fields)


class Parse:
    """One source as events; ``reader`` has its format and the account of its lines."""

    def __init__(self, source: str, head: bytes, clock: Clock) -> None:
        self.reader = Reader(head, clock, layout)
        self._source = source
        self._clock = clock
        self._lines = 0  # before the present chunk
        self._before = b""  # what came before it, as far as an entry of many lines may begin there
        self._plans: dict[int, tuple[tuple[int, str, Callable[[bytes], Value]], ...]] = {}

    def events(self, chunk: bytes, offset: int) -> Iterator[Event]:
        """The events of the next chunk of whole lines, which starts at ``offset`` of the source."""
        yield from self._told(self.reader.tokens(chunk, offset), chunk, offset)
        self._lines += chunk.count(b"\n")
        if self.reader.form in {Form.EXPORT, Form.TABLE}:
            self._before = (self._before + chunk)[-_LONGEST_ENTRY:]

    def finish(self, offset: int) -> Iterator[Event]:
        """What is left at the end of the source, which is at ``offset``."""
        yield from self._told(self.reader.finish(), b"", offset)

    def lines(self, chunks: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        """All events of (offset, chunk) pairs as lines of JSON."""
        encode, end = msgspec.json.encode, 0
        for offset, chunk in chunks:
            end = offset + len(chunk)
            for event in self.events(chunk, offset):
                yield encode(event) + b"\n"
        for event in self.finish(end):
            yield encode(event) + b"\n"

    def _told(self, tokens: Iterable[Token], chunk: bytes, offset: int) -> Iterator[Event]:
        seconds = self._clock.seconds
        number, counted = self._lines + 1, 0
        for rule, at, fields in tokens:
            if at >= counted:
                number += chunk.count(b"\n", counted, at)
                counted = at
                line = number
            else:  # an entry of many lines that began in a chunk before
                line = self._lines + 1 - self._before.count(b"\n", max(0, len(self._before) + at))
            stamp, host, instance = fields[:3]
            event: Event = {"event": SHOWN.get(rule.event, rule.event), "time": rfc3339(seconds(stamp))}
            event["host"] = text(host) if host else None
            if instance is not None:
                event["instance"] = text(instance)
            event |= {"source": self._source, "offset": offset + at, "line": line}
            for index, name, read in self._plans.get(id(rule)) or self._plan(rule):
                raw = fields[index]
                event[name] = None if raw is None else read(raw)
            event.update(rule.fixed)
            if "recipients" in event:
                yield from _each(event)
            else:
                yield event

    def _plan(self, rule: Rule) -> tuple[tuple[int, str, Callable[[bytes], Value]], ...]:
        """Where the fields that the rule may capture stand, and how each is read."""
        names = {name.decode() for name in _NAMES.findall(rule.pattern)}
        if SHOWN.get(rule.event, rule.event) == "delivery":
            names.add("agent")  # named by the tag
        plan = self._plans[id(rule)] = tuple(
            (index, name, _READ.get(name, text))
            for index, name in enumerate(FIELDS[rule.event], start=len(_WHERE))
            if name in names
        )
        return plan


def _each(event: Event) -> Iterator[Event]:
    """A line that lists recipients: how many a message has, or a delivery to each of them."""
    listed = event.pop("recipients")
    each = listed.split("\n") if isinstance(listed, str) else []
    if event["event"] != "delivery":
        event["recipient_count"] = event.get("recipient_count") or len(each) or None
        yield event
        return
    for recipient in each:
        yield {**event, "recipient": recipient}
