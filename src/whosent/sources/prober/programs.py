"""Runs programs of this machine that only tell something: an argument vector, a time limit, bounded output."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO, Final

from whosent.model.check import Knowledge, Problem, Question, Ran, Run

ASKS: Final = (Run,)
_PATH: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Ran]:
    """One after the other: they are quick."""
    for question in questions:
        assert isinstance(question, Run)
        yield run(question)


def run(question: Run) -> Ran:
    """What it printed, as text."""
    asked, clock = time.time(), time.monotonic()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained, tempfile.TemporaryFile() as told:
        told.write(question.said.encode("utf-8", "surrogateescape"))  # files: endless output fills no memory
        told.seek(0)
        try:
            code = subprocess.run(  # noqa: S603  # an argument vector of a check, no shell
                question.argv, stdin=told, stdout=said, stderr=complained, env=_PATH,
                timeout=question.within, check=False,
            ).returncode  # fmt: skip
        except FileNotFoundError:
            problem = Problem("missing", f"There is no program {question.argv[0]} here.")
            return Ran(key=question.key, at=asked, problem=problem)
        except PermissionError:
            problem = Problem("permission", f"This user may not run {question.argv[0]}.")
            return Ran(key=question.key, at=asked, problem=problem)
        except subprocess.TimeoutExpired:
            problem = Problem("timeout", f"{' '.join(question.argv)} did not end within {question.within:.0f} seconds.")
            return Ran(key=question.key, at=asked, problem=problem, took=question.within)
        output, complaint = _text(said, question.most), _text(complained, question.most)
    failed = Problem("failed", f"{' '.join(question.argv)} failed: {complaint.strip()[:500]}") if code else None
    return Ran(key=question.key, at=asked, took=time.monotonic() - clock, code=code, output=output,
               complaint=complaint, problem=failed)  # fmt: skip


def _text(file: IO[bytes], most: int) -> str:
    file.seek(0)
    return file.read(most).decode("utf-8", "backslashreplace")
