"""Where a log is played: hosts with their processes and ids, the cast, the time line and the truth."""

from __future__ import annotations

from itertools import cycle
from random import Random
from typing import TYPE_CHECKING

from benchmarks.generator import speech
from benchmarks.generator.cast import Cast
from benchmarks.generator.queue_ids import QueueIds
from benchmarks.generator.stamps import ENVELOPES
from benchmarks.generator.timeline import Timeline
from benchmarks.generator.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.generator.recipe import Recipe
    from benchmarks.generator.stamps import Envelope

SERVERS = 120
"""So many that none is used again before its session has ended."""
CLIENTS = 80


class Host:
    """One Postfix host: what its processes put before a line, and its queue ids."""

    def __init__(self, name: str, address: str, ids: QueueIds, random: Random, envelope: Envelope) -> None:
        self.name = name
        self.full_name = f"{name}.example.org"
        self.client = f"{self.full_name}[{address}]"
        self.ids = ids
        self._random = random
        self._envelope = envelope
        self.smtpd = self._ring("postfix/smtpd")
        self.submission = self._ring("postfix/submission/smtpd")
        self.cleanup = self._ring("postfix/cleanup")
        self.smtp = [self.label("postfix/smtp") for _ in range(CLIENTS)]
        self.lmtp = self.label("postfix/lmtp")
        self.local = self.label("postfix/local")
        self.qmgr = self.label("postfix/qmgr")
        self.pickup = self.label("postfix/pickup")
        self.bounce = self.label("postfix/bounce")
        self.opendkim = self.label("opendkim")

    def label(self, program: str) -> str:
        """Start a process: what stands before each of its lines."""
        return self._envelope.label(self.name, program, self._random.randrange(900, 32_000))

    def _ring(self, program: str) -> Iterator[str]:
        return cycle([self.label(program) for _ in range(SERVERS)])


class Scene:
    """All that the players share."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        envelope = ENVELOPES[recipe.stamps]
        self.random = Random(recipe.seed)
        self.cast = Cast(self.random, recipe.size)
        self.timeline = Timeline(folder, recipe, envelope)
        self.truth = Truth()
        self.delays = speech.delays(self.random, 4096)
        self.outage = (0.0, 0.0)
        self.relay = Host("mx1", "192.0.2.25", QueueIds(recipe.ids, self.random), self.random, envelope)
        self.webs = [
            Host(
                f"web{number}",
                f"192.0.2.{100 + number}",
                QueueIds(recipe.ids, self.random),
                self.random,
                envelope,
            )
            for number in range(1, recipe.hosts)
        ]

    @property
    def hosts(self) -> list[Host]:
        """The relay first."""
        return [self.relay, *self.webs]

    def advance(self, now: float) -> None:
        """Let time pass: what is due is written, what has rested is free."""
        self.timeline.advance(now)
        for host in self.hosts:
            host.ids.advance(now)
