"""Audits that were run, for comparison with the next; and on whose word targets were probed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from whosent.model.audit import Audit, Confirmed
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        host TEXT NOT NULL,
        started TEXT NOT NULL,
        told TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_of ON audit (host, sequence);
    CREATE TABLE audit_confirmation (
        target TEXT PRIMARY KEY,
        who TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE audit_firewall (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        rules TEXT NOT NULL
    ) STRICT;
    """,
)
_KEPT: Final = 200  # runs of a host


class Audits:
    """The audits of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = ledger.base
        ledger.bring_up("audits", _MIGRATIONS)

    def keep(self, run: Audit) -> None:
        """Keep a run; the oldest of this host goes."""
        with self._ledger.transaction():
            self._base.execute("INSERT INTO audit (host, started, told) VALUES (?, ?, ?)",
                               (run.host, run.started, msgspec.json.encode(run).decode()))  # fmt: skip
            self._base.execute(
                "DELETE FROM audit WHERE host = ?1 AND sequence NOT IN "
                "(SELECT sequence FROM audit WHERE host = ?1 ORDER BY sequence DESC LIMIT ?2)",
                (run.host, _KEPT),
            )

    def before(self, host: str, checks: Iterable[str]) -> Audit | None:
        """The latest run of this host that had all of these checks."""
        wanted = set(checks)
        rows = self._base.execute("SELECT told FROM audit WHERE host = ? ORDER BY sequence DESC", (host,))
        for (told,) in rows:
            try:
                run = msgspec.json.decode(told, type=Audit)
            except msgspec.DecodeError:
                continue  # of a version whose results meant something else
            if wanted <= set(run.checks):
                return run
        return None

    def confirm(self, one: Confirmed) -> None:
        """Write down, before it is probed, on whose word a target is."""
        with self._ledger.transaction():
            self._base.execute("INSERT OR REPLACE INTO audit_confirmation VALUES (?, ?, ?)",
                               (one.target, one.by, one.at))  # fmt: skip

    def confirmed(self, target: str) -> Confirmed | None:
        """On whose word it may be probed."""
        row = self._base.execute(
            "SELECT target, who, at FROM audit_confirmation WHERE target = ?", (target,)
        ).fetchone()
        return Confirmed(target=row[0], by=row[1], at=row[2]) if row else None

    def note_firewall(self, at: str, who: str, what: str, rules: str) -> None:
        """Write down a change of the firewall, before it is made."""
        with self._ledger.transaction():
            self._base.execute("INSERT INTO audit_firewall (at, who, what, rules) VALUES (?, ?, ?, ?)",
                               (at, who, what, rules))  # fmt: skip

    def last_tried(self) -> str | None:
        """The rules of the last trial, as they were loaded; None if there was none."""
        row = self._base.execute(
            "SELECT rules FROM audit_firewall WHERE what LIKE 'try %' ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return str(row[0]) if row else None
