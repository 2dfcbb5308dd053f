"""Reports from outside answered from our own logs: ours or not, which message, which suspect, how strong."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Final, NamedTuple

import msgspec

from whosent import walk
from whosent.complaints.reading import read
from whosent.join.matching import wanted_of
from whosent.join.sightings import Sightings, Wanted
from whosent.measures.phrases import times_in
from whosent.model.complaint import SCHEMA, Basis, Complaint, Told
from whosent.model.rows import dereference, reference
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.reading.stamps import rfc3339
from whosent.searching import Log, search
from whosent.sources.files import Source
from whosent.sources.text import shown
from whosent.triage.answers import Answer, Known, answer
from whosent.walk import Input, Pass

_ID: Final = 12  # hexadecimal digits


class Report(NamedTuple):
    """One report as it came: where from, its bytes' digest, and its events."""

    source: str
    sha256: str
    told: tuple[Told, ...]


def report(source: str, raw: bytes) -> Report:
    """Read one report; never raises."""
    return Report(source, hashlib.sha256(raw).hexdigest(), read(raw))


def without_logs(reports: Iterable[Report], settings: Settings, zone: tzinfo) -> list[Complaint]:
    """Answers where no logs are given: what the settings say is ours, and nothing more."""
    known = Known(Surroundings(settings.ours), Sightings(Wanted()), (), given=False)
    with times_in(zone):
        return [_complaint(one, place, told, answer(told, known), {}) for one in reports
                for place, told in enumerate(one.told)]  # fmt: skip


def with_logs(reports: Sequence[Report], inputs: list[Input], done: Pass, settings: Settings,
              zone: tzinfo) -> list[Complaint]:  # fmt: skip
    """Answers from the logs that ``done`` was scanned from."""
    logs = [Log(one.number, one.source) for stream in walk.streams(inputs) for one in stream]
    found = search(logs, wanted_of(told for one in reports for told in one.told), zone, settings.logs.year)
    known = Known(done.surroundings, found, tuple(done.cases), given=True)
    with times_in(zone):
        answers = [(one, place, told, answer(told, known)) for one in reports for place, told in enumerate(one.told)]
        basis = _read_back((each for _, _, _, each in answers), {one.number: one.source for one in inputs})
        return [_complaint(one, place, told, each, basis) for one, place, told, each in answers]


def _read_back(answers: Iterable[Answer], sources: dict[int, Source]) -> dict[int, tuple[str, int, int, str, str]]:
    """The quoted lines read again: reference to source, offset, line number, excerpt, digest."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for one in answers:
        for ref, _ in one.quotes:
            number, offset = dereference(ref)
            wanted[number].add(offset)
    read_again: dict[int, tuple[str, int, int, str, str]] = {}
    for number, offsets in wanted.items():
        source = sources[number]
        for offset, line in source.quote(offsets).items():
            read_again[reference(number, offset)] = (source.name, offset, line.number, shown(line.raw), line.digest)
    return read_again


def _complaint(one: Report, place: int, told: Told, said: Answer,
               basis: dict[int, tuple[str, int, int, str, str]]) -> Complaint:  # fmt: skip
    return Complaint(
        schema=SCHEMA,
        id=hashlib.sha256(f"{one.sha256}/{place}".encode()).hexdigest()[:_ID],
        source=one.source,
        sha256=one.sha256,
        kind=told.kind,
        layout=told.layout,
        reporter=_safe(told.reporter),
        feedback_type=_safe(told.feedback_type),
        source_address=told.source_address,
        source_port=told.source_port,
        arrival_date=rfc3339(told.arrival) if told.arrival is not None else None,
        original_mail_from=_safe(told.original_mail_from),
        original_recipient=_safe(told.original_recipient),
        message_id=_safe(told.message_id),
        urls=[shown(link.encode("utf-8", "backslashreplace")) for link in told.urls],
        recipients=[msgspec.structs.replace(each, recipient=_safe(each.recipient), dsn=_safe(each.dsn),
                                            smtp_reply=_safe(each.smtp_reply)) for each in told.recipients],
        ours=said.ours,
        suspect=said.suspect,
        candidates=list(said.candidates),
        strength=said.strength,
        level=said.level,
        queue_id=said.queue_id,
        incident=said.incident,
        sentence=said.sentence,
        incident_sentence=said.incident_sentence,
        evidence=[Basis(source=line[0], offset=line[1], line=line[2], excerpt=line[3], sha256=line[4], note=note)
                  for ref, note in said.quotes if (line := basis.get(ref))],
    )  # fmt: skip


def _safe(text: str | None) -> str | None:
    """A stranger's text with everything spelled out that could colour, move or hide other text."""
    return shown(text.encode("utf-8", "backslashreplace")) if text is not None else None
