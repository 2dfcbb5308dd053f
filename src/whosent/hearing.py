"""Who hears of the rows, and where: this process alone, or with a copy of it that has some of the observers.

What an observer finds depends on the rows and on the surroundings, which learn from rows, and on no other observer.
So the copy is given every row and hands in what its observers came to: the same as in one process.  The surroundings
learn in the copy, which is asked while it listens; this process is told in the end, and reads on meanwhile.
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
from whosent.model.surroundings import Surroundings

_PIPE: Final = 1 << 20  # bytes: what lies there keeps the copy busy while this process reads the next chunk
_END: Final = 1  # the mark of the last frame, which is empty
_LOST: Final = "a process that looked for culprits ended early, so nothing can be said of them: try again with --jobs 1"

Share = Sequence[Any]  # observers
Conclude = Callable[[Share], list[Any]]  # what they came to, one answer each


class Hearing:
    """Observers who hear rows: here, or else those apart in a copy of this process."""

    def __init__(
        self, surroundings: Surroundings, learner: object, here: Share, apart: Share, conclude: Conclude
    ) -> None:
        """``learner`` lets the surroundings learn, before those hear who are apart, or else those here."""
        self._surroundings, self._here, self._conclude = surroundings, here, conclude
        self._audience = Audience(here if apart else [learner, *here])
        self._pack = Packing().joined
        self._copy = _Copy(lambda frames: self.share([learner, *apart], apart, frames)) if apart else None

    def hear(self, rows: list[Row]) -> None:
        """Hand out rows."""
        if self._copy and rows:
            self._copy.tell(self._pack(rows))
        self._audience.hear(rows)

    def told(self) -> list[Any]:
        """When all rows were heard: what each observer came to, those here first."""
        apart: list[Any] = []
        if self._copy:
            learnt, apart = self._copy.answer()
            self._surroundings.adopt(learnt)
        return self._conclude(self._here) + apart

    def share(self, hearing: Share, share: Share, frames: Iterable[bytes]) -> tuple[Any, list[Any]]:
        """In the copy: what its surroundings learnt, and what its share comes to."""
        audience, unpack = Audience(hearing), Unpacking().joined
        for body in frames:
            audience.hear(unpack(body))
        return self._surroundings.learnt(), self._conclude(share)

    def stop(self) -> None:
        """End the copy, if it still hears."""
        if self._copy:
            self._copy.stop()


class _Copy:
    """A copy of this process that hears."""

    def __init__(self, listen: Callable[[Iterable[bytes]], object]) -> None:
        reading, self._writing = os.pipe()
        with suppress(OSError):  # a system that grants less: it works all the same
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, _PIPE)
        self._aside: Aside | None = Aside(lambda: listen(_frames(reading, self._writing)))
        os.close(reading)

    def tell(self, body: bytes, mark: int = 0) -> None:
        """Pass on a frame."""
        left = memoryview(HEADER.pack(len(body), mark) + body)
        try:
            while left:
                left = left[os.write(self._writing, left) :]
        except BrokenPipeError:
            raise Mistake(_LOST) from None

    def answer(self) -> tuple[Any, list[Any]]:
        """What it hands in, when it was told that this is all."""
        assert self._aside is not None
        self.tell(b"", _END)
        aside, self._aside = self._aside, None
        answer: tuple[Any, list[Any]] | None = aside.answer()
        if answer is None:
            raise Mistake(_LOST)
        return answer

    def stop(self) -> None:
        """End it, if it has not handed in its answer."""
        os.close(self._writing)
        if self._aside:
            self._aside.stop()


def _frames(pipe: int, other_end: int) -> Iterator[bytes]:
    """In the copy: what it is told, until that is all."""
    os.close(other_end)  # else nothing would tell that nobody writes there any more
    with os.fdopen(pipe, "rb") as frames:
        while len(header := frames.read(HEADER.size)) == HEADER.size:
            size, mark = HEADER.unpack(header)
            if mark == _END:
                return
            yield frames.read(size)
    os._exit(1)  # whoever wanted to know is gone


@contextmanager
def hearing(
    surroundings: Surroundings, learner: object, here: Share, apart: Share, conclude: Conclude
) -> Iterator[Hearing]:
    """A hearing whose copy ends with it."""
    one = Hearing(surroundings, learner, here, apart, conclude)
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a copy that is gone is told, not died of
    collecting = gc.isenabled()
    gc.disable()  # rows make no cycles: looking for them costs a twentieth
    try:
        yield one
    finally:
        if collecting:
            gc.freeze()
            gc.unfreeze()  # what was made meanwhile counts as old: nobody looks at it now
            gc.enable()
        signal.signal(signal.SIGPIPE, before)
        one.stop()
