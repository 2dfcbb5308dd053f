"""What the logs say of a few wanted queue ids: who handed each in, its envelope, and where it went.

The pass keeps the lives of queue ids while they are open and, of those that end, only the wanted ones: by id, by
Message-ID, or because the next host's id in a reply is wanted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.join.sessions import SHOWN_STATUS, Sessions
from whosent.model.finding import Evidence
from whosent.model.rows import Call, reference
from whosent.reading.recipients import split

if TYPE_CHECKING:
    from whosent.dialects import Rule
    from whosent.reading.stamps import Clock
    from whosent.reading.tokens import Token

_WHERE: Final = ("stamp", "host", "instance")
_CLIENT: Final = (*_WHERE, "queue_id", "client_address", "account", "uid", "local_user")
_ATTEMPT: Final = ("original_recipient", "relay_host", "relay_address", "status", "reply")
_LAYOUTS: Final[dict[str, tuple[str, ...]]] = {
    "submission": _CLIENT,
    "arrival": (*_CLIENT, "sender", "message_id", "script"),
    "queued": (*_WHERE, "queue_id", "sender", "message_id"),
    "header": (*_WHERE, "queue_id", "sender", "message_id"),
    "delivery": (*_WHERE, "queue_id", "recipient", *_ATTEMPT),
    "deliveries": (*_WHERE, "queue_id", "recipients", *_ATTEMPT),
    "collected": (*_CLIENT, "sender", "message_id", "script", "protocol"),
    "attempts": (*_WHERE, "queue_id", "recipients", *_ATTEMPT),
    "authenticated": (*_WHERE, "pid", "account", "client_address"),
    "removed": (*_WHERE, "queue_id"),
    "call": (*_WHERE, "script", "script_line", "recipient"),
}
_BEGINS: Final = frozenset({"submission", "arrival", "collected"})
_SEVERAL: Final = frozenset({"deliveries", "attempts"})  # recipients in one line
_QUEUED_AS: Final = (b"queued as ", b"id=")
_OPEN_LIMIT: Final = 200_000  # lives kept open at once; the oldest go first
_DELIVERIES: Final = 200  # of one life
_DOMAINS: Final = 10_000
_KEPT: Final = 16  # lives of one wanted id
_GAP: Final = 3600.0  # seconds without a line of a host beyond which nobody knows whether it logged
_MINUTE: Final = 60.0
_CALL_LIMIT: Final = 100_000
_AROUND: Final = 300.0  # seconds around a wanted moment in which a call of mail() is kept


def layout(rule: Rule, _names: tuple[str, ...]) -> tuple[str, ...] | None:
    """What the ledger wants of a line."""
    return _LAYOUTS.get(rule.event)


class Sent(NamedTuple):
    """One delivery attempt of a life."""

    time: float
    ref: int
    recipient: str
    original: str  # the recipient before an alias rewrote it, "" if none did
    relay: str  # next hop's name
    address: str  # its address
    status: str
    next_id: str  # queue id the next hop gave it, "" if the reply names none


class Life:
    """One queue id of one host, from its first line to its last."""

    __slots__ = (
        "account", "client_address", "evidence", "host", "last", "local_user", "message_id", "opened", "queue_id",
        "refs", "script", "sender", "sent", "submitted", "uid",
    )  # fmt: skip

    def __init__(self, host: str, queue_id: str, opened: float) -> None:
        self.host = host
        self.queue_id = queue_id
        self.opened = self.last = opened
        self.submitted = False  # its client or pickup line was seen
        self.client_address: str | None = None
        self.account: str | None = None
        self.uid: int | None = None
        self.local_user: str | None = None
        self.script: str | None = None  # the script that called sendmail(1), where the MTA logged that
        self.sender: str | None = None
        self.message_id: str | None = None
        self.sent: list[Sent] = []
        self.refs: list[tuple[int, str]] = []  # (reference, what the line shows)
        self.evidence: list[Evidence] = []  # these lines, once somebody has read them again


class Wanted(NamedTuple):
    """What to look for."""

    queue_ids: frozenset[str]
    message_ids: frozenset[str]  # without their brackets
    moments: tuple[float, ...]  # sorted seconds around which a call of mail() matters


class Ledger:
    """Reads log streams one after the other; then answers for queue ids."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.lives: dict[str, list[Life]] = defaultdict(list)  # by queue id
        self.calls: list[Call] = []
        self._sessions: dict[bytes | None, Sessions] = defaultdict(Sessions)  # of hosts that log logins apart
        self._open: dict[tuple[bytes | None, bytes | None, bytes | None], Life] = {}
        self._minutes: dict[str, set[int]] = defaultdict(set)
        self._sorted: dict[str, list[int]] = {}
        self._spans: dict[str, tuple[float, float]] = {}  # host -> its first and last line
        self.domains: set[str] = set()  # with which accounts log in
        self.whole = True  # false: an input could not be read to its end, so that nothing is known to be absent

    def read(self, tokens: Iterable[Token], source: int, offset: int, clock: Clock) -> None:
        """The tokens of a chunk that starts at ``offset`` of a source."""
        base = reference(source, offset)
        open_, minutes = self._open, self._minutes
        for rule, at, fields in tokens:
            stamp, host, instance, queue_id = fields[:4]
            time = clock.seconds(stamp or b"")
            event: str = rule.event
            if event == "call":
                self._call(time, base + at, host, fields)
                continue
            if event == "authenticated":
                self._sessions[host].authenticated(fields[3], fields[4] or b"", fields[5], time, base + at)
                continue
            name = _text(host)
            folded = name.lower()
            minutes[folded].add(int(time // _MINUTE))
            first, last = self._spans.get(folded, (time, time))
            self._spans[folded] = (min(first, time), max(last, time))
            key = (host, instance, queue_id)
            life = open_.get(key)
            if life is None or event in _BEGINS:
                if life is not None:
                    self._close(life)
                life = open_[key] = Life(name, _text(queue_id), time)
                if len(open_) > _OPEN_LIMIT:
                    self._close(open_.pop(next(iter(open_))))
            life.last = time
            told = self._with_login(host, time, fields) if event == "collected" else fields
            self._note(life, rule, time, base + at, told)
            if event == "removed":
                self._close(open_.pop(key))

    def _note(self, life: Life, rule: Rule, time: float, ref: int, fields: tuple[bytes | None, ...]) -> None:
        event: str = rule.event
        if event in _BEGINS:
            _, _, _, _, address, account, uid, local_user = fields[:8]
            life.submitted = True
            life.client_address, life.account = _or_none(address), _or_none(account)
            life.uid = int(uid) if uid and uid.isdigit() and len(uid) < 11 else None  # noqa: PLR2004  # 32 bits
            life.local_user = _or_none(local_user)
            if life.account and "@" in life.account and len(self.domains) < _DOMAINS:
                self.domains.add(life.account.rpartition("@")[2].lower())
            life.refs.append((ref, "who handed the message in"))
            if event == "collected" and account:
                life.refs.append((self._sessions[fields[1]].line(fields[3] or b""), "the login of the same process"))
        if event in _BEGINS and len(fields) > len(_CLIENT):
            life.sender, life.message_id, life.script = map(_or_none, fields[8:])
        elif event in {"queued", "header"}:
            _, _, _, _, sender, message_id = fields
            if sender is not None:
                life.sender = _text(sender)
                life.refs.append((ref, "its envelope sender"))
            if message_id is not None:
                life.message_id = _text(message_id)
                life.refs.append((ref, "its Message-ID"))
        elif event == "delivery" or event in _SEVERAL:
            _, _, _, _, listed, original, relay, address, status, reply = fields
            status = SHOWN_STATUS.get(status or b"", status)
            recipients = split(listed or b"") if event in _SEVERAL else [listed or b""]
            for recipient in recipients[: _DELIVERIES - len(life.sent)]:
                life.sent.append(
                    Sent(time, ref, _text(recipient), _text(original), _text(relay), _text(address), _text(status),
                         _next_id(reply or b""))
                )  # fmt: skip

    def _with_login(
        self, host: bytes | None, time: float, fields: tuple[bytes | None, ...]
    ) -> tuple[bytes | None, ...]:
        """A message of a server that logs the login in a line of its own, with the account that belongs to it."""
        *told, protocol = fields
        queue_id, address = told[3], told[4]
        told[5] = self._sessions[host].account(queue_id or b"", address, protocol, time)
        return tuple(told)

    def _call(self, time: float, ref: int, host: bytes | None, fields: tuple[bytes | None, ...]) -> None:
        moments = self.wanted.moments
        at = bisect_left(moments, time - _AROUND)
        if at < len(moments) and moments[at] <= time + _AROUND and len(self.calls) < _CALL_LIMIT:
            _, _, _, script, line, recipient = fields
            self.calls.append(Call(time, ref, _text(host), _text(script), int((line or b"0")[:9]), recipient or b""))

    def finish(self) -> None:
        """The logs have ended: what is still open is looked at too."""
        for life in self._open.values():
            self._close(life)
        self._open.clear()
        self._sorted = {host: sorted(minutes) for host, minutes in self._minutes.items()}

    def _close(self, life: Life) -> None:
        """Keep a life that is wanted."""
        wanted = self.wanted
        if (
            life.queue_id in wanted.queue_ids
            or (life.message_id or "").strip("<>") in wanted.message_ids
            or any(sent.next_id in wanted.queue_ids for sent in life.sent if sent.next_id)
        ):
            self._keep(self.lives[life.queue_id], life)

    @staticmethod
    def _keep(lives: list[Life], life: Life) -> None:
        if len(lives) < _KEPT and life not in lives:
            lives.append(life)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that wrote these logs, case-folded."""
        return frozenset(self._minutes)

    def covers(self, host: str, time: float) -> bool:
        """Whether this host is proven to have logged around that time: lines of it an hour before and after at most."""
        minutes = self._sorted.get(host.lower(), [])
        first, last = self._spans.get(host.lower(), (time + 1, time - 1))
        if not self.whole or not first <= time <= last:
            return False
        at = bisect_left(minutes, int(time // _MINUTE))
        above = _MINUTE * minutes[at] if at < len(minutes) else last
        same = at < len(minutes) and minutes[at] == int(time // _MINUTE)
        below = time if same else _MINUTE * minutes[at - 1]
        return time - below <= _GAP and above - time <= _GAP


def _next_id(reply: bytes) -> str:
    """``Ok: queued as 4jXK`` (Postfix), ``250 OK id=1abc-0001`` (Exim), ``250 2.0.0 q1r2s3 Message accepted``."""
    for mark in _QUEUED_AS:
        words = reply.partition(mark)[2].split(None, 1)
        if words:
            return _text(words[0].rstrip(b").,;"))
    words = reply.split()
    if b"accepted" in reply and len(words) > 3:  # noqa: PLR2004  # Sendmail: code, status, id, words
        return _text(words[2] if words[1][:2] == b"2." else words[1])
    return ""


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "backslashreplace") if raw else ""


def _or_none(raw: bytes | None) -> str | None:
    return _text(raw) or None
