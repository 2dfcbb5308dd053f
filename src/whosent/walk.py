"""The one pass: sources to rows to findings to a report.  Everyone knows the nouns; only the walk knows everyone."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import chain, zip_longest
from operator import itemgetter
from typing import Any, Final

import msgspec

from whosent.audience import batches, observe
from whosent.bouncing import RECORDER, received, weighed
from whosent.casebook import Case, open_cases
from whosent.detectors import Detector, discover
from whosent.dialects import discover as dialects
from whosent.hearing import hearing
from whosent.join import kinship, tables
from whosent.join.chain import Chain
from whosent.join.in_order import InTimeOrder
from whosent.join.judgement import asks
from whosent.join.matching import wanted_of
from whosent.join.messages import Join
from whosent.join.once import Once
from whosent.join.returned import Returned
from whosent.join.returned import rows as returned_rows
from whosent.join.systems import systems, told_better, witnessed_by
from whosent.join.tables import layout, layout_with_ids
from whosent.join.tracked import Tracked
from whosent.measures import who
from whosent.measures.phrases import times_in
from whosent.model.finding import Finding
from whosent.model.pile import Pile
from whosent.model.rows import JoinedRow, Result, dereference
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.overview import Tally
from whosent.parallel import Readings
from whosent.queue_reading import Snapshot
from whosent.reading.formats import Form
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.reading.table import first_row
from whosent.reading_process import Order
from whosent.searching import Log, search
from whosent.sources.files import Source
from whosent.sources.places import lookup
from whosent.sources.rotation import copies, in_order, place
from whosent.witnessed import Witnessed

_WORTH_A_PROCESS: Final = 16 << 20  # stored bytes
_LATENESS: Final = 60.0  # seconds a web server may log a request after its stamp, which is that of its beginning

_RECORDERS: Final = {Form.MAILBOX: RECORDER, Form.JSON: "journal", Form.EXPORT: "journal"}

Progress = Callable[[int], None]  # told how many stored bytes were consumed since the last call


@dataclass
class Input:
    """One source, how it is read, and what came of it."""

    number: int
    source: Source
    reader: Reader
    clock: Clock
    with_ids: bool = False  # its Message-IDs are read too
    last: float = float("-inf")  # time of the latest line that speaks of mail, logins or requests
    unfinished: bool = False  # the process that read it ended early: what it had told was used, the rest is not known
    known_as: int = 0  # its number while it was followed, which is not that of a report
    lateness: float = 0.0  # seconds its lines may be out of order
    copy_of: str | None = None  # another source that holds the same lines; this one is then not read


@dataclass
class Pass:
    """What one pass over the inputs left behind."""

    inputs: list[Input]
    surroundings: Surroundings
    tally: Tally = field(default_factory=Tally)
    witnessed: Witnessed = field(default_factory=Witnessed)
    findings: list[Finding] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    chain: Chain = field(default_factory=Chain)
    tracked: Tracked | None = None  # where there are tables
    systems: dict[str, str] = field(default_factory=dict)  # what wrote the logs of a host, if not Postfix
    returned: Returned | None = None  # what became of the bounces, if mailboxes are among the inputs
    snapshots: list[Snapshot] = field(default_factory=list)  # of the queues that were looked at
    repeats: list[tuple[str, str]] = field(default_factory=list)  # logs that hold lines of another one, with that

    @property
    def logged_by(self) -> dict[str, str]:
        """Host -> the dialect of the mail server that wrote its log, where that is not Postfix."""
        return {name: kind for join in self.joins for name, kind in join.servers.items()}

    def server(self, host: str | None) -> str:
        """Which mail server a host runs, by the name of its dialect; "" where its lines do not tell."""
        known: dict[str, str] = {pile.actor.host: pile.mta for one in self.snapshots for pile in one.piles}
        hosts = [*known, *(name for join in self.joins for name in join.hosts())]
        known |= self.logged_by | self.systems
        if host is not None:
            return known.get(host, "postfix")
        kinds = {known.get(name, "postfix") for name in hosts}
        return kinds.pop() if len(kinds) == 1 else ""

    def recorder(self, ref: int) -> str:
        """Who wrote down the line with this reference: the journal, syslog, a program's own file, a queue."""
        number, _ = dereference(ref)
        if number >= len(self.inputs):
            return "queue files"
        return recorder_of(self.inputs[number])


def recorder_of(one: Input) -> str:
    """Who wrote down the lines of this input."""
    if one.reader.form in {Form.LINES, Form.TABLE}:
        return place(one.source.name).base
    return _RECORDERS.get(one.reader.form, "syslog")


def prepare(sources: Iterable[Source], settings: Settings, zone: tzinfo) -> list[Input]:
    """Look at the head of each source and decide how to read it; the order of the arguments does not matter."""
    inputs, beginnings = [], []
    ordered = [(source, source.head()) for source in in_order(sources)]
    with_ids = asks(head for _, head in ordered)
    for number, (source, head) in enumerate(ordered):
        clock = Clock(zone, source.written, settings.logs.year)
        reader = Reader(head, clock, layout_with_ids if with_ids else layout)
        source.longest_line = reader.longest_line
        inputs.append(Input(number, source, reader, clock, with_ids))
        beginnings.append((source, first_row(head) if reader.form is Form.TABLE else head.partition(b"\n")[0]))
    twice = copies(beginnings)
    for one in inputs:
        other = twice.get(one.source)
        if other is not None:
            one.copy_of = other.name
            one.source.problem = f"holds the same lines as {other.name}: counted once"
    return inputs


def streams(inputs: Iterable[Input]) -> list[list[Input]]:
    """Inputs that continue each other (a rotated set), oldest first; each set is one stream of queue ids."""
    sets: dict[str, list[Input]] = defaultdict(list)
    for one in inputs:
        if one.copy_of is None and one.reader.form is not Form.MAILBOX:
            sets[place(one.source.name).base].append(one)
    return [sorted(members, key=_age) for members in sets.values()]


def _age(one: Input) -> tuple[float, tuple[int, int, int]]:
    return (one.reader.starts, place(one.source.name).age)


def read_here(stream: Iterable[Input], join: Join, progress: Progress) -> Iterator[JoinedRow]:
    """The rows of one stream, in the order of its lines, read by this process."""
    return chain.from_iterable(_by_chunk(stream, join, progress))


def _by_chunk(stream: Iterable[Input], join: Join, progress: Progress) -> Iterator[Iterable[JoinedRow]]:
    for one in stream:
        join.continue_with(one.number, one.clock)
        before = 0
        for offset, chunk, consumed in one.source.chunks():
            yield join.rows(one.reader.tokens(chunk, offset, one.source.chunk_lines), offset)
            progress(consumed - before)
            before = consumed
        yield join.rows(one.reader.finish(), one.source.size)
        one.last = join.time


def read_aside(
    stream: Iterable[Input], join: Join, progress: Progress, readings: Readings
) -> Iterator[Iterable[JoinedRow]]:
    """The same rows, frame by frame, read by processes of their own."""
    for one in stream:
        before = 0
        for rows, consumed in readings.frames(one.number, join):
            yield rows
            progress(consumed - before)
            before = consumed
        ending = readings.ending(one.number)
        if ending is None:
            one.unfinished = True
            one.source.problem = "the process that read it ended early; try again with --jobs 1"
            continue
        join.merge(ending.join)
        one.source.adopt(ending.marks)
        one.reader.counts, one.last = ending.counts, ending.last
        one.clock.guessed_year = ending.guessed_year


def lateness_of(reader: Reader) -> float:
    """Seconds the lines of this log may be out of order; 0: they never are."""
    return _LATENESS if reader.late else reader.disorder


def in_time_order(rows: Iterable[JoinedRow], lateness: float = _LATENESS) -> Iterator[JoinedRow]:
    """The rows of one log, sorted."""
    waiting = InTimeOrder(lateness)
    return chain(waiting.ready(rows), waiting.rest())


def scan(  # noqa: PLR0913, PLR0917  # what there is to read, and how
    inputs: list[Input], settings: Settings, progress: Progress, zone: tzinfo, jobs: int = 1,
    snapshots: Sequence[Snapshot] = (),
) -> Pass:  # fmt: skip
    """Replay the logs from first to last line, then look at the queues; sentences tell times in ``zone``."""
    settings, surroundings = around(inputs, settings, zone)
    surroundings.reads_queue = bool(snapshots)
    done = Pass(inputs, surroundings, snapshots=list(snapshots))
    ordered = streams(inputs)
    learner = Learner(surroundings)
    observers: list[Any] = [done.tally, done.witnessed, *(detector(settings, surroundings) for detector in discover())]

    def come_to(share: Sequence[Any]) -> list[Any]:
        """What these observers come to: detectors their findings, the others all that they know."""
        observe_queues(snapshots, surroundings, [learner, *share])
        with times_in(zone):
            return [list(one.findings()) if isinstance(one, Detector) else one for one in share]

    alone = jobs == 1 or not _worth_processes(inputs) or any(one.reader.form is Form.TABLE for one in inputs)
    here = [one for one in observers if alone or not isinstance(one, Detector) or getattr(one, "beside_reading", False)]
    apart = [one for one in observers if one not in here]  # they cost what reading and those here do
    with (
        hearing(surroundings, learner, here, apart, come_to) as heard,
        _readings(ordered, settings, jobs - (not alone)) as readings,
    ):
        for batch in done.chain.batches(batches(_rows(done, ordered, settings, progress, zone, readings))):
            heard.hear(batch)
        heard.hear(list(done.chain.rest()))
        told = dict(zip(map(id, [*here, *apart]), heard.told(), strict=True))
        done.tally, done.witnessed, *found = (told[id(one)] for one in observers)
    done.systems = systems(
        (stream[0].reader.system, join.hosts()) for stream, join in zip(ordered, done.joins, strict=True)
    )
    conclude(done, chain.from_iterable(found))
    return done


def _rows(  # noqa: PLR0913, PLR0917  # what there is to read, and how
    done: Pass, ordered: list[list[Input]], settings: Settings, progress: Progress, zone: tzinfo,
    readings: Readings | None,
) -> Iterator[JoinedRow]:  # fmt: skip
    """The rows of all inputs, in the one merge order."""
    surroundings, sequences = done.surroundings, list[Iterator[JoinedRow]]()
    told, reported = received((one for one in done.inputs if one.copy_of is None), surroundings)
    for stream in ordered:
        join = tables.join_for(stream[0].reader.form)(surroundings)
        done.joins.append(join)
        parts = read_aside(stream, join, progress, readings) if readings else _by_chunk(stream, join, progress)
        rows = chain.from_iterable(parts)
        lateness = lateness_of(stream[0].reader)
        sequences.append(in_time_order(rows, lateness) if lateness else rows)
    if told:
        sought = search(_logs(ordered), wanted_of(one for one, _ in told), zone, settings.logs.year)
        done.returned = Returned(sought.kept, surroundings.is_own_address)
        sequences.append(iter(returned_rows(told, done.returned)))
    sequences += [iter(reported)] if reported else []
    merged = sequences[0] if len(sequences) == 1 else heapq.merge(*sequences, key=itemgetter(0, 1))
    pairs = repeats(ordered, zone)
    if pairs:
        done.repeats = [(later[-1].source.name, earlier[-1].source.name) for earlier, later in pairs]
        logs = {one.number: stream[0].number for pair in pairs for stream in pair for one in stream}
        merged = Once(logs, {later[0].number for _, later in pairs}).rows(merged)
    if any(one.reader.form is Form.TABLE for one in done.inputs):
        done.tracked = Tracked(surroundings, told_better({one.number: one.reader.table for one in done.inputs}))
        merged = done.tracked.rows(merged)
    return merged


def observe_queues(snapshots: Iterable[Snapshot], surroundings: Surroundings, observers: Sequence[object]) -> None:
    """Show the piles of each queue to everybody; it is known by now who is ours."""
    for one in snapshots:
        one.fold(surroundings)
        observe(one.piles, observers)


def around(inputs: Iterable[Input], settings: Settings, zone: tzinfo) -> tuple[Settings, Surroundings]:
    """Who is ours as far as settings and the heads of these logs tell, and the settings that say so."""
    kin = kin_of(inputs, zone)
    ours = msgspec.structs.replace(settings.ours, networks=(*settings.ours.networks, *kin))
    settings = msgspec.structs.replace(settings, ours=ours)
    surroundings = Surroundings(ours)
    surroundings.learnt_addresses = kin
    surroundings.place_of = lookup(settings.logs.geo_database) or surroundings.place_of
    return settings, surroundings


def conclude(done: Pass, found: Iterable[Finding]) -> None:
    """Weigh what the detectors found, and open cases."""
    done.findings = [witnessed_by(weighed(finding, done.recorder), done.systems) for finding in _by_server(found, done)]
    done.cases = open_cases(done.findings, done.recorder)


def _logs(ordered: Iterable[Iterable[Input]]) -> list[Log]:
    return [Log(one.number, one.source) for stream in ordered for one in stream]


def kin_of(inputs: Iterable[Input], zone: tzinfo) -> dict[str, str]:
    """Public addresses of our own hosts, where the logs of several are among the inputs."""
    aside = {Form.LINES, Form.TABLE, Form.UNKNOWN, Form.MAILBOX}
    logs = (one.source for one in inputs if one.reader.form not in aside)
    heads = ((source.head(), Clock(zone, source.written)) for source in logs)
    return kinship.own_addresses(Reader(head, clock, layout).tokens(head) for head, clock in heads)


def repeats(ordered: list[list[Input]], zone: tzinfo) -> list[tuple[list[Input], list[Input]]]:
    """Pairs of logs that hold the same lines; the second begins later."""
    if len(ordered) == 1:
        return []
    known = [(*_example(stream[0], zone), stream) for stream in ordered]
    known.sort(key=lambda log: log[0])
    return [
        (earlier, later)
        for place, (time, example, hosts, later) in enumerate(known)
        for _, _, others, earlier in known[:place]
        if hosts & others and _at(earlier, time).source.holds(example)
    ]


def _example(one: Input, zone: tzinfo) -> tuple[float, bytes, set[bytes]]:
    """The first line of a log that says something of mail, its time, and the hosts near its beginning that say such."""
    if one.reader.late or one.reader.form in {Form.EXPORT, Form.TABLE, Form.UNKNOWN}:
        return 0.0, b"", set()
    head, clock = one.source.head(), Clock(zone, one.source.written)
    tokens = list(Reader(head, clock, layout).tokens(head))
    if not tokens:
        return 0.0, b"", set()
    _, at, fields = tokens[0]
    return clock.seconds(fields[0]), head[at:].partition(b"\n")[0], {host or b"" for _, _, (_, host, *_) in tokens}


def _at(stream: list[Input], time: float) -> Input:
    """The part of a rotated set that was written to at that time."""
    return max((one for one in stream if one.reader.starts <= time), key=_age, default=stream[0])


def _worth_processes(inputs: Iterable[Input]) -> bool:
    return sum(one.source.stored_size for one in inputs) >= _WORTH_A_PROCESS


@contextmanager
def _readings(ordered: list[list[Input]], settings: Settings, jobs: int) -> Iterator[Readings | None]:
    """Reading processes, where several inputs are worth them; the first part of each stream is wanted first."""
    inputs = [one for parts in zip_longest(*ordered) for one in parts if one is not None]
    if min(jobs, len(inputs)) < 2 or not _worth_processes(inputs) or any(one.source.path is None for one in inputs):  # noqa: PLR2004  # one needs no company
        yield None
        return
    first = {parts[0].number for parts in ordered}
    orders = [
        Order(one.number, one.source.path, settings, one.with_ids, continues=one.number not in first)
        for one in inputs
        if one.source.path
    ]
    readings = Readings(orders, jobs)
    try:
        yield readings
    finally:
        readings.stop()


def _by_server(findings: Iterable[Finding], done: Pass) -> list[Finding]:
    """The findings with their witnesses under the name of the mail server that wrote the log."""
    titles = {dialect.name: dialect.title for dialect in dialects()}
    servers = {host: titles[server] for host, server in done.logged_by.items()}
    return [
        msgspec.structs.replace(one, witnesses=tuple(who.told_by(witness, servers) for witness in one.witnesses))
        for one in findings
    ]


class Learner:
    """Lets the surroundings learn who is ours."""

    results = (Result.LOCAL, Result.HANDED_OVER)

    def __init__(self, surroundings: Surroundings) -> None:
        self.message = surroundings.learn_message
        self.login = surroundings.learn_login
        self.outcome = surroundings.learn_outcome
        self._learn = surroundings.learn_account

    def pile(self, row: Pile) -> None:
        """Its account's name may tell."""
        if row.actor.kind == "account":
            self._learn(row.actor.name)
