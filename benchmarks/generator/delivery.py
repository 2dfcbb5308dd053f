"""Attempts of one queue id to reach its recipients, until each is delivered, refused or given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.generator.speech import accepted, greylisted, unknown_user, unreachable, unwanted

if TYPE_CHECKING:
    from benchmarks.generator.cast import Recipient
    from benchmarks.generator.scene import Host, Scene

ATTEMPTS = 5
UNKNOWN = 0.6
"""Share of refusals because nobody has that address; the rest dislike the message."""
AGAIN = 0.45
"""Share of deferred recipients who are deferred again."""
NAMESAKE = 0.002
"""Share of remote servers that answer with a queue id which is in use here."""
REMOTE_ID = 1 << 44


@dataclass(slots=True)
class Letter:
    """A message on its way, whichever queue id it has at the moment."""

    sender: str
    recipients: list[Recipient]
    size: int
    message_id: str
    origin: str
    """Who really handed it in first, in the truth's words."""
    bounce: float = 0.02
    """Chance of a refusal, per recipient."""
    defer: float = 0.05
    """Chance that the first attempt is deferred, per recipient."""
    signed: bool = False
    alias: str = ""
    """The address here that forwards to the recipients."""
    return_to: Recipient | None = None
    """Where a forged sender's notifications go; our own senders have a mailbox here."""


@dataclass(slots=True)
class Tally:
    """What one life of a queue id came to."""

    end: float
    sent: int = 0
    deferred: int = 0
    bounced: int = 0
    given_up: int = 0

    @property
    def lines(self) -> tuple[int, int, int]:
        """Delivery lines by status."""
        return self.sent, self.deferred, self.bounced

    @property
    def recipients(self) -> tuple[int, int, int]:
        """Recipients by their last status."""
        return self.sent, self.given_up, self.bounced


class Delivery:
    """The remote side of one queue id."""

    def __init__(self, scene: Scene, host: Host, queue_id: str, letter: Letter) -> None:
        self._scene = scene
        self._host = host
        self._queue_id = queue_id
        self._letter = letter

    def run(self, at: float) -> Tally:
        """Try, and try again those who were deferred."""
        tally = Tally(at)
        waiting = self._first(at, tally)
        for attempt in range(2, ATTEMPTS + 1):
            if not waiting:
                return tally
            waiting = self._retry(at, attempt, waiting, tally)
        if waiting:
            tally.given_up = len(waiting)
            tally.end += 1
            text = f"{self._queue_id}: from=<{self._letter.sender}>, status=expired, returned to sender"
            self._scene.timeline.put((tally.end, f"{self._host.qmgr}{text}"))
        return tally

    def _first(self, at: float, tally: Tally) -> list[Recipient]:
        """Try everyone once: the hot loop of the generator."""
        scene, letter = self._scene, self._letter
        random, put, delays, smtp = scene.random.random, scene.timeline.put, scene.delays, self._host.smtp
        refused, deferred = letter.bounce, letter.bounce + letter.defer
        outage, over = scene.outage
        text, via = f"{self._queue_id}: to=<", self._via()
        waiting, sent, end = [], 0, at
        for recipient in letter.recipients:
            address, relay, _, popular = recipient
            seconds, spent = delays[int(random() * 4096)]
            moment = at + seconds
            end = max(end, moment)
            head = f"{smtp[int(random() * 80)]}{text}{address}{via}"
            draw = random()
            if popular and outage <= at < over:
                waiting.append(recipient)
                put((moment, f"{head}none, {spent}{unreachable(recipient)}"))
            elif draw > deferred:
                sent += 1
                put((moment, f"{head}{relay}, {spent}{accepted(self._remote_id())}"))
            elif draw < refused:
                tally.bounced += 1
                put((moment, f"{head}{relay}, {spent}{self._refusal(recipient)}"))
            else:
                waiting.append(recipient)
                put((moment, f"{head}{self._deferral(recipient, spent)}"))
        tally.sent += sent
        tally.deferred += len(waiting)
        tally.end = end
        return waiting

    def _retry(self, first: float, attempt: int, waiting: list[Recipient], tally: Tally) -> list[Recipient]:
        random, put = self._scene.random.random, self._scene.timeline.put
        letter, host, queue_id = self._letter, self._host, self._queue_id
        via = self._via()
        at = tally.end + 300 * (2 ** (attempt - 2)) * (1 + random())
        tally.end = at + 2
        active = f"from=<{letter.sender}>, size={letter.size}, nrcpt={len(letter.recipients)} (queue active)"
        put((at, f"{host.qmgr}{queue_id}: {active}"))
        still = []
        for recipient in waiting:
            moment = at + 0.2 + random() * 1.6
            head = f"{host.smtp[int(random() * 80)]}{queue_id}: to=<{recipient.address}{via}"
            spent = f"delay={moment - first:.0f}, delays={at - first:.0f}/0.02/0.6/{moment - at:.2g}"
            draw = random()
            if draw < AGAIN:
                still.append(recipient)
                put((moment, f"{head}{self._deferral(recipient, spent)}"))
            elif draw < AGAIN + letter.bounce:
                tally.bounced += 1
                put((moment, f"{head}{recipient.relay}, {spent}{self._refusal(recipient)}"))
            else:
                tally.sent += 1
                put((moment, f"{head}{recipient.relay}, {spent}{accepted(self._remote_id())}"))
        tally.deferred += len(still)
        return still

    def _via(self) -> str:
        return f">, orig_to=<{self._letter.alias}>, relay=" if self._letter.alias else ">, relay="

    def _refusal(self, recipient: Recipient) -> str:
        random = self._scene.random.random
        return unknown_user(recipient) if random() < UNKNOWN else unwanted(recipient, random())

    def _deferral(self, recipient: Recipient, spent: str) -> str:
        if self._scene.random.random() < 0.5:
            return f"none, {spent}{unreachable(recipient)}"
        return f"{recipient.relay}, {spent}{greylisted(recipient)}"

    def _remote_id(self) -> str:
        """Name an id of the remote server; now and then the very one that a message has here."""
        random = self._scene.random.random
        if random() < NAMESAKE:
            return self._host.ids.latest
        return f"{int(random() * REMOTE_ID):X}"
