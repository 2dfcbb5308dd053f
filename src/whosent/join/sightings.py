"""Messages that somebody asks about, found in our logs: who handed each in, its envelope, and where it went (pure).

A pass of its own over the tokens, beside the join of the scan: that one keeps no Message-ID and forgets recipients, as
it must on millions of messages.  Here a message is kept if it is asked for, by queue id, Message-ID, recipient, sender
or digest, and only then.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from whosent.join.sessions import SHOWN_STATUS, Sessions
from whosent.model.rows import Actor, Call, reference
from whosent.reading.recipients import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whosent.dialects import Rule
    from whosent.model.finding import Evidence
    from whosent.reading.stamps import Clock
    from whosent.reading.tokens import Token

_FIELDS: Final = (
    "stamp", "host", "instance", "queue_id", "client_address", "client_port", "account", "uid", "local_user", "sender",
    "message_id", "recipient", "original_recipient", "dsn", "status", "reply", "script", "recipients", "pid",
    "protocol", "relay_host", "script_line",
)  # fmt: skip
_BEGINS: Final = frozenset({"submission", "arrival", "collected"})
_DELIVERS: Final = frozenset({"delivery", "deliveries", "attempts"})
_EVENTS: Final = _BEGINS | _DELIVERS | {"queued", "header", "removed", "call", "authenticated"}
_MOST_SENT: Final = 1_000  # attempts remembered of one message
_MOST_KEPT: Final = 200_000  # messages
_MOST_OF_A_RECIPIENT: Final = 200
_MOST_LIVES: Final = 500_000  # open at once; the oldest go first
_MOST_CALLS: Final = 500_000
_MOST_DOMAINS: Final = 10_000
_QUEUED_AS: Final = re.compile(
    rb"(?i)(?:queued as |\bid=)<?([\w.-]{1,60})|\bid:? <?([\w.-]{6,60})|([\w.-]{2,60}) message accepted"
    rb"|(?:^|\d )(?:ok:?|2\.0\.0) +(?:ok +)?<?([A-Za-z0-9][\w.-]{9,60})"
)
_GAP: Final = 1800.0  # seconds without a line of a host beyond which nobody knows whether it logged
_CLOCKS: Final = 600.0  # seconds by which another's clock may differ: a log has to reach so far beyond a moment
_MINUTE: Final = 60.0
_CALLED: Final = 120.0  # seconds between a call of mail() and the pickup of its message, as in the scan
_AROUND: Final = 300.0  # seconds around a wanted moment in which a call is kept
_EARLY: Final = 1.0  # seconds by which a stamp without fractions may lie


class Wanted(NamedTuple):
    """What is asked for; mailboxes in lower case, Message-IDs without their brackets."""

    queue_ids: frozenset[str] = frozenset()
    message_ids: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    senders: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    moments: tuple[float, ...] | None = None  # sorted seconds around which a call of mail() matters; None: any


class Sent(NamedTuple):
    """One delivery attempt for one recipient."""

    time: float
    ref: int
    recipient: str
    original: str  # the recipient before an alias rewrote it, "" if none did
    relay: str  # next hop's name
    status: str
    dsn: str
    reply: str
    next_ids: tuple[str, ...]  # what the reply may name as the queue id at the next hop


class Sighting:
    """One message as one host of ours had it: one life of its queue id."""

    __slots__ = (
        "account", "address", "closed", "evidence", "host", "local_user", "message_id", "opened", "port", "queue_id",
        "refs", "script", "sender", "sent", "submitted", "uid",
    )  # fmt: skip

    def __init__(self, host: str, queue_id: str, opened: float) -> None:
        self.host, self.queue_id, self.opened, self.closed = host, queue_id, opened, opened
        self.submitted = False  # its client or pickup line was seen
        self.account: str | None = None
        self.address: str | None = None
        self.port: int | None = None
        self.uid: int | None = None
        self.local_user: str | None = None
        self.script: str | None = None  # that called sendmail(1), where the MTA logged that
        self.sender: str | None = None
        self.message_id: str | None = None
        self.sent: list[Sent] = []
        self.refs: list[tuple[int, str]] = []  # where a line is, and what it shows
        self.evidence: list[Evidence] = []  # these lines, once somebody has read them again

    @property
    def recipients(self) -> dict[str, Sent]:
        """Each recipient, before and behind aliases, in lower case, and the last that was logged of it."""
        return {name.lower(): sent for sent in self.sent for name in (sent.recipient, sent.original) if name}

    @property
    def next_ids(self) -> set[str]:
        """Queue ids that other hosts gave the message when they took it."""
        return {name for sent in self.sent for name in sent.next_ids}

    def actor(self, is_own: Callable[[str], bool]) -> Actor:
        """Who handed it to us, in the words of the join."""
        if self.account:
            return Actor("account", self.account, self.host, self.address or "")
        if self.uid is not None or (self.local_user and not self.address):
            user = self.local_user or ""
            return Actor("local_user", str(self.uid) if self.uid is not None else user, self.host, user)
        if self.address:
            return Actor("host" if is_own(self.address) else "stranger", self.address, self.host, self.address)
        return Actor("unknown", "", self.host)


def layout(rule: Rule, _names: tuple[str, ...]) -> tuple[str, ...] | None:
    """What this pass wants of a line."""
    return _FIELDS if rule.event in _EVENTS else None


class Sightings:
    """Reads log streams one after the other; then answers for what was wanted, and for which times the logs cover."""

    def __init__(self, wanted: Wanted) -> None:
        self.kept: list[Sighting] = []
        self.lives: dict[str, list[Sighting]] = defaultdict(list)  # the same, by queue id
        self.calls: list[Call] = []
        self.domains: set[str] = set()  # with which accounts log in
        self.tell_message_ids: set[str] = set()  # hosts whose log has them
        self.left_out = 0  # that were wanted, beyond what is kept
        self.whole = True  # false: an input could not be read to its end, so that nothing is known to be absent
        self._wanted = wanted
        self._open: dict[tuple[bytes | None, bytes | None, bytes], Sighting] = {}
        self._of_recipient: dict[str, int] = defaultdict(int)
        self._sessions: dict[bytes | None, Sessions] = defaultdict(Sessions)  # of hosts that log logins apart
        self._hashed: dict[str, bool] = {}
        self._minutes: dict[str, set[int]] = defaultdict(set)
        self._sorted: dict[str, list[int]] = {}
        self._spans: dict[str, tuple[float, float]] = {}  # host -> its first and last line

    def read(self, tokens: Iterable[Token], source: int, offset: int, clock: Clock) -> None:
        """The tokens of a chunk that starts at ``offset`` of a source."""
        base = reference(source, offset)
        for rule, at, fields in tokens:
            time = clock.seconds(fields[0] or b"")
            if rule.event == "call":
                self._call(time, base + at, fields)
            elif rule.event == "authenticated":
                self._sessions[fields[1]].authenticated(fields[18], fields[6] or b"", fields[4], time, base + at)
            elif fields[3]:
                self._line(rule, time, base + at, fields)

    def finish(self) -> None:
        """The logs have ended: what is still in the queue is looked at, too."""
        for life in self._open.values():
            self._keep(life)
        self._open.clear()
        self._sorted = {host: sorted(minutes) for host, minutes in self._minutes.items()}

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that wrote these logs, case-folded."""
        return frozenset(self._minutes)

    def covers(self, host: str, time: float) -> bool:
        """Whether all that this host logged around that time is here: lines of it half an hour before and after."""
        minutes = self._sorted.get(host.lower(), [])
        first, last = self._spans.get(host.lower(), (time, time))
        if not self.whole or self.left_out or not first + _CLOCKS <= time <= last - _CLOCKS:
            return False
        at = bisect_left(minutes, int(time // _MINUTE))
        above = _MINUTE * minutes[at] if at < len(minutes) else last
        same = at < len(minutes) and minutes[at] == int(time // _MINUTE)
        below = time if same else _MINUTE * minutes[at - 1]
        return time - below <= _GAP and above - time <= _GAP

    def calls_for(self, life: Sighting) -> list[Call]:
        """The scripts' calls of mail() that can have made it: just before, on that host, to one of its recipients."""
        recipients, host = {name.encode() for name in life.recipients}, life.host.lower()
        return [
            call
            for call in self.calls
            if life.opened - _CALLED <= call.time <= life.opened + _EARLY
            and (not call.host or call.host.lower() == host)  # the log of PHP seldom names one
            and recipients & {part.rpartition(b"<")[2].strip(b" \t>").lower() for part in call.recipient.split(b",")}
        ]

    def _call(self, time: float, ref: int, fields: tuple[Any, ...]) -> None:
        moments = self._wanted.moments
        if moments is not None:
            at = bisect_left(moments, time - _AROUND)
            if at >= len(moments) or moments[at] > time + _AROUND:
                return
        if len(self.calls) < _MOST_CALLS:
            line = int((fields[21] or b"0")[:9])
            self.calls.append(Call(time, ref, _text(fields[1]), _text(fields[16]), line, fields[11] or b""))

    def _line(self, rule: Rule, time: float, ref: int, fields: tuple[Any, ...]) -> None:
        host = _text(fields[1])
        self._covered(host.lower(), time)
        key = (fields[1], fields[2], fields[3])
        life = self._open.get(key)
        begins = rule.event in _BEGINS
        if life is not None and begins and (life.submitted or time - life.opened > _EARLY):
            self._keep(life)
            life = None
        if life is None:
            if rule.event == "removed":
                return
            life = self._open[key] = Sighting(host, _text(fields[3]), time)
            if len(self._open) > _MOST_LIVES:
                self._keep(self._open.pop(next(iter(self._open))))
        life.closed = time
        if begins:
            self._begun(life, rule, time, ref, fields)
        if fields[9] is not None and life.sender is None:
            life.sender = _text(fields[9])
            life.refs.append((ref, "its envelope sender"))
        if fields[10] and life.message_id is None:
            life.message_id = _text(fields[10])
            life.refs.append((ref, "its Message-ID"))
            self.tell_message_ids.add(host)
        if rule.event in _DELIVERS:
            _delivered(life, rule, time, ref, fields)
        elif rule.event == "removed":
            self._keep(self._open.pop(key))

    def _covered(self, host: str, time: float) -> None:
        self._minutes[host].add(int(time // _MINUTE))
        first, last = self._spans.get(host, (time, time))
        self._spans[host] = (min(first, time), max(last, time))

    def _begun(self, life: Sighting, rule: Rule, time: float, ref: int, fields: tuple[Any, ...]) -> None:
        """Who handed it to us; Sendmail writes the account into the line of a login of the same process."""
        _, _, _, queue_id, address, port, account, uid, local_user = fields[:9]
        life.submitted = True
        life.refs.append((ref, "who handed the message in"))
        if rule.event == "collected":
            sessions = self._sessions[fields[1]]
            account = sessions.account(queue_id, address, fields[19], time)
            if account:
                life.refs.append((sessions.line(queue_id), "the login of the same process"))
        life.address, life.account = _or_none(address), _or_none(account)
        life.port = int(port) if port and port.isdigit() and len(port) < 6 else None  # noqa: PLR2004  # digits of a port
        life.uid = int(uid) if uid and uid.isdigit() and len(uid) < 11 else None  # noqa: PLR2004  # 32 bits
        life.local_user, life.script = _or_none(local_user), _or_none(fields[16])
        if life.account and "@" in life.account and len(self.domains) < _MOST_DOMAINS:
            self.domains.add(life.account.rpartition("@")[2].lower())

    def _keep(self, life: Sighting) -> None:
        if not self._is_wanted(life):
            return
        if len(self.kept) >= _MOST_KEPT:
            self.left_out += 1
            return
        self.kept.append(life)
        self.lives[life.queue_id].append(life)

    def _is_wanted(self, life: Sighting) -> bool:
        wanted = self._wanted
        if life.queue_id in wanted.queue_ids or (life.message_id or "").strip("<>") in wanted.message_ids:
            return True
        if life.sender and life.sender.lower() in wanted.senders:
            return True
        if any(name in wanted.queue_ids for sent in life.sent for name in sent.next_ids):
            return True
        for box in life.recipients if wanted.recipients or wanted.digests else ():
            if box in wanted.recipients or (wanted.digests and self._digested(box)):
                self._of_recipient[box] += 1
                if self._of_recipient[box] <= _MOST_OF_A_RECIPIENT:
                    return True
                self.left_out += 1
        return False

    def _digested(self, box: str) -> bool:
        known = self._hashed.get(box)
        if known is None:
            if len(self._hashed) > _MOST_LIVES:
                self._hashed.clear()
            known = self._hashed[box] = bool(digests(box) & self._wanted.digests)
        return known


def digests(box: str) -> set[str]:
    """What loops that hide a recipient may write in its place: common digests of the mailbox or its local part."""
    words = (box.encode(), box.partition("@")[0].encode())
    return {make(word, usedforsecurity=False).hexdigest() for word in words for make in
            (hashlib.md5, hashlib.sha1, hashlib.sha256)}  # fmt: skip


def _delivered(life: Sighting, rule: Rule, time: float, ref: int, fields: tuple[Any, ...]) -> None:
    """The attempts that one line tells of."""
    status = _text(SHOWN_STATUS.get(fields[14] or b"", fields[14])) or dict(rule.fixed).get("status", "")
    reply = (fields[15] or b"").removesuffix(b")")
    found = _QUEUED_AS.findall(reply[:1_000]) if status == "sent" else ()
    ids = tuple(dict.fromkeys(_text(word.rstrip(b".")) for words in found for word in words if word))
    told = (_text(fields[20]), status, _text(fields[13]), _text(reply)[:500], ids)
    boxes = [fields[11]] if fields[11] else split(fields[17] or b"")
    for box in boxes[: _MOST_SENT - len(life.sent)]:
        life.sent.append(Sent(time, ref, _text(box), _text(fields[12]), *told))


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "backslashreplace") if raw else ""


def _or_none(raw: bytes | None) -> str | None:
    return _text(raw) or None
