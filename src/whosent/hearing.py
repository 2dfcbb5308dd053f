"""Who hears of the rows, and where: this process alone, or copies of it, each with a share of the observers.

What an observer finds depends on the rows and on the surroundings, which learn from rows, and on no other observer.
So each copy is given every row, lets its own surroundings learn from it, and hands in what its share came to: the same
as in one process.  Meanwhile this one reads on, and keeps everything but the observers.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from whosent.aside import Aside
from whosent.audience import Audience
from whosent.frames import HEADER, Packing, Unpacking
from whosent.model.mistake import Mistake
from whosent.model.rows import Row

_PIPE: Final = 1 << 20  # bytes: what lies there keeps a copy busy while this process reads the next chunk
_END: Final = HEADER.pack(0, 0)
_LOST: Final = "a process that looked for culprits ended early, so nothing can be said of them: try again with --jobs 1"

Share = Sequence[Any]  # observers
Conclude = Callable[[Share], list[Any]]  # what they came to, one answer each


class Hearing:
    """Observers who hear rows: one share of them here, each other in a copy of this process."""

    def __init__(self, learner: object, here: Share, apart: Iterable[Share], conclude: Conclude) -> None:
        """``learner`` hears everywhere, before all others."""
        self._learner, self._here, self._conclude = learner, here, conclude
        self._audience = Audience([learner, *here])
        self._packing = Packing()
        self._copies = [_Copy(self, share) for share in apart]

    def hear(self, rows: list[Row]) -> None:
        """Hand out rows."""
        if self._copies and rows:
            body = self._packing.pack(rows)
            for copy in self._copies:
                copy.tell(HEADER.pack(len(body), 0) + body)
        self._audience.hear(rows)

    def told(self) -> list[Any]:
        """When all rows were heard: what each observer came to, share by share."""
        for copy in self._copies:
            copy.tell(_END)
        told = self._conclude(self._here)
        for copy in self._copies:
            told += copy.answer()
        return told

    def share(self, share: Share, rows: Iterator[list[Row]]) -> list[Any]:
        """In a copy: what its share comes to."""
        gc.freeze()  # what was there before stays as it is, and is no garbage
        gc.enable()
        audience = Audience([self._learner, *share])
        for some in rows:
            audience.hear(some)
        return self._conclude(share)

    def stop(self) -> None:
        """End the copies that still hear."""
        for copy in self._copies:
            copy.stop()


class _Copy:
    """A copy of this process that hears."""

    def __init__(self, hearing: Hearing, share: Share) -> None:
        reading, self._writing = os.pipe()
        with suppress(OSError):  # a system that grants less: it works all the same
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, _PIPE)
        self._aside: Aside | None = Aside(lambda: hearing.share(share, _rows(reading, self._writing)))
        os.close(reading)

    def tell(self, frame: bytes) -> None:
        """Pass on a frame."""
        left = memoryview(frame)
        try:
            while left:
                left = left[os.write(self._writing, left) :]
        except BrokenPipeError:
            raise Mistake(_LOST) from None

    def answer(self) -> list[Any]:
        """What it hands in."""
        assert self._aside is not None
        aside, self._aside = self._aside, None
        answer: list[Any] | None = aside.answer()
        if answer is None:
            raise Mistake(_LOST)
        return answer

    def stop(self) -> None:
        """End it, if it has not handed in its answer."""
        os.close(self._writing)
        if self._aside:
            self._aside.stop()


def _rows(pipe: int, other_end: int) -> Iterator[list[Row]]:
    """In a copy: the rows it is told of."""
    os.close(other_end)  # else nothing would tell that nobody writes there any more
    unpacking = Unpacking()
    with os.fdopen(pipe, "rb") as frames:
        while True:
            header = frames.read(HEADER.size)
            if len(header) < HEADER.size:
                os._exit(1)  # whoever wanted to know is gone
            size, _ = HEADER.unpack(header)
            if not size:
                return
            yield unpacking.unpack(frames.read(size))  # type: ignore[misc]  # what was packed


@contextmanager
def hearing(learner: object, here: Share, apart: Iterable[Share], conclude: Conclude) -> Iterator[Hearing]:
    """A hearing whose copies end with it."""
    one = Hearing(learner, here, apart, conclude)
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a copy that is gone is told, not died of
    try:
        yield one
    finally:
        signal.signal(signal.SIGPIPE, before)
        one.stop()
