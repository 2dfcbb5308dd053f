"""How far mailboxes were read: one position for each IMAP folder, so that the next run begins behind it."""

from __future__ import annotations

from typing import Final

from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE intake (
        mailbox TEXT PRIMARY KEY,
        validity INTEGER NOT NULL,
        uid INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)


class Intake:
    """The positions of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = ledger.base
        ledger.bring_up("intake", _MIGRATIONS)

    def get(self, mailbox: str) -> tuple[int, int] | None:
        """UIDVALIDITY of the folder, and the last UID that was used."""
        row = self._base.execute("SELECT validity, uid FROM intake WHERE mailbox = ?", (mailbox,)).fetchone()
        return (int(row[0]), int(row[1])) if row else None

    def put(self, mailbox: str, validity: int, uid: int) -> None:
        """Everything up to this UID was used."""
        with self._ledger.transaction():
            self._base.execute("INSERT OR REPLACE INTO intake VALUES (?, ?, ?)", (mailbox, validity, uid))
