"""Time stamps of log lines to seconds since the epoch.

RFC 3164 stamps have neither year nor zone: the year is taken from the file's age and moves on when the months run
from December to January; the zone is the operator's (``--timezone``) or this machine's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

_MONTHS: Final = {name: number for number, name in enumerate(
    (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), start=1)}  # fmt: skip
_HALF_A_YEAR: Final = timedelta(days=182)
_SLACK: Final = timedelta(days=1)  # a file may be stamped a little before its last line


class Clock:
    """Turns the stamps of one log into seconds (UTC); remembers the last one, since lines share their second.

    ``written`` is when the log was last written to (file time): stamps without a year are not later than that.
    ``year`` overrides it for the first stamp.
    """

    def __init__(self, zone: tzinfo, written: datetime, year: int = 0) -> None:
        self._zone = zone
        self._written = written.astimezone(zone)
        self._year = year
        self._latest: datetime | None = None
        self._stamp = b""
        self._seconds = 0.0
        self.guessed_year = False

    def seconds(self, stamp: bytes) -> float:
        """Seconds since the epoch; a stamp that is no date (Feb 31) reads as the one before it."""
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                moment = self._iso(stamp) if stamp[:1].isdigit() else self._without_year(stamp)
                self._seconds = moment.timestamp()
            except (ValueError, OverflowError):
                pass
        return self._seconds

    def _iso(self, stamp: bytes) -> datetime:
        moment = datetime.fromisoformat(stamp.decode("ascii").replace(",", ".").replace(" +", "+").replace(" -", "-"))
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)

    def _without_year(self, stamp: bytes) -> datetime:
        month, day = _MONTHS[stamp[:3]], int(stamp[4:6])
        hour, minute, second = int(stamp[7:9]), int(stamp[10:12]), int(stamp[13:15])
        year = self._latest.year if self._latest else self._first_year(month, day)
        moment = self._date(year, month, day, hour, minute, second)
        if self._latest is not None and moment < self._latest - _HALF_A_YEAR:
            moment = self._date(year + 1, month, day, hour, minute, second)
        elif self._latest is not None and moment > self._latest + _HALF_A_YEAR:
            moment = self._date(year - 1, month, day, hour, minute, second)  # a late line of last year
        if self._latest is None or moment > self._latest:
            self._latest = moment
        return moment

    def _first_year(self, month: int, day: int) -> int:
        self.guessed_year = not self._year
        if self._year:
            return self._year
        limit = self._written + _SLACK
        return limit.year if (month, day) <= (limit.month, limit.day) else limit.year - 1

    def _date(self, year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime:
        leap = timedelta(seconds=1) if second == 60 else timedelta()  # noqa: PLR2004  # a leap second
        if month == 2 and day == 29 and not _is_leap(year):  # noqa: PLR2004  # so the guess was wrong
            year = max(y for y in range(year - 8, year) if _is_leap(y))
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=self._zone) + leap


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def rfc3339(seconds: float) -> str:
    """``2026-11-12T14:03:07Z``; microseconds only where there are any."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
