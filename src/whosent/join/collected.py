"""Messages of an MTA that does not log when one left, and names the login in a line of its own (Sendmail).

A queue id is never used twice.  A message has ended when as many recipients as it had were delivered or bounced; since
an alias may stand for more, it is forgotten only when nobody is deferred and nothing was heard of it for an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from whosent.join.arrivals import LAYOUT, Arrival, Folders, local_user, number, recipients, server
from whosent.join.lives import Counted, Early, handed_over, refused
from whosent.join.replies import reason
from whosent.join.sessions import MARKED
from whosent.model.rows import Actor, Handover, Login, Message, Outcome, Reason, Result
from whosent.reading.recipients import as_given

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whosent.dialects import Rule
    from whosent.model.rows import JoinedRow
    from whosent.reading.tokens import Fields

DELIVERY: Final = ("original_recipient", "agent", "relay_host", "relay_address", "dsn", "status", "reply")
COLLECTED: Final[dict[str, tuple[str, ...]]] = {  # the events read here, and what is wanted of them
    "collected": (*LAYOUT, "protocol"),
    "attempts": ("queue_id", "recipients", *DELIVERY),
    "authenticated": ("account", "client_address", "service", "pid"),
    "returned": ("queue_id", "notification_queue_id"),
    "cloned": ("queue_id", "clone_queue_ids"),
}
_NO_REASON: Final = Reason.NONE
_TO_US: Final = Result.HANDED_OVER
_new: Final = tuple.__new__


class Collecting:
    """The part of the join that reads such lines; what it shares with the rest is the rest's."""

    _queue: Any
    _passes_on: bool
    _places: dict[bytes | None, tuple[str, Result]]
    _here: tuple[bytes | None, bytes | None]
    _folders: dict[tuple[bytes | None, bytes | None], Folders]
    servers: dict[str, str]
    first_sight: int
    _text: Any
    _client: Any
    _place: Any
    _move: Any
    _seconds: Any
    time: float

    def _alone(self, rule: Rule, ref: int, fields: Fields) -> Iterable[JoinedRow]:
        """What a token that comes by itself makes."""
        stamp, host, instance = fields[:3]
        time = self._seconds(stamp)
        self.time = max(self.time, time)
        if self._here != (host, instance):
            self._move(host, instance)
        return self._of_collected(rule, time, ref, fields)

    def _of_collected(self, rule: Rule, time: float, ref: int, fields: Fields) -> Iterable[JoinedRow]:
        event = rule.event
        if event == "attempts":
            return self._attempts(rule, time, ref, fields)
        if event == "collected":
            return self._collected(rule, time, ref, fields)
        if event == "authenticated":
            return (self._authenticated(time, ref, fields),)
        return self._goes_on(rule, time, ref, fields)

    def _authenticated(self, time: float, ref: int, fields: Fields) -> Login:
        """A login, which the messages of the same process will belong to."""
        _, host, _, account, address, service, pid = fields
        self._queue.sessions.authenticated(pid, account, address, time)
        text = self._text
        return Login(time, ref, text(host), text(account), text(address), True, text(service))  # noqa: FBT003

    def _collected(self, rule: Rule, time: float, ref: int, fields: Fields) -> Iterator[JoinedRow]:
        """A message of an MTA that tells the login in another line; its queue ids are never used again."""
        queue, came, protocol = self._queue, Arrival(*fields[3:-1]), fields[-1]
        if came.queue_id in queue.lives:
            return
        if queue.began is None:
            queue.began = time
            self.servers[queue.host] = server(rule)
        address, account = came.client_address, None
        if address:
            account = queue.sessions.account(came.queue_id, address, protocol, time)
            if self._passes_on and queue.sessions.in_doubt(account, protocol, time - queue.began):
                yield Early(time, ref, rule, fields)  # type: ignore[misc]  # asked for with passes_on
                return
        if account or (address and protocol not in MARKED):
            actor = queue.actors.get((account, address)) or self._client(queue, account, address)
        else:  # a client whose login is not in the log is nobody we could name
            nobody = Actor("unknown", "", queue.host, self._text(address) or None)
            actor = local_user(came, queue.host, self._folders[self._here], time) or nobody
        name = came.queue_id.decode("ascii") if actor.kind == "host" else ""
        sender, count = came.sender or b"", recipients(came)
        life = queue.lives[came.queue_id] = Counted(actor, time, name, sender, count)
        life.given = address is not None
        yield Message(time, ref, actor, name, sender, number(came.size), count, time)

    def _attempts(self, rule: Rule, time: float, ref: int, fields: Fields) -> Iterator[JoinedRow]:
        """Recipients that had the same fate in one attempt; the class of the status code says which."""
        _, _, _, queue_id, listed, _, agent, relay_host, address, dsn, status, reply = fields
        lives = self._queue.lives
        life = lives.get(queue_id)
        if life is None:
            if self._passes_on:
                yield Early(time, ref, rule, fields)  # type: ignore[misc]  # asked for with passes_on
                return
            self.first_sight += 1
            self.servers.setdefault(self._queue.host, server(rule))
            life = lives[queue_id] = Counted(Actor("unknown", "", self._queue.host), time, "", b"", 1)
        relay, result = self._places.get(address) or self._place(address)
        why, fate = _NO_REASON, None
        if status != b"2":
            why, fate = reason(dsn, reply), b"deferred" if status == b"4" else b"bounced"
        elif result is _TO_US:
            result, next_id = handed_over(agent, reply)
            if next_id:
                name = next_id.decode("utf-8", "backslashreplace")
                yield _new(Handover, (time, ref, life.actor, life.queue_id, relay, name))
        where, counted = relay or self._text(relay_host), isinstance(life, Counted)
        each = as_given(listed)
        for recipient, given in each:
            yield _new(Outcome, (
                time, ref, life.actor, life.queue_id, life.sender or b"", recipient,
                result if fate is None else refused(life, recipient, fate), why, where,
                counted and life.given and not given, b"",
            ))  # fmt: skip
        if counted:
            life.heard = time
            if status != b"4":
                life.left -= len(each)
                if life.deferred:
                    life.deferred.difference_update(recipient for recipient, _ in each)

    def _goes_on(self, rule: Rule, time: float, ref: int, fields: Fields) -> Iterator[JoinedRow]:
        """A message gets a bounce, or goes on for some of its recipients, under other queue ids."""
        _, _, _, queue_id, others = fields
        queue = self._queue
        if rule.event == "returned":
            queue.lives[others] = Counted(queue.mta, time, "", b"", 1)
            yield Message(time, ref, queue.mta, "", b"", 0, 1, time)  # no line tells its size
            return
        life = queue.lives.get(queue_id)
        if life is None:
            if self._passes_on:
                yield Early(time, ref, rule, fields)  # type: ignore[misc]  # asked for with passes_on
            return
        for other in others.replace(b";", b" ").split():
            clone = queue.lives[other] = Counted(life.actor, time, life.queue_id, life.sender or b"", 1)
            clone.given = isinstance(life, Counted) and life.given
