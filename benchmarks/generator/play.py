"""The loop: who acts next, until the log is long enough."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from typing import TYPE_CHECKING

from benchmarks.generator.bystanders import Bystanders
from benchmarks.generator.plot import SHARE, Campaign, plant
from benchmarks.generator.sessions import Sessions

if TYPE_CHECKING:
    from benchmarks.generator.recipe import Recipe
    from benchmarks.generator.scene import Scene

SESSION_BYTES = 1_560
"""What one turn of the loop writes on average: the span in hours is kept by it."""


def play(scene: Scene, recipe: Recipe) -> None:
    """Act session by session; then let what is due run out."""
    campaigns = plant(scene, recipe)
    sessions, bystanders = Sessions(scene), Bystanders(scene)
    acts = [
        (0.545, sessions.submission),
        (0.07, sessions.cron),
        (0.23, sessions.inbound),
        (0.08, bystanders.reject),
        (0.005, bystanders.broken),
        (0.05, bystanders.mailbox_login),
        (0.02, bystanders.murmur),
    ]
    edges = list(accumulate(share for share, _ in acts))
    random, rate = scene.random, recipe.size / SESSION_BYTES / (recipe.hours * 3600)
    now = float(recipe.start)
    while scene.timeline.size < recipe.size:
        now += random.expovariate(rate)
        scene.advance(now)
        campaign = _running(campaigns, now)
        if campaign and random.random() < SHARE:
            sessions.campaign(now, campaign)
            if random.random() < 0.2:
                bystanders.thief_login(now, campaign)
            continue
        _, act = acts[min(bisect(edges, random.random()), len(acts) - 1)]
        act(now)
    scene.timeline.close()
    _sum_up(scene)


def _running(campaigns: list[Campaign], now: float) -> Campaign | None:
    for campaign in campaigns:
        if campaign.planted.start <= now < campaign.planted.end:
            return campaign
    return None


def _sum_up(scene: Scene) -> None:
    """Note the size of it all beside the truth."""
    timeline, truth = scene.timeline, scene.truth
    totals = [sum(column) for column in zip(*truth.lines_by_sender.values(), strict=True)]
    truth.log = {
        "bytes": timeline.size,
        "lines": timeline.lines,
        "first": timeline.first,
        "last": timeline.last,
        "queue_ids": sum(host.ids.taken for host in scene.hosts),
        "reused_ids": sum(host.ids.reused for host in scene.hosts),
        "messages": sum(counts[0] for counts in truth.messages_by_actor.values()),
        "lives": totals[0],
        "sent": totals[1],
        "deferred": totals[2],
        "bounced": totals[3],
    }
