"""A delisting dossier: what a list wants to know, and whether it can honestly be told."""

from __future__ import annotations

from typing import Final

import msgspec

from whosent.model.case import Change
from whosent.model.finding import Cause

SCHEMA: Final = "whosent.dossier/1"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A span in which a host is not proven to have logged."""

    host: str  # as its lines call it
    since: str  # RFC 3339, UTC
    until: str


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """Everything for one request; ``ready`` only if spam has stopped and silence is proven."""

    schema: str  # "whosent.dossier/1"; the number rises when a field changes its meaning or goes
    incident: str  # its id
    blocklist: str  # its name
    zone: str | None  # that is asked by DNS; null: not public
    address: str  # what is listed: an address, or a domain
    ready: bool  # whether asking makes sense now
    refusals: list[str]  # why not, a sentence each
    cause: Cause
    began: str  # first sign of the incident, RFC 3339, UTC
    stopped: str  # its last sign in the logs
    changes: list[Change]  # what was done, the oldest first
    silence_until: str | None  # up to when the logs were read; null: no log reaches beyond the last sign
    hosts: list[str]  # whose logs cover that time
    proven_hours: float  # since the last sign in which every one of these hosts is proven to have logged
    wanted_hours: int  # of silence before this list is worth asking
    gaps: list[Gap]  # in that time
    sent: int  # recipients accepted by hosts that are not ours, in that time
    refused: int  # recipients refused in that time
    queue_looked_at: bool  # whether the queue was among what was looked at
    wants: list[str]  # what this list asks for or looks at
    where: str  # web address of its form or lookup
    expires: str  # when an entry goes by itself; "" where it does not
    limits: list[str]  # what the proof of silence does not show
    draft: str  # the request, to be read, completed and sent by hand; "" while it is not ready
