"""Remedies for mail systems other than Postfix: one file a system, with the steps it takes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from whosent.model.finding import Cause, Suspect
from whosent.model.incident import Remedy
from whosent.remedies.servers import exchange, exchange_online, google

Steps = Callable[[str, Suspect, Cause], list[Remedy]]

STEPS: Final[dict[str, Steps]] = {
    "exchange": exchange.contain,
    "exchange_online": exchange_online.contain,
    "google": google.contain,
}
"""The steps against a suspect, by the system whose log it was."""
