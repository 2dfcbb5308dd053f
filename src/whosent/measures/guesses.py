"""Failed logins, account by account, in bounded memory: names are whatever an attacker tries."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from whosent.model.rows import Login

_NAMES: Final = 20_000
_ADDRESSES: Final = 16
_LINES: Final = 3
_FORGET: Final = 86_400.0  # seconds without another failure


class Failures:
    """Failed logins of one name."""

    __slots__ = ("addresses", "count", "first", "last", "lines")

    def __init__(self, time: float) -> None:
        self.count = 0
        self.first = self.last = time
        self.addresses: dict[str, int] = {}
        self.lines: list[tuple[float, int]] = []


class Guesses:
    """The names that failed lately; the longest quiet is forgotten first."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, Failures] = OrderedDict()

    def failed(self, row: Login) -> None:
        """A login failed."""
        failures = self._names.pop(row.account, None)
        if failures is None or row.time - failures.last > _FORGET:
            failures = Failures(row.time)
        self._names[row.account] = failures
        failures.count += 1
        failures.last = row.time
        if row.address in failures.addresses or len(failures.addresses) < _ADDRESSES:
            failures.addresses[row.address] = failures.addresses.get(row.address, 0) + 1
        if len(failures.lines) >= _LINES:
            del failures.lines[1]
        failures.lines.append((row.time, row.ref))
        if len(self._names) > _NAMES:
            self._names.popitem(last=False)

    def before(self, account: str, address: str, time: float) -> Failures | None:
        """The failures of this name, if this very address was among those that failed within a day."""
        failures = self._names.get(account)
        if failures is None or address not in failures.addresses or time - failures.last > _FORGET:
            return None
        return failures
