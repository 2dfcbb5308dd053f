"""An incident as the ledger keeps it: in which state it is, how often it was revised, and who did what when."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from whosent.model.incident import Incident

MACHINE: Final = "whosent"  # who opens, revises and reopens
_FEW_LEAKS: Final = 25


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"  # somebody has to look
    CONTAINED = "contained"  # the tap is closed; the hole is not
    RESOLVED = "resolved"  # the hole is closed; new signs reopen it
    DISMISSED = "dismissed"  # an operator says it is none; only another cause reopens it


class What(StrEnum):
    """What can happen to an incident."""

    OPENED = "opened"
    GREW = "grew"  # at least twice what was told last, or worse; of a contained one: what got out all the same
    REVISED = "revised"  # told differently
    SETTLED = "settled"  # no later line can change what was found up to here
    CONTAINED = "contained"
    RELEASED = "released"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    REOPENED = "reopened"
    WITHDRAWN = "withdrawn"  # by the machine: what came later explains it
    NOTED = "noted"


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an incident's history."""

    sequence: int  # rises with every line of every incident; nothing is ever struck
    incident: str  # its id
    at: str  # RFC 3339, UTC
    who: str  # the operator's login name, or "whosent"
    what: What  # of the closed list below
    text: str = ""  # why, in the operator's words; or what changed


class KeptIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident with its lifecycle."""

    schema: str = "whosent.incident/1"  # the number rises when a field changes its meaning or goes
    state: State  # where it stands
    revision: int  # from 1; rises whenever it is told differently
    provisional: bool  # lines that are still awaited may change it
    opened: str  # when it was first told, RFC 3339, UTC
    changed: str  # when state or revision last changed
    leaked: int = 0  # recipients refused outside since it was contained: what is held is not among them
    incident: Incident  # as it is told now


class IncidentShown(KeptIncident, frozen=True, kw_only=True):
    """The same with everything that happened to it."""

    history: list[Happened]  # the oldest first


def leaks(now: int, told: int) -> bool:
    """Whether what gets out of a contained suspect is worth a word: many, and twice what was told last."""
    return now >= max(_FEW_LEAKS, 2 * told)
