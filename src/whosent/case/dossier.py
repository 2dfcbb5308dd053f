"""Judges whether a blocklist can honestly be asked to let an address go, and drafts the request if so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final

import msgspec

from whosent.blocklists import Blocklist
from whosent.case.request import draft
from whosent.join.presence import Presence
from whosent.model.case import Change
from whosent.model.dossier import SCHEMA, Dossier, Gap
from whosent.model.incident import Incident
from whosent.model.report import Report
from whosent.report import words

_HOUR: Final = 3600.0
_FRESH: Final = 2 * _HOUR  # seconds that the logs may end before now
_PAID: Final = "It offers a quicker way for money: do not pay."
_PAGE: Final = "What a list wants changes: its own page decides."


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a dossier is made of."""

    incident: Incident
    blocklist: Blocklist
    address: str  # what is listed
    changes: Sequence[Change]
    hosts: Sequence[str]  # that were watched when it happened
    since: Report  # of the logs up to now
    presence: Presence
    now: datetime

    @property
    def zone(self) -> tzinfo:
        """In which people are shown times."""
        return words.zone(self.since.timezone)


class _Silence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the time since."""

    stopped: str  # the last sign of the incident
    ends: str | None  # of the logs; None: none reaches beyond the last sign
    hosts: list[str]
    gaps: list[Gap]
    hours: float  # in which no host has a gap


def dossier(asked: Asked) -> Dossier:
    """The dossier, with a draft if it is ready."""
    incident, found = asked.incident, asked.blocklist
    silence = _silence(asked)
    refusals = [*_flowing(asked, silence), *_unsaid(asked), *_unproven(asked, silence)]
    made = Dossier(
        schema=SCHEMA,
        incident=incident.id,
        blocklist=found.name,
        zone=found.zone,
        address=asked.address,
        ready=not refusals,
        refusals=refusals,
        cause=incident.cause,
        began=incident.since,
        stopped=silence.stopped,
        changes=list(asked.changes),
        silence_until=silence.ends,
        hosts=silence.hosts,
        proven_hours=round(silence.hours, 1),
        wanted_hours=found.silence,
        gaps=silence.gaps,
        sent=_sum(asked.since, silence.stopped, "sent"),
        refused=_sum(asked.since, silence.stopped, "refused"),
        queue_looked_at=asked.since.queue is not None,
        wants=[*found.wants, *([_PAID] if found.paid else []), _PAGE],
        where=found.where,
        expires=found.expires,
        limits=list(_limits(asked.since)),
        draft="",
    )
    return msgspec.structs.replace(made, draft=draft(made, asked.zone)) if made.ready else made


def _silence(asked: Asked) -> _Silence:
    report = asked.since
    signs = [asked.incident.until, *(one.until for one in report.incidents if one.id == asked.incident.id)]
    stopped = max(signs, key=_at)
    last = asked.presence.last
    ends = _stamp(last) if last is not None and last > _at(stopped).timestamp() else None
    hosts = sorted({host.lower() for host in (*asked.hosts, *report.hosts)})
    gaps = [gap for host in hosts for gap in _gaps(asked.presence, host, stopped, ends)] if ends else []
    hours = _proven(stopped, ends, gaps) if ends else 0.0
    return _Silence(stopped=stopped, ends=ends, hosts=hosts, gaps=gaps, hours=hours)


def _at(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _gaps(presence: Presence, host: str, since: str, until: str) -> Iterator[Gap]:
    for one in presence.gaps(host, _at(since).timestamp(), _at(until).timestamp()):
        yield Gap(host=host, since=_stamp(one.begins), until=_stamp(one.ends))


def _proven(since: str, until: str, gaps: Iterable[Gap]) -> float:
    """Hours in which no host has a gap."""
    left, covered = _at(since).timestamp(), 0.0
    for one in sorted(gaps, key=lambda gap: gap.since):
        covered += max(0.0, _at(one.since).timestamp() - left)
        left = max(left, _at(one.until).timestamp())
    return (covered + max(0.0, _at(until).timestamp() - left)) / _HOUR


def _sum(report: Report, since: str, field: str) -> int:
    """Recipients in the spans that begin after the last sign."""
    return sum(getattr(one, field) for one in report.overview.timeline if _at(one.start) >= _at(since))


def _flowing(asked: Asked, silence: _Silence) -> Iterator[str]:
    """Spam that still goes out, of this incident or another."""
    for one in asked.since.incidents:
        if one.ongoing:
            yield f"Spam still flows: {words.visible(one.sentence)}"
        elif one.id != asked.incident.id and _at(one.until) > _at(silence.stopped):
            yield f"Spam flowed after this incident: {words.visible(one.sentence)}"
    for pile in asked.since.queue.piles if asked.since.queue else ():
        if pile.incident == asked.incident.id:
            yield (
                f"{words.counted(pile.messages, 'message')} of this incident still wait in the queue {pile.queue} and "
                "will be tried again: hold or delete them first."
            )


def _unsaid(asked: Asked) -> Iterator[str]:
    """What a list would ask back."""
    if not asked.changes:
        yield (
            "Nothing is known of what was changed, and a list wants to know: say it with --change, its time before it."
        )
    if asked.blocklist.how == "none":
        yield f"{asked.blocklist.name} lets nobody go on request."


def _unproven(asked: Asked, silence: _Silence) -> Iterator[str]:
    """Silence that nobody can vouch for."""
    found, zone = asked.blocklist, asked.zone
    if silence.ends is None:
        yield (
            f"Silence is not proven: no log here reaches beyond {words.when(silence.stopped, zone)}, the last sign of "
            "the incident. Give the logs since with --logs."
        )
        return
    if silence.hours < found.silence:
        gaps = words.counted(len(silence.gaps), "gap")
        because = f"; the logs have {gaps}, of which nobody knows anything" if silence.gaps else ""
        yield (
            f"Silence is proven for {silence.hours:.1f} of the {found.silence} hours that {found.name} should see "
            f"first{because}. Ask later, or give the missing logs."
        )
    if (asked.now - _at(silence.ends)).total_seconds() > _FRESH:
        yield (
            f"The logs end at {words.when(silence.ends, zone)}: nothing is known of the time from then until now. "
            "Give the newest."
        )
    broken = [words.visible(one.source) for one in asked.since.coverage.sources if one.problem]
    if broken:
        yield f"Not everything was read: {words.listed(broken)}. What they would have shown is not known."


def _limits(report: Report) -> Iterator[str]:
    """What the proof of silence does not show."""
    yield (
        "Silence means: nothing that these logs show was found to be spam. A slow sender whose recipients all exist "
        "and accept can stay below every bar."
    )
    yield "A host counts as logging where no hour passes without a line of its mail programs."
    if report.queue is None:
        yield "The queue was not looked at: what waits there may still be tried (--queue)."
    yield from report.blind_spots
