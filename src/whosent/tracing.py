"""Messages and, where given, logs to traces: one pass over the logs for what the messages name, then the answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from typing import Final, NamedTuple

import msgspec

from whosent.inquiring import Inquire
from whosent.join.sightings import Sighting, Sightings, Wanted, layout
from whosent.model.finding import Evidence, Level
from whosent.model.rows import dereference
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.model.trace import Trace
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.searching import Log, look
from whosent.sources.files import Line, Source
from whosent.sources.mailboxes import pieces_of
from whosent.sources.rotation import in_order
from whosent.sources.text import shown
from whosent.trace.assembly import told
from whosent.trace.heads import BODY_LIMIT, Block, blocks
from whosent.trace.letter import Letter, letter
from whosent.trace.ours import Ours
from whosent.walk import Input, Progress, streams

_QUOTED: Final = 12  # lines of the log quoted for one queue id
_KEPT: Final = 2_000  # letters kept between the passes; more are read twice
_IDS: Final = 2_000_000  # queue ids looked for at most


class Logs:
    """The logs that were given, read for what the messages name."""

    def __init__(self, sources: Iterable[Source], settings: Settings, zone: tzinfo) -> None:
        self._zone, self._year = zone, settings.logs.year
        self.inputs = []
        for number, source in enumerate(in_order(sources)):
            clock = Clock(zone, source.written, settings.logs.year)
            self.inputs.append(Input(number, source, Reader(source.head(), clock, layout), clock))

    def sightings(self, wanted: Wanted, progress: Progress) -> Sightings:
        """Read them."""
        logs = [Log(one.number, one.source) for stream in streams(self.inputs) for one in stream]
        return look(logs, wanted, self._zone, self._year, progress)

    def quote(self, lives: Iterable[Sighting]) -> None:
        """Read the lines of these lives again."""
        wanted: dict[int, set[int]] = defaultdict(set)
        for life in lives:
            for ref, _ in _notes(life):
                number, offset = dereference(ref)
                wanted[number].add(offset)
        lines = {
            (number, offset): line
            for number, offsets in wanted.items()
            for offset, line in self.inputs[number].source.quote(offsets).items()
        }
        for life in lives:
            quoted = (self._quoted(ref, note, lines) for ref, note in _notes(life))
            life.evidence = [one for one in quoted if one is not None]

    def _quoted(self, ref: int, note: str, lines: dict[tuple[int, int], Line]) -> Evidence | None:
        number, offset = dereference(ref)
        line = lines.get((number, offset))
        if line is None:
            return None
        return Evidence(
            source=self.inputs[number].source.name, offset=offset, line=line.number, excerpt=shown(line.raw),
            sha256=line.digest, level=Level.OBSERVED, note=note,
        )  # fmt: skip


def _notes(life: Sighting) -> list[tuple[int, str]]:
    sent = [(one.ref, f"its delivery to {one.recipient}") for one in life.sent]
    return sorted([*life.refs, *sent])[:_QUOTED]


def traces(
    messages: Callable[[], Iterator[Source]],
    settings: Settings,
    logs: Logs | None,
    progress: Progress,
    inquire: Inquire | None = None,
) -> Iterator[Trace]:
    """The trace of every message; with logs, the messages are read once more for what the logs say of them."""
    surroundings = Surroundings(settings.ours)
    sightings, ours = None, Ours(surroundings, settings.ours.mail_servers)
    kept: list[_Read] | None = None
    if logs is not None:
        wanted = _Wanted()
        kept = [] if inquire is None else None
        for read in _reads(messages(), 0):
            wanted.note(read.letter)
            if kept is not None:
                kept.append(read)
                kept = kept if len(kept) <= _KEPT else None
        sightings = logs.sightings(wanted.all(), progress)
        logs.quote(sightings.kept)
        ours = Ours(surroundings, settings.ours.mail_servers, sightings.hosts, sightings.domains)
    for read in kept if kept is not None else _reads(messages(), BODY_LIMIT if inquire else 0):
        one = told(read.letter, read.source, read.number, ours, sightings)
        yield msgspec.structs.replace(one, inquiry=inquire(read.block, one)) if inquire else one


class _Read(NamedTuple):
    """A message, and where it was read."""

    source: str
    number: int  # in its source, from 1
    letter: Letter
    block: Block


def _reads(sources: Iterable[Source], body: int) -> Iterator[_Read]:
    """Every message with so much of its body; a source without any says why."""
    for source in sources:
        number = 0
        for number, block in enumerate(blocks(pieces_of(source), body), start=1):
            yield _Read(source.name, number, letter(block), block if body else Block(b"", None))
        if not number:
            block = Block(b"", source.problem or "it is empty")
            yield _Read(source.name, 1, letter(block), block)


class _Wanted:
    """Gathers what the messages name."""

    def __init__(self) -> None:
        self._queue_ids: set[str] = set()
        self._message_ids: set[str] = set()
        self._moments: set[float] = set()

    def note(self, read: Letter) -> None:
        """The queue ids and Message-ID of a message."""
        if read.message_id:
            self._message_ids.add(read.message_id.strip("<> "))
        for line, _ in read.lines:
            if line.id and len(self._queue_ids) < _IDS:
                self._queue_ids.add(line.id)
                if line.time is not None:
                    self._moments.add(line.time)

    def all(self) -> Wanted:
        """What to look for."""
        moments = tuple(sorted(self._moments))
        return Wanted(frozenset(self._queue_ids), frozenset(self._message_ids), moments=moments)
