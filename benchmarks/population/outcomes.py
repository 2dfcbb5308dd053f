"""What becomes of their mail: one outcome for each recipient, in time order."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.population.senders import DAY, HOUR, Burst, Sender, Town

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from benchmarks.population.senders import Takeover

PROVIDERS = ["big.example"] * 35 + [f"provider{number}.example" for number in range(65)]
"""Where recipients are: a third at one provider, so its outage defers a third of everybody's mail."""
GREYLISTED = 0.03
CONTACTS = 40
STRANGERS = 10_000_000
OUTAGE_HOURS = 2.0
ABUSE_NOVEL = 0.92


class Outcome(NamedTuple):
    """The first answer about one recipient."""

    time: float
    sender: str
    bad: bool
    """Refused for good: 5xx."""
    soft: bool
    """Put off: 4xx."""
    recipient: str
    abusive: bool
    """Truth, which no detector may read."""


class Traffic:
    """A month of outcomes, a day at a time."""

    def __init__(self, town: Town, senders: list[Sender], random: Random) -> None:
        self._town = town
        self._senders = senders
        self._random = random
        self._strangers = STRANGERS
        begin, end = town.burn_in * DAY, town.days * DAY
        starts = [random.uniform(begin, end) // DAY * DAY + random.uniform(8, 17) * HOUR for _ in range(town.outages)]
        self._outages = [(start, start + OUTAGE_HOURS * HOUR) for start in starts]
        self._bursts: defaultdict[int, list[tuple[Sender, Burst]]] = defaultdict(list)
        for sender in senders:
            for burst in sender.bursts:
                self._bursts[int(burst.start // DAY)].append((sender, burst))

    def days(self) -> Iterator[list[Outcome]]:
        """Give each day's outcomes."""
        for day in range(self._town.days):
            outcomes: list[Outcome] = []
            for sender in self._senders:
                self._usual(sender, day, outcomes)
                if sender.takeover:
                    self._abuse(sender, sender.takeover, day, outcomes)
            for sender, burst in self._bursts[day]:
                for _ in range(burst.recipients):
                    at = burst.start + self._random.random() * burst.hours * HOUR
                    outcomes.append(self._outcome(at, sender, burst.refused, burst.novel))
            outcomes.sort()
            yield outcomes

    def _usual(self, sender: Sender, day: int, outcomes: list[Outcome]) -> None:
        """Let a sender have a day like others: people in the daytime, and not equally every day."""
        random = self._random
        if sender.kind == "person":
            mean = sender.daily * random.gammavariate(1.0, 1.0)
            for _ in range(poisson(mean, random)):
                at = (day + random.betavariate(4, 3.5)) * DAY
                outcomes.append(self._outcome(at, sender, sender.refused, sender.novel))
        elif sender.daily:
            for _ in range(poisson(sender.daily, random)):
                at = (day + random.random()) * DAY
                outcomes.append(self._outcome(at, sender, sender.refused, sender.novel))

    def _abuse(self, sender: Sender, takeover: Takeover, day: int, outcomes: list[Outcome]) -> None:
        random = self._random
        begin, end = max(takeover.onset, day * DAY), min(takeover.end, (day + 1) * DAY)
        if begin >= end:
            return
        for _ in range(poisson(takeover.abuse.hourly * (end - begin) / HOUR, random)):
            at = random.uniform(begin, end)
            outcomes.append(self._outcome(at, sender, takeover.refused, ABUSE_NOVEL, abusive=True))

    def _outcome(self, at: float, sender: Sender, refused: float, novel: float, *, abusive: bool = False) -> Outcome:
        random = self._random.random
        if random() < novel:
            self._strangers += 1
            person = self._strangers
        else:
            person = sender.number * CONTACTS + int(random() * CONTACTS)
        provider = person % 100
        bad = random() < refused
        soft = not bad and (random() < GREYLISTED or (provider < 35 and self._down(at)))
        return Outcome(at, sender.name, bad, soft, f"r{person}@{PROVIDERS[provider]}", abusive)

    def _down(self, at: float) -> bool:
        return any(begin <= at < end for begin, end in self._outages)


def poisson(mean: float, random: Random) -> int:
    """Draw a count; a normal law is near enough for the large ones."""
    if mean > 50:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count
