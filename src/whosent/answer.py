"""What one pass found, as the report: quotes read back, coverage added up, assumptions and blind spots said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Final

from whosent import remedies
from whosent.casebook import Case
from whosent.measures.phrases import count
from whosent.model.finding import Evidence, Finding, Strength
from whosent.model.incident import Incident, ReportedFinding
from whosent.model.report import SCHEMA, Coverage, Report, SourceCoverage, Unrecognised, Verdict
from whosent.model.rows import dereference, reference
from whosent.overview import Who
from whosent.reading.counts import Shape
from whosent.reading.stamps import rfc3339
from whosent.sources.files import Line
from whosent.sources.text import shown
from whosent.walk import Input, Pass

_ONGOING: Final = 900.0  # seconds before the log's end within which an incident counts as still going on
_SHOWN_SHAPES: Final = 10
_SHOWN_PROGRAMS: Final = 20

Quotes = Mapping[int, Line]
"""Lines read back, by reference."""


def read_back(done: Pass) -> dict[int, Line]:
    """The lines that findings and coverage quote, read again from their sources."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for case in done.cases:
        for finding in case.findings:
            for quote in finding.quotes:
                source, offset = dereference(quote.ref)
                wanted[source].add(offset)
    for one, _, shape in _commonest(done):
        wanted[one.number].add(shape.offset)
    return {
        reference(one.number, offset): line
        for one in done.inputs
        for offset, line in one.source.quote(wanted[one.number]).items()
    }


def raw_lines(done: Pass, quotes: Quotes) -> dict[tuple[str, int], bytes]:
    """The quoted lines byte for byte, by source name and offset."""
    names = {one.number: one.source.name for one in done.inputs}
    located = ((dereference(ref), line) for ref, line in quotes.items())
    return {(names[source], offset): line.raw for (source, offset), line in located}


def report(done: Pass, quotes: Quotes, missing: Iterable[str], timezone: str = "UTC") -> Report:
    """The whole answer; ``missing`` names arguments that matched no file, ``timezone`` is where people read it."""
    ends = max((one.last for one in done.inputs), default=float("-inf"))
    begins = min((one.reader.starts for one in done.inputs if one.reader.starts), default=float("inf"))
    incidents = [_incident(case, done, quotes, ends) for case in done.cases]
    coverage = _coverage(done, quotes, missing)
    verdict = _verdict(done.cases, coverage)
    return Report(
        schema=SCHEMA,
        version=version("whosent"),
        verdict=verdict,
        sentence=_sentence(verdict, incidents, coverage),
        window=(rfc3339(begins), rfc3339(ends)) if begins <= ends else None,
        timezone=timezone,
        hosts=sorted({host for join in done.joins for host in join.hosts() if host}),
        coverage=coverage,
        assumptions=_assumptions(done),
        blind_spots=_blind_spots(done),
        incidents=incidents,
        overview=done.tally.overview({case.id: _actors(case) for case in done.cases}),
    )


def _verdict(cases: Iterable[Case], coverage: Coverage) -> Verdict:
    severities = {case.severity for case in cases}
    if "critical" in severities:
        return "critical"
    if severities:
        return "warning"
    return "clean" if coverage.understood else "unknown"


def _sentence(verdict: Verdict, incidents: list[Incident], coverage: Coverage) -> str:
    if incidents:
        first, more = incidents[0], len(incidents) - 1
        return first.sentence + (f" And {count(more, 'more incident')}." if more else "")
    if verdict == "unknown":
        return "Nothing here could be read as a mail log: see what was not understood, and give the mail server's log."
    return (
        f"Nobody here was seen sending spam: {count(coverage.messages, 'message')} and "
        f"{count(coverage.outcomes, 'delivery attempt')} in {count(coverage.lines, 'line')} looked at."
    )


def _actors(case: Case) -> set[Who]:
    """The actors of the join that a case's suspects stand for."""
    actors: set[Who] = set()
    for suspect in (case.suspect, *(finding.suspect for finding in case.findings)):
        host = suspect.host or ""
        if suspect.uid is not None:
            actors.add(("local_user", str(suspect.uid), host))
        elif suspect.kind == "relay":
            actors.add(("stranger", suspect.address or suspect.name, host))
        else:
            actors.add((suspect.kind, suspect.name, host))
    return actors


def _incident(case: Case, done: Pass, quotes: Quotes, ends: float) -> Incident:
    return Incident(
        id=case.id,
        suspect=case.suspect,
        cause=case.cause,
        strength=case.strength,
        severity=case.severity,
        since=rfc3339(case.since),
        until=rfc3339(case.until),
        ongoing=case.until >= ends - _ONGOING,
        messages=case.messages,
        recipients=case.recipients,
        refused=case.refused,
        sentence=case.sentence,
        witnesses=list(case.witnesses),
        unproven=_unproven(case),
        candidates=list(case.candidates),
        findings=[_finding(finding, done, quotes) for finding in case.findings],
        remedies=remedies.propose(incident=case.id, suspect=case.suspect, cause=case.cause, strength=case.strength),
    )


def _unproven(case: Case) -> list[str]:
    said = []
    if case.strength is Strength.SHOWN:
        said.append(
            f"One witness only ({', '.join(case.witnesses)}): any local user of that machine can write such lines. "
            "The queue files, the log of the next host, or the journal with its trusted fields would be a second one."
        )
    if case.candidates:
        said.append("Which of the candidates it was is not provable from these logs.")
    return said


def _finding(finding: Finding, done: Pass, quotes: Quotes) -> ReportedFinding:
    return ReportedFinding(
        detector=finding.detector,
        sentence=finding.sentence,
        since=rfc3339(finding.since),
        until=rfc3339(finding.until),
        measure=finding.measure,
        norm=finding.norm,
        unit=finding.unit,
        accuses=finding.accuses,
        strength=finding.strength,
        witnesses=list(finding.witnesses),
        facts=finding.facts,
        candidates=list(finding.candidates),
        evidence=list(_evidence(finding, done, quotes)),
    )


def _evidence(finding: Finding, done: Pass, quotes: Quotes) -> Iterator[Evidence]:
    for quote in finding.quotes:
        line = quotes.get(quote.ref)
        if line is None:
            continue
        source, offset = dereference(quote.ref)
        yield Evidence(
            source=done.inputs[source].source.name,
            offset=offset,
            line=line.number,
            excerpt=shown(line.raw),
            sha256=line.digest,
            level=quote.level,
            note=quote.note,
        )


def _commonest(done: Pass) -> list[tuple[Input, str, Shape]]:
    shapes = [(one, name, shape) for one in done.inputs for name, shape in one.reader.counts.not_understood.items()]
    return sorted(shapes, key=lambda item: -item[2].count)[:_SHOWN_SHAPES]


def _coverage(done: Pass, quotes: Quotes, missing: Iterable[str]) -> Coverage:
    counts = [one.reader.counts for one in done.inputs]
    programs = sum((Counter(count.other_programs) for count in counts), Counter[str]())
    sources = [_source(one) for one in done.inputs]
    lines = sum(source.lines for source in sources)
    understood = sum(source.understood for source in sources)
    other = sum(source.other_programs for source in sources)
    return Coverage(
        lines=lines,
        understood=understood,
        other_programs=other,
        not_understood=lines - understood - other,
        bytes=sum(source.bytes for source in sources),
        sources=[*sources, *map(_missing, missing)],
        programs=dict(programs.most_common(_SHOWN_PROGRAMS)),
        unrecognised=[_unrecognised(one, name, shape, quotes) for one, name, shape in _commonest(done)],
        messages=done.tally.messages,
        outcomes=done.tally.outcomes,
        beginnings_missing=sum(join.first_sight for join in done.joins),
        ends_missing=sum(join.truncated for join in done.joins),
        ambiguous=sum(count.ambiguous for count in counts),
        forged=sum(count.forged for count in counts),
    )


def _source(one: Input) -> SourceCoverage:
    counts = one.reader.counts
    return SourceCoverage(
        source=one.source.name,
        format=one.reader.format,
        bytes=one.source.size,
        lines=counts.lines,
        understood=counts.understood + counts.blank,
        other_programs=counts.others,
        first=rfc3339(one.reader.starts) if one.reader.starts else None,
        last=rfc3339(one.last) if one.last > float("-inf") else None,
        problem=one.source.problem,
    )


def _missing(argument: str) -> SourceCoverage:
    return SourceCoverage(
        source=argument, format="not recognised", bytes=0, lines=0, understood=0, other_programs=0, first=None,
        last=None, problem="no such file",
    )  # fmt: skip


def _unrecognised(one: Input, name: str, shape: Shape, quotes: Quotes) -> Unrecognised:
    line = quotes.get(reference(one.number, shape.offset))
    return Unrecognised(
        shape=name,
        count=shape.count,
        source=one.source.name,
        line=line.number if line else 0,
        excerpt=shown(line.raw) if line else "",
    )


def _assumptions(done: Pass) -> list[str]:
    ours = done.surroundings
    said = [f"{domain} is ours: {why} (--own-domain adds others)." for domain, why in ours.learnt_domains.items()]
    said.append("Loopback and private addresses are ours (--own-network adds others).")
    said.extend(
        f"{one.source.name}: its stamps have no year; taken from the file's time (--year says otherwise)."
        for one in done.inputs
        if one.clock.guessed_year
    )
    return said


def _blind_spots(done: Pass) -> list[str]:
    return list(done.tally.blind_spots())
