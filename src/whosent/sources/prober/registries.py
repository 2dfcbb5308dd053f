"""Asks the registries of addresses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from whosent.model.check import Knowledge, Problem, Question
from whosent.model.registered import Registered, Registrant
from whosent.sources.registries import Network, Registries

ASKS: Final = (Registered,)


def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Registrant]:
    """One after the other, each registry's list read once."""
    known = knowledge.settings.registries
    registries = Registries(known.rdap_bootstrap, known.whois_server, Network())
    for question in questions:
        assert isinstance(question, Registered)
        asked = time.time()
        told = registries.network(question.address)
        problem = Problem("unreachable", f"{told.problem}.") if told.problem else None
        answer = told.answer
        yield Registrant(
            key=question.key, at=asked, took=round(time.time() - asked, 3), problem=problem, server=told.server or "",
            network=(answer.network or "") if answer else "", holder=(answer.holder or "") if answer else "",
            abuse_contact=(answer.abuse_contact or "") if answer else "",
        )  # fmt: skip
