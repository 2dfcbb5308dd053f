"""What really happened, counted while the log is written."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Counts = list[int]
"""[messages, sent, deferred, bounced]"""

NO_ACTOR = ""
"""A notification: no client and no uid handed it in."""


@dataclass(slots=True, kw_only=True)
class Planted:
    """Something on purpose in the log: an incident to find, or an innocent to leave alone."""

    kind: Literal["account", "local_user"]
    name: str
    actor: str
    host: str
    cause: str
    start: float
    end: float
    messages: int = 0
    recipients: int = 0
    first: float | None = None
    last: float | None = None

    def saw(self, at: float, recipients: int) -> None:
        """Count one message of it."""
        self.messages += 1
        self.recipients += recipients
        self.first = at if self.first is None else self.first
        self.last = at


@dataclass(slots=True)
class Truth:
    """Three tables of counts, and what was planted.

    `lines_by_sender` and `lines_by_actor` count what the log says, literally: every life of a queue id
    with a `from=` line is a message, every delivery line an outcome, and the actor is the one the id's own
    opening line names (account, else `uid:33@host`, else client address; "" for a notification).

    `messages_by_actor` counts what happened: a message once, however many ids it had, under the actor who
    first handed it in; a recipient once, by the status of the last delivery line that was no hand-over to
    our own content filter or relay.
    """

    lines_by_sender: Mapping[str, Counts] = field(default_factory=lambda: defaultdict(_none))
    lines_by_actor: Mapping[str, Counts] = field(default_factory=lambda: defaultdict(_none))
    messages_by_actor: Mapping[str, Counts] = field(default_factory=lambda: defaultdict(_none))
    incidents: list[Planted] = field(default_factory=list)
    innocents: list[Planted] = field(default_factory=list)
    log: dict[str, float] = field(default_factory=dict)

    def life(self, sender: str, actor: str, lines: tuple[int, int, int]) -> None:
        """Count the lines of one life of a queue id: sent, deferred, bounced."""
        sent, deferred, bounced = lines
        for counts in (self.lines_by_sender[sender], self.lines_by_actor[actor]):
            counts[0] += 1
            counts[1] += sent
            counts[2] += deferred
            counts[3] += bounced

    def message(self, actor: str, recipients: tuple[int, int, int]) -> None:
        """Count one message by what became of its recipients."""
        counts = self.messages_by_actor[actor]
        counts[0] += 1
        for position, number in enumerate(recipients, 1):
            counts[position] += number

    def save(self, path: Path) -> None:
        """Write the truth as JSON."""
        tables = {field.name: getattr(self, field.name) for field in fields(self)}
        path.write_text(json.dumps(tables, default=asdict) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read it back."""
        written = json.loads(path.read_text(encoding="utf-8"))
        for planted in ("incidents", "innocents"):
            written[planted] = [Planted(**each) for each in written[planted]]
        return cls(**written)


def _none() -> Counts:
    return [0, 0, 0, 0]
