"""Answers of the DNS as a judgement wants them: what is not known yet becomes a question of the next round.

A judgement runs from its beginning each time more is known.  So it is written as if every answer were there, follows
one answer to the next question, and can be repeated from the answers kept.
"""

from __future__ import annotations

from typing import Final

from whosent.model.check import Heard, Passage, Resolve, Resolved
from whosent.reading.stamps import rfc3339

_MOST: Final = 400  # questions of one judgement
_SHOWN: Final = 12  # records quoted of one answer


class Lookups:
    """The answers heard, and the questions still open."""

    def __init__(self, heard: Heard) -> None:
        self.wanted: dict[str, Resolve] = {}
        self._heard = heard
        self._asked: set[str] = set()

    def ask(self, name: str, kind: str) -> Resolved | None:
        """The answer; None: it is being asked for."""
        name = name.rstrip(".").lower()
        key = f"{kind} {name}"
        answer = self._heard.get(key)
        if isinstance(answer, Resolved):
            self._asked.add(key)
            return answer
        self._asked.add(key)
        if len(self._asked) <= _MOST:
            self.wanted[key] = Resolve(key=key, name=name, type=kind)
        return None

    def records(self, name: str, kind: str) -> tuple[str, ...]:
        """The records as far as they are known: none while they are asked for, and none where nobody answers."""
        answer = self.ask(name, kind)
        return answer.records if answer is not None else ()

    def problem(self, name: str, kind: str) -> str | None:
        """Why nobody answered."""
        answer = self.ask(name, kind)
        return answer.problem.sentence if answer is not None and answer.problem is not None else None

    def exhibit(self, name: str, kind: str) -> list[Passage]:
        """The answer as evidence."""
        answer = self.ask(name, kind)
        if answer is None:
            return []
        lines = [f"{name.rstrip('.')} {kind} {record}" for record in answer.records[:_SHOWN]]
        if answer.problem is not None:
            lines = [answer.problem.sentence]
        return [
            Passage(source=f"DNS, {kind} {name.rstrip('.')}", at=rfc3339(int(answer.at)), lines=lines or ["(nothing)"])
        ]

    def addresses(self, name: str) -> tuple[str, ...]:
        """IPv4 and IPv6 addresses of a name."""
        return (*self.records(name, "A"), *self.records(name, "AAAA"))


def tags(record: str) -> dict[str, str]:
    """``tag=value; tag=value`` of DKIM, DMARC, TLSRPT and MTA-STS records; the first of each tag counts."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip())
    return found
