"""What Whosent concludes: suspects, causes, findings, and the evidence under each of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

SuspectKind = Literal[
    "account", "local_user", "script", "form", "host", "relay", "proxy", "forwarder", "backscatter", "list"
]


class Cause(StrEnum):
    """What went wrong, once the findings of a suspect are weighed together."""

    COMPROMISED_ACCOUNT = "compromised_account"
    ABUSED_SCRIPT = "abused_script"
    ABUSED_FORM = "abused_form"
    INFECTED_HOST = "infected_host"
    OPEN_RELAY = "open_relay"
    OPEN_PROXY = "open_proxy"
    FORWARDED_SPAM = "forwarded_spam"
    BACKSCATTER = "backscatter"
    DIRTY_LIST = "dirty_list"
    DIRECTION_CONFUSION = "direction_confusion"
    SPOOFED_ELSEWHERE = "spoofed_elsewhere"
    UNUSUAL_VOLUME = "unusual_volume"
    MAIL_LOOP = "mail_loop"
    UNKNOWN = "unknown"


class Strength(StrEnum):
    """How sure, in fixed words, strongest first."""

    PROVEN = "proven"  # two independent witnesses
    SHOWN = "shown"  # our own log or queue
    LIKELY = "likely"  # a join with its margin
    CANDIDATES = "candidates"  # listed, nobody named
    UNPROVABLE = "unprovable"  # not provable from here


class Level(StrEnum):
    """What a line is worth as evidence, strongest first; a chain is as strong as its weakest link."""

    OBSERVED = "observed"  # our own log or socket
    ATTESTED = "attested"  # written by a host we control
    VOUCHED = "vouched"  # a named third party we chose to believe
    CORROBORATED = "corroborated"  # a stranger's word that fits what we know otherwise
    CLAIMED = "claimed"  # a stranger's word
    CONTRADICTED = "contradicted"  # other evidence says otherwise


class Suspect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who could have put mail into the world through us; ``name`` is what an operator would type."""

    kind: SuspectKind
    name: str  # account, path, address, user
    host: str | None = None  # the machine whose MTA took the mail
    uid: int | None = None  # of a local user
    account: str | None = None  # the account itself, or the one a script or local user runs under
    url: str | None = None  # where a form or script is reached
    address: str | None = None  # of a host or relay; where a program that hands mail in anew redirects it

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two findings speak of the same suspect."""
        return (self.kind, self.name, self.host or "")


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One line, or one record of a queue file, and where anybody can read it again."""

    source: str  # path as given, "-" for standard input
    offset: int  # of the line's first byte, from 0, in decompressed bytes
    line: int  # its number, from 1; 0 in a queue file, whose records have none
    excerpt: str  # bytes that are not UTF-8 as \xNN, control characters escaped
    sha256: str  # of the line's bytes without its line end
    level: Level
    note: str  # what this line shows, in a few words


class Quote(msgspec.Struct, frozen=True):
    """A line to be quoted, before anybody read it back: ``ref`` as in :func:`whosent.model.rows.reference`."""

    ref: int
    note: str
    level: Level = Level.OBSERVED


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One detector's word on one suspect: since when, measured against which norm, and why."""

    detector: str
    suspect: Suspect
    cause: Cause  # what this finding alone would suggest
    since: float  # seconds since the epoch
    until: float
    sentence: str  # plain, complete, true on its own
    clause: str = ""  # the same in a few words without the suspect, to stand behind another finding's sentence
    measure: float  # what was seen, in the detector's unit
    norm: float | None  # what would have been normal, same unit; None: nothing to compare with
    unit: str  # "refused share", "recipients", "networks", ...
    accuses: bool  # False: supports others, never makes an incident alone
    attests: bool = False  # recorded apart from what others accuse of, it bears them out: a second witness
    stands_alone: bool = False  # worth telling by itself although it accuses nobody
    strength: Strength
    witnesses: tuple[str, ...]  # who recorded it: "syslog of mx", "mail.log of PHP", ...
    quotes: tuple[Quote, ...]
    facts: dict[str, str | int | float | None] = {}  # numbers behind the sentence, by name
    severity: Literal["critical", "warning"] = "critical"
    candidates: tuple[Suspect, ...] = ()  # where nobody could be named
