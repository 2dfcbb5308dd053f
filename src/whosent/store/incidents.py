"""Incidents with their lifecycle, their history and the lines they quote, since logs rotate away.

The machine tells what it sees (:meth:`Incidents.tell`); operators contain, resolve, dismiss, note.  An incident is
known by its id, the digest of its suspect, so telling it again changes nothing.  Every change is a line of the
history, whose sequence number is also the feed that alerts, metrics and the live screen follow (``after``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from whosent.model.incident import Incident
from whosent.model.lifecycle import MACHINE, Happened, KeptIncident, State, What, leaks
from whosent.store.ledger import Ledger

_MIGRATIONS: Final = (
    """
    CREATE TABLE incident (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        revision INTEGER NOT NULL,
        provisional INTEGER NOT NULL,
        opened TEXT NOT NULL,
        changed TEXT NOT NULL,
        closed TEXT,
        closed_cause TEXT,
        told_severity TEXT NOT NULL,
        told_recipients INTEGER NOT NULL,
        told TEXT NOT NULL
    ) STRICT;
    CREATE INDEX incident_state ON incident (state);
    CREATE TABLE incident_history (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        incident TEXT NOT NULL REFERENCES incident (id),
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX incident_history_of ON incident_history (incident, sequence);
    CREATE TABLE incident_line (
        incident TEXT NOT NULL REFERENCES incident (id),
        source TEXT NOT NULL,
        offset INTEGER NOT NULL,
        line INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        raw BLOB NOT NULL,
        PRIMARY KEY (incident, source, offset)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE incident ADD COLUMN contained TEXT;
    ALTER TABLE incident ADD COLUMN contained_refused INTEGER;
    ALTER TABLE incident ADD COLUMN told_leaked INTEGER NOT NULL DEFAULT 0;
    """,
)
_LEAKED: Final = "max(0, (told ->> 'refused') - coalesce(contained_refused, told ->> 'refused'))"
_FIELDS: Final = f"state, revision, provisional, opened, changed, {_LEAKED}, told"
_MOVES: Final = {
    What.CONTAINED: State.CONTAINED, What.RELEASED: State.OPEN, What.RESOLVED: State.RESOLVED,
    What.DISMISSED: State.DISMISSED, What.REOPENED: State.OPEN, What.WITHDRAWN: State.DISMISSED,
}  # fmt: skip
_GROWN: Final = 2  # times as many recipients as were told last
_UNDER_WAY: Final = 60.0  # seconds in which what had left before a tap was closed gets its answer
_MANY_HISTORY: Final = 1_000


class Line(msgspec.Struct, frozen=True):
    """A quoted line, byte for byte."""

    source: str
    offset: int
    number: int
    sha256: str
    raw: bytes


class Incidents:
    """The incidents of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = ledger.base
        ledger.bring_up("incidents", _MIGRATIONS)

    def tell(
        self, incident: Incident, lines: Iterable[Line] = (), *, provisional: bool = False, at: str = ""
    ) -> What | None:
        """Keep an incident as it is seen now; what that changed, or None.

        A resolved one is reopened by a sign that is later than its resolution, a dismissed one by another cause.
        """
        at = at or now()
        with self._ledger.transaction():
            row = self._base.execute(
                "SELECT state, told, told_severity, told_recipients, closed, closed_cause, provisional, "
                "contained, contained_refused, told_leaked FROM incident WHERE id = ?",
                (incident.id,),
            ).fetchone()
            told = msgspec.json.encode(incident).decode()
            if row is None:
                what = What.OPENED
                self._base.execute(
                    "INSERT INTO incident (id, state, revision, provisional, opened, changed, told_severity, "
                    "told_recipients, told) VALUES (?, 'open', 1, ?, ?, ?, ?, ?, ?)",
                    (incident.id, provisional, at, at, incident.severity, incident.recipients, told),
                )
            else:
                leaked = self._leaked(incident, row, at)
                changed = _change(incident, told, row, leaked, provisional=provisional)
                if changed is None:
                    return None
                what = changed
                self._revise(incident, told, what, at, provisional=provisional)
            self._keep(incident.id, lines)
            if what is not What.REVISED:
                text = _growth(incident, leaked) if what is What.GREW else incident.sentence
                self._happened(incident.id, at, MACHINE, what, text)
            return what

    def _leaked(self, incident: Incident, row: tuple[Any, ...], at: str) -> int | None:
        """Recipients of a contained suspect refused since; None of another.  Its first minute is the time before."""
        state, contained, before = row[0], row[7], row[8]
        if state != State.CONTAINED:
            return None
        if before is None or (contained and _seconds(at) - _seconds(contained) <= _UNDER_WAY):
            before = incident.refused
            self._base.execute("UPDATE incident SET contained_refused = ? WHERE id = ?", (before, incident.id))
        return max(0, incident.refused - int(before))

    def _revise(self, incident: Incident, told: str, what: What, at: str, *, provisional: bool) -> None:
        loud = what in {What.GREW, What.REOPENED}
        self._base.execute(
            "UPDATE incident SET told = ?, provisional = ?, changed = ?, revision = revision + ? WHERE id = ?",
            (told, provisional, at, what is not What.SETTLED, incident.id),
        )
        if loud:
            self._base.execute(
                f"UPDATE incident SET told_severity = ?, told_recipients = ?, told_leaked = {_LEAKED} WHERE id = ?",  # noqa: S608  # our own constant
                (incident.severity, incident.recipients, incident.id),
            )
        if what is What.REOPENED:
            self._base.execute(
                "UPDATE incident SET state = 'open', closed = NULL, contained_refused = NULL WHERE id = ?",
                (incident.id,),
            )

    def _keep(self, name: str, lines: Iterable[Line]) -> None:
        self._base.executemany(
            "INSERT OR IGNORE INTO incident_line VALUES (?, ?, ?, ?, ?, ?)",
            [(name, one.source, one.offset, one.number, one.sha256, one.raw) for one in lines],
        )

    def move(self, name: str, what: What, who: str, text: str = "", at: str = "") -> KeptIncident:
        """An operator (or an order in force) contains, releases, resolves, dismisses, reopens or notes."""
        at = at or now()
        with self._ledger.transaction():
            state = _MOVES.get(what)
            if state is not None:
                closed = at if state in {State.RESOLVED, State.DISMISSED} else None
                self._base.execute(
                    "UPDATE incident SET state = ?, changed = ?, closed = ?, closed_cause = CASE WHEN ? THEN NULL ELSE "
                    "told ->> 'cause' END, contained = ?, contained_refused = CASE WHEN ? THEN told ->> 'refused' END, "
                    "told_leaked = 0, told_recipients = told ->> 'recipients' WHERE id = ?",
                    (state, at, closed, what is What.WITHDRAWN, at, state is State.CONTAINED, name),
                )
            self._happened(name, at, who, what, text)
            kept = self.get(name)
        assert kept is not None
        return kept

    def _happened(self, name: str, at: str, who: str, what: What, text: str) -> None:
        self._base.execute(
            "INSERT INTO incident_history (incident, at, who, what, text) VALUES (?, ?, ?, ?, ?)",
            (name, at, who, what, text),
        )

    def get(self, name: str) -> KeptIncident | None:
        """The incident with this id, or with the only id that begins so."""
        rows = self._base.execute(
            f"SELECT {_FIELDS} FROM incident WHERE id = ? OR (length(?) >= 4 AND "  # noqa: S608  # our own constant
            "substr(id, 1, length(?)) = ?) LIMIT 2",
            (name, name, name, name),
        ).fetchall()
        return _kept(rows[0]) if len(rows) == 1 else None

    def all(self, *states: State) -> list[KeptIncident]:
        """Those in these states, or all: the worst first."""
        wanted = states or tuple(State)
        rows = self._base.execute(
            f"SELECT {_FIELDS} FROM incident WHERE state IN ({', '.join('?' * len(wanted))})",  # noqa: S608  # our own constant
            wanted,
        )
        return sorted(map(_kept, rows), key=_rank)

    def history(self, name: str) -> list[Happened]:
        """What happened to one, the oldest first."""
        rows = self._base.execute(
            "SELECT sequence, incident, at, who, what, text FROM incident_history WHERE incident = ? ORDER BY sequence",
            (name,),
        )
        return [_happening(row) for row in rows]

    def after(self, sequence: int, limit: int = _MANY_HISTORY) -> list[Happened]:
        """The feed: what happened to any after this sequence number (0: from the beginning), the oldest first."""
        rows = self._base.execute(
            "SELECT sequence, incident, at, who, what, text FROM incident_history WHERE sequence > ? ORDER BY sequence "
            "LIMIT ?",
            (sequence, limit),
        )
        return [_happening(row) for row in rows]

    def latest(self) -> int:
        """The last sequence number given; 0 if none was."""
        return int(self._base.execute("SELECT coalesce(max(sequence), 0) FROM incident_history").fetchone()[0])

    def lines(self, name: str) -> Iterator[Line]:
        """The lines an incident quotes or quoted, by source and offset."""
        rows = self._base.execute(
            "SELECT source, offset, line, sha256, raw FROM incident_line WHERE incident = ? ORDER BY source, offset",
            (name,),
        )
        return (Line(*row) for row in rows)


def _change(
    incident: Incident, told: str, row: tuple[Any, ...], leaked: int | None, *, provisional: bool
) -> What | None:
    """What telling it anew amounts to; what a closed tap holds back is no growth."""
    state, before, severity, recipients, closed, cause, unsettled, *_, told_leaked = row
    if state == State.RESOLVED and closed and incident.until > closed:
        return What.REOPENED
    if state == State.DISMISSED and cause != incident.cause:
        return What.REOPENED
    worse = severity != "critical" and incident.severity == "critical"
    more = incident.recipients >= _GROWN * max(recipients, 1) if leaked is None else leaks(leaked, told_leaked)
    if state in {State.OPEN, State.CONTAINED} and (worse or more):
        return What.GREW
    if told != before:
        return What.REVISED
    return What.SETTLED if unsettled and not provisional else None


def _growth(incident: Incident, leaked: int | None) -> str:
    """How much it is now, in numbers."""
    if leaked:
        return f"although it is contained, {leaked:,} more recipients were refused"
    return f"{incident.recipients:,} recipients, {incident.refused:,} of them refused"


def _rank(kept: KeptIncident) -> tuple[int, bool, int, int, str]:
    one = kept.incident
    return (list(State).index(kept.state), one.severity != "critical", -one.refused, -one.recipients, one.id)


def _kept(row: tuple[Any, ...]) -> KeptIncident:
    state, revision, provisional, opened, changed, leaked, told = row
    return KeptIncident(
        state=State(state), revision=revision, provisional=bool(provisional), opened=opened, changed=changed,
        leaked=leaked, incident=msgspec.json.decode(told, type=Incident),
    )  # fmt: skip


def _happening(row: tuple[Any, ...]) -> Happened:
    sequence, incident, at, who, what, text = row
    return Happened(sequence=sequence, incident=incident, at=at, who=who, what=What(what), text=text)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def now() -> str:
    """This moment, RFC 3339, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
