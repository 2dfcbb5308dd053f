"""A copy of this process that works out one thing and hands it back, while this one goes on.

The copy sees everything as it was at this moment (fork); it must use neither the ledger nor any other open connection.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

_PIECE: Final = 1 << 20
_GENTLE: Final = 5  # niceness


class Aside:
    """One thing being worked out."""

    def __init__(self, work: Callable[[], object], *, gently: bool = False) -> None:
        self.began = time.monotonic()
        self.seconds = 0.0  # of processor time that it took, once it is done
        self._answer = bytearray()
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _work(work, writing, self._reading, gently=gently)
        os.close(writing)
        os.set_blocking(self._reading, False)

    def fileno(self) -> int:
        """To wait for."""
        return self._reading

    def done(self) -> bool:
        """Take in what there is; whether that was all."""
        while True:
            try:
                piece = os.read(self._reading, _PIECE)
            except BlockingIOError:
                return False
            if not piece:
                return True
            self._answer += piece

    def answer(self) -> Any:  # noqa: ANN401  # whatever was worked out
        """What came of it, waited for if need be; None if the copy failed, which then said why."""
        said = select.poll()  # any number of files may be open
        said.register(self._reading, select.POLLIN)
        while not self.done():
            said.poll()
        os.close(self._reading)
        _, status, used = os.wait4(self._pid, 0)
        self.seconds = used.ru_utime + used.ru_stime
        return pickle.loads(self._answer) if status == 0 else None  # noqa: S301  # written by our own copy

    def stop(self) -> None:
        """End it, whatever it is doing."""
        os.kill(self._pid, signal.SIGKILL)
        os.close(self._reading)
        os.waitpid(self._pid, 0)


def _work(work: Callable[[], object], writing: int, reading: int, *, gently: bool) -> None:
    """In the copy: never returns."""
    status = 1
    try:
        os.close(reading)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        gc.disable()  # a look at every object would copy all memory
        if gently:
            os.nice(_GENTLE)
        with os.fdopen(writing, "wb") as out:
            out.write(pickle.dumps(work(), pickle.HIGHEST_PROTOCOL))
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)
