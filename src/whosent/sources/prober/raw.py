"""Says bytes to a port and keeps what comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from whosent.model.check import Answer, Exchange, Knowledge, Problem, Question, Received
from whosent.sources.prober.errands import from_outside
from whosent.sources.prober.wire import Broken, Wire

ASKS: Final = (Exchange,)


def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Answer]:
    """A few side by side."""
    mine = [one for one in questions if isinstance(one, Exchange)]
    away = [one for one in mine if one.outside]
    if away:
        yield from from_outside(away, knowledge)
    with ThreadPoolExecutor(knowledge.settings.audit.connections, "prober") as pool:
        yield from pool.map(exchange, (one for one in mine if not one.outside))


def exchange(question: Exchange) -> Received:
    """One connection: everything is said at once."""
    asked, clock = time.time(), time.monotonic()
    raw = b""
    problem: Problem | None = None
    with Wire(question.within, clock) as wire:
        try:
            wire.connect(question.host, question.port, question.family)
            if question.tls:
                wire.encrypt(question.host)
            if question.send:
                wire.say(question.send, f"({len(question.send):,} bytes) {question.send[:200]!r}")
            raw = wire.everything(question.most)
        except Broken as broken:
            problem = broken.problem
        return Received(key=question.key, at=asked, took=round(time.monotonic() - clock, 3), problem=problem, raw=raw,
                        transcript=tuple(wire.transcript))  # fmt: skip
