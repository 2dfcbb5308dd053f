"""When an incident has to be told: what is new of it since somebody was told last."""

from __future__ import annotations

from typing import Final

import msgspec

from whosent.model.alert import News
from whosent.model.finding import Strength
from whosent.model.lifecycle import KeptIncident, State, leaks
from whosent.model.settings import Alerts
from whosent.report.words import moment

_TWICE: Final = 2
_FEW: Final = 25  # twice next to nothing is still next to nothing
_CLOSED: Final = frozenset({State.RESOLVED, State.DISMISSED})
_STATES: Final = {
    State.CONTAINED: News.CONTAINED, State.RESOLVED: News.RESOLVED, State.DISMISSED: News.DISMISSED
}  # fmt: skip
_BY_ITSELF: Final = frozenset({News.GREW, News.SURER, News.WITNESSED})  # may wait for the pause to pass


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was told of an incident last."""

    at: float  # seconds since the epoch
    state: State
    severity: str
    strength: Strength
    recipients: int
    witnesses: tuple[str, ...]
    leaked: int = 0
    stopped: bool = False


def told(kept: KeptIncident, now: float, *, stopped: bool) -> Told:
    """What is known to whoever is told of it now."""
    incident = kept.incident
    return Told(
        at=now,
        state=kept.state,
        severity=incident.severity,
        strength=incident.strength,
        recipients=incident.recipients,
        witnesses=tuple(incident.witnesses),
        leaked=kept.leaked,
        stopped=stopped,
    )


def news(kept: KeptIncident, before: Told | None, now: float, rules: Alerts) -> list[News]:
    """What is new of it; nothing means that nobody has to be told."""
    if before is None:
        return [] if kept.state in _CLOSED else _first(kept, now, rules)
    if kept.state in _CLOSED:
        return [_STATES[kept.state]] if before.state is not kept.state else []
    found = _moved(kept, before)
    found += _stopped(kept, before, now, rules)
    found += _grown(kept, before)
    if set(found) <= _BY_ITSELF and 0 <= now - before.at < rules.pause:
        return []
    return found


def stopped(kept: KeptIncident, before: Told | None, found: list[News]) -> bool:
    """Whether it is known to have stopped, once these news are told."""
    if News.STOPPED in found:
        return True
    going_on = {News.RESUMED, News.REOPENED} & set(found)
    return bool(before and before.stopped and not going_on) and kept.state not in _CLOSED


def _first(kept: KeptIncident, now: float, rules: Alerts) -> list[News]:
    contained = [News.CONTAINED] if kept.state is State.CONTAINED else []
    return [News.OPENED, *contained, *([News.STOPPED] if _silence(kept, now) >= rules.quiet else [])]


def _moved(kept: KeptIncident, before: Told) -> list[News]:
    if kept.state is before.state:
        return []
    if kept.state is State.CONTAINED:
        return [News.REOPENED, News.CONTAINED] if before.state in _CLOSED else [News.CONTAINED]
    return [News.REOPENED] if before.state in _CLOSED else [News.RELEASED]


def _stopped(kept: KeptIncident, before: Told, now: float, rules: Alerts) -> list[News]:
    silence = _silence(kept, now)
    if not before.stopped and silence >= rules.quiet:
        return [News.STOPPED]
    return [News.RESUMED] if before.stopped and silence < min(rules.quiet, now - before.at) else []


def _silence(kept: KeptIncident, now: float) -> float:
    """Seconds since its last sign in the logs."""
    last = moment(kept.incident.until)
    return now - last.timestamp() if last else 0.0


def _grown(kept: KeptIncident, before: Told) -> list[News]:
    incident, found = kept.incident, []
    if incident.severity == "critical" and before.severity != "critical":
        found.append(News.WORSENED)
    order = list(Strength)
    if order.index(incident.strength) < order.index(before.strength):
        found.append(News.SURER)
    if set(incident.witnesses) - set(before.witnesses):
        found.append(News.WITNESSED)
    if kept.state is State.CONTAINED:  # what is held grows and harms nobody: what gets out is refused, too
        grown = leaks(kept.leaked, before.leaked)
    else:
        grown = incident.recipients >= _TWICE * max(before.recipients, _FEW)
    if grown:
        found.append(News.GREW)
    return found
