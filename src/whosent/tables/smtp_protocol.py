r"""What both of Exchange's SMTP protocol logs share: their columns, and following the connections row by row.

Columns and events after "Protocol logging" in the Exchange documentation
(learn.microsoft.com/exchange/mail-flow/connectors/protocol-logging).  Rows whose header was cut off are known by their
shape: a receive connector is named after its server (``EX01\Default Frontend EX01``), a send connector is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from whosent.tables import Cells, Told

COLUMNS: Final = ("datetime", "connectorid", "sessionid", "remoteendpoint", "event", "data", "context")
TELLING: Final = ("connectorid", "sessionid", "sequencenumber", "localendpoint", "remoteendpoint")
MAILBOX: Final = re.compile(rb"<([^<>\s]*+)>")
ENDPOINT: Final = re.compile(rb"\[?([0-9A-Fa-f.:]{2,45})\]?:(\d{1,5})\Z")
_ALL: Final = (
    "datetime", "connectorid", "sessionid", "sequencenumber", "localendpoint", "remoteendpoint", "event", "data",
    "context",
)  # fmt: skip
_SESSIONS: Final = 20_000

S = TypeVar("S")


def shape(connector: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A row of a log whose connectors are named like this, and its columns."""
    end = rb"(?:\[?[0-9A-Fa-f.:]{2,45}\]?:\d{1,5})?+"
    times = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d++)?+Z?+"
    return rb"%b,%b,[0-9A-F]{16},\d++,%b,%b,[-+<>*],[^\n]*+" % (times, connector, end, end), _ALL


class Connections(Generic[S]):
    """Hands each row to ``say`` with what is remembered of its connection; the oldest are forgotten."""

    def __init__(self, new: Callable[[], S], say: Callable[[S, Cells], Iterable[Told]]) -> None:
        self._new, self._say = new, say
        self._open: dict[bytes, S] = {}

    def __call__(self, cells: Cells) -> Iterable[Told] | None:
        """What one row says."""
        name, event = cells[2], cells[4]
        if event == b"-":
            self._open.pop(name, None)
            return ()
        if event not in {b"+", b"<", b">", b"*"}:
            return None
        session = self._open.get(name)
        if session is None:
            while len(self._open) >= _SESSIONS:
                del self._open[next(iter(self._open))]
            session = self._open[name] = self._new()
        return self._say(session, cells)
