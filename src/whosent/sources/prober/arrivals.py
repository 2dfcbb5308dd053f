"""Asks the sink which tokens arrived."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Final

from whosent.model.check import Arrivals, Await, Knowledge, Problem, Question, Sink
from whosent.model.sinktalk import ARRIVED, Asked, Told
from whosent.sources.prober.errands import SinkError, talk

ASKS: Final = (Await,)
_SLACK: Final = 5.0  # seconds beyond the wait that was asked for


def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Arrivals]:
    """One after the other; where there is no sink, that is said."""
    for question in questions:
        assert isinstance(question, Await)
        yield arrivals(question, knowledge.sink)


def arrivals(question: Await, sink: Sink | None) -> Arrivals:
    """What the sink says of these tokens."""
    asked = time.time()
    if sink is None:
        return Arrivals(key=question.key, at=asked, problem=Problem("missing", "No sink is configured."))
    body = Asked(list(question.tokens), question.within, secrets.token_hex(8))
    try:
        told = talk(sink, ARRIVED, body, Told, question.within + _SLACK)
    except SinkError as error:
        return Arrivals(key=question.key, at=asked, problem=error.problem)
    return Arrivals(key=question.key, at=asked, took=round(time.time() - asked, 3), arrived=tuple(told.arrived))
