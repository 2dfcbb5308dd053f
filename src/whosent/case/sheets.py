"""The tables of a case as CSV (RFC 4180), in which no cell is taken for a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

import msgspec

from whosent.model.case import CaseFile, Exhibit, Happening, SeenAddress, Statement
from whosent.model.complaint import Complaint
from whosent.report import words

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_OF_COMPLAINTS: Final = (
    "id", "kind", "reporter", "feedback_type", "source_address", "source_port", "arrival_date", "original_mail_from",
    "original_recipient", "message_id", "ours", "strength", "level", "queue_id", "sentence", "sha256",
)  # fmt: skip


def sheets(case: CaseFile) -> dict[str, bytes]:
    """Each table by its name."""
    return {
        "statements": _sheet(Statement.__struct_fields__, case.statements),
        "timeline": _sheet(Happening.__struct_fields__, case.timeline),
        "exhibits": _sheet(Exhibit.__struct_fields__, case.exhibits),
        "addresses": _sheet(SeenAddress.__struct_fields__, case.addresses),
        "complaints": _sheet(_OF_COMPLAINTS, case.complaints),
    }


def _sheet(columns: Sequence[str], rows: Iterable[Statement | Happening | Exhibit | SeenAddress | Complaint]) -> bytes:
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        told = msgspec.to_builtins(row)
        writer.writerow([_cell(told.get(name)) for name in columns])
    return out.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    shown = words.visible(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
