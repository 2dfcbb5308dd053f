"""Date-times of trace headers (RFC 5322 section 3.3 and what servers make of it) to seconds since the epoch."""

from __future__ import annotations

import re
from calendar import timegm
from functools import lru_cache
from typing import Final

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_ZONES: Final = {
    "ut": 0, "gmt": 0, "utc": 0, "z": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "bst": 60, "met": 60, "cet": 60, "mest": 120, "cest": 120, "eet": 120, "eest": 180,
    "msk": 180, "jst": 540, "hst": -600, "akst": -540, "akdt": -480,
}  # fmt: skip  # minutes east
_DAYS: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? ?)?"
_CLOCK: Final = r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d{1,9})?)?"
_ZONE: Final = r"(?: ?(?P<zone>[+-]\d{4}|[A-Za-z]{1,4}(?![A-Za-z])))?(?: ?\([\w +:,./-]{0,60}\))?"
FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        # Thu, 29 Apr 2013 23:45:46 +0900 (JST)
        _DAYS + r"(?P<day>\d{1,3})[ -](?P<month>[a-z]{3})[a-z]*[ -](?P<year>\d{2,4}),? " + _CLOCK + _ZONE,
        # Thu Apr 29 23:45:46 2013, and with the zone before or behind the year
        _DAYS + r"(?P<month>[a-z]{3}) (?P<day>\d{1,2}),? " + _CLOCK
        + r" (?:(?P<zone>[+-]\d{4}|[a-z]{3,4}) )?(?P<year>\d{4})(?: (?P<behind>[+-]\d{4}))?",
        # 2017-08-08 15:22:34.123456 +0000 UTC
        r"(?P<year>\d{4})-(?P<number>\d\d)-(?P<day>\d\d)[ T]" + _CLOCK + _ZONE + r"(?: [A-Z]{3,4})?(?: m=[+\d.]+)?",
    )
)  # fmt: skip


@lru_cache(4096)
def seconds(text: str) -> float | None:
    """The moment a date-time names, seconds since the epoch; None if it is none."""
    for form in FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _moment(match.groupdict())
    return None


def _moment(parts: dict[str, str | None]) -> float | None:
    month = int(parts["number"] or 0) if "number" in parts else _MONTHS.get((parts["month"] or "").lower(), 0)
    year = int(parts["year"] or 0)
    if len(parts["year"] or "") < 4:  # noqa: PLR2004  # RFC 5322 section 4.3
        year += 2000 if year < 50 else 1900  # noqa: PLR2004  # the same
    day, hour, minute = (int(parts[name] or 0) for name in ("day", "hour", "minute"))
    second = int(parts["second"] or 0)
    east = _minutes_east(parts.get("behind") or parts["zone"])
    if not (1 <= month <= 12 and 1 <= day <= _days(year, month) and hour < 24 and minute < 60 and second < 62):  # noqa: PLR2004  # a calendar
        return None
    if east is None or year < 1:
        return None
    return float(timegm((year, month, day, hour, minute, second)) - 60 * east)


def _days(year: int, month: int) -> int:
    if month == 2:  # noqa: PLR2004  # February
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in {4, 6, 9, 11} else 31


def _minutes_east(zone: str | None) -> int | None:
    """An offset in minutes; a stamp without zone, or with a letter nobody agrees about, reads as UTC (RFC 5322 4.3)."""
    if zone is None:
        return 0
    if zone[0] in "+-":
        hours, minutes = int(zone[1:3]), int(zone[3:])
        if hours > 14 or minutes > 59:  # noqa: PLR2004  # no such place on Earth
            return None
        return (60 * hours + minutes) * (-1 if zone[0] == "-" else 1)
    return _ZONES.get(zone.lower(), 0)
