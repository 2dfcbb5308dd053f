"""Who has long been quiet rests: it takes little memory, and nothing that is found is any different."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.test_cases import DETECTORS
from whosent.audience import observe
from whosent.measures.resting import QUIET, Resting
from whosent.model.finding import Finding
from whosent.model.rows import Actor, Message, Outcome, Reason, Result, Row
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.preserved import loaded, saved

RESTING = ("outcomes", "volume", "novelty", "worldsays", "takeover")
DAY = 86_400.0
SENDERS, DAYS = 120, 40


def a_month() -> Iterator[Row]:
    """Most write now and then; some keep quiet for weeks and then go wild, in different ways."""
    chance = random.Random(7)
    times = sorted(
        (chance.uniform(0, DAYS * DAY), who) for who in range(SENDERS) for _ in range(chance.choice((4, 12, 120)))
    )
    wild = [(DAYS * DAY - 50_000 + number * 4, who) for who in range(9) for number in range(260)]
    calm = [(time, who) for time, who in times if who > 9 or time < 25 * DAY]
    for number, (time, who) in enumerate(sorted(calm + wild)):
        gone_wild = who < 9 and time > 30 * DAY
        address = f"198.{18 + chance.randrange(40)}.1.1" if gone_wild and who % 3 == 0 else f"10.{who}.1.1"
        actor = Actor("account", f"u{who}@corp.example", "mx", address)
        yield Message(time, 3 * number, actor, "", b"a@corp.example", 1000, 5 if gone_wild else 1, time)
        for one in range(5 if gone_wild else 1):
            to = b"r%d@d%d.example" % (chance.randrange(10**6 if gone_wild else 30), chance.randrange(60))
            bad = chance.random() < (0.4 if gone_wild and who % 3 else 0.02)
            result, reason = (Result.BOUNCED, Reason.UNKNOWN_USER) if bad else (Result.SENT, Reason.NONE)
            if bad and who % 3 == 2:
                result, reason = Result.DEFERRED, Reason.POLICY
            yield Outcome(
                time + 1 + one / 10,
                3 * number + 1,
                actor,
                "",
                b"a@corp.example",
                to,
                result,
                reason,
                "r",
                forwarded=False,
            )


def found(detectors: list[Any]) -> list[tuple[str, str, dict[str, object]]]:
    def told(one: Finding) -> tuple[str, str, dict[str, object]]:
        facts = {name: round(value, 9) if isinstance(value, float) else value for name, value in one.facts.items()}
        quotes = msgspec.to_builtins(one.quotes)
        return one.detector, one.sentence, {**facts, "quotes": quotes, "since": one.since, "suspect": one.suspect.name}

    return sorted((told(one) for detector in detectors for one in detector.findings()), key=repr)


def detectors() -> list[Any]:
    chosen = Settings()
    surroundings = Surroundings(chosen.ours)
    return [DETECTORS[name](chosen, surroundings) for name in RESTING]


def test_resting_changes_nothing_that_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = sorted(a_month(), key=lambda row: row[:2])
    rested, awake = detectors(), detectors()
    halfway = len(rows) // 2
    observe(rows[:halfway], rested)
    known = [getattr(one, "_senders", None) or getattr(one, "_watched", None) or one._accounts for one in rested]  # noqa: SLF001
    assert all(isinstance(one, Resting) for one in known)
    assert [len(one) - len(one.awake) > SENDERS / 4 for one in known] == [True] * len(known)
    rested = loaded(saved(rested, None), None)  # type: ignore[arg-type]  # no zone in it
    observe(rows[halfway:], rested)
    with monkeypatch.context() as patched:
        patched.setattr(Resting, "is_due", lambda *_: False)
        observe(rows, awake)
    assert found(rested) == found(awake)
    assert {name for name, _, _ in found(rested)} == set(RESTING)


def test_one_that_may_not_rest_is_looked_at_again() -> None:
    known: Resting[str, list[float]] = Resting()
    known.awake["busy"], known.awake["quiet"] = [5.0], [0.0]

    def norm(sender: list[float], quiet: float) -> tuple[float, ...] | None:
        return tuple(sender) if sender[0] <= quiet else None

    assert known.is_due(0.0)
    known.tidy(QUIET + 1, norm)
    assert set(known.awake) == {"busy"}
    assert not known.is_due(QUIET + 2)
    assert known.get("quiet", lambda _key, kept: list(kept)) == [0.0]
    assert known.get("nobody", lambda _key, kept: list(kept)) is None
    assert set(known.awake) == {"busy", "quiet"}
