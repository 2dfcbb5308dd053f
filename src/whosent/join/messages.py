"""The lives of queue ids: tokens of one MTA host become messages and outcomes.

A queue id means something only within (host, instance) and only while it lives: a life opens with the line that
names the client or the uid, or at first sight when the log starts later (and for the MTA's own bounces, which
have no client line); it closes when the message is removed, or when a new client line shows that the end was
not logged.  Nothing is kept of a closed life.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from whosent.dialects import Rule
from whosent.join import arrivals
from whosent.join.collected import COLLECTED, DELIVERY, Collecting
from whosent.join.judgement import HEADER, VERDICT, Asked, Judgement, is_on_content, subject_of
from whosent.join.lives import SESSION, Begun, Early, Life, Queue, forget, handed_over, refused
from whosent.join.replies import reason
from whosent.model.rows import (
    Actor,
    Call,
    Closed,
    Handover,
    Length,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Request,
    Result,
    dereference,
    reference,
)
from whosent.reading.native import native
from whosent.reading.recipients import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whosent.model.rows import JoinedRow
    from whosent.model.surroundings import Surroundings
    from whosent.reading.stamps import Clock
    from whosent.reading.tokens import Fields, Token

_WHERE: Final = ("stamp", "host", "instance")
_LAYOUTS: Final[dict[str, tuple[str, ...]]] = {
    "submission": (*_WHERE, "queue_id", "client_address", "account", "uid", "local_user", "original_queue_id"),
    "queued": (*_WHERE, "queue_id", "sender", "size", "recipient_count"),
    "arrival": (*_WHERE, *arrivals.LAYOUT),
    "delivery": (*_WHERE, "queue_id", "recipient", *DELIVERY),
    "deliveries": (*_WHERE, "queue_id", "recipients", *DELIVERY),
    "notification": (*_WHERE, "queue_id", "notification_queue_id"),
    "removed": (*_WHERE, "queue_id"),
    "rejection": (*_WHERE, "queue_id", "client_address", "account", "stage", "code", "reason", "verdict"),
    "login": (*_WHERE, "account", "client_address", "service"),
    "request": (*_WHERE, "client_address", "method", "path", "http_status"),
    "call": (*_WHERE, "script", "script_line", "recipient"),
    "length": (*_WHERE, "queue", "count"),
    "invocation": (*_WHERE, "pid", "script"),
    "header": (*_WHERE, *HEADER),
    "verdict": (*_WHERE, *VERDICT),
    **{event: (*_WHERE, *fields) for event, fields in COLLECTED.items()},
}  # fmt: skip
_REMEMBERED: Final = 20_000  # decoded texts and actors kept for reuse
_NO_REASON: Final = Reason.NONE  # looking members up costs more than the rest of a row
_TO_US: Final = Result.HANDED_OVER
_PROBE: Final = b"double-bounce@"  # notifications to the postmaster, and address verification
_UID: Final = 10  # digits of a uid that is one
_NUMBER: Final = 18  # digits of a size that is one
_ONE: Final = Rule("delivery", b"")  # each of several in one line
_new: Final = tuple.__new__  # half the cost of calling a named tuple's class


def layout(rule: Rule, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """What the join wants of a line: no Message-ID, for every message has one."""
    return None if "message_id" in names and rule.event == "header" else layout_with_ids(rule, names)


def layout_with_ids(rule: Rule, _names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The same with Message-IDs, where a filter names messages by them."""
    return _LAYOUTS.get(rule.event) if rule.event != "verdict" or is_on_content(rule) else None


class Join(Collecting):
    """Joins the tokens of one log stream; feed it chunk after chunk, in order.

    With ``passes_on`` it is the join of a later part of a stream whose earlier parts another process reads: tokens
    of messages that began there come out as :class:`Early`, and each beginning as :class:`Begun`, so that
    the join that holds the earlier lives can finish them with :meth:`early` and :meth:`begun`.
    """

    def __init__(self, surroundings: Surroundings, *, passes_on: bool = False) -> None:
        self._seconds: Callable[[Any], float] = float
        self._clock: Clock | None = None
        self._source = 0
        self._surroundings = surroundings
        self._passes_on = passes_on
        self._queues: dict[tuple[bytes | None, bytes | None], Queue] = {}
        self._queue = Queue("")
        self._here: tuple[bytes | None, bytes | None] = (b"", b"")
        self._texts: dict[bytes, str] = {}
        self._folders: defaultdict[tuple[bytes | None, bytes | None], arrivals.Folders] = defaultdict(arrivals.Folders)
        self._places: dict[bytes | None, tuple[str, Result]] = {None: ("", Result.LOCAL)}
        self.servers: dict[str, str] = {}  # host -> the dialect of its mail server, where that is not Postfix
        self._judgement = Judgement(surroundings)
        self.time = float("-inf")  # of the latest token of the present source
        self.uncounted = 0  # messages whose line tells no recipients
        self.truncated = 0  # lives that ended without their end being logged
        self.first_sight = 0  # lives whose beginning is not in the log

    def continue_with(self, source: int, clock: Clock) -> None:
        """The chunks that follow are of another source, which continues the one before."""
        self._source, self.time = source, float("-inf")
        self._folders.clear()
        self.go_by(clock)

    def go_by(self, clock: Clock) -> None:
        """Read stamps with this clock: that of the present source, which is not kept with the rest."""
        self._clock, self._seconds = clock, clock.seconds

    def __getstate__(self) -> dict[str, object]:
        """What another process takes over: not the clock, whose zone may have come from a file of this machine."""
        return {**self.__dict__, "_seconds": float, "_clock": None, "_texts": {}}

    def early(self, token: Early) -> Iterator[JoinedRow]:
        """The rows of a token that a later part of the stream passed on."""
        source, offset = dereference(token.ref)
        self._source, self._seconds = source, float  # its stamp was read already
        _, *rest = token.fields
        yield from self.rows([(token.rule, 0, (token.time, *rest))], offset)

    def begun(self, begun: Begun) -> None:
        """A later part of the stream saw this queue id begin anew: its earlier life is over."""
        queue = self._queues.get((begun.host, begun.instance))
        if queue is not None:
            self._end_unseen(queue.lives.pop(begun.queue_id, None))

    def _end_unseen(self, life: Life | None) -> None:
        """Its id begins anew: count a message whose end was not logged (a broken session was none)."""
        self.truncated += life is not None and life.sender is not None

    def merge(self, other: Join) -> None:
        """Take over the lives that a later part of the stream left open, and its counts."""
        for here, queue in other._queues.items():
            self._queues.setdefault(here, Queue(queue.host)).take_over(queue)
        self.servers |= other.servers
        self.uncounted += other.uncounted
        self._judgement.merge(other._judgement)
        self.truncated += other.truncated
        self.first_sight += other.first_sight

    def hosts(self) -> set[str]:
        """The hosts whose MTAs wrote the lines so far."""
        return {queue.host for queue in self._queues.values()}

    def open_lives(self) -> int:
        """How many messages are in the queue as far as the log tells."""
        return sum(len(queue.lives) for queue in self._queues.values())

    def rows(self, tokens: Iterable[Token], offset: int) -> Iterable[JoinedRow]:
        """Rows of a chunk that starts at ``offset`` of the source; those of the compiled twin come all at once."""
        if native and tokens.__class__ is native.Tokens:
            rows: list[JoinedRow] = native.join_rows(self, tokens, reference(self._source, offset))
            return [*rows, *self._forget()] if len(self._queue.lives) > self._queue.many else rows
        return chain(self.rows_purely(tokens, offset), self._forget())

    def rows_purely(  # noqa: C901, PLR0912, PLR0915  # a call less a line is a tenth of the time
        self, tokens: Iterable[Token], offset: int
    ) -> Iterator[JoinedRow]:
        """The same without the compiled twin; the hot path."""
        seconds, places, (host, instance) = self._seconds, self._places, self._here
        base = reference(self._source, offset)
        queue, latest = self._queue, self.time
        lives, stamp, time = queue.lives, None, 0.0
        for rule, at, fields in tokens:
            if fields[0] != stamp:
                stamp = fields[0]
                time = seconds(stamp)
                if time > latest:  # noqa: PLR1730  # a call less
                    latest = time
            if fields[1] != host or fields[2] != instance:
                _, host, instance = fields[:3]
                queue = self._move(host, instance)
                lives = queue.lives
            event, queue_id = rule.event, fields[3]
            if event == "delivery":
                _, _, _, _, recipient, original, agent, relay_host, address, dsn, status, reply = fields
                life = lives.get(queue_id)
                if life is None:
                    if self._passes_on:
                        yield Early(time, base + at, rule, fields)  # type: ignore[misc]  # asked for with passes_on
                        continue
                    life = self._first_sight(queue, time, queue_id)
                relay, result = places.get(address) or self._place(address)
                why = _NO_REASON
                if status != b"sent":
                    if status.endswith(b"deliverable"):
                        continue  # a probe of address verification (verify(8)) is no mail
                    why = reason(dsn, reply)
                    result = refused(life, recipient, status)
                elif result is _TO_US:
                    result, next_id = handed_over(agent, reply)
                    if next_id:
                        yield _new(Handover, (
                            time, base + at, life.actor, life.queue_id, relay,
                            next_id.decode("utf-8", "backslashreplace"),
                        ))  # fmt: skip
                yield _new(Outcome, (
                    time, base + at, life.actor, life.queue_id, life.sender or b"", recipient, result, why,
                    relay or self._text(relay_host), original is not None, original or b"",
                ))  # fmt: skip
            elif event == "queued":
                _, _, _, _, sender, size, count = fields
                life = lives.get(queue_id)
                if life is None and self._passes_on:
                    yield Early(time, base + at, rule, fields)  # type: ignore[misc]  # asked for with passes_on
                    continue
                if life is None or (time - life.opened > SESSION if life.sender is None else life.sender != sender):
                    life = self._first_sight(queue, time, queue_id, mta=not sender or sender.startswith(_PROBE))
                if life.sender is None:
                    life.sender = sender
                    yield _new(Message, (
                        time, base + at, life.actor, life.queue_id, sender, int(size[:_NUMBER]), int(count[:_NUMBER]),
                        life.opened, life.client_line,
                    ))  # fmt: skip
            elif event == "submission":
                _, _, _, _, address, account, uid, local_user, original = fields
                if uid is not None and original and self._passes_on and original not in lives:
                    yield Early(time, base + at, rule, fields)  # type: ignore[misc]  # asked for with passes_on
                    continue
                if queue_id in lives:
                    self._end_unseen(lives[queue_id])
                elif self._passes_on:
                    yield Begun(time, base + at, host, instance, queue_id)  # type: ignore[misc]
                actor = queue.actors.get((account, address)) or self._client(queue, account, address)
                if uid is not None:
                    requeued = lives.pop(original, None) if original else None  # postsuper -r; the uid is Postfix's
                    actor = requeued.actor if requeued else Actor(
                        "local_user", self._text(uid[:_UID]), queue.host, self._text(local_user)
                    )  # fmt: skip
                name = queue_id.decode("ascii") if actor[0] == "host" else ""
                lives[queue_id] = Life(actor, time, name, base + at)
            elif event == "removed":
                life = lives.pop(queue_id, None)
                if life is None:
                    if self._passes_on:
                        yield Early(time, base + at, rule, fields)  # type: ignore[misc]  # asked for with passes_on
                elif life.queue_id:
                    yield _new(Closed, (time, base + at, queue.host, life.queue_id))
            else:
                yield from (self._of_collected if event in COLLECTED else self._rare)(rule, time, base + at, fields)
        self.time = latest

    def _rows_of(self, token: Token, base: int) -> list[JoinedRow]:
        """Rows of one token that the compiled twin leaves to us; ``base`` refers to the chunk's first byte."""
        rule, at, fields = token
        if rule.event in COLLECTED:
            return list(self._alone(rule, base + at, fields))
        _, offset = dereference(base)
        return list(self.rows_purely((token,), offset))

    def _forget(self) -> Iterator[JoinedRow]:
        if len(self._queue.lives) > self._queue.many:
            yield from forget(self._queue, self.time, reference(self._source, 0))

    def _move(self, host: bytes | None, instance: bytes | None) -> Queue:
        """Lines of another host or instance follow: their queue ids are their own."""
        self._here = (host, instance)
        queue = self._queues.get(self._here)
        if queue is None:
            queue = self._queues[self._here] = Queue(self._text(host))
        self._queue = queue
        return queue

    def _text(self, raw: bytes | None) -> str:
        if not raw:
            return ""
        text = self._texts.get(raw)
        if text is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            text = self._texts[raw] = raw.decode("utf-8", "backslashreplace")
        return text

    def _client(self, queue: Queue, account: bytes | None, address: bytes | None) -> Actor:
        where = self._text(address)
        if account:
            actor = Actor("account", self._text(account), queue.host, where)
        else:
            kind = "host" if self._surroundings.is_own_address(where) else "stranger"
            actor = Actor(kind, where, queue.host, where)
        if len(queue.actors) >= _REMEMBERED:
            queue.actors.clear()
        queue.actors[account, address] = actor
        return actor

    def _place(self, address: bytes | None) -> tuple[str, Result]:
        """A relay's address as text, and what "sent" to it means before the reply is looked at."""
        assert address is not None
        relay = self._text(address)
        if address.startswith(b"private/"):
            result = Result.LOCAL
        else:
            result = Result.HANDED_OVER if self._surroundings.is_own_address(relay) else Result.SENT
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
            self._places[None] = ("", Result.LOCAL)
        self._places[address] = (relay, result)
        return relay, result

    def _first_sight(  # native code has no keywords
        self,
        queue: Queue,
        time: float,
        queue_id: bytes | None,
        mta: bool = False,  # noqa: FBT001, FBT002
    ) -> Life:
        self.first_sight += not mta
        life = queue.lives[queue_id] = Life(queue.mta if mta else Actor("unknown", "", queue.host), time, "")
        return life

    def _rare(self, rule: Rule, time: float, ref: int, fields: Fields) -> Iterator[JoinedRow]:
        text = self._text
        host = text(fields[1])
        if rule.event == "rejection":
            _, _, _, queue_id, address, account, stage, code, why, verdict = fields
            yield Rejection(time, ref, host, text(address), text(account), text(stage), int(code or 0), why or b"")
            yield from self._judgement.refusal(Asked(time, ref, host), queue_id, verdict, why or b"", self._queue.lives)
        elif rule.event == "login":
            _, _, _, account, address, service = fields
            succeeded = ("result", "failed") not in rule.fixed
            yield Login(time, ref, host, text(account), text(address), succeeded, text(service) or "smtp")
        elif rule.event == "notification":
            life = self._queue.lives.get(fields[4])
            if life is None and self._passes_on:
                yield Early(time, ref, rule, fields)  # type: ignore[misc]  # asked for with passes_on
            elif life is None or life.actor is not self._queue.mta:  # it is if the queue manager told first
                self._end_unseen(life)
                self._first_sight(self._queue, time, fields[4], mta=True)
        elif rule.event == "request":
            _, _, _, address, method, path, status = fields
            yield Request(time, ref, host, text(address), text(method), text(path), int((status or b"0")[:_NUMBER]))
        elif rule.event == "call":
            _, _, _, script, line, recipient = fields
            yield Call(time, ref, host, text(script), int((line or b"0")[:_NUMBER]), recipient or b"")
        else:
            yield from self._in_one_line(rule, time, ref, fields)

    def _judged(self, rule: Rule, asked: Asked, fields: Fields) -> Iterator[JoinedRow]:
        """A header line, or what a filter says; a filter's lines are of no instance."""
        if rule.event == "header":
            yield from self._judgement.header(asked, fields[3:], self._queue.lives)
            return
        queues = [queue.lives for (host, _), queue in self._queues.items() if host == fields[1]]
        if self._passes_on and not self._judgement.knows(asked.host, fields[3:], queues):
            yield Early(asked.time, asked.ref, rule, fields)  # type: ignore[misc]  # asked for with passes_on
        else:
            yield from self._judgement.verdict(asked, rule, fields[3:], queues)

    def _in_one_line(self, rule: Rule, time: float, ref: int, fields: Fields) -> Iterator[JoinedRow]:
        """What other mail servers than Postfix tell in one line."""
        if rule.event == "arrival":
            self.servers.setdefault(self._queue.host, arrivals.server(rule))
            came = arrivals.Arrival(*fields[3:])
            self.uncounted += not (came.recipients or came.recipient_count)
            yield from self._arrival(time, ref, came)
        elif rule.event == "length":
            yield Length(time, ref, self._text(fields[1]), self._text(fields[3]), int(fields[4] or b"0"))
        elif rule.event == "invocation":
            self._folders[self._here].note(time, *fields[3:])
        elif rule.event == "deliveries":
            _, offset = dereference(ref)  # of the present source
            each = ((*fields[:4], recipient, *fields[5:]) for recipient in split(fields[4] or b""))
            yield from self.rows_purely(((_ONE, 0, delivery) for delivery in each), offset)
        else:
            yield from self._judged(rule, Asked(time, ref, self._text(fields[1])), fields)

    def _arrival(self, time: float, ref: int, came: arrivals.Arrival) -> Iterator[JoinedRow]:
        """A message's life begins, and it is told at once."""
        queue = self._queue
        if came.queue_id in queue.lives:
            self._end_unseen(queue.lives[came.queue_id])
        elif self._passes_on:
            yield Begun(time, ref, *self._here, came.queue_id)  # type: ignore[misc]
        actor = arrivals.local_user(came, queue.host, self._folders[self._here], time) or (
            queue.actors.get((came.account, came.client_address))
            or self._client(queue, came.account, came.client_address)
            if came.account or came.client_address
            else queue.mta
        )
        name = came.queue_id.decode("ascii", "backslashreplace") if actor.kind == "host" else ""
        life = queue.lives[came.queue_id] = Life(actor, time, name)
        life.sender = came.sender or b""
        yield Message(time, ref, actor, name, life.sender, arrivals.number(came.size), arrivals.recipients(came), time)
        if came.subject:
            yield subject_of(Asked(time, ref, queue.host), actor, came.queue_id, came.subject)
