"""What a table is, and the discovery of those in this folder.

Some logs are tables: comma-separated rows below a header or a ``#Fields:`` line, or JSON objects.  A table is one file
that exports ``table``: the columns it wants, by name, those that tell it from all other tables, and what each row
says.  Column names are compared folded (:func:`folded`), so that ``sender-address``, ``Sender address`` and
``SenderAddress`` are one.  Tables know nothing of each other, of files, quoting or messages.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from whosent.dialects import EventName, Rule

Cells: TypeAlias = tuple[bytes, ...]
"""The wanted cells of one row, in the order of :attr:`Table.columns`; ``b""`` where the table has no such column."""

Told: TypeAlias = tuple[Rule, Mapping[str, bytes | None]]
"""One thing that a row says: its rule, and the fields of the event by name."""

Reading: TypeAlias = Callable[[Cells], Iterable[Told] | None]
"""Reads row after row of one file; None for a row it does not understand."""

MINUTE: Final = 60.0
WHOLE_FILE: Final = float("inf")
_OTHERS: Final = re.compile(rb"[^a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of table.

    ``columns``: folded names, ``a|b`` where versions of the table call the same thing differently.  ``telling``: those
    that no other table has together.  ``begin`` starts the reading of one file.  ``log_type``: what its ``#Log-type:``
    line must say, if several tables have the same columns.  ``disorder``: seconds its rows may be out of order.
    ``system``: what writes it, for remedies (``ELSEWHERE`` of :mod:`whosent.remedies`).  ``element``: of XML, the
    folded names of the document and of the element that is a row.  ``shape``: a pattern of a whole row by which the
    table is known where its header was cut off, and all its columns then, in order.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    telling: tuple[str, ...]
    rules: tuple[Rule, ...]
    begin: Callable[[], Reading]
    log_type: bytes = b""
    disorder: float = MINUTE
    system: str = "exchange"
    element: tuple[str, str] | None = None
    shape: tuple[bytes, tuple[str, ...]] | None = None

    def __reduce__(self) -> tuple[Callable[[str], Table], tuple[str]]:
        """In a saved state it stands by its name."""
        return named, (self.name,)


def named(name: str) -> Table:
    """The table of that name."""
    return next(table for table in discover() if table.name == name)


def rule(event: EventName, *fields: str, **fixed: str) -> Rule:
    """A kind of row: its event, the fields a row may fill in, and those it implies."""
    return Rule(event, b"".join(b"(?P<%b>)" % field.encode() for field in fields), tuple(sorted(fixed.items())))


def folded(name: bytes) -> str:
    """A column's name without case, spaces and punctuation (but the dots of a path in JSON)."""
    return _OTHERS.sub(b"", name.lower()).decode("ascii")


@cache
def discover() -> tuple[Table, ...]:
    """The tables of this folder, by module name."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    return tuple(module.table for module in modules if hasattr(module, "table"))


def identify(names: Iterable[str], log_type: bytes = b"") -> Table | None:
    """The table these folded column names belong to; of several that fit, the one that asks for most."""
    present = set(names)
    fitting = [
        table
        for table in discover()
        if table.element is None
        and table.log_type == log_type[: len(table.log_type)]
        and all(present.intersection(column.split("|")) for column in table.telling)
    ]
    return max(fitting, key=lambda table: (bool(table.log_type), len(table.telling)), default=None)
