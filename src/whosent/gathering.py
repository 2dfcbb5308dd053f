"""Gathers what a case is made of: the incident (of the ledger or a scan's JSON), complaints, lines, history."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final

import msgspec

from whosent.case import exhibits
from whosent.case.assembly import Told
from whosent.case.exhibits import Raw
from whosent.join.sightings import Wanted
from whosent.model.action import Progressed
from whosent.model.case import Change, Happening, LogFile
from whosent.model.complaint import Basis, Complaint
from whosent.model.finding import Evidence, Level
from whosent.model.incident import Incident
from whosent.model.lifecycle import MACHINE, Happened, What
from whosent.model.mistake import Mistake
from whosent.model.report import SCHEMA, Report, SourceCoverage
from whosent.model.settings import Settings
from whosent.progress import reading
from whosent.sources.files import at_path
from whosent.store.actions import Actions
from whosent.store.complaints import Complaints
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.tracing import Logs

_BY_ACTION: Final = {What.CONTAINED: "contained", What.RELEASED: "released"}  # our own journal shows them
_BY_HAND: Final = {What.RESOLVED: "resolved", What.DISMISSED: "dismissed", What.NOTED: "noted"}
_CALLED: Final = frozenset({"its Message-ID", "its envelope sender"})  # of the lines of a message's life
_DONE: Final = frozenset({Progressed.APPLIED, Progressed.UNDONE, Progressed.EXPIRED})
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))\s+(.+)", re.DOTALL)


def report_in(path: Path) -> tuple[Report, bytes]:
    """The report of ``whosent scan --json`` in this file, and its bytes."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}.") from error
    try:
        report = msgspec.json.decode(text, type=Report)
    except msgspec.DecodeError as error:
        raise Mistake(f"{path} is no report of `whosent scan --json`: {error}.") from error
    if report.schema != SCHEMA:
        raise Mistake(f"{path} has the schema {report.schema!r}; this version reads {SCHEMA!r}: scan again.")
    return report, text


def chosen(report: Report, name: str) -> Incident:
    """The incident of a report with this id, or with the only id that begins so; the only one there is, without."""
    found = [one for one in report.incidents if one.id.startswith(name)]
    if len(found) != 1:
        known = ", ".join(f"{one.id} ({one.suspect.name})" for one in report.incidents) or "none"
        many = "more than one" if found else "no"
        raise Mistake(f"the report holds {many} incident that could be meant; its incidents: {known}.")
    return found[0]


def of_report(report: Report, name: str, ledger: Ledger, changes: Iterable[Change]) -> Told:
    """A case of an incident that a scan's JSON holds; its state and complaints are those of the ledger."""
    incident = chosen(report, name)
    kept, history = _kept(ledger, incident.id)
    complaints = _complaints(ledger, incident.id)
    raw = {**_again(_quotes(incident, complaints)), **_lines(ledger, incident.id)}
    return Told(
        incident=incident,
        report=report,
        complaints=complaints,
        changes=(*_changes(history), *_acts(ledger, incident.id), *changes),
        history=tuple(_happenings(history)),
        state=kept,
        files=tuple(_file(one) for one in report.coverage.sources),
        raw=raw,
    )


def of_ledger(incident: Incident, ledger: Ledger, changes: Iterable[Change]) -> Told:
    """A case of an incident of the ledger."""
    kept, history = _kept(ledger, incident.id)
    complaints = _complaints(ledger, incident.id)
    return Told(
        incident=incident,
        report=None,
        complaints=complaints,
        changes=(*_changes(history), *_acts(ledger, incident.id), *changes),
        history=tuple(_happenings(history)),
        state=kept,
        raw={**_again(_quotes(incident, complaints)), **_lines(ledger, incident.id)},
    )


def stated(text: str, who: str) -> Change:
    """What an operator says was done; a stamp with its zone before it says when."""
    parts = _STAMP.fullmatch(text.strip())
    if parts is None:
        return Change(at=None, who=who, text=text.strip(), level=Level.CLAIMED)
    try:
        at = datetime.fromisoformat(parts[1]).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Mistake(f"{parts[1]} is no moment: write 2026-11-17T12:30:00+01:00 and what was done then.") from error
    return Change(at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), who=who, text=parts[2].strip(), level=Level.CLAIMED)


def with_submissions(told: Told, settings: Settings, zone: tzinfo) -> Told:
    """The same with the lines that say who handed in the quoted messages, and as what, from the logs still at hand."""
    paths = [Path(name) for name in dict.fromkeys(one.source for one in told.files)]
    sources = [at_path(path) for path in paths if path.is_file()]
    moments = _moments(told, settings, zone)
    if not sources or not moments:
        return told
    logs = Logs(sources, settings, zone)
    with reading(sum(source.stored_size for source in sources)) as progress:
        found = logs.sightings(Wanted(frozenset(name for _, name in moments), moments=()), progress)
    begun = [
        life
        for life in found.kept
        if life.submitted and any(life.opened <= time <= life.closed for time in moments[life.host, life.queue_id])
    ]
    for life in begun:
        # the line that names the client, and what the message then was called
        life.sent, life.refs = [], [one for place, one in enumerate(life.refs) if not place or one[1] in _CALLED]
    logs.quote(begun)
    lines = tuple(line for life in begun for line in life.evidence)
    return msgspec.structs.replace(told, submissions=lines, raw={**told.raw, **_again(lines)})


def _moments(told: Told, settings: Settings, zone: tzinfo) -> dict[tuple[str, str], list[float]]:
    """When the quoted lines speak of which queue id of which host."""
    written = datetime.fromisoformat(told.incident.until)
    numbered = exhibits.numbered(told.incident, told.complaints, (), told.raw)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in exhibits.read(numbered, told.raw, zone, written, settings.logs.year):
        if one.queue_id and one.time:
            found[one.host or "", one.queue_id].append(datetime.fromisoformat(one.time).timestamp())
    return found


def _kept(ledger: Ledger, name: str) -> tuple[str | None, list[Happened]]:
    store = Incidents(ledger)
    kept = store.get(name)
    return (kept.state.value, store.history(name)) if kept is not None and kept.incident.id == name else (None, [])


def _changes(history: Iterable[Happened]) -> Iterator[Change]:
    for one in history:
        word = _BY_ACTION.get(one.what) or _BY_HAND.get(one.what)
        if word:
            level = Level.OBSERVED if one.what in _BY_ACTION else Level.CLAIMED
            yield Change(at=one.at, who=one.who, text=f"{word}: {one.text}" if one.text else word, level=level)


def _acts(ledger: Ledger, name: str) -> Iterator[Change]:
    """What our own journal of actions says was done against the incident, and taken back."""
    store = Actions(ledger)
    for action in store.standing(incident=name):
        for at, state, note in store.history(action.id):
            if state in _DONE:
                told = f"{action.responder} {action.how}".strip()
                counts = "".join(f", {kind} {number:,}" for kind, number in action.counts.items())
                said = f"{state}: {told}, touching {action.reach}{counts}{f' ({note})' if note else ''}"
                yield Change(at=at, who=action.who, text=said, level=Level.OBSERVED)


def _happenings(history: Iterable[Happened]) -> Iterator[Happening]:
    """What is no change to the world: how the incident itself went."""
    for one in history:
        if one.what not in _BY_ACTION and one.what not in _BY_HAND:
            who = "our ledger" if one.who == MACHINE else f"our ledger, by {one.who}"
            said = f"The incident was {one.what.value}."
            yield Happening(at=one.at, sentence=said, level=Level.OBSERVED, recorded_by=who)


def _complaints(ledger: Ledger, name: str) -> tuple[Complaint, ...]:
    return tuple(one.complaint for one in Complaints(ledger).all() if one.complaint.incident == name)


def _lines(ledger: Ledger, name: str) -> Raw:
    return {line.sha256: line.raw for line in Incidents(ledger).lines(name)}


def _quotes(incident: Incident, complaints: Iterable[Complaint]) -> Iterator[Evidence | Basis]:
    for finding in incident.findings:
        yield from finding.evidence
    for complaint in complaints:
        yield from complaint.evidence


def _again(quotes: Iterable[Evidence | Basis]) -> Raw:
    """Quoted lines read again from their files, as far as these still hold them."""
    wanted: dict[str, dict[int, str]] = defaultdict(dict)
    for one in quotes:
        wanted[one.source][one.offset] = one.sha256
    found: dict[str, bytes] = {}
    for name, digests in wanted.items():
        path = Path(name)
        if not path.is_file():
            continue
        source = at_path(path)
        for _ in source.chunks():
            pass
        for offset, line in source.quote(digests).items():
            if line.digest == digests[offset]:
                found[line.digest] = line.raw
    return found


def _file(one: SourceCoverage) -> LogFile:
    """An input, with its digest where the file still stands."""
    digest, size = None, None
    path = Path(one.source)
    if path.is_file():
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.seek(0, 2)
        except OSError:
            pass  # it is not at hand any more
    return LogFile(
        source=one.source, format=one.format, lines=one.lines, first=one.first, last=one.last, problem=one.problem,
        sha256=digest, bytes=size,
    )  # fmt: skip
