"""The outbox to the channels, in their order: one that fails, hangs or breaks is passed over and named."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from whosent.channels import Channel, Means, Unsent
from whosent.model.alert import Alert
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.report.words import shortened, visible
from whosent.store.alerts import Outbox, Waiting
from whosent.store.ledger import Ledger
from whosent.store.rates import Rates

_GRACE: Final = 2.0  # seconds beyond its time before a channel is left behind
_BROKEN: Final = 3  # failures in a row after which a channel is tried last, for a while
_SHUNNED: Final = 300.0  # seconds
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 600.0  # seconds until all channels are tried again
_PROBLEM: Final = 300
_A_DAY: Final = 86_400.0


class Delivery:
    """Sends what is due; ``clock`` gives seconds since the epoch."""

    def __init__(
        self, outbox: Outbox, channels: Sequence[Channel], means: Means, clock: Callable[[], float] = time.time
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self.means = means
        self._clock = clock
        self._hanging: dict[str, threading.Thread] = {}

    def deliver(self) -> int:
        """Tell everything that is due; how many alerts reached somebody."""
        reached = 0
        while self._channels and (waiting := self._outbox.lease(self._clock(), self._lease())) is not None:
            reached += self._one(waiting)
        return reached

    def _lease(self) -> float:
        """Longer than all channels can take together."""
        return len(self._channels) * (self.means.rules.timeout + _GRACE) + _GRACE

    def _one(self, waiting: Waiting) -> bool:
        """One alert, until enough channels took it."""
        taken = set(self._outbox.taken_by(waiting.alert.id))
        wanted = min(self.means.rules.copies, len(self._channels))
        problems = {
            one.name: one.problem
            for one in self._outbox.channels()
            if one.failures and one.name in {channel.name for channel in self._channels}
        }
        for channel in self._order():
            if len(taken) >= wanted:
                break
            if channel.name in taken:
                continue
            others = [f"{name} ({why})" for name, why in problems.items() if name != channel.name]
            problem = self.attempt(channel, msgspec.structs.replace(waiting.alert, failed=others))
            if problem is None:
                taken.add(channel.name)
                problems.pop(channel.name, None)
            else:
                problems[channel.name] = problem
        if len(taken) >= wanted:
            self._outbox.done(waiting.number)
        else:
            self._outbox.again(waiting.number, self._clock() + _wait(waiting.tries))
        return bool(taken)

    def _order(self) -> list[Channel]:
        """As configured; those that keep failing last, so that nobody waits for them."""
        now = self._clock()
        shunned = {
            one.name
            for one in self._outbox.channels()
            if one.failures >= _BROKEN and one.failed is not None and now - one.failed < _SHUNNED
        }
        return sorted(self._channels, key=lambda channel: channel.name in shunned)

    def attempt(self, channel: Channel, alert: Alert) -> str | None:
        """None if the channel took it, else why not; both are kept."""
        problem, complaint = self._once(channel, alert)
        if problem is None:
            self._outbox.took(alert.id, channel.name, self._clock(), complaint)
        else:
            self._outbox.failed(channel.name, problem, self._clock())
        return problem

    def _once(self, channel: Channel, alert: Alert) -> tuple[str | None, str]:
        """Send by one channel within its time: why it failed, and what it complains of all the same."""
        left_behind = self._hanging.get(channel.name)
        if left_behind is not None and left_behind.is_alive():
            return "it still hangs in an earlier alert", ""
        answers: list[tuple[str | None, str]] = []

        def send() -> None:
            try:
                answers.append((None, _shown(channel.send(alert, self.means))))
            except (Unsent, Mistake, OSError) as error:
                answers.append((_shown(str(error)) or "it failed", ""))

        thread = threading.Thread(target=send, name=f"whosent-{channel.name}", daemon=True)
        thread.start()
        thread.join(self.means.rules.timeout + _GRACE)
        if thread.is_alive():
            self._hanging[channel.name] = thread
            return f"no answer within {self.means.rules.timeout} seconds", ""
        return answers[0] if answers else ("it broke: its fault stands in the journal of Whosent", "")


def means_of(settings: Settings, ledger: Ledger, host: str) -> Means:
    """What channels may use: the rules, and by which names the watched machines go."""
    now = time.time()
    watched = {name for name, _ in Rates(ledger).sums(now - _A_DAY, now + _A_DAY)}
    return Means(settings.alerts, frozenset({host, *watched}), frozenset(settings.ours.domains))


def _wait(tries: int) -> float:
    return min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(tries, 10)))


def _shown(text: str) -> str:
    return shortened(visible(text), _PROBLEM)
