"""What hears of rows can be kept and loaded at any moment, compiled or not, and goes on as if nothing had been."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from tests.test_cases import DETECTORS
from tests.test_detectors import small_incident
from whosent.audience import observe
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.overview import Tally
from whosent.preserved import loaded, saved
from whosent.walk import Learner
from whosent.witnessed import Witnessed


def test_state_that_is_kept_in_between_changes_no_finding() -> None:
    chosen = Settings()
    surroundings = Surroundings(chosen.ours)
    whole: list[Any] = [
        Learner(surroundings),
        Tally(),
        Witnessed(),
        *(kind(chosen, surroundings) for kind in DETECTORS.values()),
    ]
    rows = small_incident(3)
    cut = loaded(saved(whole, UTC), UTC)
    observe(rows, whole)
    for part in (rows[:200], rows[200:1000], rows[1000:]):
        observe(part, cut)
        cut = loaded(saved(cut, UTC), UTC)
    found, again = ([one for each in group[3:] for one in each.findings()] for group in (whole, cut))
    assert found == again
    assert found
    assert whole[1].overview({}) == cut[1].overview({})
