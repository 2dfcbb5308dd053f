"""From where an account is used: networks it knows, new ones, and how many within two hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sys import intern
from typing import Any, Final

WINDOW: Final = 7200.0  # seconds
_KNOWN: Final = 128
INSIDE: Final = "inside"


class Visit:
    """A network seen for the first time, and the mail that came from it."""

    __slots__ = ("address", "last", "messages", "recipients", "ref", "time")

    def __init__(self, time: float, ref: int, address: str) -> None:
        self.time = self.last = time
        self.ref = ref
        self.address = address
        self.messages = self.recipients = 0


class Whereabouts:
    """One account's networks."""

    __slots__ = ("_others", "first", "known", "most", "peak", "uses")

    def __init__(self, time: float) -> None:
        self.first = time
        self.uses = 0
        self.known: dict[str, Visit] = {}
        self._others: dict[str, float] | None = None  # networks used lately that there was no room for
        self.most = 0  # networks within any two hours
        self.peak = time  # when that was reached

    def use(self, time: float, ref: int, network: str, address: str) -> tuple[Visit | None, bool]:
        """Used from there now; the network's record, and whether it is new."""
        self.uses += 1
        visit = self.known.get(network)
        if visit is not None:
            if time - visit.last >= WINDOW:
                self._arrive(time, network)
            visit.last = time
            return visit, False
        if len(self.known) >= _KNOWN:
            self._elsewhere(time, network)
            return None, False
        self._arrive(time, network)
        visit = self.known[network] = Visit(time, ref, address)
        return visit, True

    def _elsewhere(self, time: float, network: str) -> None:
        others = self._others or {}
        if time - others.get(network, float("-inf")) >= WINDOW:
            others = {name: last for name, last in others.items() if time - last < WINDOW}
            self._others = others
            self._arrive(time, network)
        others[network] = time

    def _arrive(self, time: float, network: str) -> None:
        count = 1
        for name, visit in self.known.items():
            count += name != network and time - visit.last < WINDOW
        if self._others:
            count += sum(name != network and time - last < WINDOW for name, last in self._others.items())
        if count > self.most and count <= _KNOWN:
            self.most, self.peak = count, time

    def norm(self, quiet: float) -> list[tuple[str, float, float, int, str, int, int]] | None:
        """All networks, if none was used after ``quiet``."""
        if self._others or any(visit.last > quiet for visit in self.known.values()):
            return None
        return [
            (name, one.time, one.last, one.ref, one.address, one.messages, one.recipients)
            for name, one in self.known.items()
        ]

    def remember(self, networks: Iterable[Sequence[Any]]) -> None:
        """Take such networks up again."""
        for name, time, last, ref, address, messages, recipients in networks:
            visit = self.known[intern(name)] = Visit(time, ref, address)
            visit.last, visit.messages, visit.recipients = last, messages, recipients

    def arrivals(self) -> list[Visit]:
        """Networks first seen within two hours of the peak, in the order they came."""
        return [visit for visit in self.known.values() if abs(visit.time - self.peak) < WINDOW]
