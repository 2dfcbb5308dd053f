"""The networks a sender uses while all is well, and whether something came from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures.networks import network

if TYPE_CHECKING:
    from whosent.model.rows import Actor

_NETWORKS: Final = 16
_KNOWN: Final = 5  # messages before, without which nobody is abroad
_MOST: Final = 0.9  # of the messages from elsewhere, and then it is somebody else
_SEVERAL: Final = 3  # networks elsewhere that are one person's no more


class Homes:
    """One sender's networks."""

    __slots__ = ("_networks", "seen")

    def __init__(self) -> None:
        self._networks: set[str] = set()
        self.seen = 0  # messages that made them

    def add(self, actor: Actor) -> None:
        """It sent from there, and all is well."""
        self.seen += 1
        if actor.address and len(self._networks) < _NETWORKS:
            self._networks.add(network(actor.address))

    def elsewhere(self, actor: Actor) -> str:
        """The network an account used that is none of its own; "" if it is, or nothing is known."""
        if actor.kind != "account" or not actor.address or self.seen < _KNOWN or len(self._networks) >= _NETWORKS:
            return ""
        used = network(actor.address)
        return "" if used in self._networks else used


class Abroad:
    """Of some messages of one sender, those that came from elsewhere."""

    __slots__ = ("messages", "networks", "of")

    def __init__(self) -> None:
        self.of = self.messages = 0
        self.networks: set[str] = set()

    def add(self, elsewhere: str) -> None:
        """One message; ``elsewhere`` as :meth:`Homes.elsewhere` tells."""
        self.of += 1
        if elsewhere:
            self.messages += 1
            if len(self.networks) < _NETWORKS:
                self.networks.add(elsewhere)

    @property
    def clear(self) -> bool:
        """Whether somebody else sent them: from several places, or nearly all from where it never was."""
        return len(self.networks) >= _SEVERAL or (self.messages > 0 and self.messages >= _MOST * self.of)
