"""Senders by who they are; of one who has long been quiet only its norm is kept, packed, until it returns.

Who rests is told by nothing but the rows that were heard, so batches and restarts change no finding; and a sender that
might be found something stays awake.  One that rests takes a tenth of the memory, and nobody need look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

from msgspec import msgpack

from whosent.measures.packed import Packed
from whosent.model.rows import Actor

QUIET: Final = 6 * 3600.0  # seconds without mail after which a sender rests, if nothing looks further back
_TIDY: Final = 4  # looks for those within that time
_REMEMBERED: Final = 200_000  # actors, that is, pairs of a sender and an address it used

Sender = tuple[str, str, str]  # kind, name and host of an actor
Norm = tuple[Any, ...]  # what is kept of a sender: numbers and texts
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Resting(Generic[K, T]):
    """All senders of one detector."""

    def __init__(self, quiet: float = QUIET) -> None:
        self._quiet = quiet
        self.awake: dict[K, T] = {}
        self._packed = Packed()
        self._tidy_at = float("-inf")

    def __len__(self) -> int:
        return len(self.awake) + len(self._packed)

    def get(self, key: K, wake: Callable[[K, Norm], T]) -> T | None:
        """The sender, woken if it rested; None if it was never seen."""
        sender = self.awake.get(key)
        if sender is None:
            packed = self._packed.take(msgpack.encode(key)) if self._packed else None
            if packed is not None:
                sender = self.awake[key] = wake(key, tuple(msgpack.decode(packed)))
        return sender

    def is_due(self, time: float) -> bool:
        """Whether it is time to :meth:`tidy`."""
        return time >= self._tidy_at

    def tidy(self, time: float, norm: Callable[[T, float], Norm | None]) -> set[int]:
        """Let those rest whose ``norm`` is all there is to keep (None: stays awake); the identities of them."""
        self._tidy_at = time + self._quiet / _TIDY
        gone = set()
        for key, sender in list(self.awake.items()):
            kept = norm(sender, time - self._quiet)
            if kept is not None:
                self._packed.put(msgpack.encode(key), msgpack.encode(kept))
                del self.awake[key]
                gone.add(id(sender))
        return gone


class Senders(Resting[Sender, T]):
    """Senders by the actors they are, too: so most rows find theirs."""

    def __init__(self, quiet: float = QUIET) -> None:
        super().__init__(quiet)
        self.by_actor: dict[Actor, T] = {}  # one for good: whoever reads many rows may hold it

    def meet(
        self, actor: Actor, time: float, norm: Callable[[T, float], Norm | None], wake: Callable[[Sender, Norm], T],
        make: Callable[[Actor, float], T],
    ) -> T:  # fmt: skip
        """The sender this actor is, made if it was never seen; now and then those who are quiet are let rest."""
        known = self.by_actor
        if len(known) >= _REMEMBERED:
            known.clear()
        if self.is_due(time):
            gone = self.tidy(time, norm)
            awake = {one: sender for one, sender in known.items() if id(sender) not in gone}
            known.clear()
            known.update(awake)
        key = (actor.kind, actor.name, actor.host)
        sender = self.get(key, wake)
        if sender is None:
            sender = self.awake[key] = make(actor, time)
        known[actor] = sender
        return sender
