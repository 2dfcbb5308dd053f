"""When each log was last heard of, and the longest pause it made lately: the measure of its silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from whosent.alerts.silence import Pulse
from whosent.store.ledger import Ledger

SOURCE: Final = "source"  # a log it follows
_MIGRATIONS: Final = (
    """
    CREATE TABLE pulse (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        at REAL NOT NULL,
        longest REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID;
    """,
)
_FADING: Final = 0.7 / (14 * 86_400)  # a second: the memory of a long pause fades by half in two weeks


class Pulses:
    """The pulses of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = ledger.base
        ledger.bring_up("pulses", _MIGRATIONS)

    def beat(self, kind: str, heard: Mapping[str, float]) -> None:
        """These were heard of at these times, seconds since the epoch; earlier ones than are known change nothing."""
        with self._ledger.transaction():
            self._base.executemany(
                "INSERT INTO pulse (kind, name, at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET longest = "
                "max(excluded.at - at, longest * (1 - min(1, (excluded.at - at) * ?4))), at = excluded.at "
                "WHERE excluded.at > at",
                [(kind, name, at, _FADING) for name, at in heard.items()],
            )

    def of(self, kind: str) -> list[Pulse]:
        """All of this kind, by name."""
        rows = self._base.execute("SELECT name, at, longest FROM pulse WHERE kind = ? ORDER BY name", (kind,))
        return [Pulse(*row) for row in rows]

    def forget(self, kind: str, before: float) -> None:
        """Drop those that were not heard of since."""
        with self._ledger.transaction():
            self._base.execute("DELETE FROM pulse WHERE kind = ? AND at < ?", (kind, before))
