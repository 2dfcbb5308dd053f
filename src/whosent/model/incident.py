"""An incident: one suspect, the findings about it, one cause, one sentence, one strength; and what to do."""

from __future__ import annotations

from typing import Literal

import msgspec

from whosent.model.finding import Cause, Evidence, Strength, Suspect

Step = Literal["inspect", "hold", "block", "close"]


class ReportedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its quotes read back from the sources."""

    detector: str
    sentence: str
    since: str  # RFC 3339, UTC
    until: str
    measure: float
    norm: float | None
    unit: str
    accuses: bool
    strength: Strength
    witnesses: list[str]
    facts: dict[str, str | int | float | None]
    candidates: list[Suspect]
    evidence: list[Evidence]


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """A step an operator can take by hand: what it does, the commands, and how to take them back."""

    step: Step  # look; hold what is queued; stop what would come; close the hole
    title: str
    reach: str  # who and what it touches, in words: "only mail of alice@example.org"
    commands: list[str]  # shell, each to be pasted whole; empty where none can be given safely (the note says why)
    undo: list[str]
    note: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says of one suspect."""

    id: str  # digest of what it is about: stable across runs
    suspect: Suspect
    cause: Cause
    strength: Strength
    severity: str  # "critical" or "warning"
    since: str  # RFC 3339, UTC
    until: str
    ongoing: bool  # still going on when the log ended
    messages: int
    recipients: int
    refused: int
    sentence: str
    witnesses: list[str]
    unproven: list[str]  # what is not proven, and what would prove it
    candidates: list[Suspect]
    findings: list[ReportedFinding]
    remedies: list[Remedy]
