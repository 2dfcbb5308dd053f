"""What to generate: every choice of a log, with its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stamp = Literal["rfc3164", "iso", "rfc5424"]
IdKind = Literal["short", "long", "mixed"]

SATURDAY_MIDNIGHT = 1_795_219_200
"""2026-11-21 00:00 UTC, the first second of every log that does not choose another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One log, to the last byte: the same recipe always gives the same files and the same truth."""

    seed: int = 1
    size: int = 1_000_000
    """Bytes to reach; the lines already due (retries, removals) come on top."""
    stamps: Stamp = "rfc3164"
    ids: IdKind = "mixed"
    hosts: int = 1
    """One relay; every further host is a web server that sends through it."""
    files: int = 1
    """The log is cut into this many files, as rotation does."""
    hours: float = 24.0
    """The time the log spans; what is smaller than a gigabyte is a quieter site, not a shorter day."""
    start: int = SATURDAY_MIDNIGHT

    def __post_init__(self) -> None:
        """Refuse what cannot be generated."""
        for name, least in (("size", 1), ("hosts", 1), ("files", 1)):
            if getattr(self, name) < least:
                message = f"{name} must be at least {least}"
                raise ValueError(message)
        if self.hours <= 0:
            message = "hours must be above 0"
            raise ValueError(message)
