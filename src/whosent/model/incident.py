"""An incident: one suspect, the findings about it, one cause, one sentence, one strength; and what to do."""

from __future__ import annotations

from typing import Literal

import msgspec

from whosent.model.finding import Cause, Evidence, Strength, Suspect

Step = Literal["inspect", "hold", "block", "close"]


class ReportedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its quotes read back from the sources."""

    detector: str  # which one: see the list of detectors
    sentence: str  # plain, complete, true on its own
    since: str  # RFC 3339, UTC
    until: str
    measure: float  # what was seen, in the detector's unit
    norm: float | None  # what would have been normal, same unit; null: nothing to compare with
    unit: str  # "refused share", "recipients", "networks", ...
    accuses: bool  # false: it supports others and never makes an incident alone
    strength: Strength
    witnesses: list[str]  # who recorded it: "Postfix log of mx", ...
    facts: dict[str, str | int | float | None]  # numbers behind the sentence, by name
    candidates: list[Suspect]  # where nobody could be named
    evidence: list[Evidence]  # at most a dozen lines that show it


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """A step an operator can take by hand: what it does, the commands, and how to take them back."""

    step: Step  # look; hold what is queued; stop what would come; close the hole
    title: str  # a few words
    reach: str  # who and what it touches, in words: "only mail of alice@example.org"
    commands: list[str]  # shell, each to be pasted whole; empty where none can be given safely (the note says why)
    undo: list[str]  # commands that take it back; empty where there is nothing to undo
    note: str = ""  # what to know before running it
    lines: list[str] = []  # to be written word for word where no command does it: a zone's records, code
    lines_before: list[str] = []  # what stands in their place now, to take it back


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says of one suspect."""

    id: str  # digest of what it is about: stable across runs
    suspect: Suspect
    cause: Cause
    strength: Strength  # of the findings that accuse; "proven" needs two independent witnesses
    severity: str  # "critical" or "warning"
    since: str  # RFC 3339, UTC
    until: str  # its last sign in the logs
    ongoing: bool  # still going on when the log ended
    messages: int
    recipients: int
    refused: int  # of these recipients
    sentence: str  # who, what, since when, against which norm
    witnesses: list[str]  # who recorded it
    unproven: list[str]  # what is not proven, and what would prove it
    candidates: list[Suspect]  # where nobody could be named
    findings: list[ReportedFinding]  # those that accuse first
    remedies: list[Remedy]  # narrowest first
