"""How a line begins: the syslog envelopes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.generator.recipe import Stamp

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MILLION = 1_000_000


class Envelope(Protocol):
    """One way to write a line's head."""

    def label(self, host: str, program: str, pid: int) -> str:
        """Say who speaks: all that stands between the stamp and the message."""

    def write(self, lines: Iterable[tuple[float, str]]) -> str:
        """Stamp these lines, which are in time order."""


class Rfc3164:
    """`Nov 21 05:04:03 mx1 postfix/qmgr[7]: text`: no year, no fraction."""

    def label(self, host: str, program: str, pid: int) -> str:
        """Name the program with its process id in brackets."""
        return f"{host} {program}[{pid}]: "

    def write(self, lines: Iterable[tuple[float, str]]) -> str:
        """Make one stamp for all lines of a second."""
        parts: list[str] = []
        last, stamp = -1, ""
        for at, text in lines:
            second = int(at)
            if second != last:
                last, stamp = second, _traditional(second)
            parts += (stamp, text)
        return "".join(parts)


class Iso(Rfc3164):
    """`2026-11-21T05:04:03.123456+00:00 mx1 postfix/qmgr[7]: text`, as rsyslog's default on new systems."""

    def write(self, lines: Iterable[tuple[float, str]]) -> str:
        """Give every line its own fraction."""
        return _fractions(lines, "\n%Y-%m-%dT%H:%M:%S.", "+00:00 ")


class Rfc5424:
    """`<22>1 2026-11-21T05:04:03.123456Z mx1 postfix/qmgr 7 - - text`."""

    def label(self, host: str, program: str, pid: int) -> str:
        """Name program and process in fields of their own; no message id, no structured data."""
        return f"{host} {program} {pid} - - "

    def write(self, lines: Iterable[tuple[float, str]]) -> str:
        """Give every line priority, version and fraction."""
        return _fractions(lines, "\n<22>1 %Y-%m-%dT%H:%M:%S.", "Z ")


ENVELOPES: dict[Stamp, Envelope] = {"rfc3164": Rfc3164(), "iso": Iso(), "rfc5424": Rfc5424()}
"""Each begins a line with the line end of the one before: the very first character is one too many."""


def _traditional(second: int) -> str:
    at = time.gmtime(second)
    return f"\n{MONTHS[at.tm_mon - 1]} {at.tm_mday:2d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} "


def _fractions(lines: Iterable[tuple[float, str]], pattern: str, zone: str) -> str:
    parts: list[str] = []
    last, stamp = -1, ""
    for at, text in lines:
        second = int(at)
        if second != last:
            last, stamp = second, time.strftime(pattern, time.gmtime(second))
        parts += (stamp, f"{int((at - second) * MILLION):06d}{zone}", text)
    return "".join(parts)
