"""A DNS of tests: zones as one would write them, answered as the prober would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from whosent.auditing import examine
from whosent.model.check import (
    Answer,
    Check,
    Content,
    Fetched,
    Knowledge,
    Obstacle,
    Problem,
    Question,
    Ran,
    Read,
    Resolve,
    Resolved,
    Result,
    Run,
    Target,
)
from whosent.model.settings import Settings

MOMENT = 1_800_000_000


def records(zone: str) -> dict[tuple[str, str], list[str]]:
    """``name TYPE value`` a line; ``name TYPE !timeout`` is a name server's trouble."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in zone.strip("\n").split("\n"):
        if not line.strip():
            continue
        name, kind, value = line.lstrip(" ").split(" ", 2)
        found.setdefault((name.lower(), kind), []).append(value)
    return found


class World:
    """Answers questions from a zone, files and programs; what is not there is not there."""

    def __init__(
        self, zone: str, files: Mapping[str, str] | None = None, programs: Mapping[str, str] | None = None,
        pages: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._records = records(zone)
        self._files, self._programs, self._pages = files or {}, programs or {}, pages or {}
        self.asked: list[Question] = []

    def ask(self, questions: Iterable[Question], _knowledge: Knowledge) -> Iterable[Answer]:
        """As the prober does."""
        for question in questions:
            self.asked.append(question)
            yield self._answer(question)

    def _answer(self, question: Question) -> Answer:
        missing = Problem("missing", "It is not here.")
        match question:
            case Resolve(key=key, name=name, type=kind):
                found = self._records.get((name.lower(), kind), [])
                if found and found[0].startswith("!"):
                    obstacle: Obstacle = found[0][1:]  # type: ignore[assignment]  # as the test writes it
                    return Resolved(key=key, at=MOMENT, problem=Problem(obstacle, f"The DNS: {obstacle}."))
                return Resolved(key=key, at=MOMENT, records=tuple(found))
            case Read(key=key, path=path):
                text = self._files.get(path)
                return Content(key=key, at=MOMENT, text=text or "", problem=missing if text is None else None)
            case Run(key=key, argv=argv):
                output = self._programs.get(" ".join(argv))
                return Ran(key=key, at=MOMENT, output=output or "", problem=missing if output is None else None)
            case _:
                page = self._pages.get(getattr(question, "url", ""))
                return Fetched(
                    key=question.key, at=MOMENT, status=200 if page is not None else 404, body=(page or "").encode()
                )


def results(check: Check, target: str, world: World, knowledge: Knowledge | None = None) -> dict[str, Result]:
    """What a check concludes, by what it is about."""
    found = examine(check, Target(target), knowledge or Knowledge(settings=Settings(), moment=MOMENT), world.ask)
    told = {one.about: one for one in found}
    assert len(told) == len(found), "two results are about the same"
    return told
