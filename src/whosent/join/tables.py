"""Tokens of tables to rows: what one row tells, joined with nothing yet (the messages follow in ``join/tracked``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from whosent.dialects import Rule
from whosent.join import messages
from whosent.join.replies import reason
from whosent.model.rows import Arrived, Attempted, Forward, JoinedRow, Login, Rejection, Reported, Session, reference
from whosent.model.surroundings import Surroundings
from whosent.reading.formats import Form
from whosent.reading.tokens import Fields, Token
from whosent.tables import discover

_WHERE: Final = ("stamp", "host")
_LAYOUTS: Final[dict[str, tuple[str, ...]]] = {
    "arrival": (
        *_WHERE, "queue_id", "account", "client_address", "session_id", "sender", "size", "recipient_count", "origin",
    ),
    "delivery": (
        *_WHERE, "queue_id", "sender", "recipient", "original_recipient", "agent", "relay_host", "relay_address", "dsn",
        "status", "reply",
    ),
    "session": (*_WHERE, "session_id", "account", "client_address", "behind"),
    "forward": (*_WHERE, "queue_id", "recipient"),
    "login": (*_WHERE, "account", "client_address", "service", "place", "result"),
    "report": (
        *_WHERE, "reporter", "domain", "policy", "client_address", "count", "dkim", "spf", "override", "header_from",
        "dkim_domains", "until",
    ),
    "rejection": (*_WHERE, "client_address", "account", "stage", "code", "reason"),
}  # fmt: skip
_NUMBER: Final = 18  # digits of a number that is one
_LONGEST: Final = 400  # bytes of a name or address that are kept
_REMEMBERED: Final = 50_000
_RULES: Final = frozenset(id(rule) for table in discover() for rule in table.rules)


def layout(rule: Rule, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """What joins want of a row or of a line."""
    return _LAYOUTS.get(rule.event) if id(rule) in _RULES else messages.layout(rule, names)


def join_for(form: Form) -> type[messages.Join]:
    """The join that sources of this form need."""
    return TableJoin if form is Form.TABLE else messages.Join


def layout_with_ids(rule: Rule, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The same, with the ids and subjects that filters are joined by."""
    return _LAYOUTS.get(rule.event) if id(rule) in _RULES else messages.layout_with_ids(rule, names)


class TableJoin(messages.Join):
    """The rows of one stream of tables; each token becomes a row of its own."""

    def __init__(self, surroundings: Surroundings, *, passes_on: bool = False) -> None:
        super().__init__(surroundings, passes_on=passes_on)
        self._names: dict[bytes, str] = {}
        self._hosts: set[str] = set()

    def hosts(self) -> set[str]:
        """The hosts, or services, that the rows so far speak of."""
        return self._hosts

    def merge(self, other: messages.Join) -> None:
        """Take over what a later part of the stream found."""
        super().merge(other)
        self._hosts |= other.hosts()

    def rows(self, tokens: Iterable[Token], offset: int) -> Iterator[JoinedRow]:
        """Rows of a chunk that starts at ``offset`` of the source."""
        seconds, base, latest = self._seconds, reference(self._source, offset), self.time
        arrived, attempted, hosts = self._arrived, self._attempted, self._hosts
        for rule, at, fields in tokens:
            time = seconds(fields[0])
            latest = max(latest, time)
            host = self._name(fields[1])
            hosts.add(host)
            event = rule.event
            if event == "delivery":
                yield attempted(time, base + at, host, fields)
            elif event == "arrival":
                yield arrived(time, base + at, host, fields)
            else:
                yield self._other(event, time, base + at, host, fields)
        self.time = latest

    def _name(self, raw: bytes | None) -> str:
        """A name the rows keep repeating, as text."""
        if not raw:
            return ""
        text = self._names.get(raw)
        if text is None:
            if len(self._names) >= _REMEMBERED:
                self._names.clear()
            text = self._names[raw] = raw[:_LONGEST].decode("utf-8", "backslashreplace")
        return text

    def _arrived(self, time: float, ref: int, host: str, fields: Fields) -> Arrived:
        _, _, key, account, address, session, sender, size, count, origin = fields
        name = self._name
        return Arrived(
            time, ref, host, (key or b"")[:_LONGEST].decode("utf-8", "backslashreplace"), name(account), name(address),
            (session or b"")[:_LONGEST].decode("latin-1"), (sender or b"")[:_LONGEST], _number(size), _number(count),
            name(origin),
        )  # fmt: skip

    def _attempted(self, time: float, ref: int, host: str, fields: Fields) -> Attempted:
        _, _, key, sender, recipient, original, agent, relay_host, relay_address, dsn, status, reply = fields
        why = 0 if status == b"sent" else int(reason(dsn, reply))
        return Attempted(
            time, ref, host, (key or b"")[:_LONGEST].decode("utf-8", "backslashreplace"), (sender or b"")[:_LONGEST],
            recipient[:_LONGEST], self._name(status), why, self._name(relay_address or relay_host),
            agent == b"storedriver", bool(original),
        )  # fmt: skip

    def _reported(self, time: float, ref: int, fields: Fields) -> Reported:
        _, _, reporter, domain, policy, address, count, dkim, spf, override, header_from, signers, until = fields
        name, domain = self._name, (domain or header_from).lower().rstrip(b".")
        return Reported(
            time, ref, name(reporter), name(domain), name((policy or b"none").lower()), name(address), _number(count),
            (dkim or b"").lower() == b"pass", (spf or b"").lower() == b"pass", name(override),
            _belongs(signers or b"", domain), self._seconds(until),
        )  # fmt: skip

    def _other(self, event: str, time: float, ref: int, host: str, fields: Fields) -> JoinedRow:
        name = self._name
        if event == "session":
            _, _, session, account, address, behind = fields
            return Session(time, ref, host, session.decode("latin-1"), name(account), name(address),
                           (behind or b"").decode("latin-1"))  # fmt: skip
        if event == "forward":
            _, _, key, recipient = fields
            return Forward(time, ref, host, key[:_LONGEST].decode("utf-8", "backslashreplace"), recipient[:_LONGEST])
        if event == "login":
            _, _, account, address, service, place, result = fields
            return Login(time, ref, host, name(account), name(address), result == b"success", name(service) or "smtp",
                         name(place))  # fmt: skip
        if event == "report":
            return self._reported(time, ref, fields)
        assert event == "rejection"
        _, _, address, account, stage, code, why = fields
        return Rejection(time, ref, host, name(address), name(account), name(stage), _number(code), why or b"")


def _belongs(names: bytes, domain: bytes) -> bool:
    """Whether one of the names of a list is the domain or one below it."""
    ours = b"." + domain
    return any((b"." + one.strip()).endswith(ours) for one in names.lower().split(b";"))


def _number(digits: bytes | None) -> int:
    return int(digits[:_NUMBER]) if digits and digits.isdigit() else 0
