"""A standing order tried on the past: at which mail it would have stopped an outbreak, and whom it would have delayed.

The logs are read as ``watch`` would have read them; every so often it is asked what was known by then, and the order
decides on that alone.  The queue of that time is gone: it is taken to have borne out what the log shows, since an order
that acts more often than it would have shows all the harm it can do.  Whoever it would have contained and nobody
accuses in the end counts as honest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Final

import msgspec

from whosent.casebook import Case
from whosent.measures.phrases import count
from whosent.model.action import Replay, ReplayedSuspect
from whosent.model.finding import Strength, Suspect
from whosent.model.rows import Message, Row
from whosent.model.settings import Settings
from whosent.orders import decide
from whosent.reading.stamps import rfc3339
from whosent.tailing import Tailing, Watched

_OFTEN: Final = 600.0  # seconds of the log between two questions
_DAY: Final = 86_400.0
_NEVER: Final = 1e11  # seconds: all of the logs is older
_NAMED: Final = frozenset({Strength.PROVEN, Strength.SHOWN, Strength.LIKELY})
_Who = tuple[str, str]


def replay(logs: Sequence[Path], settings: Settings, zone: tzinfo) -> Replay:
    """Read the logs from their beginnings, and let the order decide as time goes on."""
    orders = msgspec.structs.replace(settings.containment, order="contain")
    trial = _Trial(msgspec.structs.replace(settings, containment=orders))
    tailing = Tailing([Watched(path) for path in logs], settings, zone)
    walk = tailing.live
    walk.sink = lambda rows: trial.hear(rows, walk.cases)
    while tailing.read(_NEVER):
        pass
    walk.release()
    return trial.told(walk.conclude().cases, lines=tailing.lines())


class _Trial:
    """What the order would have done so far."""

    def __init__(self, settings: Settings) -> None:
        self._orders = settings.containment
        self._queue = settings.watch.queue
        self._first = self._asked = float("inf")
        self._last = 0.0
        self._stopped: dict[str, tuple[float, Case]] = {}  # incident -> when, and what was known
        self._sent: dict[_Who, Counter[int]] = defaultdict(Counter)  # messages by hour

    def hear(self, rows: Sequence[Row], cases: Callable[[], list[Case]]) -> None:
        """Count who sends; ask now and then."""
        for row in rows:
            if isinstance(row, Message):
                self._sent[row.actor.kind, row.actor.name][int(row.time // 3600)] += 1
        self._last = rows[-1][0]
        self._first = min(self._first, rows[0][0])
        if self._asked == float("inf"):
            self._asked = self._first
        if self._last - self._asked >= _OFTEN:
            self._asked = self._last
            for case in cases():
                self._consider(case)

    def _consider(self, case: Case) -> None:
        if case.id in self._stopped:
            return
        today = sum(when > self._last - _DAY for when, _ in self._stopped.values())
        if decide(self._borne_out(case), self._orders, contained=today).act == "contain":
            self._stopped[case.id] = (self._last, case)

    def _borne_out(self, case: Case) -> Case:
        """With the queue as a second witness, where it is looked at."""
        if not self._queue or case.strength is not Strength.SHOWN:
            return case
        return case._replace(strength=Strength.PROVEN, witnesses=(*case.witnesses, "the queue of that time"))

    def told(self, cases: Sequence[Case], lines: int) -> Replay:
        """What it amounts to, against what is known in the end."""
        for case in cases:
            self._consider(case)
        final = {case.id: case for case in cases if case.strength in _NAMED}
        stopped = [self._one(when, case, final.get(name)) for name, (when, case) in self._stopped.items()]
        days = max(1, round((self._last - self._first) / _DAY)) if self._last else int(lines > 0)
        honest = sum(one.delayed for one in stopped)
        missed = [case.suspect for name, case in final.items() if name not in self._stopped]
        return Replay(days=days, suspects=stopped, missed=missed, delayed=honest,
                      sentence=_sentence(days, stopped, honest, missed))  # fmt: skip

    def _one(self, when: float, case: Case, final: Case | None) -> ReplayedSuspect:
        hours = self._orders.hours or 24
        start = int(when // 3600)
        sent = self._sent[_who(case.suspect)]
        after = sum(count for hour, count in sent.items() if start <= hour < start + hours)
        return ReplayedSuspect(
            suspect=case.suspect, at=rfc3339(when), mail=case.messages, messages=final.messages if final else 0,
            guilty=final is not None, delayed=0 if final else after,
        )  # fmt: skip


def _who(suspect: Suspect) -> _Who:
    """The actor whose messages are this suspect's, as far as the log tells."""
    if suspect.kind in {"script", "form", "local_user"}:
        return "local_user", str(suspect.uid) if suspect.uid is not None else suspect.account or suspect.name
    return suspect.kind, suspect.address or suspect.name


def _sentence(days: int, stopped: Sequence[ReplayedSuspect], honest: int, missed: Sequence[Suspect]) -> str:
    past = f"On your last {f'{days:,} days' if days > 1 else 'day'} this order would have"
    guilty = [one for one in stopped if one.guilty]
    if not stopped:
        return f"{past} done nothing." + (
            f" {count(len(missed), 'suspect')} would have been left to you." if missed else ""
        )
    said = [f"stopped the outbreak of {one.suspect.name} at mail {one.mail:,} of {one.messages:,}" for one in guilty]
    said.append(f"delayed {honest:,} honest messages")
    rest = f" {count(len(missed), 'other suspect')} would have been left to you." if missed else ""
    return f"{past} {' and '.join(said)}.{rest}"
