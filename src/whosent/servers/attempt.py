"""What a client did that a configuration is asked about, and what was found to blame."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from whosent.model.check import Opening
from whosent.model.incident import Remedy

Blamed: TypeAlias = tuple[Opening, list[Remedy]]


class Attempt(NamedTuple):
    """Who the client is and what it said; addresses without brackets."""

    client: str
    helo: str
    sender: str
    recipient: str


class Forged(NamedTuple):
    """A message in our name, as a server saw it."""

    attempt: Attempt
    header: str  # its From line
    stranger: str  # who sent the ordinary one that came the same way; without brackets
    ordinary: str  # the From line of that one
    selectors: frozenset[str] = frozenset()  # of the signatures of ours that it arrived with
