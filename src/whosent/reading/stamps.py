"""Time stamps of log lines to seconds since the epoch.

RFC 3164 stamps have neither year nor zone: the year of the first is taken from the file's age, that of each
following from the one before it; the zone is the operator's (``--timezone``) or this machine's.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_NAMES: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES, start=1)}
_SLACK: Final = timedelta(days=1)  # a file may be stamped a little before its last line
_AUTUMN: Final = 900.0  # seconds a local clock may seem to step back before it is taken for the second 02:30
_DAY: Final = 86400.0
_LEAP: Final = 8  # years that may lie between two leap days

_TIME: Final = rb"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d"
# syslog's "Nov 12 14:03:07"; RFC 3339 and its relatives; web servers' "12/Nov/2026:14:03:07 +0100"; PHP's
# "25-Apr-2016 18:16:41 Europe/Berlin".
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rb"(?P<month>[A-Z][a-z]{2}) (?P<day>[ \d]?\d) " + _TIME + rb")",
        rb"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ]"
        + _TIME
        + rb"(?:[.,]\d{1,9})?) ?(?P<zone>Z|[+-]\d\d:?\d\d)?",
        rb"(?P<day>\d\d)/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):" + _TIME + rb") (?P<zone>[+-]\d{4})",
        rb"(?P<day>\d\d)-(?P<month>[A-Z][a-z]{2})-(?P<year>\d{4}) " + _TIME + rb") (?P<zone>[A-Za-z0-9/_+:-]{1,64})",
    )
)
_MICROSECONDS: Final = re.compile(rb"\d{14,17}")  # the journal's: 1973 to 5138
_OFFSET: Final = re.compile(rb"([+-])(\d\d):?(\d\d)")


class _Minute(NamedTuple):
    """The stamps that differ from the latest one only in their seconds."""

    head: bytes  # up to the seconds
    tail: bytes  # from their end
    start: int  # where the seconds stand
    end: int
    epoch: float  # of second 0


class Clock:
    """Turns the stamps of one log into seconds (UTC); works out each minute once, since lines share theirs.

    ``written`` is when the log was last written to (file time): the first stamp without a year is not later than
    that, and each following lies as near as possible to the one before it, so that December is followed by January
    and a clock that steps stays in its year.  ``year`` overrides it for the first stamp.  ``guessed_year`` tells
    that a year was inferred.
    """

    def __init__(self, zone: tzinfo, written: datetime, year: int = 0) -> None:
        self._zone = zone
        self._written = written.astimezone(zone)
        self._year = year
        self._local: datetime | None = None  # the latest stamp without a year, as written
        self._stamp = b""
        self._seconds = 0.0
        self._minute = _Minute(b"-", b"", 1, 1, 0.0)
        self.guessed_year = False

    def seconds(self, stamp: bytes) -> float:
        """Seconds since the epoch; a stamp that is no date (Feb 31) reads as the one before it."""
        if stamp != self._stamp:
            self._stamp = stamp
            head, tail, start, end, epoch = self._minute
            try:
                if stamp[:start] == head and stamp[end:] == tail and b"," not in stamp:
                    self._seconds = epoch + float(stamp[start:end])
                else:
                    self._seconds = self._parse(stamp)
            except (ValueError, OverflowError):
                pass  # the one before
        return self._seconds

    def _parse(self, stamp: bytes) -> float:
        for form in _FORMS:
            match = form.fullmatch(stamp)
            if match is not None:
                break
        else:
            if _MICROSECONDS.fullmatch(stamp):
                return int(stamp) / 1e6
            raise ValueError
        second = float(match["second"].replace(b",", b"."))
        epoch = self._epoch(match)
        self._minute = _Minute(
            stamp[: match.start("second")], stamp[match.end("second") :], *match.span("second"), epoch
        )
        return epoch + second

    def _epoch(self, match: re.Match[bytes]) -> float:
        """Seconds of the stamp's minute."""
        parts = match.groupdict()
        month = _MONTHS.get(parts["month"]) or int(parts["month"])
        day, hour, minute = int(parts["day"]), int(parts["hour"]), int(parts["minute"])
        if "year" not in parts:
            local = self._local = self._dated(month, day, hour, minute)
            return self._of(local, self._zone)
        local = datetime(int(parts["year"]), month, day, hour, minute)  # noqa: DTZ001  # its zone is seen to below
        zone = parts["zone"]
        if zone is None:
            return self._of(local, self._zone)
        offset = _OFFSET.fullmatch(zone)
        if offset is not None:
            sign, hours, minutes = offset.groups()
            ahead = int(hours) * 3600 + int(minutes) * 60
            return local.replace(tzinfo=UTC).timestamp() + (ahead if sign == b"-" else -ahead)
        return self._of(local, _zone(zone) or self._zone)

    def _of(self, local: datetime, zone: tzinfo) -> float:
        """Local time to seconds; an hour that comes twice in autumn is the second one if the log has had the first."""
        first = local.replace(tzinfo=zone).timestamp()
        second = local.replace(tzinfo=zone, fold=1).timestamp()
        twice = first < second and first < self._seconds - _AUTUMN and second < self._seconds + _DAY
        return second if twice else first

    def _dated(self, month: int, day: int, hour: int, minute: int) -> datetime:
        """A date without a year gets the one that fits: nearest to the stamp before, or not after the file's time."""
        before = self._local
        if before is None:
            return self._first(month, day, hour, minute)
        year = before.year
        return min(_in_years(range(year - 1, year + 2), month, day, hour, minute) or
                   _in_years(range(year - _LEAP, year), month, day, hour, minute),
                   key=lambda moment: abs(moment - before))  # fmt: skip

    def _first(self, month: int, day: int, hour: int, minute: int) -> datetime:
        if self._year:
            years = [self._year, *range(self._year - _LEAP, self._year + _LEAP)]
            return _in_years(years, month, day, hour, minute)[0]
        limit = (self._written + _SLACK).replace(tzinfo=None)
        years = [*range(limit.year, limit.year - _LEAP - 1, -1)]
        moment = next(when for when in _in_years(years, month, day, hour, minute) if when <= limit)
        self.guessed_year = True
        return moment


def _in_years(years: list[int] | range, month: int, day: int, hour: int, minute: int) -> list[datetime]:
    """The date in each of those years that has it; ValueError if it is no date at all."""
    date(2000, month, day)
    found = []
    for year in years:
        if 1 <= year <= 9999 and not (month == 2 and day == 29 and not _is_leap(year)):  # noqa: PLR2004  # leap day
            found.append(datetime(year, month, day, hour, minute))  # noqa: DTZ001, PERF401  # local time
    return found


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@cache
def _named(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # unknown here, or no name of a zone
        return None


def _zone(text: bytes) -> tzinfo | None:
    return UTC if text in {b"Z", b"UTC", b"GMT"} else _named(text.decode("ascii"))


def rfc3339(seconds: float) -> str:
    """``2026-11-12T14:03:07Z``; microseconds only where there are any."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
