"""The outcome meter: who is refused by the world far more often than usual, since when.

For every account, local user and host of ours the meter of :mod:`whosent.measures.meter` weighs the first answer
about each recipient.  Over the bar it is worth a look (a finding that supports others); ``meter.caution`` nats
further it accuses.  A sender that always wrote to many at once, and whose recipients merely cease to exist, has a
dirty list and is told so.  Deliveries to our own mailboxes, to other hosts of ours and of forwarded mail say
nothing about the sender and are not counted; nor are refusals of what only answers or passes on a letter that came
in before (vacation replies, Sieve redirects).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from whosent.measures import phrases, regard, who
from whosent.measures.meter import Meter, Sender
from whosent.measures.resting import Senders
from whosent.measures.watch import Case, Watched, woken
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import OUR_SENDERS, Actor, Message, Outcome, Reason, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_BOUNCED: Final = Result.BOUNCED
_DEFERRED: Final = Result.DEFERRED
_ABOUT_US: Final = 86_400.0  # seconds for which a listing others met excuses a sender
_FEW: Final = 16  # senders remembered as having met a listing
_ENOUGH: Final = 20  # recipients that make a norm


class Detector:
    """Weighs outcomes sender by sender."""

    name = "outcomes"
    kinds = OUR_SENDERS

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._correspondents = surroundings.correspondents
        self._caution = settings.meter.caution
        self._meter = Meter()
        self._watched: Senders[Watched] = Senders()
        self._by_actor = self._watched.by_actor
        self._suspects: dict[int, Watched] = {}  # sender number -> whose meter ever was over the bar
        self._listed: dict[int, float] = {}  # sender number -> when a reply last called us listed
        self._now = float("-inf")

    def message(self, row: Message) -> None:
        """Only counted."""
        watched = self._by_actor.get(row[2])
        if watched is None:
            watched = self._meet(row[0], row[2])
        watched.sender.messages += 1

    def outcome(self, row: Outcome) -> None:
        """The hot path: most outcomes are good, of senders at zero."""
        time, actor, result = row[0], row[2], row[6]
        self._now = time
        if (result is not _SENT and result is not _BOUNCED and result is not _DEFERRED) or row[9]:
            return
        watched = self._by_actor.get(actor)
        if watched is None:
            watched = self._meet(time, actor)
        if result is _SENT:
            watched.good(self._meter, time, row[5])
        else:
            self._bad(watched, row, regard.weight(result, row[7]))

    def _meet(self, time: float, actor: Actor) -> Watched:
        watched = self._watched.meet(actor, time, Watched.norm, woken, self._begin)
        watched.at_home(actor.address)
        if actor.kind == "local_user" and who.user_name(actor.name, actor.address or "") != f"uid {actor.name}":
            watched.actor = actor  # the process called itself what its uid is called
        return watched

    def _begin(self, actor: Actor, time: float) -> Watched:
        return Watched(actor, self._meter.join(time))

    def _bad(self, watched: Watched, row: Outcome, weight: float | None) -> None:
        if weight is None or self._is_about_us(watched.sender, row) or self._correspondents.explains(row):
            watched.skip(row)
        else:
            watched.bad(self._meter, row, weight, self._caution)
            if watched.case is not None and watched.case.above >= 0:
                self._suspects[watched.sender.number] = watched

    def _is_about_us(self, sender: Sender, row: Outcome) -> bool:
        """Whether a reply names a listing that others met too: then it is about our address."""
        if row.reason is not Reason.LISTED:
            return False
        time = row.time
        for number in [number for number, last in self._listed.items() if time - last > _ABOUT_US]:
            del self._listed[number]
        if len(self._listed) < _FEW or sender.number in self._listed:
            self._listed[sender.number] = time
        return len(self._listed) > 1

    def findings(self) -> Iterator[Finding]:
        """One finding for each sender whose meter went over the bar."""
        for watched in self._suspects.values():
            case = watched.worst()
            if case is not None:
                yield self._finding(watched, case, self._meter.others(watched.sender))

    def _finding(self, watched: Watched, case: Case, others: tuple[float, float]) -> Finding:
        start, end = case.onset, case.last
        rate = case.refused / case.answered
        suspect = who.suspect(watched.actor)
        when = phrases.since(start[0], end[0], self._now)
        counts = f"{phrases.count(case.refused)} of {phrases.count(case.answered)} recipients refused"
        norms = f"{_norm('it', case.past)}, {_norm('everybody else', others)}"
        cause, accuses = who.CAUSES[watched.actor.kind], case.above >= self._caution
        if watched.is_list(case):
            suspect = _list(suspect, case)
            cause, accuses = Cause.DIRTY_LIST, True
            verdict = (
                f"{who.subject(suspect)} is a dirty list, full of addresses that do not exist any more, {when}, and no "
                f"sign of a break-in"
            )
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
                **case.counts,
                "usual_share": _rate(case.past),
                "others_share": _rate(others),
                "networks": len(case.networks),
                "nats_above_bar": round(case.above, 1),
                "accused_at": case.accused,
            },
            severity="critical" if accuses and suspect.kind != "list" else "warning",
        )


def _list(sender: Suspect, case: Case) -> Suspect:
    """The list is called by the account that sends it; if a program sends it, by the address that gets its bounces."""
    name = sender.name if sender.kind == "account" else case.sender_address or sender.name
    return msgspec.structs.replace(sender, kind="list", name=name)


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
