"""The thread that tells: looks at the ledger, fills the outbox, empties it, beats.

It has its own connection to the ledger and never holds up the reading of logs.  A ledger that cannot be written at the
moment (a full disk) is said once and tried again.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Final

from whosent.channels import chosen
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.store.ledger import Ledger
from whosent.telling.composing import Composer
from whosent.telling.delivering import Delivery, means_of
from whosent.telling.heartbeat import Heart, notify

INTERVAL: Final = 0.25  # seconds between two looks at the feed
_WHOLE: Final = 5.0  # seconds between two looks at all open incidents
_A_DAY: Final = 86_400.0
_KEPT: Final = 90 * _A_DAY  # seconds alerts are kept


class Teller(threading.Thread):
    """Start it; ``stop`` ends it after the alert that is being sent."""

    def __init__(self, place: Path, settings: Settings, host: str) -> None:
        super().__init__(name="whosent-teller", daemon=True)
        self._place = place
        self._settings = settings
        self._host = host
        self._stopped = threading.Event()
        self._heart = Heart(settings.heartbeat)
        self._said = ""
        self._notified = -_WHOLE
        self._beating: threading.Thread | None = None
        chosen(settings.alerts)  # a channel that does not exist is said before anything runs

    def stop(self, wait: float = 5.0) -> None:
        """End it."""
        self._stopped.set()
        self.join(wait)

    def run(self) -> None:
        """Look, tell, beat, until stopped."""
        while not self._stopped.is_set():
            try:
                ledger = Ledger(self._place)
                try:
                    self._turns(ledger)
                finally:
                    ledger.close()
            except (Mistake, sqlite3.Error) as error:
                self._say(f"nobody can be told at the moment: {error}")
                self._stopped.wait(_WHOLE)

    def _turns(self, ledger: Ledger) -> None:
        composer = Composer(ledger, self._settings, self._host)
        means = means_of(self._settings, ledger, self._host)
        delivery = Delivery(composer.outbox, chosen(self._settings.alerts), means)
        composer.outbox.free()
        whole, dropped, last = -_WHOLE, 0.0, False
        while not last:
            last = self._stopped.is_set()  # once more after that, so that the last word is told too
            now, monotonic = time.time(), time.monotonic()
            all_open = monotonic - whole >= _WHOLE
            composer.incidents(now, all_open=all_open)
            if all_open:
                whole = monotonic
                composer.watch(now)
            delivery.deliver()
            if now - dropped > _A_DAY:
                composer.outbox.drop(now - _KEPT)
                dropped = now
            self._beat(composer.beat(), now)
            self._stopped.wait(INTERVAL)

    def _beat(self, last: float, now: float) -> None:
        """Only where the reading of logs gives signs of life too."""
        if now - last > self._settings.heartbeat.silent:
            return
        if time.monotonic() - self._notified > _WHOLE:
            notify("WATCHDOG=1")
            self._notified = time.monotonic()
        if self._heart.due(time.monotonic()) and not (self._beating and self._beating.is_alive()):
            self._say(self._heart.problem)
            self._beating = threading.Thread(target=self._heart.beat, args=(time.monotonic(),), daemon=True)
            self._beating.start()  # an address that hangs holds up no alert

    def _say(self, problem: str) -> None:
        """Into the journal, once as long as it stays the same."""
        if problem and problem != self._said:
            sys.stderr.write(f"whosent: {problem}\n")
        self._said = problem
