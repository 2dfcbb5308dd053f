"""``whosent query``: SQL over what ``watch`` keeps; a table, CSV or JSON."""

from __future__ import annotations

import csv
import os
import sys
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from whosent.cli.leaving import Exit, fail
from whosent.cli.options import console, ledger_of
from whosent.configuration import load
from whosent.report import words
from whosent.store.asking import TABLES, Questions


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(query)


def query(
    question: Annotated[
        str, typer.Argument(metavar="[SQL]", help="One SELECT (DuckDB's SQL); - reads it from standard input.")
    ] = "",
    *,
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", metavar="FORM", help="table, csv or json (one object a line)."),
    ] = "table",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    tables: Annotated[bool, typer.Option("--tables", help="List tables and their columns, and ask nothing.")] = False,
) -> None:
    """Ask what watch has kept, in SQL: messages, outcomes, logins, rates, incidents and more; it only reads.

    Example: whosent query "SELECT sender, count(*) FROM messages GROUP BY sender ORDER BY 2 DESC LIMIT 10"
    """
    if question == "-":
        question = sys.stdin.read()
    if tables:
        question = (
            "SELECT table_name AS table, column_name AS column, data_type AS type FROM information_schema.columns "
            "ORDER BY table_name, ordinal_position"
        )
    if not question.strip():
        fail(f"no question. There are the tables {', '.join(TABLES)}; --tables says what is in them.")
    questions = Questions(ledger_of(load(os.environ)))
    try:
        _show(questions, question, "json" if json else form)
    finally:
        questions.close()
    raise SystemExit(Exit.CLEAN)


def _show(questions: Questions, question: str, form: str) -> None:
    columns, rows = questions.ask(question)
    if form == "json":
        for row in rows:
            sys.stdout.buffer.write(msgspec.json.encode(dict(zip(columns, row, strict=True)), enc_hook=str) + b"\n")
        sys.stdout.buffer.flush()
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([_plain(value) for value in row] for row in rows)
    else:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(Text(words.visible(column)), overflow="fold")
        for row in rows:
            table.add_row(*(Text(words.visible(str(_plain(value)))) for value in row))
        console().print(table)


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever a column holds
    """Times as RFC 3339, nothing as nothing."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else value
