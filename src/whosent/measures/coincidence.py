"""Which page's requests come with the mail: coincidences scored against each page's own base rate, in nats."""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from whosent.measures.visits import Page

LEAST_MARGIN = 5.0  # nats ahead of the next page before one is named
REACHES = (5.0, 60.0)  # seconds between request and mail: a prompt pickup, a slow one


class Ranked(NamedTuple):
    """A page and how well its requests explain the mail."""

    page: Page
    nats: float
    hits: int  # bursts of mail with a request of this page before them
    chance: float  # share expected from its usual rate


class Ranking(NamedTuple):
    """The pages by their nats, the lead of the first, and what was counted."""

    pages: list[Ranked]
    margin: float
    bursts: int
    reach: float

    @property
    def certain(self) -> bool:
        """Whether the first can be named."""
        return self.margin >= max(LEAST_MARGIN, log(max(1, len(self.pages))))


def nats(bursts: int, hits: int, chance: float) -> float:
    """``bursts`` KL(hits / bursts || chance), zero where hits are no more than chance."""
    share = hits / bursts
    if share <= chance:
        return 0.0
    rest = (1 - share) * log((1 - share) / (1 - chance)) if share < 1 else 0.0
    return bursts * (share * log(share / chance) + rest)


def rank(bursts: Sequence[Iterable[tuple[Page, float]]], span: float, reach: float) -> Ranking:
    """Pages by their coincidence with bursts; each burst gives ``(page, seconds before it)``."""
    hits: dict[int, tuple[Page, int]] = {}
    for burst in bursts:
        for page, lag in burst:
            if lag <= reach:
                hits[id(page)] = (page, hits.get(id(page), (page, 0))[1] + 1)
    ranked = []
    for page, count in hits.values():
        chance = min(0.999, 1 - exp(-page.hits / max(span, reach) * (reach + 1)))
        ranked.append(Ranked(page, nats(len(bursts), count, chance), count, chance))
    ranked.sort(key=lambda one: (-one.nats, one.page.name))
    second = ranked[1].nats if len(ranked) > 1 else 0.0
    return Ranking(ranked, ranked[0].nats - second if ranked else 0.0, len(bursts), reach)


def best(ways: Iterable[Sequence[Iterable[tuple[Page, float]]]], span: float) -> Ranking | None:
    """The ranking with the clearest first, over ways to count bursts and reaches; having tried several costs nats."""
    rankings = [rank(bursts, span, reach) for bursts in ways if bursts for reach in REACHES]
    if not rankings:
        return None
    first = max(rankings, key=lambda ranking: ranking.margin)
    return first._replace(margin=max(0.0, first.margin - log(len(rankings))))
