"""What the live screen shows at one moment, read from the ledger: plain text, safe to print, fit for 80 columns."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from whosent.measures.rhythm import LEAST_WEEKS
from whosent.model.condition import Condition
from whosent.model.lifecycle import KeptIncident, State
from whosent.model.mistake import Mistake
from whosent.report import words
from whosent.store.alerts import Outbox
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.store.rates import QueueLength, Rates

_MINUTE: Final = 60
_SHOWN: Final = 24  # minutes of the line of bars
_A_DAY: Final = 86_400
_HOUR: Final = 3_600
_WEEK: Final = 7 * _A_DAY
_WEEKS: Final = 12  # of the past that tell what is usual now
_MOST: Final = 200  # incidents
_METER: Final = 6  # characters
_WHO: Final = 25
_LATE: Final = 30.0  # seconds without a sign of life that are worth a word
_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "._-=+*%#"
_FOLDERS: Final = ("incoming", "active", "deferred", "hold", "maildrop", "input", "frozen")


class Row(NamedTuple):
    """One incident in the list."""

    id: str
    cells: tuple[str, ...]  # state, who was used, recipients, refused, since
    state: State
    detail: str  # a few sentences


class View(NamedTuple):
    """The whole screen."""

    head: str
    outgoing: str
    queue: str
    rows: tuple[Row, ...]


COLUMNS: Final = (  # 78 columns with a blank on each side of them
    ("State", 9), ("Who was used", _WHO), ("Recipients", 10), ("Refused", 12), ("Since", 12),
)  # fmt: skip


class Norms(NamedTuple):
    """What is usual in this hour of the week; None where too little of the past is known."""

    hour: int  # since the epoch
    left: float | None  # recipients a minute
    waiting: float | None  # messages in the queues


class Reader:
    """Reads the ledger anew at each look; what is usual, once an hour."""

    def __init__(self, place: Path, host: str, zone: tzinfo, *, blocks: bool) -> None:
        self._place = place
        self._host = host
        self._zone = zone
        self._bars = _BLOCKS if blocks else _ASCII
        self._norms = Norms(-1, None, None)

    def look(self, now: float) -> View:
        """What there is to see; a ledger that can not be read is said in the head."""
        try:
            ledger = Ledger(self._place)
            try:
                return self._view(ledger, now)
            finally:
                ledger.close()
        except (Mistake, sqlite3.Error) as error:
            return View(words.visible(str(error)), "", "", ())

    def _view(self, ledger: Ledger, now: float) -> View:
        kept = Incidents(ledger).all(State.OPEN, State.CONTAINED)[:_MOST]
        rates = Rates(ledger)
        if self._norms.hour != now // _HOUR:
            self._norms = norms(rates, now)
        return View(
            head=self._head(ledger, kept, now),
            outgoing=_outgoing(rates, now, self._bars, self._norms),
            queue=_queue(rates.latest_queues(), rates.queues(now - 10 * _MINUTE), self._norms),
            rows=tuple(_row(one, self._zone) for one in kept),
        )

    def _head(self, ledger: Ledger, kept: Sequence[KeptIncident], now: float) -> str:
        """How bad it is, and whether anybody watches and can be told."""
        opened = [one for one in kept if one.state is State.OPEN]
        worst = (
            "CRITICAL"
            if any(one.incident.severity == "critical" for one in opened)
            else "WARNING"
            if opened
            else "CLEAN"
        )
        said = f"{worst}  {words.counted(len(opened), 'incident')} open, {len(kept) - len(opened):,} contained"
        return f"{self._host}: {said}{_watching(Conditions(ledger).latest(), now)}{_telling(Outbox(ledger))}"


def _watching(condition: Condition | None, now: float) -> str:
    last = words.moment(condition.at) if condition else None
    if condition is None or last is None or not condition.running:
        return "; nobody watches: whosent watch"
    spent = now - last.timestamp()
    if spent > _LATE:
        return f"; SILENT for {words.duration(spent)}"
    return "; still reading what was written before" if condition.catching_up else ""


def _telling(outbox: Outbox) -> str:
    failing = [one.name for one in outbox.channels() if one.failures]
    return f"; channels that fail: {', '.join(failing)}" if failing else ""


def norms(rates: Rates, now: float) -> Norms:
    """The median of this hour in the weeks before."""
    hour = int(now // _HOUR)
    begun = rates.begun()
    left, waiting = [], []
    for week in range(1, _WEEKS + 1):
        begin = float(hour * _HOUR - week * _WEEK)
        if begun is not None and begin >= begun:
            counts: Counter[str] = Counter()
            for (_, measure), value in rates.sums(begin, begin + _HOUR).items():
                counts[measure] += value
            left.append(_tried(counts) * _MINUTE / _HOUR)
        length = rates.queued(begin, begin + _HOUR)
        if length is not None:
            waiting.append(length)
    return Norms(hour, *(median(known) if len(known) >= LEAST_WEEKS else None for known in (left, waiting)))


def _outgoing(rates: Rates, now: float, bars: str, norms: Norms) -> str:
    """``Out  1,204/min, usual now 40/min, refused 36 %  ▁▁▂█``: of the last whole minute."""
    minute = int(now // _MINUTE)
    lately: dict[int, Counter[str]] = defaultdict(Counter)
    for at, _, measure, value in rates.between((minute - _SHOWN) * _MINUTE, (minute + 1) * _MINUTE):
        lately[at][measure] += value
    tried = {at: _tried(counts) for at, counts in lately.items()}
    last = lately[minute - 1]
    usual = f"usual now {norms.left:,.1f}" if norms.left is not None else f"a day's mean {_days_mean(rates, now):,.1f}"
    most = max([*tried.values(), 1])
    drawn = "".join(bars[-(-tried.get(at, 0) * (len(bars) - 1) // most)] for at in range(minute - _SHOWN, minute))
    refused = words.share(last["bounced"], _tried(last)) if _tried(last) else "none"
    return f"Out    {_tried(last):,}/min, {usual}/min, refused {refused}  {drawn}"


def _days_mean(rates: Rates, now: float) -> float:
    """Recipients a minute in the 24 hours before those that are drawn."""
    day: Counter[str] = Counter()
    for (_, measure), value in rates.sums(now - _A_DAY, (now // _MINUTE - _SHOWN) * _MINUTE).items():
        day[measure] += value
    return _tried(day) / (_A_DAY / _MINUTE - _SHOWN)


def _tried(counts: Counter[str]) -> int:
    """Recipients that left, or tried to for the first time."""
    return counts["sent"] + counts["bounced"] + counts["deferred"]


def _queue(latest: Sequence[QueueLength], lately: Sequence[QueueLength], norms: Norms) -> str:
    """``Queue  12,600, usual now 80: deferred 12,400, active 200; +1,200/min``."""
    if not latest:
        return "Queue  not looked at"
    folders: Counter[str] = Counter()
    for one in latest:
        folders[one.folder] += one.messages
    order = sorted(folders, key=lambda folder: _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS))
    listed = ", ".join(f"{words.visible(folder)} {folders[folder]:,}" for folder in order if folders[folder])
    sums: Counter[float] = Counter()
    for one in lately:
        sums[one.time] += one.messages
    trend = ""
    if len(sums) > 1 and (spent := max(sums) - min(sums)):
        trend = f"; {(sums[max(sums)] - sums[min(sums)]) * _MINUTE / spent:+,.0f}/min"
    usual = f", usual now {norms.waiting:,.0f}" if norms.waiting is not None else ""
    return f"Queue  {folders.total():,}{usual}{': ' + listed if listed else ''}{trend}"


def _row(kept: KeptIncident, zone: tzinfo) -> Row:
    incident = kept.incident
    mark = {"critical": "!!", "warning": "!"}.get(incident.severity, "")
    cells = (
        f"{kept.state.value} {mark if kept.state is State.OPEN else ''}".rstrip(),
        words.shortened(words.visible(incident.suspect.name), _WHO),
        f"{incident.recipients:,}".rjust(10),
        _meter(incident.refused, incident.recipients),
        words.when(incident.since, zone, brief=True),
    )
    how = f"{words.strength_word(incident.strength)}, {words.CAUSES[incident.cause]}"
    going = "" if incident.ongoing else f"; no sign after {words.when(incident.until, zone, brief=True)}"
    return Row(incident.id, cells, kept.state, f"{words.visible(incident.sentence)} ({how}{going})")


def _meter(part: int, whole: int) -> str:
    """``[###   ]  48%``: readable without colour."""
    full = min(_METER, round(_METER * part / whole)) if whole else 0
    percent = f"{100 * part / whole:.0f}%" if whole else "-"
    return f"[{'#' * full}{' ' * (_METER - full)}]{percent:>4}"
