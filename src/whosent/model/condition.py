"""How the daemon is: what it follows, how far it is behind, what troubles it, and what it would answer now."""

from __future__ import annotations

import msgspec

from whosent.model.incident import ReportedFinding
from whosent.model.report import Verdict


class FollowedLog(msgspec.Struct, frozen=True, kw_only=True):
    """One log that is followed."""

    source: str  # its path
    format: str  # as in SourceCoverage; "" before its first line
    behind: int  # bytes written and not yet read
    last: str | None  # stamp of its latest line that speaks of mail, logins or requests, RFC 3339, UTC
    problem: str | None  # null: it is followed as it should be


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon last said of itself."""

    schema: str = "whosent.condition/1"  # the number rises when a field changes its meaning or goes
    version: str  # of Whosent
    pid: int  # its process
    started: str  # RFC 3339, UTC
    at: str  # when it said this, RFC 3339, UTC
    running: bool  # false: it was stopped, and said so
    catching_up: bool  # it is reading what was written before it started
    lines: int  # read since it started
    settled: str | None  # what is found up to here no later line can change, RFC 3339, UTC
    asked_seconds: float  # how long the latest look at all the evidence took
    sources: list[FollowedLog]  # one for each log that is followed
    problems: list[str]  # what troubles it, in sentences that say what to do
    verdict: Verdict  # what a scan of the same lines would say now
    sentence: str  # the same in words
    notices: list[ReportedFinding]  # what concerns everybody and accuses nobody
    blind_spots: list[str]  # what the logs do not record
