"""The systemd journal, followed: journalctl writes it to us, we to a spool, whose last entry says where it was.

Whatever ends (journald restarted, journalctl killed, this process killed), the next start goes on behind the last
entry that was kept, by its cursor: no entry is lost or comes twice.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from whosent.sources.own_spool import OwnSpool

_PIECE: Final = 1 << 18
_AGAIN: Final = 2.0  # seconds until journalctl is started again


class _Entry(msgspec.Struct):
    cursor: str = msgspec.field(default="", name="__CURSOR")


class JournalFeed:
    """Journalctl, and the spool that its entries go to; ``matches`` are arguments that choose entries."""

    def __init__(self, spool: OwnSpool, matches: Sequence[str], program: str = "journalctl") -> None:
        self.spool = spool
        self.problem = ""
        self._matches = list(matches)
        self._program = program
        self._cursor = _cursor(spool.last_line())
        self._rest = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at = 0.0

    @staticmethod
    def there() -> bool:
        """Whether this machine has a journal."""
        return shutil.which("journalctl") is not None

    def sockets(self) -> list[int]:
        """To wait for."""
        return [self._process.stdout.fileno()] if self._process and self._process.stdout else []

    def ready(self) -> bool:
        """Take what has come; whether anything did."""
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return False
        assert self._process.stdout is not None
        try:
            piece = os.read(self._process.stdout.fileno(), _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            self._ended()
            return False
        text = self._rest + piece
        end = text.rfind(b"\n") + 1
        self._rest = text[end:]
        if end:
            self.spool.write(text[:end])
            if self.spool.problem:  # what could not be kept is asked for again
                self.close()
                self._start_at = time.monotonic() + _AGAIN
                return False
            self._cursor = _cursor(text[:end].rstrip(b"\n").rpartition(b"\n")[2]) or self._cursor
            self.problem = ""
        return bool(end)

    def _start(self) -> None:
        where = ["--after-cursor", self._cursor] if self._cursor else ["--lines=all"]
        command = [self._program, "--follow", "--output=json", "--all", "--quiet", "--no-pager", *where, *self._matches]
        try:
            self._process = subprocess.Popen(  # noqa: S603  # an argument vector of the operator's
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            self.problem = f"{self._program}: {error.strerror}"
            self._start_at = time.monotonic() + _AGAIN
            return
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def _ended(self) -> None:
        assert self._process is not None
        code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process, self._rest = None, b""
        self._start_at = time.monotonic() + _AGAIN
        self.problem = f"journalctl ended with {code}; it is started again" if code else ""

    def close(self) -> None:
        """End journalctl."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process, self._rest = None, b""


def _cursor(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=_Entry).cursor
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
