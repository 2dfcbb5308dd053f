"""Our own filter says so: whose outgoing mail it calls spam or infected far more often than usual, since when.

Each message of an account, local user or host of ours that rspamd, SpamAssassin, Amavis, ClamAV or a milter judged is
weighed by the meter of :mod:`whosent.measures.meter`, against its own past and that of everybody else before the same
filter: one that calls everybody's mail spam excuses everybody.  Only the verdict counts; points below its threshold do
not.  The refusals of the same messages by the world are the outcome meter's: the two are never added up.

One text is one opinion, however many copies: a newsletter that the filter misjudges is called spam a thousand times.
So a filter alone accuses nobody.  It does with a second sign: the world refuses the sender as well, the mail came from
networks the account never used, or several messages carried a virus.  Mail that came in, was passed on for others or is
an automatic reply never counts against anybody here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, who
from whosent.measures.homes import Abroad, Homes
from whosent.measures.judged import OURS, Heard, is_own
from whosent.measures.meter import LOWEST_BAR, Mark, Meter, Sender
from whosent.measures.trail import Trail
from whosent.model.finding import Finding, Strength
from whosent.model.rows import Actor, Outcome, Result, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_BOUNCED: Final = Result.BOUNCED
_REMEMBERED: Final = 200_000
_LEAST: Final = 10  # messages called spam before that is worth telling by itself
_REFUSED: Final = 5  # recipients the world refused,
_SHARE: Final = 0.1  # of those answered, that are a second sign
_VIRUSES: Final = 3  # messages with one
_ENOUGH: Final = 20  # messages that make a norm
_FEW: Final = 8  # programs, viruses named

Key = tuple[str, str, str]


class _Case:
    """One excursion of one sender's meter."""

    __slots__ = ("above", "abroad", "last", "onset", "past", "programs", "refused_from", "trail", "viruses", "world")

    def __init__(self, judged: _Judged, time: float) -> None:
        sender = judged.sender
        self.past = (sender.bad, sender.bad + sender.good)
        self.onset: Mark = sender.mark_before(time)
        self.last: Mark = self.onset
        self.above = float("-inf")
        self.trail = Trail()
        self.abroad = Abroad()
        self.programs: dict[str, None] = {}
        self.viruses: dict[str, int] = {}
        self.refused_from = judged.world
        self.world = judged.world  # answered and refused by the world

    @property
    def spam(self) -> int:
        return self.last[2] - self.onset[2]

    @property
    def messages(self) -> int:
        return max(1, self.last[1] - self.onset[1])

    def refusals(self) -> tuple[int, int]:
        """Recipients the world answered and refused meanwhile."""
        return self.world[0] - self.refused_from[0], self.world[1] - self.refused_from[1]


class _Judged:
    """A sender whose mail a filter of ours judges."""

    __slots__ = ("actor", "case", "closed", "homes", "sender", "world")

    def __init__(self, actor: Actor, sender: Sender) -> None:
        self.actor = actor
        self.sender = sender
        self.homes = Homes()
        self.world = (0, 0)  # recipients answered, refused
        self.case: _Case | None = None
        self.closed: _Case | None = None

    def close(self) -> None:
        """The meter is back at zero; the worst excursion is kept."""
        case, self.case = self.case, None
        if case is not None and case.above >= 0 and (self.closed is None or case.above > self.closed.above):
            self.closed = case

    def worst(self) -> _Case | None:
        cases = [case for case in (self.closed, self.case) if case is not None and case.above >= 0]
        return max(cases, key=lambda case: case.above, default=None)


class Detector:
    """Weighs the verdicts of our own filters, sender by sender."""

    name = "filtered"
    woken_by = ("verdict",)
    kinds = OURS
    results = (_SENT, _BOUNCED)

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._caution = settings.meter.caution
        self._surroundings = surroundings
        self._meter = Meter()
        self._heard = Heard()
        self._judged: dict[Key, _Judged] = {}
        self._by_actor: dict[Actor, _Judged | None] = {}
        self._now = float("-inf")

    def outcome(self, row: Outcome) -> None:
        """What the world answers those whose mail is judged."""
        if row[9]:
            return
        actor = row[2]
        if actor not in self._by_actor:
            self._recognise(actor)
        judged = self._by_actor[actor]
        if judged is not None:
            answered, refused = judged.world
            judged.world = (answered + 1, refused + (row[6] is _BOUNCED))
            if judged.case is not None:
                judged.case.world = judged.world

    def _recognise(self, actor: Actor) -> None:
        """A filter with a log file of its own does not say on which host it judged."""
        if len(self._by_actor) >= _REMEMBERED:
            self._by_actor.clear()
        judged = self._judged.get((actor.kind, actor.name, actor.host))
        if judged is None:
            judged = self._judged.get((actor.kind, actor.name, ""))
            if judged is not None and not judged.actor.host:
                judged.actor = judged.actor._replace(host=actor.host)
        self._by_actor[actor] = judged

    def verdict(self, row: Verdict) -> None:
        """One message of ours, judged."""
        self._now = row.time
        if not is_own(row, self._surroundings) or self._heard.again(row):
            return
        key = (row.actor.kind, row.actor.name, row.actor.host)
        judged = self._judged.get(key)
        if judged is None:
            judged = self._judged[key] = _Judged(row.actor, self._meter.join(row.time))
            self._by_actor.clear()
        sender = judged.sender
        reading = self._meter.weigh(sender, row.time, 1.0 if row.spam else 0.0, b"")
        if not reading:
            judged.close()
            judged.homes.add(row.actor)
        elif judged.case is None:
            judged.case = _Case(judged, row.time)
        sender.messages += 1
        if row.spam and judged.case is not None:
            self._note(judged, judged.case, row, reading)

    def _note(self, judged: _Judged, case: _Case, row: Verdict, reading: float) -> None:
        sender = judged.sender
        sender.refused += 1
        case.last = sender.mark(row.time)
        case.abroad.add(judged.homes.elsewhere(row.actor))
        if len(case.programs) < _FEW:
            case.programs[row.program] = None
        if row.virus and (row.virus in case.viruses or len(case.viruses) < _FEW):
            case.viruses[row.virus] = case.viruses.get(row.virus, 0) + 1
        case.trail.add(row.time, row.ref, _said(row), telling=bool(row.virus))
        if reading >= LOWEST_BAR:
            above = self._meter.verdict(sender, row.time)
            if above > case.above:
                if case.above < 0:
                    case.onset = sender.onset
                case.above = above

    def findings(self) -> Iterator[Finding]:
        """One finding for each sender whose meter went over the bar."""
        for judged in self._judged.values():
            case = judged.worst()
            if case is not None:
                yield self._finding(judged, case, self._meter.others(judged.sender))

    def _finding(self, judged: _Judged, case: _Case, others: tuple[float, float]) -> Finding:
        suspect = who.suspect(judged.actor)
        signs = list(_signs(case))
        accuses = bool(signs) and case.above >= self._caution
        programs = phrases.listing(list(case.programs))
        counts = f"{phrases.count(case.spam)} of {phrases.count(case.messages, 'message')}"
        called = "infected" if case.viruses else "spam"
        found = f"{programs}: {phrases.listing(list(case.viruses))}" if case.viruses else programs
        answered, refused = case.refusals()
        subject = who.subject(suspect)
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=who.CAUSES[judged.actor.kind],
            since=case.onset[0],
            until=case.last[0],
            sentence=(
                f"Our own filter called {counts} of {subject[0].lower()}{subject[1:]} {called} ({found}) "
                f"{phrases.since(case.onset[0], case.last[0], self._now)}; {_norms(case.past, others)}"
                f"{'; ' + phrases.listing(signs) if signs else ''}."
            ),
            clause=f"our own filter called {counts} {called} ({programs})",
            measure=case.spam / case.messages,
            norm=_rate(case.past),
            unit="share called spam",
            accuses=accuses,
            stands_alone=case.spam >= _LEAST,
            strength=Strength.SHOWN,
            witnesses=(f"log of {programs}",),
            quotes=case.trail.quotes(case.onset[0]),
            facts={
                "messages": case.messages,
                "recipients": answered,
                "refused": refused,
                "deferred": 0,
                "called_spam": case.spam,
                "infected": sum(case.viruses.values()),
                "usual_share": _rate(case.past),
                "others_share": _rate(others),
                "from_elsewhere": case.abroad.messages,
                "nats_above_bar": round(case.above, 1),
            },
            severity="critical" if accuses else "warning",
        )


def _signs(case: _Case) -> Iterator[str]:
    """What else speaks against the sender, in words."""
    answered, refused = case.refusals()
    infected = sum(case.viruses.values())
    if refused >= _REFUSED and refused >= _SHARE * answered:
        yield f"the world refused {phrases.count(refused)} of its {phrases.count(answered, 'recipient')} meanwhile"
    if case.abroad.clear:
        yield (
            f"{phrases.count(case.abroad.messages)} of them came from "
            f"{phrases.count(len(case.abroad.networks), 'network')} it never used before"
        )
    if infected >= _VIRUSES:
        yield f"{phrases.count(infected, 'message')} carried a virus"


def _said(row: Verdict) -> str:
    points = f" {row.score:g}" if row.score is not None else ""
    return f"{row.program}: {'infected' if row.virus else 'spam'}{points}"


def _rate(counts: tuple[float, float]) -> float | None:
    return counts[0] / counts[1] if counts[1] >= _ENOUGH else None


def _norms(past: tuple[float, float], others: tuple[float, float]) -> str:
    own, rest = _usually(past), _usually(others)
    known = [f"{own} of its messages"] if own else []
    known += [f"{rest} of everybody else's"] if rest else []
    unknown = "" if own else "; too little is known of its past"
    return f"it normally is {phrases.listing(known)}{unknown}" if known else f"there is no norm yet{unknown}"


def _usually(counts: tuple[float, float]) -> str:
    rate = _rate(counts)
    if rate is None:
        return ""
    return f"none in {phrases.count(counts[1])}" if counts[0] < 1 else phrases.share(rate)
