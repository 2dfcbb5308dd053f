"""Looks for scripts below web roots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from whosent.model.check import Knowledge, Question
from whosent.model.site import Scanned, Scripts
from whosent.sources.web_roots import scan

ASKS: Final = (Scripts,)


def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Scanned]:
    """One folder after the other."""
    for question in questions:
        assert isinstance(question, Scripts)
        yield scan(question)
