"""When each host is proven to have logged: the minutes in which a line of its mail programs was read (pure)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whosent.dialects import Rule
    from whosent.reading.stamps import Clock
    from whosent.reading.tokens import Token

GAP: Final = 3600.0  # seconds without a line of a host beyond which nobody knows whether it logged
_MINUTE: Final = 60


class Interval(NamedTuple):
    """A span of time, in seconds since the epoch."""

    begins: float
    ends: float


def layout(_rule: Rule, _names: tuple[str, ...]) -> tuple[str, ...]:
    """Whose line it is and when, of every line that a dialect recognises."""
    return ("stamp", "host")


class Presence:
    """Feed it the tokens of every log; then ask which times are covered."""

    def __init__(self) -> None:
        self._minutes: dict[str, set[int]] = defaultdict(set)

    def feed(self, tokens: Iterable[Token], clock: Clock) -> None:
        """The tokens of one chunk."""
        for _, _, fields in tokens:
            stamp, host = fields[:2]
            if stamp:
                name = host.decode("utf-8", "backslashreplace").lower() if host else ""
                self._minutes[name].add(int(clock.seconds(stamp) // _MINUTE))

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that wrote lines, case-folded."""
        return frozenset(self._minutes)

    @property
    def last(self) -> float | None:
        """When the last line was written, by any host; exact to a minute."""
        return max((_MINUTE * max(minutes) for minutes in self._minutes.values()), default=None)

    def gaps(self, host: str, begins: float, ends: float) -> list[Interval]:
        """The spans of these times in which nobody knows whether the host logged; exact to a minute."""
        known = [_MINUTE * minute for minute in sorted(self._minutes.get(host.lower(), ()))]
        moments = [one for one in known if begins - GAP <= one <= ends + GAP]
        found, at = [], begins
        for moment in moments:
            if moment - at > GAP:
                found.append(Interval(at, min(moment, ends)))
            at = max(at, moment + _MINUTE)
            if at >= ends:
                break
        if ends - at > GAP:
            found.append(Interval(at, ends))
        return found
