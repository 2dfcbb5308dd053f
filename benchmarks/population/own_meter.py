"""Whosent's own detector, judged like any other: simulated outcomes become the rows it is fed in a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.population.detectors import Alarm
from whosent.detectors import discover
from whosent.model.finding import Cause
from whosent.model.rows import Actor, Outcome, Reason, Result
from whosent.model.settings import Meter, Ours, Settings
from whosent.model.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.population import outcomes

NAME = "outcomes"
"""The detector's own name."""
ALARMED = "accused_at"
"""The fact of a finding that tells when its bar was crossed, in seconds."""


def is_there() -> bool:
    """Tell whether the library has the detector yet."""
    return any(detector.name == NAME for detector in discover())


class OwnMeter:
    """The outcome meter with one setting of its one knob."""

    def __init__(self, caution: float) -> None:
        settings = Settings(ours=Ours(domains=("example.org",)), meter=Meter(caution=caution))
        detector = next(each for each in discover() if each.name == NAME)
        self._detector: Any = detector(settings, Surroundings(settings.ours))
        self._actors: dict[str, Actor] = {}
        self._told: set[Alarm] = set()

    def feed(self, outcomes: Sequence[outcomes.Outcome]) -> None:
        """Hand over each outcome as the join would."""
        observe, actors = self._detector.outcome, self._actors
        for time, sender, bad, soft, recipient, _ in outcomes:
            actor = actors.get(sender)
            if actor is None:
                actor = actors[sender] = Actor("account", sender, "mx1")
            result, reason = Result.SENT, Reason.NONE
            if bad:
                result, reason = Result.BOUNCED, Reason.UNKNOWN_USER
            elif soft:
                result, reason = Result.DEFERRED, Reason.ROUTE
            address, relay = recipient.encode(), recipient.partition("@")[2]
            observe(Outcome(time, 0, actor, "", sender.encode(), address, result, reason, relay, forwarded=False))

    def alarms(self) -> list[Alarm]:
        """Read the findings that accuse of sending spam; a dirty list is told so, and is no alarm."""
        findings = self._detector.findings()
        accusing = [each for each in findings if each.accuses and each.cause is not Cause.DIRTY_LIST]
        alarms = {Alarm(float(finding.facts[ALARMED]), finding.suspect.name) for finding in accusing}
        fresh = sorted(alarms - self._told)
        self._told |= alarms
        return fresh
