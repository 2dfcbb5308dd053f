"""Who hears of which rows: each observer names the rows it wants by having a method for them (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from whosent.model.pile import Pile
from whosent.model.rows import (
    ACTOR_KINDS,
    Call,
    Length,
    Login,
    Message,
    Outcome,
    Rejection,
    Reported,
    Request,
    Result,
    Row,
    Subject,
    Verdict,
)
from whosent.reading.native import native

_HANDLERS: Final = {"message": Message, "outcome": Outcome, "login": Login, "rejection": Rejection,
                    "request": Request, "call": Call, "verdict": Verdict, "subject": Subject, "pile": Pile,
                    "reported": Reported, "length": Length}  # fmt: skip
_BATCH: Final = 512  # rows handled at a time, few enough for a processor's cache; it changes nothing but the pace

T = TypeVar("T")
Heard: TypeAlias = Row | Pile
Handlers = tuple[Callable[[Any], object], ...]
Table = dict[type, Handlers | dict[str, Handlers] | dict[str, list[Handlers]]]


def observe(rows: Iterable[Heard], observers: Iterable[object]) -> None:
    """Give each row to every observer that has a method for it."""
    audience = Audience(observers)
    for batch in batches(rows):
        audience.hear(batch)


class Audience:
    """Observers, of whom some are asleep: they hear of nothing before the first row of a kind that wakes them."""

    def __init__(self, observers: Iterable[object]) -> None:
        observers = list(observers)
        self._asleep = [observer for observer in observers if _alarms(observer)]
        self._awake = [observer for observer in observers if not _alarms(observer)]
        self._tables = _tables(self._awake)

    def hear(self, rows: Sequence[Heard]) -> None:
        """Hand out rows; those behind one that wakes somebody reach him too, whatever the batch."""
        alarms = {alarm for observer in self._asleep for alarm in _alarms(observer)}
        if alarms and not alarms.isdisjoint(map(type, rows)):
            first = next(place for place, row in enumerate(rows) if row.__class__ in alarms)
            self._tell(rows[:first])
            rows = rows[first:]
            woken = [observer for observer in self._asleep if rows[0].__class__ in _alarms(observer)]
            self._asleep = [observer for observer in self._asleep if observer not in woken]
            self._awake += woken
            self._tables = _tables(self._awake)
            self.hear(rows)
        else:
            self._tell(rows)

    def _tell(self, rows: Sequence[Heard]) -> None:
        for table in self._tables:
            _hand_out(rows, table)


def _alarms(observer: object) -> frozenset[type[Heard]]:
    return frozenset(_HANDLERS[method] for method in getattr(observer, "woken_by", ()))


def hand_out_purely(rows: Sequence[Any], table: Table) -> None:
    """Call everybody who hears of a row, row by row; the compiled twin is native.hand_out."""
    for row in rows:
        found = table[row.__class__]
        heard = found[row[2][0]] if isinstance(found, dict) else found  # its actor's kind
        for handle in heard[row[6]] if isinstance(heard, list) else heard:  # its result
            handle(row)


def _tables(observers: Sequence[object]) -> list[Table]:
    """Those who must hear row by row together; then each who is self-contained, for whom rows in one go are quicker."""
    alone = [observer for observer in observers if getattr(observer, "self_contained", False)]
    together = [observer for observer in observers if observer not in alone]
    return [_table(listening) for listening in (together, *([one] for one in alone)) if listening]


def _table(observers: Sequence[object]) -> Table:
    """Who hears of which rows: by class; of messages by the actor's kind, of outcomes by that and the result."""
    table: Table = {row_type: _hearing(observers, method) for method, row_type in _HANDLERS.items()}
    table[Message] = {kind: _hearing(observers, "message", kind) for kind in ACTOR_KINDS}
    table[Outcome] = {kind: [_hearing(observers, "outcome", kind, result) for result in Result] for kind in ACTOR_KINDS}
    return table


def _hearing(observers: Iterable[object], method: str, kind: str = "", result: Result | None = None) -> Handlers:
    """The methods of those who want rows of this kind and result."""
    return tuple(
        getattr(observer, method)
        for observer in observers
        if hasattr(observer, method)
        and (not kind or kind in getattr(observer, "kinds", ACTOR_KINDS))
        and (result is None or result in getattr(observer, "results", Result))
    )


def batches(rows: Iterable[T]) -> Iterator[list[T]]:
    """The rows in lists of a bounded length."""
    iterator = iter(rows)
    return iter(lambda: list(islice(iterator, _BATCH)), [])


_hand_out: Final[Callable[[Sequence[Heard], Table], None]] = native.hand_out if native else hand_out_purely
