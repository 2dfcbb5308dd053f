"""What holds for every detector, whatever the rows: asking, shifting and innocents beside the guilty change nothing."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stories.kit import DAY, HOUR, SPAM, START, Luck, Script, account, stranger, user
from tests.test_cases import DETECTORS, essence, run, story
from whosent.audience import observe
from whosent.measures.resting import Resting
from whosent.model.rows import Message, Row
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings

if TYPE_CHECKING:
    from whosent.model.finding import Finding

INNOCENT = [
    "newsletter_daily", "newsletter_in_batches", "newsletter_once", "outage", "monday_morning", "ticket_system",
    "new_employee", "crowd", "web_shop", "monitoring", "listed_for_everybody", "forwarding", "traveller",
    "guessing_in_vain", "inbound_gateway",
]  # fmt: skip


RIGHTLY_NAMED = {("forwarding", "forwarding")}  # detector and story: innocent of everything but this


@cache
def small_incident(seed: int) -> tuple[Row, ...]:
    """A little of everything, some of it guilty."""
    script = Script(seed)
    script.office(6, days=2, daily=5)
    random = Random(seed)
    for number in range(0, 150, 3):
        victims = script.people(3, domains=60)
        at = START + DAY + 12 * HOUR + number * 5
        script.mail(at, account("alice", f"{60 + number % 20}.1.1.1"), victims, SPAM)
        script.login(at - 1, "alice@corp.example", f"{60 + number % 20}.1.1.1", succeeded=number > 30)
        script.request(at, "/x.php", "198.51.100.66", "POST")
        script.call(at, "/srv/x.php", victims[0])
        script.mail(at + 1, user(33, "www-data"), victims, Luck(unknown=random.random() * 0.5))
        script.mail(at + 1, stranger("185.220.1.9"), script.people(1, domains=90), SPAM)
    return tuple(script.rows())


def shifted(rows: tuple[Row, ...], by: float) -> list[Row]:
    moved = [row._replace(time=row.time + by) for row in rows]
    return [row._replace(opened=row.opened + by) if isinstance(row, Message) else row for row in moved]


def timeless(finding: Finding) -> dict[str, object]:
    return {name: fact for name, fact in finding.facts.items() if not name.endswith("_at")}


@pytest.mark.parametrize("name", DETECTORS)
@given(seed=st.integers(0, 5), every=st.integers(1, 400))
@settings(max_examples=6, deadline=None)
def test_asking_in_between_changes_nothing(name: str, seed: int, every: int) -> None:
    rows = small_incident(seed)
    assert run(DETECTORS[name], rows, ask=max(every, 20)) == run(DETECTORS[name], rows)


@pytest.mark.parametrize("name", DETECTORS)
@given(seed=st.integers(0, 5), days=st.integers(-400, 400), seconds=st.integers(0, 86_400))
@settings(max_examples=6, deadline=None)
def test_the_clock_on_the_wall_does_not_matter(name: str, seed: int, days: int, seconds: int) -> None:
    rows, by = small_incident(seed), days * DAY + seconds
    before, after = run(DETECTORS[name], rows), run(DETECTORS[name], shifted(rows, by))
    assert [essence(finding) for finding in after] == [essence(finding) for finding in before]
    assert [timeless(finding) for finding in after] == [timeless(finding) for finding in before]
    assert [finding.since for finding in after] == pytest.approx([finding.since + by for finding in before])


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("innocent", INNOCENT)
def test_nobody_innocent_is_accused(name: str, innocent: str) -> None:
    if (name, innocent) not in RIGHTLY_NAMED:
        assert not [finding.sentence for finding in run(DETECTORS[name], story(f"bulk:{innocent}")) if finding.accuses]


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize(
    "innocent", ["newsletter_daily", "web_shop", "new_employee", "traveller", "listed_for_everybody"]
)
def test_innocents_beside_the_guilty_stay_innocent(name: str, innocent: str) -> None:
    alone, beside = story("abuse:stolen_account"), story(f"bulk:{innocent}")
    both = sorted([*alone, *(row._replace(ref=row.ref + 1) for row in beside)], key=lambda row: row[:2])
    accused = {finding.suspect.name for finding in run(DETECTORS[name], both) if finding.accuses}
    assert accused <= {"alice@corp.example"}
    assert accused == {finding.suspect.name for finding in run(DETECTORS[name], alone) if finding.accuses}


@pytest.mark.parametrize("name", ["novelty", "outcomes", "takeover", "volume"])
def test_nobody_is_passed_over(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of everybody who is awake, they find what they find among the suspects they noted."""
    told = 0
    guilty = (
        small_incident(1),
        story("abuse:stolen_account"),
        *map(story, ("abuse:slow_account", "abuse:clean_flood", "abuse:stuck", "abuse:guessed_password")),
    )
    for rows in (*guilty, *(story(f"bulk:{innocent}") for innocent in INNOCENT)):
        detector = DETECTORS[name](Settings(), Surroundings(Settings().ours))
        observe(rows, [detector])
        noted = sorted(finding.sentence for finding in detector.findings())
        (everybody,) = (part for part in vars(detector).values() if isinstance(part, Resting))
        assert everybody.awake.keys()
        monkeypatch.setattr(detector, "_suspects", dict(everybody.awake))
        assert sorted(finding.sentence for finding in detector.findings()) == noted
        told += len(noted)
    assert told


class UntoldError(AssertionError):
    """Somebody asked what rows teach."""


def test_who_may_listen_beside_the_reading_is_self_contained() -> None:
    """There the surroundings learn nothing before the end."""
    beside = [one for one in DETECTORS.values() if getattr(one, "beside_reading", False)]
    assert beside
    assert all(getattr(one, "self_contained", False) for one in beside)


@pytest.mark.parametrize("name", [name for name in DETECTORS if getattr(DETECTORS[name], "self_contained", False)])
def test_who_is_self_contained_asks_nothing_that_rows_teach(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def untold(*_: object) -> None:
        raise UntoldError

    surroundings = Surroundings(Settings().ours)
    for teachable in ("is_own_domain", "place_of"):
        monkeypatch.setattr(surroundings, teachable, untold)
    monkeypatch.delattr(surroundings, "correspondents")
    detector = DETECTORS[name](Settings(), surroundings)
    observe(small_incident(1), [detector])
    for innocent in INNOCENT:
        observe(story(f"bulk:{innocent}"), [detector])
