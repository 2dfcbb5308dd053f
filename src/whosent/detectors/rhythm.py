"""Sharp fluctuation: an hour unlike the same hour of the weeks before, on a host or on all of them together.

Counted are messages and recipients handed in, refusals by their class, logins, failed logins, and how long each queue
was at most.  This needs four weeks of the past and an absolute number.  It names no sender and accuses nobody: it is a
reason to look at who stands behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.measures import phrases, who
from whosent.measures.rhythm import HOUR, LEAST_WEEKS, WEEK, Rhythm
from whosent.model.finding import Cause, Finding, Quote, Strength, Suspect
from whosent.model.rows import Length, Login, Message, Outcome, Reason, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_HOSTS: Final = 2_000
_KEPT: Final = 40  # hours that stood out
_QUEUED: Final = "messages waiting in "  # and the queue's folder
_ALL: Final = "all queues"
_LEAST: Final = {"messages": 300, "recipients": 600, "logins": 300, "failed logins": 300}
_LEAST_QUEUED: Final = 300
_LEAST_REFUSED: Final = 100
_UNITS: Final = {"messages": "messages", "recipients": "recipients", "logins": "logins", "failed logins": "logins"}
_CLASSES: Final = {
    Reason.UNKNOWN_USER: "refusals of unknown recipients",
    Reason.POLICY: "refusals for policy or spam",
    Reason.LISTED: "refusals that name a blocklist",
    Reason.RATE: "refusals for too much mail",
    Reason.GREYLISTED: "greylistings",
    Reason.MAILBOX: "refusals of full or disabled mailboxes",
    Reason.ROUTE: "failures of route or connection",
    Reason.OTHER: "other refusals",
    Reason.LOOP: "loops",
}
_EVERYWHERE: Final = ""
_REFUSALS: Final = (Result.DEFERRED, Result.DEFERRED_AGAIN, Result.BOUNCED)

Key = tuple[str, str]  # host ("": all together), what is counted


class Stood(NamedTuple):
    """An hour that stood out."""

    key: Key
    hour: int
    amount: int
    usual: float
    most: float
    weeks: int
    ref: int  # its first line


class Detector:
    """Counts each hour, and compares it when it is over, or when asked."""

    name = "rhythm"
    results = _REFUSALS
    self_contained = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings, surroundings
        self._end = 0.0  # of the running hour
        self._first = 0  # hour there was
        self._mail: dict[str, list[int]] = {}  # host -> messages, recipients, first line
        self._refused: dict[tuple[str, Reason], list[int]] = {}  # recipients, first line
        self._logins: dict[tuple[str, str], list[int]] = {}  # host, "logins" or "failed logins" -> how many, first line
        self._queues: dict[tuple[str, str], tuple[int, int]] = {}  # host, queue -> the longest it was, the line
        self._rhythms: dict[Key, Rhythm] = {}
        self._stood: list[Stood] = []

    def message(self, row: Message) -> None:
        """The hot path."""
        if row[0] >= self._end:
            self._turn(row[0])
        counts = self._mail.get(row[2][2])
        if counts is None:
            self._mail[row[2][2]] = [1, row[6], row[1]]
        else:
            counts[0] += 1
            counts[1] += row[6]

    def outcome(self, row: Outcome) -> None:
        """A refusal, or a first deferral, by its class."""
        if row[7]:
            if row[0] >= self._end:
                self._turn(row[0])
            counts = self._refused.setdefault((row[2][2], row[7]), [0, row[1]])
            counts[0] += 1

    def login(self, row: Login) -> None:
        """Somebody logged in, or failed to."""
        if row.time >= self._end:
            self._turn(row.time)
        counts = self._logins.setdefault((row.host, "logins" if row.succeeded else "failed logins"), [0, row.ref])
        counts[0] += 1

    def length(self, row: Length) -> None:
        """A queue was looked at: of an hour the longest counts."""
        if row.time >= self._end:
            self._turn(row.time)
        longest = self._queues.get((row.host, row.queue))
        if longest is None or row.messages > longest[0]:
            self._queues[row.host, row.queue] = (row.messages, row.ref)

    def _turn(self, time: float) -> None:
        """The running hour is over; a clock set back goes on with it."""
        if self._end:
            hour = int(self._end) // HOUR - 1
            self._stood = [*self._stood, *self._standing()][-_KEPT:]
            for key, (amount, _) in self._amounts().items():
                rhythm = self._rhythms.get(key)
                if rhythm is None and len(self._rhythms) < _HOSTS:
                    rhythm = self._rhythms[key] = Rhythm(gaps=key[1].startswith(_QUEUED))
                    if not key[1].startswith(_QUEUED):
                        rhythm.add(self._first, 0)
                if rhythm is not None:
                    rhythm.add(hour, amount)
        else:
            self._first = int(time) // HOUR
        self._mail, self._refused, self._logins, self._queues = {}, {}, {}, {}
        self._end = float((int(time) // HOUR + 1) * HOUR)

    def _amounts(self) -> dict[Key, tuple[int, int]]:
        """What the running hour amounts to so far: (amount, first line)."""
        found: dict[Key, tuple[int, int]] = {}
        for host, (messages, recipients, ref) in self._mail.items():
            found[host, "messages"], found[host, "recipients"] = (messages, ref), (recipients, ref)
        for (host, reason), (amount, ref) in self._refused.items():
            found[host, _CLASSES[reason]] = (amount, ref)
        found |= {key: (amount, ref) for key, (amount, ref) in self._logins.items()}
        if len({host for host, _ in found}) > 1:
            for (_, what), (amount, ref) in list(found.items()):
                sum_, first = found.get((_EVERYWHERE, what), (0, ref))
                found[_EVERYWHERE, what] = (sum_ + amount, first)
        for (host, queue), longest in self._queues.items():
            found[host, _QUEUED + queue] = longest
        if len(self._queues) > 1:
            together = sum(amount for amount, _ in self._queues.values())
            found[_EVERYWHERE, _QUEUED + _ALL] = (together, max(self._queues.values())[1])
        return found

    def _standing(self) -> Iterator[Stood]:
        """What of the running hour stands out so far."""
        if not self._end or int(self._end) // HOUR - 1 - self._first < LEAST_WEEKS * WEEK:
            return
        hour = int(self._end) // HOUR - 1
        for key, (amount, ref) in sorted(self._amounts().items()):
            rhythm = self._rhythms.get(key)
            usual = rhythm.usual(hour) if rhythm is not None else None
            if usual is not None and amount >= _least(key[1]) and amount > usual.limit:
                yield Stood(key, hour, amount, usual.middle, usual.most, usual.weeks, ref)

    def findings(self) -> Iterator[Finding]:
        """The last hour that stood out, of each count; of a single host where all together would tell the same."""
        latest = {one.key: one for one in (*self._stood, *self._standing())}
        single = {(_counted(one.key[1]), one.hour) for one in latest.values() if one.key[0] != _EVERYWHERE}
        for key, one in sorted(latest.items()):
            if key[0] != _EVERYWHERE or (_counted(key[1]), one.hour) not in single:
                yield self._finding(one)

    def _finding(self, one: Stood) -> Finding:
        host, what = one.key
        begin = float(one.hour * HOUR)
        where = host or "all hosts together"
        queued = what.startswith(_QUEUED)
        return Finding(
            detector=self.name,
            suspect=Suspect(kind="host", name=where, host=host or None),
            cause=Cause.UNKNOWN,
            since=begin,
            until=begin + HOUR,
            sentence=_sentence(one, where),
            measure=float(one.amount),
            norm=one.usual,
            unit="messages" if queued else _UNITS.get(what, "recipients"),
            accuses=False,
            stands_alone=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(host),),
            quotes=(Quote(one.ref, "the longest it was in this hour" if queued else "the first line of this hour"),),
            facts={
                "messages": one.amount if what == "messages" else 0,
                "recipients": one.amount if what == "recipients" else 0,
                "refused": one.amount if what.startswith(("refusals", "failures", "other", "loops")) else 0,
                "deferred": one.amount if what == "greylistings" else 0,
                "queued": one.amount if queued else 0,
                "usual": one.usual,
                "most": one.most,
                "weeks": one.weeks,
            },
            severity="warning",
        )


def _counted(what: str) -> str:
    """What is counted, whichever queue it is."""
    return _QUEUED if what.startswith(_QUEUED) else what


def _least(what: str) -> int:
    """What is too little to be told, however unusual it is."""
    return _LEAST_QUEUED if what.startswith(_QUEUED) else _LEAST.get(what, _LEAST_REFUSED)


def _sentence(one: Stood, where: str) -> str:
    """Who counted how much, when, and what is usual then."""
    what, hour = one.key[1], phrases.moment(float(one.hour * HOUR))
    counted, least, most = (phrases.count(round(number)) for number in (one.amount, one.usual, one.most))
    if one.key == (_EVERYWHERE, _QUEUED + _ALL):
        counts = f"all queues held up to {counted} messages, each at its longest,"
    elif what.startswith(_QUEUED):
        counts = f"the queue {what.removeprefix(_QUEUED)} of {where} held up to {counted} messages"
    else:
        counts = f"{where} counted {counted} {what}"
    return (
        f"Sharp fluctuation, and no proof of abuse: {counts} in the hour from {hour}; usual at this hour of the week "
        f"are {least}, and at most {most} were seen around it in the {one.weeks} weeks before."
    )
