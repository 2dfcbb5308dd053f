"""Who is being watched: a sender's meter, and what stands against it while the meter is above zero."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Final

from whosent.measures import regard
from whosent.measures.bulk import base
from whosent.measures.meter import BULK, LOWEST_BAR, Meter, Sender
from whosent.measures.networks import network
from whosent.measures.trail import Trail
from whosent.model.rows import Actor, Reason, Result

if TYPE_CHECKING:
    from whosent.measures.meter import Mark
    from whosent.measures.resting import Norm
    from whosent.measures.resting import Sender as Key
    from whosent.model.rows import Outcome

_NETWORKS: Final = 16
_SENDERS: Final = 100
_NEARLY_ALL: Final = 0.8
_CLEARLY: Final = 0.3  # weight from which an outcome is quoted
_UNFIT: Final = (Reason.POLICY, Reason.LISTED, Reason.RATE)  # what a mere old list does not earn
_UNFIT_SHARE: Final = 0.15
_FADING: Final = 3.0  # nats under its peak at which the abuse itself is over
_PAUSE: Final = 3600.0  # seconds, and
_PACE: Final = 10.0  # times the usual seconds between refusals, after which abuse has stopped
_RESUMED: Final = 10  # bad answers that show it goes on
_LIST: Final = 100  # recipients an hour that make even a first sight of somebody a list
_DIRTY: Final = 0.3  # a worse list is bought, not old


class Case:
    """One excursion of one sender's meter, from the outcome that lifted it."""

    __slots__ = ("above", "accused", "last", "networks", "onset", "past", "resumed", "senders", "trail",
                 "unfit")  # fmt: skip

    def __init__(self, sender: Sender, time: float) -> None:
        self.past = (sender.bad, sender.bad + sender.good)
        self.trail = Trail()
        self.networks: set[str] = set()
        self.senders: dict[bytes, int] = {}  # envelope senders of what was refused or put off
        self.unfit = 0  # answers that an old list does not earn
        self.above = float("-inf")  # nats above the bar at the highest
        self.accused: float | None = None  # when that first was as far above as caution asks
        self.resumed = 0  # bad answers since it seemed to have stopped
        self.onset: Mark = sender.mark_before(time)
        self.last: Mark = self.onset

    @property
    def counts(self) -> dict[str, str | int | float | None]:
        """Messages, answered recipients, refused and deferred ones, from the onset to the last bad answer."""
        return {
            "messages": self.last[4] - self.onset[4],
            "recipients": self.answered,
            "refused": self.refused,
            "deferred": self.last[3] - self.onset[3],
        }

    @property
    def sender_address(self) -> str:
        """The envelope sender of nearly all that was refused, "" if there is no such."""
        total = sum(self.senders.values())
        address = max(self.senders, key=lambda one: (self.senders[one], one), default=b"")
        most = self.senders.get(address, 0)
        return address.decode("utf-8", "backslashreplace") if most >= _NEARLY_ALL * total else ""

    @property
    def refused(self) -> int:
        """Recipients refused for good."""
        return self.last[2] - self.onset[2]

    def paused(self, time: float) -> bool:
        """Whether it had stopped, by its own pace: a few bad answers long afterwards do not prolong it."""
        pace = (self.last[0] - self.onset[0]) / max(1, self.refused)
        if self.refused < _RESUMED or time - self.last[0] < max(_PAUSE, _PACE * pace):
            return False
        self.resumed += 1
        return self.resumed < _RESUMED

    @property
    def answered(self) -> int:
        """Recipients accepted or refused."""
        return max(1, self.last[1] - self.onset[1] - (self.last[3] - self.onset[3]))


class Watched:
    """A sender, its meter, and what stands against it."""

    __slots__ = ("actor", "case", "closed", "homes", "sender")

    def __init__(self, actor: Actor, sender: Sender) -> None:
        self.actor = actor
        self.sender = sender
        self.homes: tuple[str, ...] = ()  # networks used while all was well
        self.case: Case | None = None
        self.closed: Case | None = None  # an excursion over the bar that has ended

    def at_home(self, address: str | None) -> None:
        """A network it uses, if all is well."""
        if self.case is None and address and len(self.homes) < _NETWORKS:
            used = network(address)
            if used not in self.homes:
                self.homes += (used,)

    def norm(self, quiet: float) -> Norm | None:
        """What is to be kept of a sender without a case that sent nothing lately; None if that is not all."""
        if self.case is not None or self.closed is not None:
            return None
        numbers = self.sender.norm(quiet)
        return None if numbers is None else (self.actor.address, self.actor.script, self.homes, *numbers)

    def skip(self, row: Outcome) -> None:
        """Count an answer that says nothing about the sender."""
        refused = row.result is Result.BOUNCED
        self.sender.recipients += 1
        self.sender.refused += refused
        self.sender.deferred += not refused

    def good(self, meter: Meter, time: float, recipient: bytes) -> None:
        """An accepted recipient."""
        if not meter.weigh(self.sender, time, 0.0, recipient) and self.case is not None:
            self.close()

    def bad(self, meter: Meter, row: Outcome, weight: float, caution: float) -> None:
        """A refused or deferred one."""
        sender, time = self.sender, row.time
        refused = row.result is Result.BOUNCED
        reading = meter.weigh(sender, time, weight, row.recipient)
        if reading and self.case is None:
            self.case = Case(sender, time)
        sender.refused += refused
        sender.deferred += not refused
        if self.case is None:
            return
        if not reading:
            self.close()
            return
        self._note(self.case, row, weight)
        if reading >= LOWEST_BAR:
            _raise(self.case, meter, sender, time, caution)

    def close(self) -> None:
        """The meter is back at zero: forget, unless it was over the bar and worse than before."""
        case, self.case = self.case, None
        assert case is not None
        if case.above >= 0 and (self.closed is None or case.above > self.closed.above):
            self.closed = case

    def worst(self) -> Case | None:
        """The excursion to tell of, if one was over the bar."""
        if self.case is None and self.closed is None:
            return None
        cases = [case for case in (self.case, self.closed) if case is not None and case.above >= 0]
        return max(cases, key=lambda case: case.above, default=None)

    def is_list(self, case: Case) -> bool:
        """Recipients that ceased to exist, of somebody who writes to many, from where they always do."""
        bad = max(1, case.refused + case.last[3] - case.onset[3])
        bulk = self.sender.busiest >= BULK or (case.past[1] < _LIST <= self.sender.burst)
        mild = case.refused / case.answered < _DIRTY and case.unfit / bad <= _UNFIT_SHARE
        return bulk and mild and len(case.networks.difference(self.homes)) <= 1

    def _note(self, case: Case, row: Outcome, weight: float) -> None:
        if self.sender.reading >= self.sender.peak - _FADING and not case.paused(row.time):
            case.last = self.sender.mark(row.time)
            case.resumed = 0
        sender = base(row.sender)
        if sender in case.senders or len(case.senders) < _SENDERS:
            case.senders[sender] = case.senders.get(sender, 0) + 1
        case.unfit += row.reason in _UNFIT
        if weight >= _CLEARLY:
            case.trail.add(row.time, row.ref, regard.note(row.result, row.reason), telling=row.reason in _UNFIT)
        if row.actor.address and len(case.networks) < _NETWORKS:
            case.networks.add(network(row.actor.address))


def woken(key: Key, norm: Norm) -> Watched:
    """A sender of whom the norm was kept."""
    address, script, homes, *numbers = norm
    watched = Watched(Actor(*key, address, script), Sender.of_norm(numbers))
    watched.homes = tuple(map(intern, homes))
    return watched


def _raise(case: Case, meter: Meter, sender: Sender, time: float, caution: float) -> None:
    """Take the reading's height; the onset is that of the moment it first accused, else was worth a look."""
    above = meter.verdict(sender, time)
    if above > case.above:
        if case.above < caution:
            case.onset = sender.onset
            case.accused = time if above >= caution else None
        case.above = above
