"""Makes a Parquet file of a file of lines: run as a process, so that DuckDB's memory comes and goes with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from whosent.model.mistake import Mistake
from whosent.store.columns import COLUMNS
from whosent.store.history import parquet_of

_THREADS: Final = 1
_MEMORY: Final = "256MB"


def duckdb() -> Any:  # noqa: ANN401  # a module, of an extra
    """The module; without the extra a sentence that says so."""
    try:
        import duckdb as module  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise Mistake(
            "history is not kept for questions: that needs the extra: pip install 'whosent[store]'."
        ) from error
    return module


def reading(table: str, paths: Iterable[Path]) -> str:
    """SQL that reads a table from these files, of lines or Parquet; names of files are ours, and have no quotes."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS[table].items())
    lines = [f"'{path}'" for path in paths if path.suffix == ".jsonl"]
    packed = [f"'{path}'" for path in paths if path.suffix == ".parquet"]
    parts = []
    if lines:
        parts.append(
            f"SELECT to_timestamp(time) AS time, * EXCLUDE (time) FROM read_json([{', '.join(lines)}], "  # noqa: S608
            f"format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}}) WHERE time IS NOT NULL"
        )
    if packed:
        parts.append(f"SELECT * FROM read_parquet([{', '.join(packed)}], union_by_name = true)")  # noqa: S608
    if not parts:
        empty = ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS[table].items() if name != "time")
        return f"SELECT NULL::TIMESTAMPTZ AS time, {empty} WHERE false"  # our own names
    return " UNION ALL BY NAME ".join(parts)


def convert(source: Path, table: str) -> None:
    """Write the Parquet file beside it: whole and on the disk before it has its name."""
    target = source.with_name(parquet_of(source.name))
    fresh = target.with_name(f"{target.name}.part")
    with duckdb().connect() as base:
        base.execute(f"SET threads = {_THREADS}; SET memory_limit = '{_MEMORY}'; SET TimeZone = 'UTC'")
        base.execute(f"COPY ({reading(table, [source])} ORDER BY time) TO '{fresh}' (FORMAT parquet, COMPRESSION zstd)")
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.rename(target)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), sys.argv[2])
