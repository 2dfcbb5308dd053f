"""The daemon's hand: starts ``whosent incident obey`` when an order has something to do or a tap has run out."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from whosent.model.settings import Containment
from whosent.store.actions import Actions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger

_LOOK: Final = 2.0  # seconds between two looks into the ledger
_LONGEST: Final = 1800.0  # seconds that obeying may take
_AGAIN: Final = 10.0  # seconds until what failed is tried again
_LEAVE: Final = 10.0  # seconds to end in when the daemon stops
_OBEY: Final = (sys.executable, "-P", "-m", "whosent", "incident", "obey")  # -P: no module from here


class Attending:
    """What was seen, and the process that acts, if one does; the daemon itself never waits for it."""

    def __init__(self, ledger: Ledger, settings: Containment) -> None:
        self._incidents, self._actions = Incidents(ledger), Actions(ledger)
        self._acts = settings.order == "contain"
        self._seen, self._at, self._began = -1, 0.0, 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def step(self) -> None:
        """Look now and then; start what is due."""
        moment = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                if moment - self._began > _LONGEST:
                    self._process.kill()
                return
            self._process = None
        if moment < self._at:
            return
        self._at = moment + _LOOK
        try:
            if self._due():
                self._began = moment
                self._process = subprocess.Popen(_OBEY, stdin=subprocess.DEVNULL, stdout=sys.stderr)  # noqa: S603  # ourselves
        except (OSError, sqlite3.Error):
            self._at = moment + _AGAIN  # a full disk, too many processes: the daemon itself says so

    def _due(self) -> bool:
        """Whether there is news for an order, or a tap has run out."""
        latest = self._incidents.latest()
        news, self._seen = self._acts and latest != self._seen, latest
        return news or bool(self._actions.expired(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))

    def stop(self) -> None:
        """Give it a moment to end what it has begun: the journal knows, should it not."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LEAVE)
