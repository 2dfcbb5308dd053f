"""The first hour in which somebody who hardly ever sent sends much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.measures.trail import Trail

if TYPE_CHECKING:
    from whosent.model.rows import Message

_HOUR: Final = 3600.0
_HARDLY: Final = 20  # messages before that still count as "hardly ever"
_MUCH: Final = 50  # messages within an hour


class Surge(NamedTuple):
    """That hour."""

    start: float
    end: float
    messages: int
    before: int
    recipients: int


class Beginning:
    """How one sender began; ``surge`` is set as soon as there is one."""

    __slots__ = ("_before", "_hour", "_hours", "_recipients", "first", "messages", "surge", "trail")

    def __init__(self, time: float) -> None:
        self.first = self._hour = time
        self.messages = self._hours = 0  # ever; within this hour
        self._before = self._recipients = 0  # messages before this hour; recipients within it
        self.trail = Trail()
        self.surge: Surge | None = None

    def note(self, row: Message) -> None:
        """It handed in a message."""
        if row.time - self._hour >= _HOUR:
            self._hour, self._hours, self._recipients = row.time, 0, 0
        if self.surge is None and self._hours == 0:
            self._before = self.messages
        self.messages += 1
        self._hours += 1
        self._recipients += row.recipient_count
        if self._before >= _HARDLY:
            return
        if self.surge is None:
            self.trail.add(row.time, row.ref, f"handed in by this {'uid' if row.actor.name.isdecimal() else 'user'}")
        if self._hours >= _MUCH and (self.surge is None or self.surge.start == self._hour):
            self.surge = Surge(self._hour, row.time, self._hours, self._before, self._recipients)
