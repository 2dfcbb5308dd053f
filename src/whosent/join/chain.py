"""One message, several queue ids: hand-overs to a filter or to another host of ours are followed back.

A content filter on the same host, or the relay behind a web server, gives the message a new queue id; the reply
"queued as ID" that the first log recorded names it.  The outcomes of the new id then belong to the first actor,
and the message is counted once.  Since the new id's lines may stand before the reply that names it, rows wait
:data:`WAIT` seconds of event time; a hand-over counts if it lies that close to the message it explains.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Final

from whosent.model.rows import Actor, Closed, Handover, Message, Outcome, Subject, Verdict
from whosent.reading.native import native

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whosent.model.rows import JoinedRow, Row

WAIT: Final = 10.0


class Chain:
    """Replaces the actor of re-injected and relayed messages by the one who first submitted them."""

    def __init__(self) -> None:
        self._handed: dict[str, Handover] = {}
        self._order: deque[Handover] = deque()
        self._actors: dict[tuple[str, str], Actor] = {}  # (host, queue id) -> who is behind it
        self._waiting: list[Row | Closed] = []
        self.followed = 0  # messages that had another queue id before

    def rows(self, joined: Iterable[JoinedRow]) -> Iterator[Row]:
        """The rows for detectors, in the order they came, when :data:`WAIT` seconds of event time have passed."""
        return chain.from_iterable(self.batches([row] for row in joined))

    def batches(self, joined: Iterable[list[JoinedRow]]) -> Iterator[list[Row]]:
        """The same in lists, of lists of any length; the hot path."""
        for rows in joined:
            if native:
                kinds = (Handover, Outcome, Message, Closed)
                yield native.release(self._waiting, rows, WAIT, kinds, self._note, self._resolve, self._actors)
            else:
                yield self.release_purely(rows)

    def release_purely(self, rows: list[JoinedRow]) -> list[Row]:
        """Take in rows; gives those that waited long enough; the compiled twin is native.release."""
        ready: list[Row] = []
        waiting, now, head = self._waiting, None, 0
        for row in rows:
            if row.__class__ is Handover:
                self._note(row)
                continue
            waiting.append(row)  # type: ignore[arg-type]  # what is left is no hand-over
            if row[0] == now:
                continue
            now = row[0]
            while not now - WAIT <= waiting[head][0] <= now + WAIT:  # above it: the clock was set back
                first = waiting[head]
                head += 1
                kind = first.__class__
                if (kind is Outcome or kind is Message) and not first[3]:  # a message with one queue id
                    ready.append(first)  # type: ignore[arg-type]
                elif (found := self._resolve(first)) is not None:
                    ready.append(found)
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
        while abs(order[0][0] - now) > 3 * WAIT:
            old = order.popleft()
            if handed.get(old[5]) is old:
                del handed[old[5]]

    def _resolve(self, row: Row | Closed) -> Row | None:
        """The row with the actor behind it, None if it is told of by another."""
        if isinstance(row, Outcome):
            actor = self._actors.get((row.actor.host, row.queue_id)) if row.queue_id else None
            return tuple.__new__(Outcome, (*row[:2], actor, *row[3:])) if actor else row
        if isinstance(row, Message):
            if row.queue_id and self._follows(row):
                return None
            self._actors.pop((row.actor.host, row.queue_id), None)  # of an earlier life of the id
            return row
        if isinstance(row, Closed):
            self._actors.pop((row.host, row.queue_id), None)
            return None
        if isinstance(row, Verdict | Subject) and row.queue_id:  # told before the message it speaks of
            handover = self._behind(row)
            return row._replace(actor=self._first(handover)) if handover else row
        return row

    def _follows(self, message: Message) -> bool:
        """Whether a hand-over explains this message; its actor is then known by (host, queue id)."""
        handover = self._behind(message)
        if handover is None:
            return False
        self._actors[message.actor.host, message.queue_id] = self._first(handover)
        self.followed += 1
        return True

    def _behind(self, row: Message | Verdict | Subject) -> Handover | None:
        """The hand-over that gave this message its queue id."""
        handover = self._handed.get(row.queue_id)
        if handover is None or row.actor.kind != "host" or abs(handover.time - row.time) > WAIT:
            return None
        loops_back = handover.relay.startswith("127.") or handover.relay == "::1"
        return handover if loops_back == (handover.actor.host == row.actor.host) else None

    def _first(self, handover: Handover) -> Actor:
        """Who is behind a message that was handed over."""
        return self._actors.get((handover.actor.host, handover.queue_id), handover.actor)
