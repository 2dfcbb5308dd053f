"""How the daemon is, in its own words: for ``status``, the live screen and metrics; the last word counts."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from whosent.model.condition import Condition
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE condition (id INTEGER PRIMARY KEY CHECK (id = 1), told TEXT NOT NULL) STRICT;
    """,
)


class Conditions:
    """The condition in a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.bring_up("condition", _MIGRATIONS)

    def tell(self, condition: Condition) -> None:
        """Replace it."""
        with self._ledger.transaction():
            self._ledger.base.execute(
                "INSERT OR REPLACE INTO condition VALUES (1, ?)", (msgspec.json.encode(condition).decode(),)
            )

    def latest(self) -> Condition | None:
        """As it was told last; None if there never was a daemon."""
        row: tuple[Any, ...] | None = self._ledger.base.execute("SELECT told FROM condition").fetchone()
        return msgspec.json.decode(row[0], type=Condition) if row else None
