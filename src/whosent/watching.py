"""The daemon: follows the logs, asks what they amount to, keeps incidents and counts, and where it was.

One process, one thread.  Whatever takes long is worked out by a copy of it (``aside``): what all lines so far amount
to, and the saving of the state.  Incidents are kept under stable ids, counts are added in the transaction that names
the state they belong to: so it may be killed at any moment, and goes on from there.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from importlib.metadata import version
from multiprocessing.connection import wait
from resource import RUSAGE_SELF, getrusage
from typing import Final, NamedTuple

from whosent import preserved
from whosent.aside import Aside
from whosent.measures.rates import NOWHERE, Counts
from whosent.model.condition import Condition
from whosent.model.mistake import Mistake
from whosent.model.report import Report
from whosent.model.settings import Settings
from whosent.queue_reading import Snapshot
from whosent.reading.stamps import rfc3339
from whosent.reckoning import Answer, conclude, followed, keep, lengths, told_since, warm, written
from whosent.sources.own_spool import Feed, OwnSpool
from whosent.store.checkpoints import Checkpoints, Written, write
from whosent.store.condition import Conditions
from whosent.store.history import History, Mark
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.store.parquet import duckdb
from whosent.store.pulses import SOURCE, Pulses
from whosent.store.rates import Rates
from whosent.tailing import Tailing, Watched, fingerprint, kin_now

_LOOK: Final = 0.1  # seconds between two looks at the logs
_ASK: Final = 0.5  # seconds between two questions, at least
_SHARE: Final = 4.0  # times the processor time that the last question took
_LOOK_AT_QUEUES: Final = 30.0  # seconds between two looks at the queues, at least
_LOOK_SOON: Final = 3.0  # the same while an incident goes on: the queue is a witness of its own
_SAVE_SHARE: Final = 20.0
_TELL: Final = 2.0  # seconds between two words on our condition
_DAY: Final = 86_400.0
_SAVING: Final = 600.0  # seconds that saving our state takes at most
_KIN: Final = 600.0  # seconds between two looks for hosts of ours
_FORGET: Final = 3_600.0  # seconds between two looks for what is too old
_FALLEN: Final = 32 << 20  # bytes written and not read, from which on it has fallen behind
_ASK_BEHIND: Final = 10.0  # seconds between two questions then: reading comes first
_LARGE: Final = 150 << 10  # KiB: three of that are half a gigabyte
_PATIENT: Final = 1.0  # seconds that a question waits for a saving then
_AGAIN: Final = 10.0  # seconds until what failed is tried again

Say = Callable[[str], None]


class Saved(NamedTuple):
    """What a copy wrote, or why it could not."""

    written: Written | None
    problem: str


class Watch:
    """The daemon's state between two steps."""

    def __init__(  # noqa: PLR0913, PLR0917  # what there is to watch, where to keep it, and whom to tell
        self, settings: Settings, logs: Sequence[Watched], ledger: Ledger, zone: tzinfo, say: Say,
        queues: Callable[[], list[Snapshot]] | None = None, feeds: Sequence[Feed] = (), samples: OwnSpool | None = None,
    ) -> None:  # fmt: skip
        """``samples``: where the lengths of the queues are written down; one of the logs."""
        self._settings, self._zone, self._say, self._logs = settings, zone, say, logs
        self._ledger = ledger
        self._checkpoints, self._incidents = Checkpoints(ledger), Incidents(ledger)
        self._rates, self._conditions, self._pulses = Rates(ledger), Conditions(ledger), Pulses(ledger)
        self._queues, self._feeds, self._samples = queues, feeds, samples
        self._version = fingerprint(settings, logs)
        self._started = time.time()
        self._snapshots: list[Snapshot] = []
        self._counted: Counts = Counter()  # since the last saving began
        self._committing: Counts = Counter()  # in the saving that is going on
        self._pending: Counts = Counter()
        self._asking: Aside | None = None
        self._saving: Aside | None = None
        self._looking: Aside | None = None
        self._meeting: Aside | None = None
        self._forget_at = 0.0
        self._kin_at = time.monotonic() + _KIN
        self._ask_at = self._tell_at = self._look_seconds = 0.0
        self._save_at = time.monotonic() + settings.watch.save
        self._looked = float("-inf")
        self._asked_seconds = 0.0
        self._number = int(time.time())
        self._troubles: dict[str, str] = {}
        self._answer: Report | None = None
        self._catching_up = True
        self._fallen = False
        self.tailing = self._begin()
        warm()
        self._history = self._rows_for_questions()
        self._marks: list[Mark] = []

    def _begin(self) -> Tailing:
        """Go on where the last run was; else read what there is anew, and count only what was not counted."""
        last = self._checkpoints.latest()
        self._checkpoints.tidy()
        if last is not None and last.state is not None and last.version == self._version:
            tailing: Tailing = preserved.load(last.state, self._zone)
            if not self._unknown(tailing):
                tailing.resume(time.time())
                tailing.told |= told_since(self._incidents, last.at - _SAVING)
                self._say(f"goes on where it was at {_when(last.at)}")
                return tailing
        known = NOWHERE
        if last is not None:
            known = last.counted
            why = "other settings, hosts or version" if last.state is not None else "no state that can be used"
            self._say(f"{why}: the logs are read anew; what was counted up to {_when(known.time)} stays")
        tailing = Tailing(self._logs, self._settings, self._zone, reads_queue=self._queues is not None, known=known)
        tailing.told = told_since(self._incidents, last.at - _SAVING if last else float("-inf"))
        return tailing

    def _unknown(self, tailing: Tailing) -> set[str]:
        """Addresses that the logs tell to be hosts of ours, as a scan would now, and that this walk did not know."""
        return kin_now(self._logs, self._settings, self._zone) - tailing.live.surroundings.learnt_addresses.keys()

    def _anew(self, hosts: set[str]) -> None:
        """As after a crash: who is ours is known better, and what was read before has to be read by that."""
        self._say(f"hosts of ours hand mail to each other by way of {', '.join(sorted(hosts))}")
        for one in (self._asking, self._saving, self._looking):
            if one is not None:
                one.stop()
        self._asking = self._saving = self._looking = None
        self._counted, self._committing, self._pending = Counter(), Counter(), Counter()
        if self._history is not None:
            self._history.close()
        self.tailing, self._catching_up = self._begin(), True
        self._history = self._rows_for_questions()

    def _rows_for_questions(self) -> History | None:
        """Where rows are kept for `whosent query`, if that can be."""
        if not self._settings.watch.rows_days:
            return None
        try:
            duckdb()
        except Mistake as mistake:
            self._say(str(mistake))
            return None
        history = History(self._ledger)
        self.tailing.live.sink = history.take
        return history

    # ------------------------------------------------------------------ one step

    def step(self) -> None:
        """Read, ask, keep; then wait for more."""
        brought = [feed.ready() for feed in self._feeds]
        more = self.tailing.read(time.time()) or any(brought)
        self._counted.update(self.tailing.live.rates.taken())
        if not more and self._catching_up:
            self._catching_up = False
            self._say("all that was written is read; following")
        self._watch_the_distance(more=more)
        moment = time.monotonic()
        self._collect(moment)
        self._start(moment, more=more)
        if moment >= self._tell_at:
            self._tell_at = moment + _TELL
            self._trying("ledger", self._tell_condition)
            self._trying("history", self._go_on_with_history)
        if not more:
            copies = [one for one in (self._asking, self._saving, self._looking) if one is not None]
            sockets = [socket for feed in self._feeds for socket in feed.sockets()]
            wait([*(one.fileno() for one in copies), *sockets], _LOOK)

    def _watch_the_distance(self, *, more: bool) -> None:
        """Whether lines come faster than they are read: memory does not grow by it, but what is told is late."""
        behind = sum(tail.behind for tail in self.tailing.tails) if more and not self._catching_up else 0
        if behind > _FALLEN and not self._fallen:
            self._fallen = True
            self._trouble(
                "pace", f"{behind >> 20:,} MiB were written and not read yet: catching up, what is told is late"
            )
        elif not more and self._fallen:
            self._fallen = False
            self._trying("pace", lambda: None)

    def _start(self, moment: float, *, more: bool) -> None:
        """Begin what is due."""
        tailing, catching_up = self.tailing, more and self._catching_up
        if self._may_copy(self._saving) and moment >= self._save_at:
            self._save_at = moment + self._settings.watch.save
            self._begin_saving()
            self._saving = Aside(self._save, gently=True)
        if self._may_copy(self._asking) and tailing.live.fresh and moment >= self._ask_at and not catching_up:
            tailing.live.fresh = 0
            self._asking = Aside(self._conclude)
        if self._meeting is None and moment >= self._kin_at:
            self._kin_at = moment + _KIN
            self._meeting = Aside(partial(self._unknown, tailing), gently=True)
        if self._queues is not None and self._looking is None and moment >= self._looked + self._look_pause():
            self._looking = Aside(self._queues, gently=True)

    def _may_copy(self, same: Aside | None) -> bool:
        """Whether to ask or save now: not twice at once, and where all is large, one after the other.

        What this process writes meanwhile its copies do not share; but no question waits for a saving that takes long.
        """
        if same is not None or getrusage(RUSAGE_SELF).ru_maxrss <= _LARGE:
            return same is None
        saving = self._saving
        return self._asking is None and (saving is None or time.monotonic() - saving.began > _PATIENT)

    def _look_pause(self) -> float:
        """Seconds between two looks at the queues."""
        goes_on = self._answer is not None and any(one.ongoing for one in self._answer.incidents)
        return max(_LOOK_SOON if goes_on else _LOOK_AT_QUEUES, _SAVE_SHARE * self._look_seconds)

    def _collect(self, moment: float) -> None:
        """Take in what copies have worked out."""
        if self._asking is not None and self._asking.done():
            told: Answer | None = self._asking.answer()
            self._asked_seconds = moment - self._asking.began
            pause = max(_ASK_BEHIND if self._fallen else _ASK, _SHARE * self._asking.seconds)
            self._ask_at = self._asking.began + pause
            self._asking = None
            if told is not None:
                self._pending = told.pending
                if not self._trying("ledger", lambda: self._keep(told)):
                    self.tailing.live.fresh += 1
                    self._ask_at = moment + _AGAIN
        if self._saving is not None and self._saving.done():
            done: Saved | None = self._saving.answer()
            taken = self._saving.seconds
            self._saving = None
            self._save_at = moment + max(self._settings.watch.save, _SAVE_SHARE * taken)
            self._commit(done or Saved(None, "the process that saved it ended early"))
        if self._meeting is not None and self._meeting.done():
            hosts: set[str] | None = self._meeting.answer()
            self._meeting = None
            if hosts:
                self._anew(hosts)
        if self._looking is not None and self._looking.done():
            found: list[Snapshot] | None = self._looking.answer()
            self._looked = moment
            self._look_seconds = self._looking.seconds
            self._looking = None
            self._snapshots = found or []
            self.tailing.live.fresh += any(one.reading.folders.total() for one in self._snapshots)
            self._trying("ledger", lambda: self._rates.sampled(lengths(self._snapshots)))
            if self._samples is not None:
                self._samples.write(written(self._snapshots))

    # ------------------------------------------------------------------ what is kept

    def _begin_saving(self) -> None:
        self._committing, self._counted = self._counted, Counter()
        self._marks = self._history.marks() if self._history else []
        self._number += 1
        self._saving_counted = self.tailing.live.counted

    def _save(self) -> Saved:
        """In a copy: write the state; a full disk is a value."""
        folder = self._checkpoints.folder
        try:
            if self._history is not None:
                self._history.persist(self._marks)
            return Saved(write(folder, partial(preserved.save, self.tailing, self._zone), self._number), "")
        except OSError as error:
            return Saved(None, f"{folder}: {error.strerror}")

    def _conclude(self) -> Answer:
        """In a copy."""
        return conclude(self.tailing, self._snapshots)

    def _keep(self, told: Answer) -> None:
        """Incidents as they are seen now, and whatever is new of them said."""
        with self._ledger.transaction():
            news = keep(told, self.tailing, self._ledger, self._incidents)
            self._rates.recent(self._committing + self._counted + told.pending)
        self._answer = told.report
        for line in news:
            self._say(line)

    def _commit(self, done: Saved) -> None:
        def counted() -> None:
            self._rates.add(self._committing)
            self._rates.recent(self._counted + self._pending)
            if self._history is not None:
                self._history.commit(self._marks)

        file = done.written
        if file is not None and self._trying(
            "state",
            lambda: self._checkpoints.commit(file, self._version, time.time(), self._saving_counted, counted),
        ):
            self._committing = Counter()
            return
        if done.problem:
            self._trouble("state", f"the state cannot be saved: {done.problem}; tried again in a moment")
        self._counted.update(self._committing)
        self._committing = Counter()
        self._save_at = time.monotonic() + _AGAIN

    def _tell_condition(self) -> None:
        with self._ledger.transaction(durable=False):  # told again in a moment
            self._rates.recent(self._committing + self._counted + self._pending)
            self._conditions.tell(self.condition())
            self._pulses.beat(SOURCE, self._heard())

    def _go_on_with_history(self) -> None:
        if self._history is not None:
            self._history.flush()
            self._history.seal()
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGET
            rules, now = self._settings.watch, time.time()
            self._rates.forget(now - rules.rates_days * _DAY)
            if self._history is not None:
                self._history.forget(now - rules.rows_days * _DAY)

    def _heard(self) -> dict[str, float]:
        """When each log grew last, as far as this run saw it grow."""
        growing = [(tail.stream.name, tail.log.current) for tail in self.tailing.tails]
        return {name: one.heard for name, one in growing if one is not None and one.heard}

    def condition(self, *, running: bool = True) -> Condition:
        """How it is."""
        report, settled = self._answer, self.tailing.live.settled
        return Condition(
            version=version("whosent"), pid=os.getpid(), started=_when(self._started), at=_when(time.time()),
            running=running, catching_up=self._catching_up or self._fallen, lines=self.tailing.lines(),
            settled=rfc3339(settled) if settled > float("-inf") else None, asked_seconds=round(self._asked_seconds, 3),
            sources=[followed(tail) for tail in self.tailing.tails],
            problems=self._problems(),
            verdict=report.verdict if report else "unknown",
            sentence=report.sentence if report else "Nothing was asked yet.",
            notices=report.notices if report else [], blind_spots=report.blind_spots if report else [],
        )  # fmt: skip

    # ------------------------------------------------------------------ trouble

    def _problems(self) -> list[str]:
        others = [feed.problem for feed in self._feeds] + ([self._history.problem] if self._history else [])
        return [*self._troubles.values(), *filter(None, others)]

    def _trying(self, what: str, do: Callable[[], None]) -> bool:
        """Do it; if that cannot be, say so once, and go on."""
        try:
            do()
        except Mistake as mistake:
            self._trouble(what, str(mistake))
            return False
        if self._troubles.pop(what, None) is not None:
            self._say(f"{what}: works again")
        return True

    def _trouble(self, what: str, sentence: str) -> None:
        if self._troubles.get(what) != sentence:
            self._troubles[what] = sentence
            self._say(sentence)

    # ------------------------------------------------------------------ the end

    def stop(self) -> None:
        """Ask once more, save, and say that it ends here."""
        for one in (self._asking, self._looking, self._meeting):
            if one is not None:
                one.stop()
        self._asking = self._looking = self._meeting = None
        for feed in self._feeds:
            feed.ready()
            feed.close()
        if self._saving is not None:
            saved: Saved | None = self._saving.answer()
            self._saving = None
            self._commit(saved or Saved(None, "the process that saved it ended early"))
        while self.tailing.read(time.time()):
            pass
        self._counted.update(self.tailing.live.rates.taken())
        told: Answer | None = Aside(self._conclude).answer()
        if told is not None:
            self._pending = told.pending
            self._trying("ledger", lambda: self._keep(told))
        self._begin_saving()
        self._commit(self._save())
        self._trying("ledger", lambda: self._conditions.tell(self.condition(running=False)))
        if self._history is not None:
            self._history.close()


def _when(moment: float) -> str:
    if moment == float("-inf"):
        return "the beginning"
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
