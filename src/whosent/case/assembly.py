"""Puts a case together: statements, timeline and what is not proven, from an incident and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Final

import msgspec

from whosent.case import exhibits as lines
from whosent.case.unproven import not_proven
from whosent.model.case import SCHEMA, CaseFile, Change, Exhibit, Happening, LogFile, Statement
from whosent.model.complaint import Complaint
from whosent.model.finding import Evidence, Level, Strength
from whosent.model.incident import Incident, ReportedFinding
from whosent.model.report import LoginNetwork, Report
from whosent.report import words

_NAMED: Final = 5  # addresses in one sentence


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a case is made of."""

    incident: Incident
    report: Report | None  # of the scan that found it, where it is at hand
    complaints: tuple[Complaint, ...] = ()
    changes: tuple[Change, ...] = ()
    history: tuple[Happening, ...] = ()  # of the incident in the ledger
    state: str | None = None  # in the ledger
    files: tuple[LogFile, ...] = ()
    submissions: tuple[Evidence, ...] = ()  # lines that say who handed in the messages of quoted lines
    raw: lines.Raw = {}


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """When, by whom and with what a case is made, and how its stamps are read."""

    version: str
    made: str  # RFC 3339, UTC
    made_by: str
    timezone: str  # in which people are shown times
    zone: tzinfo  # of stamps without offset
    year: int = 0


def assemble(told: Told, circumstances: Circumstances) -> CaseFile:
    """The whole case."""
    incident, report = told.incident, told.report
    numbered = lines.numbered(incident, told.complaints, told.submissions, told.raw)
    written = _moment(report.window[1] if report and report.window else incident.until)
    exhibits = lines.read(numbered, told.raw, circumstances.zone, written, circumstances.year)
    statements = list(_statements(told, exhibits))
    return CaseFile(
        schema=SCHEMA,
        version=circumstances.version,
        made=circumstances.made,
        made_by=circumstances.made_by,
        timezone=circumstances.timezone,
        state=told.state,
        hosts=report.hosts if report else [host for host in (incident.suspect.host,) if host],
        window=report.window if report else None,
        incident=incident,
        statements=statements,
        not_proven=not_proven(incident, report, told.complaints, exhibits),
        timeline=_timeline(told, statements, exhibits),
        addresses=lines.addresses(exhibits),
        networks=_networks(incident, report),
        exhibits=exhibits,
        complaints=list(told.complaints),
        changes=sorted(told.changes, key=lambda one: one.at or ""),
        files=list(told.files),
        assumptions=report.assumptions if report else [],
    )


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _networks(incident: Incident, report: Report | None) -> list[LoginNetwork]:
    return [one for one in report.overview.networks if one.incident == incident.id] if report else []


def _statements(told: Told, exhibits: Sequence[Exhibit]) -> Iterable[Statement]:
    """Each finding and each answer to a complaint is one, and who handed in the messages of the lines they quote."""
    findings, complaints = told.incident.findings, told.complaints
    numbers = {lines.key(one): one.number for one in exhibits}
    for number, finding in enumerate(findings, 1):
        yield _of_finding(number, finding, numbers)
    for number, complaint in enumerate(complaints, len(findings) + 1):
        yield _of_complaint(number, complaint, numbers, exhibits)
    if told.submissions:
        chosen = {numbers[lines.key(one)] for one in told.submissions}
        yield _of_submissions(len(findings) + len(complaints) + 1, [one for one in exhibits if one.number in chosen])


def _of_submissions(number: int, exhibits: Sequence[Exhibit]) -> Statement:
    seen = lines.addresses(exhibits)
    listed = words.listed([one.address for one in seen[:_NAMED]])
    more = f" and {len(seen) - _NAMED:,} more" if len(seen) > _NAMED else ""
    where = f", from {listed}{more}" if seen else ""
    times = sorted(one.time for one in exhibits if one.time)
    messages = {(one.host, one.queue_id) for one in exhibits}
    return Statement(
        number=number,
        sentence=f"The lines say who handed in {words.counted(len(messages), 'message')} of those quoted{where}. "
        "Ordinary mail may be among them.",
        level=lines.weakest(one.level for one in exhibits), strength=Strength.SHOWN,
        recorded_by=sorted({f"log of {one.host}" for one in exhibits if one.host}),
        since=times[0] if times else None, until=times[-1] if times else None,
        exhibits=[one.number for one in exhibits], accuses=False,
    )  # fmt: skip


def _of_finding(number: int, finding: ReportedFinding, numbers: Mapping[lines.Key, int]) -> Statement:
    return Statement(
        number=number, sentence=finding.sentence, level=lines.weakest(one.level for one in finding.evidence),
        strength=finding.strength, recorded_by=finding.witnesses, since=finding.since, until=finding.until,
        exhibits=sorted({numbers[lines.key(one)] for one in finding.evidence}), accuses=finding.accuses,
    )  # fmt: skip


def _of_complaint(
    number: int, complaint: Complaint, numbers: Mapping[lines.Key, int], exhibits: Sequence[Exhibit]
) -> Statement:
    quoted = {numbers[lines.key(one)] for one in complaint.evidence}
    logs = sorted({f"log of {one.host}" for one in exhibits if one.number in quoted and one.host})
    return Statement(
        number=number, sentence=f"Complaint {complaint.id[:12]}: {complaint.sentence}", level=complaint.level,
        strength=complaint.strength,
        recorded_by=[f"report of {complaint.reporter or 'an unnamed reporter'}", *logs],
        since=complaint.arrival_date, until=None,
        exhibits=sorted(quoted),
        accuses=complaint.strength in {Strength.PROVEN, Strength.SHOWN, Strength.LIKELY},
    )  # fmt: skip


def _timeline(told: Told, statements: Iterable[Statement], exhibits: Iterable[Exhibit]) -> list[Happening]:
    """The oldest first; of one moment, what our logs say before what people say."""
    incident, report = told.incident, told.report
    witness = ", ".join(incident.witnesses)
    level = lines.weakest(one.level for one in exhibits)
    entries = [*told.history]
    if report and report.window:
        entries += [
            Happening(at=report.window[0], sentence="The logs that were read begin.", level=Level.OBSERVED,
                      recorded_by="the logs"),
            Happening(at=report.window[1], sentence="The logs that were read end.", level=Level.OBSERVED,
                      recorded_by="the logs"),
        ]  # fmt: skip
    entries += [
        Happening(at=incident.since, sentence="First sign of the incident.", level=level, recorded_by=witness),
        Happening(at=incident.until, sentence="Last sign of the incident in the logs that were read.", level=level,
                  recorded_by=witness),
    ]  # fmt: skip
    entries += [
        Happening(at=one.since, sentence=f"Statement {one.number} begins to hold.", level=one.level,
                  recorded_by=", ".join(one.recorded_by))
        for one in statements
        if one.since
    ]  # fmt: skip
    entries += [
        Happening(at=one.time, sentence=_seen(one), level=one.level, recorded_by=one.host or one.source,
                  exhibit=one.number)
        for one in exhibits
        if one.time
    ]  # fmt: skip
    entries += [
        Happening(at=one.at, sentence=f"Done: {one.text}", level=one.level, recorded_by=one.who)
        for one in told.changes
        if one.at
    ]
    order = tuple(Level)
    return sorted(entries, key=lambda one: (_moment(one.at), order.index(one.level), one.exhibit or 0, one.sentence))


def _seen(one: Exhibit) -> str:
    """``login, account alice@corp.test, from 192.0.2.7, port 51234, queue id 4jTL: client and login``."""
    told = [one.event or "line"]
    told += [f"account {one.account}"] if one.account else []
    told += [f"from {one.address}"] if one.address else []
    told += [f"port {one.port}"] if one.port else []
    told += [f"queue id {one.queue_id}"] if one.queue_id else []
    return f"{', '.join(told)}: {one.note}" if one.note else ", ".join(told)
