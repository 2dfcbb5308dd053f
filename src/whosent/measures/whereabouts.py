"""From where an account is used: networks it knows, new ones, and how many within two hours."""

from __future__ import annotations

from typing import Final

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

    __slots__ = ("first", "known", "most", "peak", "recent", "uses")

    def __init__(self, time: float) -> None:
        self.first = time
        self.uses = 0
        self.known: dict[str, Visit] = {}
        self.recent: dict[str, float] = {}
        self.most = 0  # networks within any two hours
        self.peak = time  # when that was reached

    def use(self, time: float, ref: int, network: str, address: str) -> tuple[Visit | None, bool]:
        """Used from there now; the network's record, and whether it is new."""
        self.uses += 1
        last = self.recent.get(network)
        if last is None or time - last >= WINDOW:
            self._arrive(time, network)
        self.recent[network] = time
        visit = self.known.get(network)
        if visit is not None:
            visit.last = time
            return visit, False
        if len(self.known) >= _KNOWN:
            return None, False
        visit = self.known[network] = Visit(time, ref, address)
        return visit, True

    def _arrive(self, time: float, network: str) -> None:
        self.recent = {name: last for name, last in self.recent.items() if time - last < WINDOW}
        count = len(self.recent) + (network not in self.recent)
        if count > self.most and count <= _KNOWN:
            self.most, self.peak = count, time

    def arrivals(self) -> list[Visit]:
        """Networks first seen within two hours of the peak, in the order they came."""
        return [visit for visit in self.known.values() if abs(visit.time - self.peak) < WINDOW]
