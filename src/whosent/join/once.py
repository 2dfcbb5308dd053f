"""Two logs of one host that tell the same: a syslog that also holds what mail.log has.  It counts once (pure).

Rows of such logs are compared where they have the same time.  What one log tells twice in that moment counts twice;
what two logs tell once each counts once, and the log that knows more of it is believed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from whosent.model.rows import (
    Call,
    Closed,
    Handover,
    Length,
    Login,
    Message,
    Outcome,
    Rejection,
    Request,
    Subject,
    Verdict,
    dereference,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from whosent.model.rows import JoinedRow

_UNKNOWN: Final = "unknown"


class Once:
    """Lets each row pass once.

    ``logs`` numbers the log of each source that belongs to such a pair or group; ``later`` are those of them that
    begin later than another one, in which a message may be retried that only the other one saw begin.
    """

    def __init__(self, logs: Mapping[int, int], later: AbstractSet[int]) -> None:
        self._logs = logs
        self._late_sources = {source for source, log in logs.items() if log in later}
        self._moment: list[JoinedRow] = []  # rows of one time, until one of another comes

    def rows(self, merged: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
        """The rows, in their order, without those that another log tells as well."""
        yield from self.ready(merged)
        yield from self.rest()

    def ready(self, merged: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
        """The same, but for rows of the last moment, which wait."""
        moment = self._moment
        for row in merged:
            if isinstance(row, Message) and not _knows(row) and dereference(row.ref)[0] in self._late_sources:
                continue
            if moment and row[0] != moment[0][0]:
                yield from self._of_one_moment(moment) if len(moment) > 1 else moment
                moment = self._moment = []
            moment.append(row)

    def rest(self) -> Iterator[JoinedRow]:
        """Those that still waited when the logs ended."""
        moment, self._moment = self._moment, []
        yield from self._of_one_moment(moment)

    def _of_one_moment(self, rows: list[JoinedRow]) -> Iterable[JoinedRow]:
        logs = [self._logs.get(dereference(row.ref)[0]) for row in rows]
        if len({log for log in logs if log is not None}) < 2:  # noqa: PLR2004  # nobody to repeat it
            return rows
        told: dict[Hashable, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        for row, log in zip(rows, logs, strict=True):
            if log is not None:
                times = told[_what(row)][log]
                times[0] += 1
                times[1] += _knows(row)
        best = {what: max(logs, key=lambda log: (*logs[log], -log)) for what, logs in told.items()}
        return [row for row, log in zip(rows, logs, strict=True) if log is None or best[_what(row)] == log]


def _knows(row: JoinedRow) -> bool:
    return not isinstance(row, Message | Outcome | Handover) or row.actor.kind != _UNKNOWN


def _what(row: JoinedRow) -> tuple[Any, ...]:
    """What a row tells, without what a log that begins later cannot know."""
    if isinstance(row, Outcome):
        return (Outcome, row.actor.host, row.recipient, row.relay, row.reason)
    if isinstance(row, Message):
        return (Message, row.actor.host, row.sender, row.size, row.recipient_count)
    if isinstance(row, Handover):
        return (Handover, row.actor.host, row.next_queue_id)
    if isinstance(row, Call):
        return (Call, row.script, row.line, row.recipient)
    if isinstance(row, Verdict | Subject):
        return (row.__class__, row.actor.host, row.queue_id, *row[4:])
    assert isinstance(row, Login | Rejection | Request | Closed | Length)
    return (row.__class__, *row[2:])
