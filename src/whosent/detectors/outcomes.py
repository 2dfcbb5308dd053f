"""The outcome meter: who is refused by the world far more often than usual, since when.

For every account, local user and host of ours the meter of :mod:`whosent.measures.meter` weighs the first answer
about each recipient.  Over the bar it is worth a look (a finding that supports others); ``meter.caution`` nats
further it accuses.  A sender that always wrote to many at once, and whose recipients merely cease to exist, has a
dirty list and is told so.  Deliveries to our own mailboxes, to other hosts of ours and of forwarded mail say
nothing about the sender and are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, regard, who
from whosent.measures.meter import BULK, LOWEST_BAR, Meter, Sender
from whosent.measures.networks import network
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import Actor, Message, Outcome, Reason, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.measures.meter import Mark
    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_BOUNCED: Final = Result.BOUNCED
_DEFERRED: Final = Result.DEFERRED
_OURS: Final = ("account", "local_user", "host")
_REMEMBERED: Final = 200_000  # actors, that is, pairs of a sender and an address it used
_NETWORKS: Final = 16
_CLEARLY: Final = 0.3  # weight from which an outcome is quoted
_ABOUT_US: Final = 86_400.0  # seconds for which a listing others met excuses a sender
_UNFIT: Final = (Reason.POLICY, Reason.LISTED, Reason.RATE)  # what a mere old list does not earn
_UNFIT_SHARE: Final = 0.15
_LIST: Final = 100  # recipients an hour that make even a first sight of somebody a list
_DIRTY: Final = 0.3  # a worse list is bought, not old
_ENOUGH: Final = 20  # recipients that make a norm


class _Case:
    """One excursion of one sender's meter, from the outcome that lifted it."""

    __slots__ = ("above", "last", "networks", "onset", "past", "trail", "unfit")

    def __init__(self, sender: Sender, time: float) -> None:
        self.past = (sender.bad, sender.bad + sender.good)
        self.trail = Trail()
        self.networks: set[str] = set()
        self.unfit = 0  # answers that an old list does not earn
        self.above = float("-inf")  # nats above the bar at the highest
        self.onset: Mark = sender.mark_before(time)
        self.last: Mark = self.onset


class _Watched:
    """A sender, its meter, and what stands against it."""

    __slots__ = ("actor", "case", "closed", "homes", "sender")

    def __init__(self, actor: Actor, sender: Sender) -> None:
        self.actor = actor
        self.sender = sender
        self.homes: set[str] = set()  # networks used while all was well
        self.case: _Case | None = None
        self.closed: _Case | None = None  # an excursion over the bar that has ended


class Detector:
    """Weighs outcomes sender by sender."""

    name = "outcomes"

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del surroundings  # the actor already says who is ours
        self._caution = settings.meter.caution
        self._meter = Meter()
        self._watched: dict[tuple[str, str, str], _Watched] = {}
        self._by_actor: dict[Actor, _Watched] = {}
        self._listed: dict[int, float] = {}  # sender number -> when a reply last called us listed
        self._now = float("-inf")

    def message(self, row: Message) -> None:
        """Only counted."""
        watched = self._by_actor.get(row[2])
        if watched is None:
            if row[2][0] not in _OURS:
                return
            watched = self._meet(row[0], row[2])
        watched.sender.messages += 1

    def outcome(self, row: Outcome) -> None:
        """The hot path: most outcomes are good, of senders at zero."""
        time, _ref, actor, _, _, recipient, result, reason, _, forwarded = row
        self._now = time
        if forwarded or (result is not _SENT and result is not _BOUNCED and result is not _DEFERRED):
            return
        watched = self._by_actor.get(actor)
        if watched is None:
            if actor[0] not in _OURS:
                return
            watched = self._meet(time, actor)
        if result is _SENT:
            reading = self._meter.weigh(watched.sender, time, 0.0, recipient)
            if not reading and watched.case is not None:
                _close(watched)
            return
        self._bad(watched, row, regard.weight(result, reason))

    def _meet(self, time: float, actor: Actor) -> _Watched:
        key = (actor.kind, actor.name, actor.host)
        watched = self._watched.get(key)
        if watched is None:
            watched = self._watched[key] = _Watched(actor, self._meter.join(time))
        if watched.case is None and actor.address and len(watched.homes) < _NETWORKS:
            watched.homes.add(network(actor.address))
        if actor.kind == "local_user" and who.user_name(actor.name, actor.address or "") != f"uid {actor.name}":
            watched.actor = actor  # the process called itself what its uid is called
        if len(self._by_actor) >= _REMEMBERED:
            self._by_actor.clear()
        self._by_actor[actor] = watched
        return watched

    def _bad(self, watched: _Watched, row: Outcome, bad: float | None) -> None:
        sender, time = watched.sender, row.time
        refused = row.result is _BOUNCED
        if bad is None or (row.reason is Reason.LISTED and self._excused(sender, time)):
            sender.recipients += 1
            sender.refused += refused
            sender.deferred += not refused
            return
        reading = self._meter.weigh(sender, time, bad, row.recipient)
        case = watched.case
        if reading and case is None:
            case = watched.case = _Case(sender, time)
        sender.refused += refused
        sender.deferred += not refused
        if case is None:
            return
        if not reading:
            _close(watched)
            return
        self._note(case, watched, row, bad)
        if reading >= LOWEST_BAR:
            self._raise(case, sender, time)

    def _excused(self, sender: Sender, time: float) -> bool:
        """Whether others met the listing too: then it is about our address."""
        for number in [number for number, last in self._listed.items() if time - last > _ABOUT_US]:
            del self._listed[number]
        if len(self._listed) < _NETWORKS or sender.number in self._listed:
            self._listed[sender.number] = time
        return len(self._listed) > 1

    def _note(self, case: _Case, watched: _Watched, row: Outcome, bad: float) -> None:
        case.last = watched.sender.mark(row.time)
        case.unfit += row.reason in _UNFIT
        if bad >= _CLEARLY:
            telling = row.reason in _UNFIT
            case.trail.add(row.time, row.ref, regard.note(row.result, row.reason), telling=telling)
        if row.actor.address and len(case.networks) < _NETWORKS:
            case.networks.add(network(row.actor.address))

    def _raise(self, case: _Case, sender: Sender, time: float) -> None:
        """Take the reading's height; the onset is that of the moment it first accused, else was worth a look."""
        above = self._meter.verdict(sender, time)
        if above > case.above:
            if case.above < self._caution:
                case.onset = sender.onset
            case.above = above

    def findings(self) -> Iterator[Finding]:
        """One finding for each sender whose meter went over the bar."""
        total_bad = sum(watched.sender.bad for watched in self._watched.values())
        total = total_bad + sum(watched.sender.good for watched in self._watched.values())
        for watched in self._watched.values():
            case = _worst(watched)
            if case is not None:
                sender = watched.sender
                others = (total_bad - sender.bad, total - sender.bad - sender.good)
                yield self._finding(watched, case, others)

    def _finding(self, watched: _Watched, case: _Case, others: tuple[float, float]) -> Finding:
        start, end = case.onset, case.last
        recipients, refused, deferred = (end[index] - start[index] for index in (1, 2, 3))
        answered = max(1, recipients - deferred)
        rate = refused / answered
        suspect = who.suspect(watched.actor)
        when = phrases.since(start[0], end[0], self._now)
        counts = f"{phrases.count(refused)} of {phrases.count(answered)} recipients refused"
        norms = f"{_norm('it', case.past)}, {_norm('everybody else', others)}"
        cause, accuses = who.CAUSES[watched.actor.kind], case.above >= self._caution
        if _is_list(watched, case, rate):
            suspect = Suspect(kind="list", name=suspect.name, host=suspect.host, account=suspect.account)
            cause, accuses = Cause.DIRTY_LIST, True
            verdict = f"{who.subject(suspect)} is a dirty list, full of addresses that do not exist any more, {when}"
        elif accuses:
            verdict = f"{who.subject(suspect)} {_used(suspect, when)} {when}"
        else:
            verdict = f"{who.subject(suspect)} is worth a look {when}"
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=cause,
            since=start[0],
            until=end[0],
            sentence=f"{verdict}: {counts}; {norms}.",
            measure=rate,
            norm=_rate(case.past),
            unit="refused share",
            accuses=accuses,
            strength=Strength.SHOWN,
            witnesses=(who.witness(watched.actor.host),),
            quotes=case.trail.quotes(start[0]),
            facts={
                "messages": end[4] - start[4],
                "recipients": recipients,
                "refused": refused,
                "deferred": deferred,
                "usual_share": _rate(case.past),
                "others_share": _rate(others),
                "networks": len(case.networks),
                "nats_above_bar": round(case.above, 1),
            },
            severity="critical" if accuses and suspect.kind != "list" else "warning",
        )


def _worst(watched: _Watched) -> _Case | None:
    cases = [case for case in (watched.case, watched.closed) if case is not None and case.above >= 0]
    return max(cases, key=lambda case: case.above, default=None)


def _close(watched: _Watched) -> None:
    """The meter is back at zero: forget, unless it was over the bar and worse than before."""
    case, watched.case = watched.case, None
    assert case is not None
    if case.above >= 0 and (watched.closed is None or case.above > watched.closed.above):
        watched.closed = case


def _is_list(watched: _Watched, case: _Case, rate: float) -> bool:
    """Recipients that ceased to exist, of somebody who writes to many, from where they always do."""
    bad = max(1, case.last[2] - case.onset[2] + case.last[3] - case.onset[3])
    bulk = watched.sender.busiest >= BULK or (case.past[1] < _LIST <= watched.sender.burst)
    abroad = len(case.networks - watched.homes)
    return bulk and rate < _DIRTY and case.unfit / bad <= _UNFIT_SHARE and abroad <= 1


def _rate(counts: tuple[float, float]) -> float | None:
    return counts[0] / counts[1] if counts[1] >= _ENOUGH else None


def _norm(whom: str, counts: tuple[float, float]) -> str:
    rate = _rate(counts)
    if rate is None:
        return "too little is known of its past" if whom == "it" else "there is nobody to compare with"
    seen = f"none in {phrases.count(counts[1])}" if counts[0] < 1 else phrases.share(rate)
    return f"{whom} normally sees {seen}" if whom == "it" else f"{whom} {seen}"


def _used(suspect: Suspect, when: str) -> str:
    verb = "is" if when.startswith("since") else "was"
    return f"{verb} sending spam" if suspect.kind == "host" else f"{verb} being used to send spam"
