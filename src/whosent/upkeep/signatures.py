"""The age of ClamAV's virus signatures, from the head of its databases."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

# ClamAV-VDB:25 Nov 2026 03-25 -0500:27000:2067000:90:...
_HEAD: Final = re.compile(r"ClamAV-VDB:(\d{1,2}) (\w{3}) (\d{4}) (\d{2})-(\d{2}) ([+-]\d{4}):(\d+):")
_DIRECTORY: Final = re.compile(r"^\s*DatabaseDirectory\s+(/\S+)\s*$", re.MULTILINE)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def directory(configuration: str) -> str:
    """Where clamd keeps them."""
    match = _DIRECTORY.search(configuration)
    return match[1].rstrip("/") if match else "/var/lib/clamav"


def built(head: str) -> float | None:
    """When a database was made, seconds since the epoch; None: it does not say."""
    match = _HEAD.match(head)
    if match is None or match[2] not in _MONTHS:
        return None
    offset = int(match[6][:3]) * 3600 + int(match[6][0] + match[6][3:]) * 60
    try:
        moment = datetime(
            int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]), int(match[4]), int(match[5]), tzinfo=UTC
        )
    except ValueError:
        return None
    return moment.timestamp() - offset
