"""Asks whether local users' programs can speak SMTP to a host: as each of them, where we are root."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

import whosent
from whosent.model.check import Answer, Knowledge, Problem, Question, Reach, Replies
from whosent.sources.prober.as_user import held

ASKS: Final = (Reach,)
_SLACK: Final = 60.0


def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
    """Ourselves directly, others by a process that becomes them; not being root, others cannot be asked."""
    mine = os.getuid()
    asked = [one for one in questions if isinstance(one, Reach)]
    others = [one for one in asked if one.uid != mine]
    yield from (held(one) for one in asked if one.uid == mine)
    if mine != 0:
        problem = Problem("permission", "Only root can connect as somebody else.")
        yield from (Replies(key=one.key, at=time.time(), problem=problem) for one in others)
        return
    told = {one.key: one for one in _as_others(others)}
    for one in others:
        lost = Problem("failed", f"Nothing could be run as uid {one.uid}.")
        yield told.get(one.key) or Replies(key=one.key, at=time.time(), problem=lost)


def _as_others(questions: list[Reach]) -> Iterator[Replies]:
    if not questions:
        return
    package = Path(whosent.__file__).parents[1]
    within = sum(one.within for one in questions) / 16 + max(one.within for one in questions) + _SLACK
    try:
        done = subprocess.run(  # ourselves
            [sys.executable, "-m", "whosent.sources.prober.as_user"], input=msgspec.json.encode(questions),
            capture_output=True, timeout=within, check=False, env={**os.environ, "PYTHONPATH": str(package)},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in done.stdout.splitlines():
        try:
            yield msgspec.json.decode(line, type=Replies)
        except msgspec.DecodeError:
            continue
