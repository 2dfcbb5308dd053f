"""A provider in trouble, or in trouble with all of us: one destination puts off or refuses everybody's mail at once.

That is an outage there, or a block of our address; it says nothing about any one sender.  So nobody is accused, and one
notice says since when, for how many, and what was answered.  Destinations that never took anything (typing errors, dead
domains) and listings, of which ``worldsays`` tells, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, regard, who
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import ANSWERS, OUR_SENDERS, Outcome, Reason, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_BOUNCED: Final = Result.BOUNCED
_DEFERRED: Final = Result.DEFERRED
_TROUBLE: Final = (Reason.ROUTE, Reason.RATE, Reason.POLICY, Reason.OTHER, Reason.NONE)
_ROUND: Final = 3600.0
_DOMAINS: Final = 20_000
_SENDERS: Final = 1_000  # told apart for each destination
_EIGHTH: Final = 7  # mask of a count
_FEW: Final = 6  # senders from which on it is looked at who gets through
_CROWD: Final = 8  # senders that are everybody
_LEAST: Final = 20  # recipients
_MOST: Final = 0.7  # share of the senders who wrote there


class _Trouble:
    """What one destination answered to everybody, within an hour or in hours on end."""

    __slots__ = ("accepted", "bad", "deferred", "first", "good", "host", "last", "reasons", "refused", "since",
                 "taken", "trail")  # fmt: skip

    def __init__(self, host: str, time: float) -> None:
        self.host = host
        self.first = self.last = time
        self.accepted = self.refused = self.deferred = 0
        self.bad: set[tuple[str, str]] = set()  # senders who were put off or refused
        self.good: set[tuple[str, str]] = set()  # and who were not, while it lasted
        self.taken = 0  # recipients accepted since the last that was not: perhaps it is over
        self.since: set[tuple[str, str]] = set()  # and whose they were
        self.reasons: dict[Reason, int] = {}
        self.trail = Trail()

    def add(self, row: Outcome) -> None:
        """Put off or refused."""
        self.last = row.time
        if self.taken:
            self.accepted += self.taken
            self.good |= self.since
            self.taken = 0
            self.since.clear()
        self.refused += row.result is _BOUNCED
        self.deferred += row.result is _DEFERRED
        self.reasons[row.reason] = self.reasons.get(row.reason, 0) + 1
        if len(self.bad) < _SENDERS:
            self.bad.add(row.actor[:2])
        self.trail.add(row.time, row.ref, regard.note(row.result, row.reason))

    @property
    def is_everybodys(self) -> bool:
        """Whether nearly all who wrote there met it."""
        if len(self.bad) < _CROWD or self.refused + self.deferred < _LEAST:
            return False
        bad = len(self.bad)
        return bad >= _MOST * len(self.good) and bad >= _MOST * len(self.bad | self.good)

    def join(self, later: _Trouble) -> None:
        """It went on in the next hour."""
        self.last = later.last
        self.accepted += later.accepted
        self.refused += later.refused
        self.deferred += later.deferred
        self.bad |= later.bad
        self.good |= later.good
        for reason, count in later.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        for time, ref, note in later.trail.entries():
            self.trail.add(time, ref, note)


class Detector:
    """Watches destinations, hour by hour."""

    name = "outage"
    kinds = OUR_SENDERS
    results = ANSWERS
    self_contained = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings, surroundings  # the actor already says who is ours
        self._answered: set[bytes] = set()  # destinations that took something, of every eighth recipient
        self._accepted = 0  # recipients
        self._crowds: dict[bytes, _Trouble] = {}  # those of the running hour that a few senders met
        self._troubles: dict[bytes, _Trouble] = {}  # of the running hour
        self._found: dict[bytes, list[_Trouble]] = {}
        self._hour = float("-inf")  # when the running one began

    def outcome(self, row: Outcome) -> None:
        """The hot path: most mail goes to destinations that are well."""
        result = row[6]
        if result is _SENT:
            self._accepted += 1
            if self._crowds or not self._accepted & _EIGHTH:
                self._took(row)
        elif row[7] in _TROUBLE and not row[9]:
            self._refused(row)

    def _took(self, row: Outcome) -> None:
        domain = row.recipient.rpartition(b"@")[2]
        if domain not in self._answered and len(self._answered) < _DOMAINS:
            self._answered.add(domain)
        trouble = self._crowds.get(domain)
        if trouble is not None:
            trouble.taken += 1
            if len(trouble.since) < _SENDERS:
                trouble.since.add(row.actor[:2])

    def _refused(self, row: Outcome) -> None:
        if row.time - self._hour >= _ROUND:
            self._found = self._with_running()
            self._troubles, self._crowds = {}, {}
            self._hour = row.time
        domain = row.recipient.rpartition(b"@")[2]
        trouble = self._troubles.get(domain)
        if trouble is None:
            if len(self._troubles) >= _DOMAINS:
                return
            trouble = self._troubles[domain] = _Trouble(row.actor.host, row.time)
        trouble.add(row)
        if len(trouble.bad) >= _FEW:
            self._crowds[domain] = trouble

    def _with_running(self) -> dict[bytes, list[_Trouble]]:
        """What was found, and what the running hour adds; that is left as it is."""
        found = dict(self._found)
        for domain, trouble in self._crowds.items():
            if trouble.is_everybodys:
                before = found.get(domain, [])
                if before and trouble.first - before[-1].last < _ROUND:
                    whole = _Trouble(before[-1].host, before[-1].first)
                    whole.join(before[-1])
                    whole.join(trouble)
                    found[domain] = [*before[:-1], whole]
                elif len(found) < _DOMAINS:
                    found[domain] = [*before, trouble]
        return found

    def findings(self) -> Iterator[Finding]:
        """The longest trouble of each destination; it accuses nobody."""
        for domain, troubles in sorted(self._with_running().items()):
            if domain in self._answered:
                yield self._finding(domain, max(troubles, key=lambda one: one.refused + one.deferred))

    def _finding(self, domain: bytes, trouble: _Trouble) -> Finding:
        name = domain.decode("utf-8", "backslashreplace")
        reason = max(trouble.reasons, key=lambda one: (trouble.reasons[one], -one))
        bad = trouble.refused + trouble.deferred
        did = "put off" if trouble.deferred >= trouble.refused else "refused"
        host = trouble.host or "this host"
        sentence = (
            f"{name} {did} mail of nearly everybody who wrote there from {phrases.moment(trouble.first)} to "
            f"{phrases.moment(trouble.last)}: {phrases.count(bad, 'recipient')} of "
            f"{phrases.count(len(trouble.bad), 'sender')} of {host} ({regard.note(_RESULTS[did], reason)}), "
            f"{phrases.count(trouble.accepted)} accepted meanwhile; that is {_MEANING.get(reason, _ELSE)}, and no "
            f"sender's doing."
        )
        return Finding(
            detector=self.name,
            suspect=Suspect(kind="host", name=host, host=trouble.host or None),
            cause=Cause.UNKNOWN,
            since=trouble.first,
            until=trouble.last,
            sentence=sentence,
            measure=len(trouble.bad),
            norm=None,
            unit="senders",
            accuses=False,
            stands_alone=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(trouble.host),),
            quotes=trouble.trail.quotes(),
            facts={
                "messages": bad,
                "recipients": bad + trouble.accepted,
                "refused": trouble.refused,
                "deferred": trouble.deferred,
                "senders": len(trouble.bad),
                "destination": name,
            },
            severity="warning",
        )


_RESULTS: Final = {"put off": _DEFERRED, "refused": _BOUNCED}
_ELSE: Final = "trouble there or with our address"
_MEANING: Final = {
    Reason.ROUTE: "an outage there or on the way",
    Reason.RATE: "a limit on our address as a whole",
    Reason.POLICY: "a rule against our address or domain as a whole",
}
