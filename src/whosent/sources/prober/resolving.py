"""Asks the DNS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from whosent.model.check import Knowledge, Question, Resolve, Resolved
from whosent.sources.dns import resolve

ASKS: Final = (Resolve,)


def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Resolved]:
    """All at once, as many as a resolver can take."""
    asked = [question for question in questions if isinstance(question, Resolve)]
    return resolve(asked, knowledge.settings.registries.dns_server)
