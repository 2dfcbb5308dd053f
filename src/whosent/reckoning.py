"""What all lines so far amount to, worked out by a copy of the daemon; and what of it the daemon keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from whosent import answer
from whosent.dialects import queue_lengths
from whosent.measures.rates import Counts
from whosent.model.condition import FollowedLog
from whosent.model.incident import Incident
from whosent.model.lifecycle import MACHINE, State, What
from whosent.model.report import Report
from whosent.model.rows import dereference, reference
from whosent.queue_reading import Snapshot
from whosent.reading.stamps import rfc3339
from whosent.remedies import servers
from whosent.sources.files import Line as SourceLine
from whosent.sources.spools import FOLDERS
from whosent.store.incidents import Incidents, Line
from whosent.store.ledger import Ledger
from whosent.store.rates import QueueLength
from whosent.tailing import Tail, Tailing
from whosent.walk import Pass

_NEWS = frozenset({What.OPENED, What.GREW, What.REOPENED})


class Answer(NamedTuple):
    """What all lines so far amount to."""

    report: Report
    lines: dict[tuple[str, int], bytes]  # those it quotes, by source and offset
    quoted: dict[tuple[int, int], SourceLine]  # the same as the walk knows them, to be quoted again
    settled: float
    pending: Counts  # of rows that wait for others


def warm() -> None:
    """Load what a conclusion needs, so that not each copy of the process has to."""
    servers()
    answer.this_version()


def conclude(tailing: Tailing, snapshots: Sequence[Snapshot]) -> Answer:
    """What a scan of all lines so far would say; uses the state up."""
    walk = tailing.live
    settled = walk.settled
    walk.rates.taken()
    done = walk.conclude(snapshots)
    known = tailing.quoted
    quotes = _read_back(done, known)
    used = {
        (done.inputs[number].known_as, offset)
        for number, offset in map(dereference, quotes)
        if number < len(done.inputs)
    }
    kept = {where: known[where] for where in used}
    return Answer(answer.report(done, quotes, []), answer.raw_lines(done, quotes), kept, settled, walk.rates.taken())


def _read_back(done: Pass, known: dict[tuple[int, int], SourceLine]) -> dict[int, SourceLine]:
    """The lines that findings quote; what was read before is taken from there, for logs go away.

    ``known`` has lines by :attr:`Input.known_as` and offset, and takes in those that are read now.
    """
    lines: dict[int, SourceLine] = {}
    wanted = answer.quoted_by(done)
    for one in done.inputs:
        offsets = wanted.get(one.number, set())
        fresh = {offset for offset in offsets if (one.known_as, offset) not in known}
        known |= {(one.known_as, offset): line for offset, line in one.source.quote(fresh).items()}
        lines |= {
            reference(one.number, offset): known[one.known_as, offset]
            for offset in offsets
            if (one.known_as, offset) in known
        }
    return lines | answer.records(done, wanted)


def keep(told: Answer, tailing: Tailing, ledger: Ledger, incidents: Incidents) -> list[str]:
    """Keep incidents as they are seen now; those of which nothing is left are withdrawn.  What is new, in sentences."""
    news: list[str] = []
    with ledger.transaction():
        for one in told.report.incidents:
            provisional = datetime.fromisoformat(one.until).timestamp() > told.settled
            what = incidents.tell(one, _quoted(one, told), provisional=provisional)
            if what in _NEWS:
                news.append(f"incident {one.id} {what.value}: {one.sentence}")
        now = {one.id for one in told.report.incidents}
        for name in tailing.told - now:
            kept = incidents.get(name)
            if kept is not None and kept.state is State.OPEN:
                incidents.move(name, What.WITHDRAWN, MACHINE, "what came later explains it")
                news.append(f"incident {name} withdrawn: what came later explains it")
    tailing.told, tailing.quoted = now, told.quoted
    return news


def told_since(incidents: Incidents, moment: float) -> set[str]:
    """Ids of open incidents told from this moment on: a run that was killed before it saved its state forgot them."""
    there = incidents.all(State.OPEN, State.CONTAINED)
    return {one.incident.id for one in there if datetime.fromisoformat(one.opened).timestamp() >= moment}


def _quoted(one: Incident, told: Answer) -> list[Line]:
    """The lines an incident quotes, byte for byte."""
    return [
        Line(line.source, line.offset, line.line, line.sha256, told.lines[line.source, line.offset])
        for found in one.findings
        for line in found.evidence
        if (line.source, line.offset) in told.lines
    ]


def lengths(snapshots: Sequence[Snapshot]) -> list[QueueLength]:
    """How long each folder of these queues was; an empty one is told too."""
    return [
        QueueLength(one.time, one.host, one.spool.name, folder, one.reading.folders[folder])
        for one in snapshots
        for folder in dict.fromkeys((*FOLDERS[one.spool.mta], *one.reading.folders))
    ]


def written(snapshots: Sequence[Snapshot]) -> bytes:
    """How long each of these queues was, as lines."""
    return b"".join(
        queue_lengths.line(rfc3339(one.time), one.host, one.reading.folders.total(), one.reading.bytes, one.spool.name)
        for one in snapshots
    )


def followed(tail: Tail) -> FollowedLog:
    """How one log stands."""
    part = tail.stream.parts[-1] if tail.stream.parts else None
    return FollowedLog(
        source=tail.stream.name, format=part.reader.format if part else "", behind=tail.behind,
        last=rfc3339(part.last) if part and part.last > 0 else None, problem=tail.problem or None,
    )  # fmt: skip
