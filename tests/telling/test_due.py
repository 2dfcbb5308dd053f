"""Somebody is told what is new and nothing else: growth, state, witnesses, the end; never the same twice."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.reports import at
from tests.telling.kit import NOW, kept
from whosent.alerts.due import Told, news, stopped, told
from whosent.model.alert import News
from whosent.model.finding import Strength
from whosent.model.lifecycle import KeptIncident, State
from whosent.model.settings import Alerts

RULES = Alerts()
LATER = NOW + RULES.pause


def known(one: KeptIncident, **changes: object) -> Told:
    fields = {**{name: getattr(told(one, NOW, stopped=False), name) for name in Told.__struct_fields__}, **changes}
    return Told(**fields)


def test_what_is_new_is_told_once() -> None:
    one = kept()
    assert news(one, None, NOW, RULES) == [News.OPENED]
    assert news(one, known(one), NOW + 5, RULES) == []
    assert news(one, known(one), LATER, RULES) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"recipients": 200}, [News.GREW]),
        ({"recipients": 199}, []),
        ({"strength": Strength.PROVEN}, [News.SURER]),
        ({"strength": Strength.LIKELY}, []),
        ({"witnesses": ["syslog of mx", "queue of mx"]}, [News.WITNESSED]),
    ],
)
def test_growth_is_told_after_the_pause(changes: dict[str, Any], what: list[News]) -> None:
    before = known(kept())
    assert news(kept(**changes), before, LATER, RULES) == what
    assert news(kept(**changes), before, LATER - 1, RULES) == []


def test_what_is_held_grows_and_is_no_news() -> None:
    before = known(kept(State.CONTAINED))
    assert news(kept(State.CONTAINED, recipients=20_000), before, LATER, RULES) == []
    out = msgspec.structs.replace(kept(State.CONTAINED), leaked=30)
    assert news(out, before, LATER, RULES) == [News.GREW]
    assert news(out, known(out), LATER, RULES) == []


def test_what_is_few_does_not_double() -> None:
    assert news(kept(recipients=8), known(kept(recipients=2)), LATER, RULES) == []


def test_a_rise_to_critical_does_not_wait() -> None:
    before = known(kept(severity="warning"))
    assert news(kept(), before, NOW + 1, RULES) == [News.WORSENED]
    assert news(kept(severity="warning"), known(kept()), NOW + 1, RULES) == []


@pytest.mark.parametrize(
    ("was", "is_now", "what"),
    [
        (State.OPEN, State.CONTAINED, [News.CONTAINED]),
        (State.CONTAINED, State.OPEN, [News.RELEASED]),
        (State.OPEN, State.RESOLVED, [News.RESOLVED]),
        (State.CONTAINED, State.DISMISSED, [News.DISMISSED]),
        (State.RESOLVED, State.OPEN, [News.REOPENED]),
        (State.DISMISSED, State.CONTAINED, [News.REOPENED, News.CONTAINED]),
        (State.RESOLVED, State.RESOLVED, []),
    ],
)
def test_states_are_told_at_once(was: State, is_now: State, what: list[News]) -> None:
    assert news(kept(is_now), known(kept(was)), NOW + 1, RULES) == what


def test_what_was_closed_before_anybody_was_told_is_no_news() -> None:
    assert news(kept(State.RESOLVED), None, NOW, RULES) == []
    assert news(kept(State.CONTAINED), None, NOW, RULES) == [News.OPENED, News.CONTAINED]


def test_the_end_is_told_and_the_going_on() -> None:
    one = kept()
    end = NOW - 60 + RULES.quiet
    assert news(one, known(one), end - 1, RULES) == []
    assert news(one, known(one), end, RULES) == [News.STOPPED]
    assert stopped(one, known(one), [News.STOPPED])
    after = known(one, stopped=True, at=end)
    assert news(one, after, end + 99_999, RULES) == []
    assert stopped(one, after, [])
    again = kept(until=at((end + 60 - NOW) / 60 + 480))
    assert news(again, after, end + 120, RULES) == [News.RESUMED]
    assert not stopped(again, after, [News.RESUMED])


def test_an_old_incident_found_in_an_old_log_is_told_once_with_its_end() -> None:
    one = kept()
    assert news(one, None, NOW + 90_000, RULES) == [News.OPENED, News.STOPPED]
    assert stopped(one, None, [News.OPENED, News.STOPPED])


STATES = st.sampled_from(list(State))


@given(st.lists(st.tuples(STATES, st.integers(1, 10**6), st.integers(0, 40_000)), max_size=30))
def test_telling_leaves_nothing_to_tell(steps: list[tuple[State, int, int]]) -> None:
    """Whatever happened: once told, the same incident at the same moment is no news."""
    before: Told | None = None
    now = NOW
    for state, recipients, seconds in steps:
        now += seconds
        one = kept(state, recipients=recipients)
        found = news(one, before, now, RULES)
        if found:
            before = told(one, now, stopped=stopped(one, before, found))
            assert news(one, before, now, RULES) == []
            assert news(one, before, now + RULES.pause, RULES) in ([], [News.STOPPED])
