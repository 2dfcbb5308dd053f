"""What becomes due: incidents held against what was told of them, silence against what is usual.

All of a turn is one transaction: two processes never tell the same, and one that is killed tells it when it is back.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Final

import msgspec

from whosent.alerts import silence
from whosent.alerts.due import Told, news, stopped, told
from whosent.alerts.silence import Pulse
from whosent.alerts.wording import Plain, Voice, of_ends, of_incident, of_many, of_notice, plain
from whosent.containing.desk import Desk
from whosent.containing.obeying import said
from whosent.model.alert import News
from whosent.model.condition import Condition
from whosent.model.finding import Strength
from whosent.model.incident import ReportedFinding
from whosent.model.lifecycle import MACHINE, Happened, KeptIncident, State, What
from whosent.model.settings import Settings
from whosent.report.words import moment
from whosent.store.alerts import Outbox, merged
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.store.pulses import SOURCE, Pulses

_MANY: Final = "incidents"  # the subject of a summary
_NOTICE: Final = "notice:"
_A_WHILE: Final = 600.0  # seconds in which openings are counted, so that a flood of them is summed up


class Composer:
    """Puts into the outbox what became due."""

    def __init__(self, ledger: Ledger, settings: Settings, host: str) -> None:
        self._ledger = ledger
        self._settings = settings
        self._host = host
        self._incidents = Incidents(ledger)
        self._pulses = Pulses(ledger)
        self._conditions = Conditions(ledger)
        self._desk = Desk(ledger, settings.containment, MACHINE)  # asked what the standing order says
        self.outbox = Outbox(ledger)

    def incidents(self, now: float, *, all_open: bool) -> None:
        """News of incidents: of those something happened to, or of ``all_open`` ones as well (they grow in silence)."""
        position = self.outbox.position()
        if not all_open and self._incidents.latest() == position:
            return
        with self._ledger.transaction():
            happened = self._incidents.after(self.outbox.position())
            withdrawn = {one.incident for one in happened if one.what is What.WITHDRAWN}
            kept = (
                {one.incident.id: one for one in self._incidents.all(State.OPEN, State.CONTAINED)} if all_open else {}
            )
            for name in {one.incident for one in happened} - kept.keys():
                found = self._incidents.get(name)
                if found is not None:
                    kept[name] = found
            self._tell(list(kept.values()), _reasons(happened), withdrawn, now)
            if happened:
                self.outbox.follow(happened[-1].sequence)

    def _tell(self, kept: list[KeptIncident], reasons: dict[str, str], withdrawn: set[str], now: float) -> None:
        fresh: list[KeptIncident] = []
        ended: list[tuple[KeptIncident, Told]] = []
        for one in kept:
            before = self.outbox.told(one.incident.id)
            found = news(one, before, now, self._settings.alerts)
            if not found:
                continue
            if before is None:
                fresh.append(one)
            elif found == [News.STOPPED]:
                ended.append((one, before))
            else:
                if one.incident.id in withdrawn:
                    found = [News.WITHDRAWN if what is News.DISMISSED else what for what in found]
                self._put(one, found, before, reasons.get(one.incident.id, ""), now)
        self._tell_ended(ended, now)
        self._tell_fresh(sorted(fresh, key=_worst_first), reasons, now)

    def _tell_ended(self, ended: list[tuple[KeptIncident, Told]], now: float) -> None:
        """Incidents without further signs: one by one, or many at once."""
        many = len(ended) > self._settings.alerts.at_once
        if many:
            self.outbox.put(plain(of_ends(len(ended)), self._voice(now)), "ends", now)
        for one, before in ended:
            if many:
                self.outbox.remember(one.incident.id, told(one, now, stopped=True))
            else:
                self._put(one, [News.STOPPED], before, "", now)

    def _tell_fresh(self, fresh: list[KeptIncident], reasons: dict[str, str], now: float) -> None:
        """New incidents one by one; of a flood the worst ones, and a summary of the others."""
        if not fresh:
            return
        room = max(0, self._settings.alerts.at_once - self.outbox.opened_between(now - _A_WHILE, now))
        for one in fresh[:room]:
            found = news(one, None, now, self._settings.alerts)
            self._put(one, found, None, reasons.get(one.incident.id, ""), now)
        rest = fresh[room:]
        if not rest or self.outbox.summarised_between(now - _A_WHILE, now):
            return  # looked at again when the last summary is old
        self.outbox.put(of_many(rest, self._voice(now)), _MANY, now)
        for one in rest:
            self.outbox.remember(one.incident.id, told(one, now, stopped=stopped(one, None, [News.OPENED])))

    def _put(self, kept: KeptIncident, found: list[News], before: Told | None, why: str, now: float) -> None:
        """One alert; what is still waiting to be told of the same incident goes into it."""
        name = kept.incident.id
        waiting = self.outbox.take_back(name, now)
        if waiting:
            before = merged(waiting)
            found = list(dict.fromkeys([*(one for row in waiting for one in row.alert.news), *found]))
        order = said(self._desk, kept)
        self.outbox.put(of_incident(kept, found, before, self._voice(now), why, order), name, now, before)
        self.outbox.remember(name, told(kept, now, stopped=stopped(kept, before, found)))

    # ---------------------------------------------------------------- silence

    def watch(self, now: float) -> bool:
        """Whosent itself and the logs it follows: whether it gives signs of life; one that never ran is not missed."""
        condition = self._conditions.latest()
        if condition is None:
            return True
        last = Pulse("watch", _seconds(condition.at))
        alive = now - last.at <= self._settings.heartbeat.silent
        gone = None if alive else silence.of_whosent(last, now, stopped=not condition.running)
        self._switch("silence", gone, silence.whosent_is_back(), now)
        if alive and condition.running:
            self._troubles(condition, now)
            self._notices(condition, now)
            if not condition.catching_up:
                self._sources(condition, now)
        return alive

    def beat(self) -> float:
        """When `watch` last gave a sign of life, seconds since the epoch; 0 if it is not running."""
        condition = self._conditions.latest()
        return _seconds(condition.at) if condition and condition.running else 0.0

    def _sources(self, condition: Condition, now: float) -> None:
        """Logs that bring no line any more, and those that do again."""
        followed = {one.source for one in condition.sources}
        self._pulses.beat(SOURCE, {one.source: _seconds(one.last) for one in condition.sources if one.last})
        pulses = [one for one in self._pulses.of(SOURCE) if one.name in followed]
        silent = {one.name for one in silence.quiet(pulses, now, self._settings.alerts.source_quiet)}
        for one in pulses:
            gone = silence.of_source(one, now) if one.name in silent else None
            self._switch(f"source:{one.name}", gone, silence.source_is_back(one.name), now)

    def _troubles(self, condition: Condition, now: float) -> None:
        """What Whosent cannot do, and logs it cannot follow."""
        troubles = {one.source: one.problem for one in condition.sources}
        troubles["whosent watch"] = " ".join(condition.problems)
        for about, problem in troubles.items():
            gone = silence.of_trouble(about, problem.rstrip(".")) if problem else None
            self._switch(f"trouble:{about}", gone, silence.trouble_is_over(about), now)

    def _notices(self, condition: Condition, now: float) -> None:
        """What concerns everybody is told once, as long as it lasts, and when it begins anew; its end is no news."""
        notices: dict[str, list[ReportedFinding]] = defaultdict(list)
        for one in condition.notices:
            notices[f"{_NOTICE}{one.detector}"].append(one)
        for subject in set(self.outbox.subjects(_NOTICE)) - notices.keys():
            with self._ledger.transaction():
                self.outbox.forget(subject)
        for subject, findings in notices.items():
            self._notice(subject, findings, now)

    def _notice(self, subject: str, findings: list[ReportedFinding], now: float) -> None:
        """What of one detector began after the end of what was told last."""
        if not self._fresh(subject, findings):
            return
        with self._ledger.transaction():
            fresh = self._fresh(subject, findings)
            if fresh:
                until = max(_seconds(one.until) for one in findings)
                self.outbox.remember(subject, msgspec.structs.replace(_SILENT, at=until))
                self.outbox.put(plain(of_notice(fresh), self._voice(now)), subject, now)

    def _fresh(self, subject: str, findings: list[ReportedFinding]) -> list[ReportedFinding]:
        before = self.outbox.told(subject)
        return [one for one in findings if before is None or _seconds(one.since) > before.at]

    def _switch(self, subject: str, gone: Plain | None, back: Plain | None, now: float) -> None:
        """Tell when it falls silent and when it is heard again, each once."""
        silent = gone is not None
        if (self.outbox.told(subject) is not None) == silent:
            return
        with self._ledger.transaction():
            if (self.outbox.told(subject) is not None) == silent:
                return
            if silent:
                self.outbox.remember(subject, _SILENT)
            else:
                self.outbox.forget(subject)
            waiting = self.outbox.take_back(subject, now)
            said = gone or (None if waiting else back)  # who was not told that it went need not hear that it came
            if said is not None:
                self.outbox.put(plain(said, self._voice(now)), subject, now)

    def _voice(self, now: float) -> Voice:
        return Voice(self._host, stamp(now))


def stamp(now: float) -> str:
    """An instant as RFC 3339, UTC."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(stamp: str) -> float:
    instant = moment(stamp)
    return instant.timestamp() if instant else 0.0


_SILENT: Final = Told(
    at=0, state=State.OPEN, severity="warning", strength=Strength.SHOWN, recipients=0, witnesses=()
)  # fmt: skip


def _reasons(happened: list[Happened]) -> dict[str, str]:
    """What operators (or orders) said of the latest change of each incident."""
    return {one.incident: f"{one.who}: {one.text}" for one in happened if one.who != MACHINE and one.text}


def _worst_first(kept: KeptIncident) -> tuple[bool, bool, int, str]:
    incident = kept.incident
    return (incident.severity != "critical", not incident.ongoing, -incident.recipients, incident.id)
