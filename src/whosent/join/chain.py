"""One message, several queue ids: hand-overs to a filter or to another host of ours are followed back.

A content filter on the same host, or the relay behind a web server, gives the message a new queue id; the reply
"queued as ID" that the first log recorded names it.  The outcomes of the new id then belong to the first actor,
and the message is counted once.  Since the new id's lines may stand before the reply that names it, such a message
and all rows behind it wait for the reply, :data:`WAIT` seconds of event time at most; a hand-over counts if it lies
that close to the message it explains.  Nothing waits for a client that handed in many messages and never one with an
id before; the first such message of it is then taken for its own.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeVar

from whosent.model.rows import Actor, Closed, Handover, Message, Outcome, Subject, Verdict
from whosent.reading.native import native

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import EllipsisType

    from whosent.model.rows import JoinedRow, Row

Key = TypeVar("Key")
Value = TypeVar("Value")

WAIT: Final = 10.0
_ALONE: Final = 20  # messages of a client that nothing explained, after which none is waited for
_NOBODY: Final = 200  # the same of all clients of a host that takes no mail over from anywhere
_REMEMBERED: Final = 10_000  # clients; messages that were not waited for

_WITH_ID: Final = (Message, Verdict, Subject)  # what may tell of a message under an id that it got later

Client = tuple[str, str]  # the host that took the mail, and the address it came from; "" stands for all of them


class Chain:
    """Replaces the actor of re-injected and relayed messages by the one who first submitted them."""

    def __init__(self) -> None:
        self._handed: dict[str, Handover] = {}
        self._order: deque[Handover] = deque()
        self._actors: dict[tuple[str, str], Actor] = {}  # (host, queue id) -> who is behind it
        self._waiting: list[Row | Closed] = []
        self._looked: list[float] = []  # the first of them must wait: the time at which that was found
        self._relays: dict[Client, None] = {}  # clients who handed in messages that had another id
        self._alone: dict[Client, int] = {}  # messages of a client that had none; of those who never had
        self._passed: dict[str, tuple[float, Client]] = {}  # queue id -> time and client, not waited for
        self.followed = 0  # messages that had another queue id before

    def rows(self, joined: Iterable[JoinedRow]) -> Iterator[Row]:
        """The rows for detectors, in the order they came, as soon as nothing can explain them any more."""
        return chain.from_iterable(self.batches([row] for row in joined))

    def batches(self, joined: Iterable[list[JoinedRow]]) -> Iterator[list[Row]]:
        """The same in lists, of lists of any length; the hot path."""
        for rows in joined:
            if native:
                kinds = (Handover, Outcome, Message, Closed)
                yield native.release(
                    self._waiting, self._looked, rows, WAIT, kinds, self._note, self._settle, self._actors
                )
            else:
                yield self.release_purely(rows)

    def release_purely(self, rows: list[JoinedRow]) -> list[Row]:
        """Take in rows; gives those that wait no more; the compiled twin is native.release.

        When the first of those that wait is looked at depends on the rows alone, not on the lists they come in.
        """
        ready: list[Row] = []
        waiting, looked, head = self._waiting, self._looked, 0
        for row in rows:
            if row.__class__ is Handover:
                self._note(row)
                looked.clear()
                continue
            waiting.append(row)  # type: ignore[arg-type]  # what is left is no hand-over
            now = row[0]
            if looked and looked[0] == now:
                continue
            looked.clear()
            while head < len(waiting):
                first = waiting[head]
                kind = first.__class__
                if (kind is Outcome or kind is Message) and not first[3]:  # a message with one queue id
                    ready.append(first)  # type: ignore[arg-type]
                else:
                    due = not now - WAIT <= first[0] <= now + WAIT  # above it: the clock was set back
                    found = self._settle(first, due)
                    if found is ...:
                        looked.append(now)
                        break
                    if found is not None:
                        ready.append(found)
                head += 1
        del waiting[:head]
        return ready

    def rest(self) -> Iterator[Row]:
        """What still waited when the logs ended."""
        for waiting in self._waiting:
            row = self._resolve(waiting)
            if row is not None:
                yield row
        self._waiting.clear()

    def _note(self, handover: Handover) -> None:
        handed, order, now = self._handed, self._order, handover[0]
        handed[handover[5]] = handover
        order.append(handover)
        passed = self._passed.pop(handover[5], None)
        if passed is not None and abs(passed[0] - now) <= WAIT:
            self._hands_over(passed[1])
        while abs(order[0][0] - now) > 3 * WAIT:
            old = order.popleft()
            if handed.get(old[5]) is old:
                del handed[old[5]]

    def _settle(self, row: Row | Closed, due: bool) -> Row | EllipsisType | None:  # noqa: FBT001  # called for each row
        """The row as :meth:`_resolve` says; an ellipsis if it is not ``due`` and may still be explained."""
        if not isinstance(row, _WITH_ID) or not row.queue_id or row.actor.kind != "host":
            return self._resolve(row)
        handover = self._behind(row)
        if handover is None and not due:
            client = (row.actor.host, row.actor.name)
            if not self._is_alone(*client):
                return ...
            if isinstance(row, Message):
                _remember(self._passed, row.queue_id, (row.time, client))
        return self._traced(row, handover)

    def _is_alone(self, host: str, client: str) -> bool:
        """Whether what it hands in never had another id before."""
        if (host, client) in self._relays:
            return False
        alone = self._alone
        nobody = (host, "") not in self._relays and alone.get((host, ""), 0) >= _NOBODY
        return nobody or alone.get((host, client), 0) >= _ALONE

    def _hands_over(self, client: Client) -> None:
        anybody = (client[0], "")
        if client not in self._relays or anybody not in self._relays:
            _remember(self._relays, client, None)
            _remember(self._relays, anybody, None)

    def _resolve(self, row: Row | Closed) -> Row | None:
        """The row with the actor behind it, None if it is told of by another."""
        if isinstance(row, Outcome):
            actor = self._actors.get((row.actor.host, row.queue_id)) if row.queue_id else None
            return tuple.__new__(Outcome, (*row[:2], actor, *row[3:])) if actor else row
        if isinstance(row, Closed):
            self._actors.pop((row.host, row.queue_id), None)
            return None
        if isinstance(row, _WITH_ID):
            return self._traced(row, self._behind(row) if row.queue_id else None)
        return row

    def _traced(self, row: Message | Verdict | Subject, handover: Handover | None) -> Row | None:
        """The same of a row whose queue id this hand-over gave it, if one did."""
        if not isinstance(row, Message):  # told before the message it speaks of
            return row._replace(actor=self._first(handover)) if handover else row
        actor, queue_id = row.actor, row.queue_id
        if handover:
            self._actors[actor.host, queue_id] = self._first(handover)
            self._hands_over((actor.host, actor.name))
            self.followed += 1
            return None
        if queue_id:
            for client in ((actor.host, actor.name), (actor.host, "")):
                _remember(self._alone, client, self._alone.get(client, 0) + 1)
        self._actors.pop((actor.host, queue_id), None)  # of an earlier life of the id
        return row

    def _behind(self, row: Message | Verdict | Subject) -> Handover | None:
        """The hand-over that gave this message its queue id."""
        handover = self._handed.get(row.queue_id)
        if handover is None or row.actor.kind != "host" or abs(handover.time - row.time) > WAIT:
            return None
        relay = handover.relay
        loops_back = relay.startswith("127.") or relay == "::1"
        return handover if loops_back == (handover.actor.host == row.actor.host) else None

    def _first(self, handover: Handover) -> Actor:
        """Who is behind a message that was handed over."""
        return self._actors.get((handover.actor.host, handover.queue_id), handover.actor)


def _remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    """Among the latest; the first that came goes first."""
    known[key] = value
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]
