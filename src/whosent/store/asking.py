"""SQL over everything that is kept, for people: reading only, and nothing but our own files can be read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from whosent.model.lifecycle import KeptIncident
from whosent.model.mistake import Mistake
from whosent.reading.stamps import rfc3339
from whosent.store.columns import COLUMNS
from whosent.store.history import segments
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.store.parquet import duckdb, reading
from whosent.store.rates import Rates

_MINUTE: Final = 60
_TEXT: Final = "VARCHAR"
_TIME: Final = "TIMESTAMPTZ"
_COUNT: Final = "BIGINT"
_LEDGER: Final = {
    "incidents": {
        "id": _TEXT, "state": _TEXT, "suspect_kind": _TEXT, "suspect": _TEXT, "host": _TEXT, "cause": _TEXT,
        "strength": _TEXT, "severity": _TEXT, "since": _TIME, "until": _TIME, "messages": _COUNT, "recipients": _COUNT,
        "refused": _COUNT, "sentence": _TEXT, "opened": _TIME, "changed": _TIME,
    },
    "incident_history": {
        "sequence": _COUNT, "incident": _TEXT, "time": _TIME, "who": _TEXT, "what": _TEXT, "text": _TEXT,
    },
    "rates": {"time": _TIME, "host": _TEXT, "measure": _TEXT, "value": _COUNT},
    "queue_lengths": {"time": _TIME, "host": _TEXT, "queue": _TEXT, "folder": _TEXT, "messages": _COUNT},
}  # fmt: skip
TABLES: Final = (*COLUMNS, *_LEDGER)


class Result(NamedTuple):
    """The answer to a question."""

    columns: list[str]
    rows: Iterator[tuple[Any, ...]]


class Questions:
    """A place to ask; close it."""

    def __init__(self, ledger: Ledger) -> None:
        module = duckdb()
        self._module = module
        self._folder = tempfile.TemporaryDirectory(prefix="whosent-")
        self._base = module.connect()
        self._base.execute("SET TimeZone = 'UTC'")
        found = segments(ledger)
        allowed: list[Path] = []
        for table in COLUMNS:
            paths = found.get(table, [])
            allowed += paths
            self._base.execute(f"CREATE VIEW {table} AS {reading(table, paths)}")
        self._of_ledger(ledger)
        places = ", ".join(f"'{path}'" for path in allowed)
        self._base.execute(f"SET allowed_paths = [{places}]")
        self._base.execute("SET enable_external_access = false; SET lock_configuration = true")

    def _of_ledger(self, ledger: Ledger) -> None:
        """What stands in the ledger, as tables."""
        kept, rates = Incidents(ledger), Rates(ledger)
        self._load("incidents", [_incident(one) for one in kept.all()])
        self._load("incident_history", [
            (one.sequence, one.incident, one.at, one.who, one.what.value, one.text) for one in kept.after(0, 1 << 30)
        ])  # fmt: skip
        counted = rates.between(_MINUTE, float(1 << 40))
        self._load("rates", [(rfc3339(minute * _MINUTE), *rest) for minute, *rest in counted])
        self._load("queue_lengths", [
            (rfc3339(one.time), one.host, one.queue, one.folder, one.messages) for one in rates.queues()
        ])  # fmt: skip

    def _load(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        path = Path(self._folder.name) / f"{table}.jsonl"
        names = list(_LEDGER[table])
        with path.open("wb") as file:
            file.writelines(msgspec.json.encode(dict(zip(names, row, strict=True))) + b"\n" for row in rows)
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _LEDGER[table].items())
        self._base.execute(
            f"CREATE TABLE {table} AS SELECT * FROM read_json('{path}', format = 'newline_delimited', "  # noqa: S608
            f"columns = {{{columns}}})"
        )

    def ask(self, question: str) -> Result:
        """One SELECT, of whatever shape; a mistake in it is one sentence."""
        module = self._module
        try:
            statements = self._base.extract_statements(question)
            reads = {module.StatementType.SELECT, module.StatementType.EXPLAIN}
            if len(statements) != 1 or statements[0].type not in reads:
                raise Mistake("a question is one SELECT; nothing can be changed here.")
            self._base.execute(statements[0])
        except module.Error as error:
            first = str(error).strip().partition("\n")[0].rstrip(".!")
            raise Mistake(f"{first}. `whosent query --tables` lists tables and columns.") from error
        return Result([column[0] for column in self._base.description], self._rows())

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        while rows := self._base.fetchmany(1_000):
            yield from rows

    def close(self) -> None:
        """Give everything back."""
        self._base.close()
        self._folder.cleanup()


def _incident(kept: KeptIncident) -> tuple[Any, ...]:
    one = kept.incident
    return (one.id, kept.state.value, one.suspect.kind, one.suspect.name, one.suspect.host, one.cause.value,
            one.strength.value, one.severity, one.since, one.until, one.messages, one.recipients, one.refused,
            one.sentence, kept.opened, kept.changed)  # fmt: skip
