"""Who sends, how much, with what luck, and who is taken over when."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

Kind = Literal["person", "newsletter", "application"]
DAY = 86_400.0
HOUR = 3_600.0
POPULATION_RATE = 0.02
"""Mean share of refusals among people: the best guess about a sender nobody knows."""


@dataclass(frozen=True, slots=True)
class Abuse:
    """A way to use a stolen account."""

    name: str
    hourly: float
    hours: float
    least: float
    most: float
    """Between these lies the share of refusals."""


ABUSES = (
    Abuse("fast", 500, 6, 0.25, 0.60),
    Abuse("medium", 60, 24, 0.20, 0.50),
    Abuse("slow", 3, 240, 0.15, 0.40),
    Abuse("stealth", 3, 240, 0.07, 0.12),
)


@dataclass(frozen=True, slots=True)
class Takeover:
    """One account in strange hands."""

    abuse: Abuse
    onset: float
    end: float
    refused: float


@dataclass(frozen=True, slots=True)
class Burst:
    """Many recipients in an hour or two, all wanted: a list, an invitation."""

    start: float
    hours: float
    recipients: int
    refused: float
    novel: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One innocent; perhaps with a takeover to come."""

    number: int
    kind: Kind
    daily: float
    refused: float
    novel: float
    bursts: tuple[Burst, ...] = ()
    takeover: Takeover | None = None

    @property
    def name(self) -> str:
        """What the detector sees."""
        return f"{self.kind}{self.number}@example.org"

    @property
    def yearly(self) -> float:
        """Recipients in a year without abuse."""
        return 365 * self.daily + sum(burst.recipients for burst in self.bursts) * 12

    def bound(self) -> float:
        """Count the recipients that no detector with one false alarm a year can do without: ln(N) / KL."""
        assert self.takeover is not None
        usual = max(self.refused, POPULATION_RATE)
        return math.log(max(self.yearly, math.e)) / divergence(self.takeover.refused, usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """How many of each, for how long."""

    people: int = 5_000
    newsletters: int = 150
    applications: int = 80
    takeovers_of_each: int = 80
    days: int = 30
    burn_in: int = 7
    outages: int = 3


def settle(town: Town, random: Random) -> list[Sender]:
    """Invent everybody; then choose the people who are taken over."""
    senders = [_person(number, town, random) for number in range(town.people)]
    senders += [_newsletter(town.people + number, town, random) for number in range(town.newsletters)]
    first = town.people + town.newsletters
    senders += [_application(first + number, random) for number in range(town.applications)]
    chosen = iter(random.sample(range(town.people), town.takeovers_of_each * len(ABUSES)))
    for abuse in ABUSES:
        for _ in range(town.takeovers_of_each):
            number = next(chosen)
            senders[number] = replace(senders[number], takeover=_takeover(abuse, town, random))
    return senders


def divergence(one: float, other: float) -> float:
    """Measure in nats how fast outcomes of rate `one` betray that they are not of rate `other`."""
    return one * math.log(one / other) + (1 - one) * math.log((1 - one) / (1 - other))


def _person(number: int, town: Town, random: Random) -> Sender:
    bursts: tuple[Burst, ...] = ()
    if random.random() < 0.03:  # a wedding list
        size, refused = random.randint(60, 300), random.uniform(0.02, 0.12)
        bursts = (Burst(_morning(town, random), 1.0, size, refused, 0.8),)
    return Sender(
        number=number,
        kind="person",
        daily=5 * random.lognormvariate(0, 1.4),
        refused=random.betavariate(0.6, 30),
        novel=0.17,
        bursts=bursts,
    )


def _newsletter(number: int, town: Town, random: Random) -> Sender:
    """Send to a list of its own quality; one in ten has a list that nobody has ever written to."""
    refused = 0.2 * random.random() ** 2
    size = int(2_000 * random.lognormvariate(0, 0.8))
    fresh = random.random() < 0.1
    times = sorted(_morning(town, random) for _ in range(random.randint(3, 12)))
    bursts = []
    for turn, start in enumerate(times):
        unknown = fresh and turn == 0
        rate = random.uniform(0.05, 0.2) if unknown else refused
        bursts.append(Burst(start, random.uniform(1, 2), size, rate, 1.0 if unknown else 0.08))
    return Sender(number=number, kind="newsletter", daily=0.0, refused=refused, novel=0.08, bursts=tuple(bursts))


def _application(number: int, random: Random) -> Sender:
    return Sender(
        number=number,
        kind="application",
        daily=200 * random.lognormvariate(0, 1.0),
        refused=random.betavariate(0.6, 30),
        novel=0.3,
    )


def _takeover(abuse: Abuse, town: Town, random: Random) -> Takeover:
    last = town.days * DAY - abuse.hours * HOUR
    onset = random.uniform(town.burn_in * DAY, last)
    refused = random.uniform(abuse.least, abuse.most)
    return Takeover(abuse, onset, onset + abuse.hours * HOUR, refused)


def _morning(town: Town, random: Random) -> float:
    return random.randrange(town.days) * DAY + random.uniform(7, 16) * HOUR
