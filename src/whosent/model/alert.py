"""An alert: one sentence to somebody who has to act, how sure it is, what is new, and the next command to paste."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec

from whosent.model.finding import Cause, Strength, Suspect

SCHEMA: Final = "whosent.alert/1"

Urgency = Literal["critical", "warning", "information"]
Subject = Literal["incident", "incidents", "notice", "silence", "source", "trouble", "test"]


class News(StrEnum):
    """What an alert has to tell that was not told before."""

    OPENED = "opened"
    GREW = "grew"  # at least twice the recipients told last
    WORSENED = "worsened"  # its severity rose
    SURER = "surer"  # its strength rose
    WITNESSED = "witnessed"  # another witness recorded it
    CONTAINED = "contained"
    RELEASED = "released"
    REOPENED = "reopened"
    STOPPED = "stopped"  # no sign for a while
    RESUMED = "resumed"  # signs again after that was told
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"  # by Whosent: what came later explains it
    SILENT = "silent"  # Whosent itself, or a log it reads; or either is in trouble
    HEARD = "heard"  # again
    TEST = "test"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What every channel is given; all text in it may quote strangers, made visible."""

    schema: str = SCHEMA  # the number rises when a field changes its meaning or goes
    id: str  # the same however often it is sent: who has seen it may drop it
    at: str  # when it became due, RFC 3339, UTC
    host: str  # the machine whose Whosent speaks
    urgency: Urgency  # "information" needs nobody's hands
    about: Subject  # incidents: a summary of many; notice: concerns everybody; silence: of Whosent; source: of a log
    news: list[News]  # what was not told before
    title: str  # a few words for a subject line or a telephone's screen
    sentence: str  # plain, complete, true on its own
    changed: str  # what is new since it was last told; "" when it is told for the first time
    incident: str | None  # its id
    suspect: Suspect | None
    cause: Cause | None
    strength: Strength | None
    witnesses: list[str]  # who recorded it
    command: str  # to paste next; "" where nothing is to be done
    order: str = ""  # what the standing order does, or why it leaves it to you; "" where it only observes
    failed: list[str]  # channels that could not be told before, each with why


class KeptAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as the ledger keeps it."""

    schema: str = SCHEMA  # the number rises when a field changes its meaning or goes
    state: Literal["waiting", "told", "replaced"]  # replaced: its news went into a later one before anybody was told
    tries: int  # how often all channels were tried in vain
    taken_by: list[str]  # channels
    alert: Alert  # as it was told


class TriedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a test of one channel."""

    schema: str = SCHEMA  # the number rises when a field changes its meaning or goes
    channel: str  # its name
    taken: bool  # it took the test
    problem: str | None  # why not
    seconds: float  # until it did, or did not


class ChannelHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel has done."""

    name: str
    taken: float | None  # when it last took an alert, seconds since the epoch
    failed: float | None  # when it last failed
    failures: int  # in a row, up to now
    alerts: int  # taken, ever
    failed_ever: int
    problem: str  # of the last failure, or of the last alert it took only in part; "" if all is well
