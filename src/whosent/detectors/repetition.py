"""The same mail over and over: a program gone wild, answering machines that answer each other, a loop without an end.

A spammer writes to many once; a monitoring or ticket system gone wild writes to few, hundreds of times an hour.  Two
answering machines write to each other in turn; mail that goes back to the very client that brought it goes round
between two hosts.  So mail is counted by pairs of sender and recipient, hour by hour.  None of it is a break-in, and
none is called one; retries are not counted, nor are hand-overs to hosts of ours, but back to where it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.measures import phrases, regard, who
from whosent.measures.trail import Trail, in_order
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import OUR_SENDERS, Actor, Outcome, Result
from whosent.model.surroundings import domain_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_LOCAL: Final = Result.LOCAL
_BOUNCED: Final = Result.BOUNCED
_HANDED_OVER: Final = Result.HANDED_OVER
_HERE: Final = ("127.", "::1")
_CLIENTS: Final = ("stranger", "host")
_HOUR: Final = 3600.0
_COUNTED: Final = 50_000  # pairs counted within an hour
_REMEMBERED: Final = 2_000  # pairs that met again and again
_AGAIN: Final = 20  # times an hour from which a pair is looked at; also what makes a loop of it
_ANSWERING: Final = 100  # times an hour, in both directions, that no two people write to each other
_EVEN: Final = 0.5  # share of one direction in the other that makes them answers
_WILD: Final = 300  # times an hour that nobody reads
_FEW: Final = 5  # recipients of a program gone wild
_QUOTED: Final = 6  # lines from each end of the story

Pair = tuple[bytes, bytes]


class _Often:
    """A pair of sender and recipient that met often within an hour."""

    __slots__ = (
        "actor", "first", "hours", "last", "looked_at", "recipient", "refused", "relay", "returned", "sender", "total",
        "trail",
    )  # fmt: skip

    def __init__(self, row: Outcome) -> None:
        self.actor = row.actor
        self.sender = row.sender
        self.recipient = row.original_recipient or row.recipient
        self.relay = row.relay
        self.first = self.last = row.time
        self.total = self.refused = 0
        self.hours: dict[float, int] = {}  # when one began -> how often within it, if often enough
        self.looked_at = 0  # from the twentieth of an hour on
        self.returned = 0  # of these, went to the client they came from
        self.trail = Trail()

    def add(self, row: Outcome, count: int, hour: float) -> None:
        """Once more; ``count`` is how often within the hour that began at ``hour``."""
        self.last = row.time
        self.total += count if count == _AGAIN else 1
        self.hours[hour] = count
        self.refused += row.result is _BOUNCED
        self.looked_at += 1
        self.returned += row.relay == row.actor.address
        what = "delivered" if row.result is not _BOUNCED else regard.note(row.result, row.reason)
        self.trail.add(row.time, row.ref, f"once more, {what}")

    @property
    def most(self) -> int:
        """How often in its busiest hour."""
        return max(self.hours.values())

    @property
    def goes_back(self) -> bool:
        """Whether it goes back to where it came from."""
        return bool(self.relay) and 2 * self.returned > self.looked_at


class _Told(NamedTuple):
    """What a finding says."""

    suspect: Suspect
    cause: Cause
    sentence: str
    clause: str
    pairs: list[_Often]
    measure: int
    norm: int


class Detector:
    """Counts pairs of sender and recipient."""

    name = "repetition"
    results = (_SENT, _LOCAL, _HANDED_OVER, _BOUNCED)
    self_contained = True
    beside_reading = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._counts: dict[Pair, int] = {}
        self._often: dict[Pair, _Often] = {}
        self._written_to: set[bytes] = set()  # recipients of these
        self._hour = float("-inf")  # when the running one began

    def outcome(self, row: Outcome) -> None:
        """The hot path: most pairs meet once."""
        result = row[6]
        if result is _LOCAL:
            if row[4] not in self._written_to:  # only who gets as much from us can be answering
                return
        elif result is not _SENT and result is not _BOUNCED and not _back_to_a_host_of_ours(row):
            return
        counts, pair = self._counts, (row[4], row[5])
        if row[0] - self._hour >= _HOUR:
            self._hour = row[0]
            counts.clear()
        count = counts[pair] = counts.get(pair, 0) + 1
        if count >= _AGAIN:
            self._again(pair, row, count)
        elif len(counts) >= _COUNTED:
            self._counts = {one: times for one, times in counts.items() if times > 2}  # noqa: PLR2004  # once or twice
            if 2 * len(self._counts) > _COUNTED:
                self._counts = {}

    def _again(self, pair: Pair, row: Outcome, count: int) -> None:
        often = self._often.get(pair)
        if often is None:
            if len(self._often) >= _REMEMBERED:
                return
            often = self._often[pair] = _Often(row)
            self._written_to.add(pair[1])
        often.add(row, count, self._hour)

    def findings(self) -> Iterator[Finding]:
        """Loops first: what they explain is no program gone wild."""
        explained: set[Pair] = set()
        circles: dict[tuple[bytes, Actor], list[_Often]] = {}
        for pair, often in self._often.items():
            back = (pair[1], pair[0])
            if often.actor.kind in _CLIENTS and often.goes_back:
                explained.add(pair)
                circles.setdefault((often.recipient, often.actor), []).append(often)
            elif back > pair and back in self._often:
                both = (often, self._often[back])
                if min(one.most for one in both) >= max(_ANSWERING, _EVEN * max(one.most for one in both)):
                    explained |= {pair, back}
                    yield _finding(self.name, self._answering(*both))
        for together in circles.values():
            yield _finding(self.name, _circle(together))
        for told in _wild([often for pair, often in self._often.items() if pair not in explained]):
            yield _finding(self.name, told)

    def _answering(self, one: _Often, other: _Often) -> _Told:
        own = self._surroundings.is_own_domain
        ours, theirs = (one, other) if own(domain_of(one.sender)) else (other, one)
        suspect = who.suspect(ours.actor) if ours.actor.kind in OUR_SENDERS else _address(ours.sender, ours.actor.host)
        total = ours.total + theirs.total
        sentence = (
            f"{_text(ours.sender)} and {_text(theirs.sender)} answer each other in a circle since "
            f"{phrases.moment(min(ours.first, theirs.first))}: more than {phrases.count(total, 'message')}, up to "
            f"{phrases.count(max(ours.most, theirs.most))} an hour in each direction; two answering machines, not a "
            f"break-in."
        )
        return _Told(suspect, Cause.MAIL_LOOP, sentence, "two answering machines answer each other", [ours, theirs],
                     min(ours.most, theirs.most), _ANSWERING)  # fmt: skip


def _back_to_a_host_of_ours(row: Outcome) -> bool:
    """Handed over to the host it came from, which is no filter on this machine."""
    return row[6] is _HANDED_OVER and row[8] == row[2][3] and not row[8].startswith(_HERE)


def _circle(together: list[_Often]) -> _Told:
    one, total = together[0], sum(often.total for often in together)
    recipient = _text(one.recipient)
    senders = phrases.listing([_text(often.sender) or "nobody (a bounce)" for often in together])
    sentence = (
        f"Mail from {senders} to {recipient} goes round between {one.actor.host or 'this host'} and {one.actor.name} "
        f"since {phrases.moment(min(often.first for often in together))}: it came from there and went back there "
        f"{phrases.count(total, 'time')}; each takes the other for the one that keeps this mail, which is an error in "
        f"routing or forwarding, not a break-in."
    )
    return _Told(_address(one.recipient, one.actor.host), Cause.MAIL_LOOP, sentence, "", together, total, _AGAIN)


def _wild(pairs: list[_Often]) -> Iterator[_Told]:
    """Senders of ours whose busiest hour had one or a few recipients, hundreds of times."""
    hours: dict[tuple[tuple[str, ...], float], list[_Often]] = {}
    for often in pairs:
        if often.actor.kind in OUR_SENDERS:
            for hour in often.hours:
                hours.setdefault((often.actor[:3], hour), []).append(often)
    worst: dict[tuple[str, ...], tuple[int, float, list[_Often]]] = {}
    for (sender, hour), together in hours.items():
        times = sum(often.hours[hour] for often in together)
        if len(together) <= _FEW and times >= _WILD and (sender not in worst or times > worst[sender][0]):
            worst[sender] = (times, hour, together)
    for times, hour, together in worst.values():
        together.sort(key=lambda often: (-often.total, often.recipient))
        yield _gone_wild(times, hour, together)


def _gone_wild(times: int, hour: float, together: list[_Often]) -> _Told:
    suspect = who.suspect(together[0].actor)
    to = phrases.listing([_text(often.recipient) for often in together])
    few = "the same recipient" if len(together) == 1 else f"the same {len(together)} recipients"
    sentence = (
        f"{who.subject(suspect)} writes to {few} ({to}) over and over: {phrases.count(times, 'message')} within an "
        f"hour from {phrases.moment(hour)}; that is a monitoring, ticket or mail program gone wild, and no "
        f"spam run, which would write to many."
    )
    clause = f"{phrases.count(times, 'message')} of it within an hour to {few}"
    return _Told(suspect, Cause.UNUSUAL_VOLUME, sentence, clause, together, times, _WILD)


def _finding(detector: str, told: _Told) -> Finding:
    pairs = told.pairs
    total, refused = sum(one.total for one in pairs), sum(one.refused for one in pairs)
    entries = sorted(entry for one in pairs for entry in one.trail.entries())
    return Finding(
        detector=detector,
        suspect=told.suspect,
        cause=told.cause,
        since=min(one.first for one in pairs),
        until=max(one.last for one in pairs),
        sentence=told.sentence,
        clause=told.clause,
        measure=told.measure,
        norm=told.norm,
        unit="messages an hour between the same two",
        accuses=True,
        strength=Strength.SHOWN,
        witnesses=(who.witness(pairs[0].actor.host),),
        quotes=in_order([*entries[:_QUOTED], *entries[-_QUOTED:]]),
        facts={
            "messages": total,
            "recipients": total,
            "refused": refused,
            "deferred": 0,
            "pairs": len(pairs),
            "sender": _text(pairs[0].sender),
            "recipient": _text(pairs[0].recipient),
        },
        severity="warning",
    )


def _address(address: bytes, host: str) -> Suspect:
    return Suspect(kind="forwarder", name=_text(address), host=host or None)


def _text(address: bytes) -> str:
    return address.decode("utf-8", "backslashreplace")
