"""Puts a check's questions to the world: one file a kind of question; bounded in time, bytes and connections.

A file of this folder that exports ``ASKS`` (the kinds of question it puts) and ``ask`` answers those: ``ask`` is given
all questions of these kinds of one round, and yields an answer to each, in any order.  Adding a kind of question is
adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import TypeAlias

from whosent.model.check import Answer, Knowledge, Question

Ask: TypeAlias = Callable[[Sequence[Question], Knowledge], Iterable[Answer]]


@cache
def kinds() -> dict[type[Question], Ask]:
    """Who puts which kind of question."""
    found: dict[type[Question], Ask] = {}
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        loaded = importlib.import_module(f"{__name__}.{module}")
        found |= dict.fromkeys(getattr(loaded, "ASKS", ()), getattr(loaded, "ask", None))
    return found


def ask(questions: Iterable[Question], knowledge: Knowledge) -> Iterator[Answer]:
    """An answer to each question, in any order."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # who hangs up while we speak is an answer, not our end
    asked = sorted(questions, key=lambda question: type(question).__name__)
    for kind, group in groupby(asked, key=type):
        yield from kinds()[kind](list(group), knowledge)
