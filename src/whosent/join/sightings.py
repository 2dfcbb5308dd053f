"""Messages that somebody asks about, found in our logs: by queue id, Message-ID, recipient, sender or digest (pure).

A pass of its own over the tokens, beside the join of the scan: that one keeps no Message-ID and forgets recipients, as
it must on millions of messages.  Here a message is kept if it is asked for, and only then.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from whosent.join.sessions import SHOWN_STATUS, Sessions
from whosent.model.rows import Actor, reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whosent.dialects import Rule
    from whosent.reading.tokens import Token

_FIELDS: Final = (
    "stamp", "host", "instance", "queue_id", "client_address", "client_port", "account", "uid", "local_user", "sender",
    "message_id", "recipient", "original_recipient", "dsn", "status", "reply", "script", "recipients", "pid",
    "protocol",
)  # fmt: skip
_BEGINS: Final = frozenset({"submission", "arrival", "collected"})
_DELIVERS: Final = frozenset({"delivery", "deliveries", "attempts"})
_EVENTS: Final = _BEGINS | _DELIVERS | {"queued", "header", "removed", "call", "authenticated"}
_MOST_RECIPIENTS: Final = 1_000  # remembered of one message
_MOST_KEPT: Final = 20_000  # messages
_MOST_OF_A_RECIPIENT: Final = 200
_MOST_LIVES: Final = 500_000  # open at once; the oldest go first
_MOST_CALLS: Final = 500_000
_QUEUED_AS: Final = re.compile(rb"(?i)queued as (?:<)?([\w.-]{4,60})|\bid[=:]? ?<?([\w.-]{6,60})|(?:^|\d )(?:ok:?"
                               rb"|2\.0\.0) +(?:ok +)?<?"
                                rb"([A-Za-z0-9][\w.-]{9,60})")  # fmt: skip
_BOX: Final = re.compile(rb"[^\s<>,;]{1,128}@[^\s<>,;]{1,255}")
_SPAN: Final = 600  # seconds; a log covers a moment if it has lines in one of three such before it, and behind it


class Delivered(NamedTuple):
    """What became of one recipient, by the last line about it."""

    status: str
    dsn: str
    reply: str
    ref: int
    time: float


class Called(NamedTuple):
    """A script called mail()."""

    time: float
    ref: int
    host: str
    script: str
    recipient: bytes


class Wanted(NamedTuple):
    """What is asked for; mailboxes in lower case."""

    queue_ids: set[bytes]
    message_ids: set[bytes]
    recipients: set[bytes]
    senders: set[bytes]
    digests: set[str]


class Sighting:
    """One message as one host of ours had it."""

    __slots__ = (
        "account", "address", "closed", "host", "local_user", "message_id", "next_ids", "opened", "port", "queue_id",
        "recipients", "refs", "sender", "uid",
    )  # fmt: skip

    def __init__(self, host: str, queue_id: str, opened: float) -> None:
        self.host, self.queue_id, self.opened, self.closed = host, queue_id, opened, opened
        self.account = self.address = self.uid = self.local_user = self.message_id = self.sender = ""
        self.port: int | None = None
        self.recipients: dict[bytes, Delivered] = {}
        self.next_ids: set[str] = set()
        self.refs: dict[str, int] = {}  # what a line shows -> where it is

    def actor(self, is_own: Callable[[str], bool]) -> Actor:
        """Who handed it to us, in the words of the join."""
        if self.account:
            return Actor("account", self.account, self.host, self.address)
        if self.uid or (self.local_user and not self.address):
            return Actor("local_user", self.uid or self.local_user, self.host, self.local_user)
        if self.address:
            return Actor("host" if is_own(self.address) else "stranger", self.address, self.host, self.address)
        return Actor("unknown", "", self.host)


def layout(rule: Rule, _names: tuple[str, ...]) -> tuple[str, ...] | None:
    """What this pass wants of a line."""
    return _FIELDS if rule.event in _EVENTS else None


class Sightings:
    """Feed it the tokens of every log; it keeps what is wanted, and which times of which host the logs cover."""

    def __init__(self, wanted: Wanted) -> None:
        self.kept: list[Sighting] = []
        self.calls: list[Called] = []
        self.spans: dict[str, set[int]] = defaultdict(set)
        self.tell_message_ids: set[str] = set()  # hosts whose log has them
        self.left_out = 0  # that were wanted, beyond what is kept
        self._wanted = wanted
        self._lives: dict[tuple[bytes | None, bytes | None, bytes], Sighting] = {}
        self._of_recipient: dict[bytes, int] = defaultdict(int)
        self._sessions: dict[bytes | None, Sessions] = defaultdict(Sessions)  # of hosts that log logins apart
        self._hashed: dict[bytes, bool] = {}
        self._source = 0
        self._seconds: Callable[[Any], float] = float

    def continue_with(self, source: int, seconds: Callable[[Any], float]) -> None:
        """What follows is of this source, whose stamps are read so."""
        self._source, self._seconds = source, seconds

    def feed(self, tokens: Iterable[Token], offset: int) -> None:
        """The tokens of a chunk that starts at ``offset`` of the source."""
        base = reference(self._source, offset)
        for rule, at, fields in tokens:
            time = self._seconds(fields[0])
            host = _text(fields[1])
            self.spans[host.lower()].add(int(time // _SPAN))
            if rule.event == "call":
                self._call(time, base + at, host, fields)
            elif rule.event == "authenticated":
                self._sessions[fields[1]].authenticated(fields[18], fields[6] or b"", fields[4], time, base + at)
            elif fields[3]:
                self._line(rule, time, base + at, host, fields)

    def finish(self) -> None:
        """The logs have ended: what is still in the queue is looked at, too."""
        for life in self._lives.values():
            self._keep(life)
        self._lives.clear()

    def covers(self, host: str, time: float) -> bool:
        """Whether the logs of that host have lines of the half hour before that moment, and of the one behind it."""
        spans, span = self.spans.get(host.lower(), set()), int(time // _SPAN)
        return any(span - near in spans for near in (1, 2, 3)) and any(span + near in spans for near in (1, 2, 3))

    def _call(self, time: float, ref: int, host: str, fields: tuple[Any, ...]) -> None:
        if len(self.calls) < _MOST_CALLS:
            self.calls.append(Called(time, ref, host, _text(fields[16]), (fields[11] or b"").lower()))

    def _line(self, rule: Rule, time: float, ref: int, host: str, fields: tuple[Any, ...]) -> None:
        key = (fields[1], fields[2], fields[3])
        life = self._lives.get(key)
        begins = rule.event in _BEGINS
        if life is not None and begins and time - life.opened > 1:
            self._keep(life)
            life = None
        if life is None:
            if rule.event == "removed":
                return
            life = self._lives[key] = Sighting(host, _text(fields[3]), time)
            self._bound()
        life.closed = time
        if begins:
            _client(life, ref, fields)
            self._logged_in(rule, life, fields, time)
        if fields[9] is not None and not life.sender:
            life.sender = _text(fields[9]).lower()
            life.refs.setdefault("the envelope", ref)
        if fields[10] and not life.message_id:
            life.message_id = _text(fields[10])
            life.refs.setdefault("its Message-ID", ref)
            self.tell_message_ids.add(host)
        if rule.event in _DELIVERS:
            self._delivered(life, rule, time, ref, fields)
        if rule.event == "removed":
            self._keep(self._lives.pop(key))

    def _logged_in(self, rule: Rule, life: Sighting, fields: tuple[Any, ...], time: float) -> None:
        """Sendmail: the account stands in the line of a login of the same process."""
        if rule.event != "collected":
            return
        sessions = self._sessions[fields[1]]
        life.account = _text(sessions.account(fields[3], fields[4], fields[19], time))
        if life.account:
            life.refs["the login of the same process"] = sessions.line(fields[3])

    def _bound(self) -> None:
        if len(self._lives) > _MOST_LIVES:
            self._keep(self._lives.pop(next(iter(self._lives))))

    @staticmethod
    def _delivered(life: Sighting, rule: Rule, time: float, ref: int, fields: tuple[Any, ...]) -> None:
        status = _text(SHOWN_STATUS.get(fields[14] or b"", fields[14])) or dict(rule.fixed).get("status", "")
        reply = fields[15] or b""
        done = Delivered(status, _text(fields[13]), _text(reply.removesuffix(b")"))[:500], ref, time)
        several = _BOX.findall(fields[17]) if fields[17] else ()
        for name in (fields[11], fields[12], *several):
            if name and (len(life.recipients) < _MOST_RECIPIENTS or name.lower() in life.recipients):
                life.recipients[name.lower()] = done
        if status == "sent":
            for found in _QUEUED_AS.findall(reply[:1_000]):
                life.next_ids.update(_text(word.rstrip(b".")) for word in found if word)

    def _keep(self, life: Sighting) -> None:
        if not self._is_wanted(life):
            return
        if len(self.kept) >= _MOST_KEPT:
            self.left_out += 1
        else:
            self.kept.append(life)

    def _is_wanted(self, life: Sighting) -> bool:
        wanted = self._wanted
        if life.queue_id.encode() in wanted.queue_ids or life.message_id.encode() in wanted.message_ids:
            return True
        if life.sender.encode() in wanted.senders or wanted.queue_ids & {name.encode() for name in life.next_ids}:
            return True
        for box in life.recipients:
            if box in wanted.recipients or (wanted.digests and self._digested(box)):
                self._of_recipient[box] += 1
                if self._of_recipient[box] <= _MOST_OF_A_RECIPIENT:
                    return True
                self.left_out += 1
        return False

    def _digested(self, box: bytes) -> bool:
        known = self._hashed.get(box)
        if known is None:
            if len(self._hashed) > _MOST_LIVES:
                self._hashed.clear()
            known = self._hashed[box] = bool(digests(box) & self._wanted.digests)
        return known


def digests(box: bytes) -> set[str]:
    """What loops that hide a recipient may write in its place: common digests of the mailbox or its local part."""
    words = (box, box.partition(b"@")[0])
    return {make(word, usedforsecurity=False).hexdigest() for word in words for make in
            (hashlib.md5, hashlib.sha1, hashlib.sha256)}  # fmt: skip


def _client(life: Sighting, ref: int, fields: tuple[Any, ...]) -> None:
    life.address, life.account = _text(fields[4]), _text(fields[6])
    port = fields[5]
    life.port = int(port) if port and port.isdigit() and len(port) < 6 else None  # noqa: PLR2004  # digits of a port
    life.uid, life.local_user = _text(fields[7]), _text(fields[8])
    life.refs["who handed it to us"] = ref


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "backslashreplace") if raw else ""
