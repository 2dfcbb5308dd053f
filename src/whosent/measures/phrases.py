"""Numbers, shares, moments and durations as a person would say them; one place, so all sentences agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_HALF: Final = 0.5
_SMALL: Final = 0.0005
_zone: ContextVar[tzinfo] = ContextVar("zone", default=UTC)


@contextmanager
def times_in(zone: tzinfo) -> Iterator[None]:
    """Sentences made within tell times in this zone, with its offset."""
    token = _zone.set(zone)
    try:
        yield
    finally:
        _zone.reset(token)


def count(number: float, noun: str = "", plural: str = "") -> str:
    """``1,204``; with a noun ``1 recipient`` or ``1,204 recipients``."""
    text = f"{number:,.0f}"
    if not noun:
        return text
    return f"{text} {noun if round(number) == 1 else plural or noun + 's'}"


def share(rate: float) -> str:
    """``1 in 40``; from one half on ``63 %``; ``almost none`` under one in two thousand."""
    if rate >= _HALF:
        return f"{100 * rate:.0f} %"
    if rate < _SMALL:
        return "almost none"
    return f"1 in {1 / rate:,.0f}"


def moment(time: float) -> str:
    """``Tue 12 Nov 14:03 (+01:00)``; ``time`` in seconds since the epoch."""
    when = datetime.fromtimestamp(time, _zone.get())
    return f"{_day(when)} {when:%H:%M} {_offset(when)}"


def dated(time: float) -> str:
    """``Tue 12 Nov 2026 14:03:07 (+01:00)``, for a moment of any year; ``time`` in seconds since the epoch."""
    when = datetime.fromtimestamp(time, _zone.get())
    return f"{_day(when)} {when:%Y %H:%M:%S} {_offset(when)}"


def _day(when: datetime) -> str:
    return f"{when:%a} {when.day} {when:%b}"


def _offset(when: datetime) -> str:
    return f"({when.isoformat()[-6:]})"


def duration(seconds: float) -> str:
    """``40 seconds``, ``3 minutes``, ``2 hours``, ``5 days``."""
    for unit, noun in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= 2 * unit:
            return count(seconds / unit, noun)
    return count(max(1.0, seconds), "second")


def listing(names: list[str], most: int = 3) -> str:
    """``a, b and c``; ``a, b, c and 9 more`` beyond ``most``."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def since(start: float, end: float, last: float) -> str:
    """``since Tue 12 Nov 14:03 (+01:00)`` while it goes on at ``last``; else from when to when."""
    if last - end < _HOUR:
        return f"since {moment(start)}"
    begun, ended = (datetime.fromtimestamp(time, _zone.get()) for time in (start, end))
    if (begun.date(), begun.utcoffset()) != (ended.date(), ended.utcoffset()):
        return f"from {moment(start)} to {moment(end)}"
    return f"on {_day(begun)} from {begun:%H:%M} to {ended:%H:%M} {_offset(begun)}"
