"""Times as spreadsheets and PowerShell write them, ``11/27/2026 2:03:07 PM`` or ``27.11.2026 14:03:07``, as RFC 3339.

Which of two numbers is the month is a habit of the exporting machine and the same for a whole file: a number above
twelve settles it; until then a point or an hour without AM and PM mean that the day comes first.
"""

from __future__ import annotations

import re
from typing import Final

_HABIT: Final = re.compile(
    rb"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}),?[ T]{1,2}(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:\.\d{1,9})?"
    rb"(?: ?([AaPp])\.?[Mm]\.?)?Z?\Z"
)
_ISO: Final = re.compile(rb"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)\d*(Z|[+-]\d\d:?\d\d)?\Z")
_NOON: Final = 12


class Moments:
    """The times of one file; ``zone`` stands behind those that name none."""

    def __init__(self, zone: bytes = b"Z") -> None:
        self._zone = zone
        self._day_first: bool | None = None

    def read(self, text: bytes) -> bytes | None:
        """One of them in RFC 3339; None if it is no time."""
        iso = _ISO.match(text)
        if iso is not None:
            return b"%bT%b%b" % (iso[1], iso[2], iso[3] or self._zone)
        match = _HABIT.match(text)
        if match is None:
            return None
        first, mark, second, year, hour, minute, seconds, half = match.groups()
        return self._of((int(first), int(second)), year, (hour, minute, seconds, half), point=mark == b".")

    def _of(
        self,
        numbers: tuple[int, int],
        year: bytes,
        clock: tuple[bytes, bytes, bytes, bytes],
        *,
        point: bool,
    ) -> bytes | None:
        first, second = numbers
        hour, minute, seconds, half = int(clock[0]), clock[1], clock[2] or b"00", clock[3]
        if self._day_first is None and max(first, second) > _NOON:
            self._day_first = first > _NOON
        day_first = self._day_first
        if day_first is None:
            day_first = point or not half
        month, day = (second, first) if day_first else (first, second)
        if half:
            hour = hour % _NOON + (_NOON if half in b"Pp" else 0)
        if not 1 <= month <= _NOON or hour > 23:  # noqa: PLR2004  # the last hour of a day
            return None
        return b"%b-%02d-%02dT%02d:%b:%b%b" % (year, month, day, hour, minute, seconds, self._zone)
