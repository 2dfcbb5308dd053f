"""The heartbeat: a file's time and a web address, both only while `watch` itself gives signs of life.

Who listens is somebody else: a monitor that misses the beat tells even where this machine is dead.
"""

from __future__ import annotations

import http.client
import os
import socket
from contextlib import suppress
from pathlib import Path

from whosent.model.mistake import Mistake
from whosent.model.settings import Heartbeat
from whosent.posting import call

_TIMEOUT = 10.0  # seconds


def notify(words: str) -> None:
    """Tell systemd, if it asked to be told (sd_notify)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in {"/", "@"}:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door, suppress(OSError):
        door.sendto(words.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


class Heart:
    """Beats when it is time."""

    def __init__(self, rules: Heartbeat) -> None:
        self._rules = rules
        self._last = -float("inf")
        self.problem = ""  # why the last beat was not heard; "" if it was

    def due(self, now: float) -> bool:
        """Whether it is time."""
        return bool(self._rules.file or self._rules.url) and now - self._last >= self._rules.every

    def beat(self, now: float) -> None:
        """Beat."""
        self._last = now
        self.problem = " ".join(filter(None, [self._touch(), self._call()]))

    def _touch(self) -> str:
        if not self._rules.file:
            return ""
        path = Path(self._rules.file)
        try:
            path.touch()
            os.utime(path)
        except OSError as error:
            return f"heartbeat.file: {path}: {error.strerror}."
        return ""

    def _call(self) -> str:
        if not self._rules.url:
            return ""
        try:
            status = call(self._rules.url, timeout=_TIMEOUT)
        except (OSError, http.client.HTTPException, ValueError, Mistake) as error:
            return f"heartbeat.url: {getattr(error, 'reason', '') or error}."
        return "" if 200 <= status < 300 else f"heartbeat.url: it answered {status}."  # noqa: PLR2004  # RFC 9110
