"""What an audit says: the answer, each result, what changed since the last run, and what may remain of the probes."""

from __future__ import annotations

from typing import Literal

import msgspec

from whosent.model.check import Result

SCHEMA = "whosent.audit/1"


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A result that is not what it was in the run before."""

    check: str  # which one: see the list of checks
    target: str  # as in Result
    about: str  # as in Result
    before: str | None  # verdict; null: was not looked at
    now: str | None  # verdict; null: was not looked at this time
    sentence: str  # plain
    between: list[str]  # package and configuration changes that lie between the two runs, the latest first


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's word that a target may be probed."""

    target: str  # as it was named
    by: str  # login name and uid
    at: str  # RFC 3339, UTC


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """One run: an object of the JSON."""

    schema: str  # "whosent.audit/1"; the number rises when a field changes its meaning or goes
    version: str  # of Whosent
    host: str  # where it ran
    started: str  # RFC 3339, UTC
    seconds: float  # it took
    verdict: Literal["clean", "warning", "critical", "unknown"]  # the exit code says the same
    sentence: str  # the answer
    checks: list[str]  # that ran
    sink: str | None  # where probes were to arrive; null: none is configured, and nothing is proven by delivery
    results: list[Result]  # open ones first
    unseen: list[str]  # what could not be looked at, and what it takes
    confirmed: list[Confirmed]  # on whose word targets were probed that no setting calls ours
    compared: str | None  # start of the run it is compared with
    changes: list[Changed]  # only with --compare
    left: list[str]  # what may remain of the probes, and where
