"""The process beside `watch` that tells: its own, so that a channel that hangs never holds up the reading of logs.

It ends when its standard input does: also where `watch` was killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from whosent.channels import chosen
from whosent.model.settings import Settings

COMMAND: Final = ("alert", "run", "--until-input-ends")
PAUSE: Final = 5.0  # seconds before one that died is started again
PATIENCE: Final = 15.0  # seconds for its last word


class Companion:
    """Start it, look after it, stop it; nothing where nobody is to be told."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._say = say
        self.process: subprocess.Popen[bytes] | None = None
        self._next = 0.0
        chosen(settings.alerts)  # a channel that does not exist is said before anything runs
        alerts, heart, numbers = settings.alerts.channels, settings.heartbeat, settings.metrics
        self._wanted = bool(
            alerts or heart.file or heart.url or numbers.listen or numbers.textfile or "NOTIFY_SOCKET" in os.environ
        )

    def look_after(self) -> None:
        """Start it if it does not run."""
        if not self._wanted or (self.process is not None and self.process.poll() is None):
            return
        if time.monotonic() < self._next:
            return
        if self.process is not None:
            self._forget()
            self._say("the process that tells ended, and is started again")
        self._next = time.monotonic() + PAUSE
        self.process = subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-m", "whosent", *COMMAND], stdin=subprocess.PIPE, start_new_session=True
        )

    def stop(self) -> None:
        """Let it tell the last word, and end it."""
        if self.process is None:
            return
        self._forget()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _forget(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
