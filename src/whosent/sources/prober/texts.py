"""Reads files of this machine, as text and no more than asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from whosent.model.check import Content, Knowledge, Problem, Question, Read

ASKS: Final = (Read,)


def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Content]:
    """One after the other."""
    for question in questions:
        assert isinstance(question, Read)
        yield read(question)


def read(question: Read) -> Content:
    """The text, or why there is none."""
    asked = time.time()
    path = Path(question.path)
    try:
        if path.exists() and not path.is_file():
            problem = Problem("protocol", f"{path} is no plain file.")
            return Content(key=question.key, at=asked, problem=problem)
        with path.open("rb") as file:
            raw = file.read(question.most + 1)
    except PermissionError:
        problem = Problem("permission", f"This user may not read {path}.")
        return Content(key=question.key, at=asked, problem=problem)
    except OSError as error:
        problem = Problem("missing", f"{path} cannot be read: {error.strerror}.")
        return Content(key=question.key, at=asked, problem=problem)
    text = raw[: question.most].decode("utf-8", "backslashreplace")
    return Content(key=question.key, at=asked, text=text, cut=len(raw) > question.most)
