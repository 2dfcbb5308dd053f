"""Who hears of the rows, and where: this process alone, or copies of it, each with a share of the observers.

What an observer finds depends on the rows and on the surroundings, which learn from rows, and on no other observer.
So each copy is given every row and hands in what its share came to: the same as in one process.  The surroundings learn
in the copy of those that ask them while they listen; the others are told in the end.  Meanwhile this process reads on.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from whosent.aside import Aside
from whosent.audience import Audience
from whosent.frames import HEADER, Packing, Unpacking
from whosent.model.mistake import Mistake
from whosent.model.rows import Row
from whosent.model.surroundings import Surroundings

_PIPE: Final = 1 << 20  # bytes: what lies there keeps a copy busy while this process reads the next chunk
_END: Final = 1  # the mark of the last frame: what the surroundings learnt, if another copy learnt it
_LOST: Final = "a process that looked for culprits ended early, so nothing can be said of them: try again with --jobs 1"

Share = Sequence[Any]  # observers
Conclude = Callable[[Share], list[Any]]  # what they came to, one answer each


class Hearing:
    """Observers who hear rows: here, or else each share of them in a copy of this process."""

    def __init__(
        self, surroundings: Surroundings, learner: object, here: Share, apart: Sequence[Share], conclude: Conclude
    ) -> None:
        """``learner`` lets the surroundings learn, before those hear who are here, or else of the first share apart."""
        self._surroundings, self._here, self._conclude = surroundings, here, conclude
        self._audience = Audience(here if apart else [learner, *here])
        self._packing = Packing()
        heard = [[learner, *share] if number == 0 else share for number, share in enumerate(apart)]
        self._copies = [_Copy(self, hearing, share) for hearing, share in zip(heard, apart, strict=True)]

    def hear(self, rows: list[Row]) -> None:
        """Hand out rows."""
        if self._copies and rows:
            body = self._packing.pack(rows)
            for copy in self._copies:
                copy.tell(body)
        self._audience.hear(rows)

    def told(self) -> list[Any]:
        """When all rows were heard: what each observer came to, share by share."""
        told: list[Any] = []
        learnt = None
        for copy in self._copies:
            copy.tell(pickle.dumps(learnt), _END)
            if learnt is None:
                learnt, told = copy.answer()
                self._surroundings.adopt(learnt)
        here = self._conclude(self._here)
        for copy in self._copies[1:]:
            told += copy.answer()[1]
        return here + told

    def share(self, hearing: Share, share: Share, frames: Iterator[tuple[bytes, int]]) -> tuple[Any, list[Any]]:
        """In a copy: what its surroundings learnt, and what its share comes to."""
        audience, unpacking = Audience(hearing), Unpacking()
        for body, mark in frames:
            if mark == _END:
                learnt = pickle.loads(body)  # noqa: S301  # of our own process
                break
            audience.hear(unpacking.unpack(body))  # type: ignore[arg-type]  # what was packed
        if learnt:
            self._surroundings.adopt(learnt)
        return self._surroundings.learnt(), self._conclude(share)

    def stop(self) -> None:
        """End the copies that still hear."""
        for copy in self._copies:
            copy.stop()


class _Copy:
    """A copy of this process that hears."""

    def __init__(self, told: Hearing, hearing: Share, share: Share) -> None:
        reading, self._writing = os.pipe()
        with suppress(OSError):  # a system that grants less: it works all the same
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, _PIPE)
        self._aside: Aside | None = Aside(lambda: told.share(hearing, share, _frames(reading, self._writing)))
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
        """What it hands in."""
        assert self._aside is not None
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


def _frames(pipe: int, other_end: int) -> Iterator[tuple[bytes, int]]:
    """In a copy: what it is told, with the mark of each frame."""
    os.close(other_end)  # else nothing would tell that nobody writes there any more
    with os.fdopen(pipe, "rb") as frames:
        while len(header := frames.read(HEADER.size)) == HEADER.size:
            size, mark = HEADER.unpack(header)
            yield frames.read(size), mark
    os._exit(1)  # whoever wanted to know is gone


@contextmanager
def hearing(
    surroundings: Surroundings, learner: object, here: Share, apart: Sequence[Share], conclude: Conclude
) -> Iterator[Hearing]:
    """A hearing whose copies end with it."""
    one = Hearing(surroundings, learner, here, apart, conclude)
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a copy that is gone is told, not died of
    collecting = gc.isenabled()
    gc.disable()  # rows make no cycles: looking for them costs a twentieth
    try:
        yield one
    finally:
        if collecting:
            gc.enable()
        signal.signal(signal.SIGPIPE, before)
        one.stop()
