"""The journal of actions: each is written before anything is done, and again after; nothing is ever struck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from whosent.model.action import Action, Progressed
from whosent.store.incidents import now
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE action (
        id TEXT PRIMARY KEY,
        incident TEXT NOT NULL,
        responder TEXT NOT NULL,
        claim TEXT NOT NULL,
        state TEXT NOT NULL,
        at TEXT NOT NULL,
        expires TEXT,
        told TEXT NOT NULL
    ) STRICT;
    CREATE INDEX action_state ON action (state, expires);
    CREATE TABLE action_history (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        action TEXT NOT NULL REFERENCES action (id),
        at TEXT NOT NULL,
        state TEXT NOT NULL,
        note TEXT NOT NULL
    ) STRICT;
    CREATE TABLE replay (
        orders TEXT PRIMARY KEY,
        at TEXT NOT NULL,
        sentence TEXT NOT NULL
    ) STRICT;
    """,
)


class Actions:
    """The actions of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = ledger.base
        ledger.bring_up("actions", _MIGRATIONS)

    def write(self, action: Action) -> Action:
        """Keep an action as it stands now; on disk when this returns."""
        with self._ledger.transaction():
            self._base.execute(
                "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = "
                "excluded.state, expires = excluded.expires, told = excluded.told",
                (action.id, action.incident, action.responder, action.claim, action.state, action.at, action.expires,
                 msgspec.json.encode(action).decode()),
            )  # fmt: skip
            self._base.execute(
                "INSERT INTO action_history (action, at, state, note) VALUES (?, ?, ?, ?)",
                (action.id, now(), action.state, action.note),
            )
        return action

    def standing(self, *states: Progressed, claim: str | None = None, incident: str | None = None) -> list[Action]:
        """Those in these states (all if none is named), of one claim or incident; the oldest first."""
        rows = self._base.execute(
            "SELECT told FROM action WHERE (? IS NULL OR claim = ?) AND (? IS NULL OR incident = ?) ORDER BY at, rowid",
            (claim, claim, incident, incident),
        )
        told = [msgspec.json.decode(row[0], type=Action) for row in rows]
        return [one for one in told if not states or one.state in states]

    def expired(self, at: str) -> list[Action]:
        """Those in force whose time is over."""
        return [one for one in self.standing(Progressed.APPLIED) if one.expires is not None and one.expires <= at]

    def history(self, name: str) -> list[tuple[str, str, str]]:
        """(When, state, note) of one, the oldest first."""
        rows: Sequence[tuple[str, str, str]] = self._base.execute(
            "SELECT at, state, note FROM action_history WHERE action = ? ORDER BY sequence", (name,)
        ).fetchall()
        return list(rows)

    def replayed(self, orders: str, sentence: str) -> None:
        """A standing order, by the digest of its settings, was tried on the past."""
        with self._ledger.transaction():
            self._base.execute("INSERT OR REPLACE INTO replay VALUES (?, ?, ?)", (orders, now(), sentence))

    def replay_of(self, orders: str) -> str | None:
        """What came of trying these settings on the past; None if they were not tried."""
        row = self._base.execute("SELECT sentence FROM replay WHERE orders = ?", (orders,)).fetchone()
        return row[0] if row else None
