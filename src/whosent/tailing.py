"""Logs that grow, into the live walk: what was rotated away, what grows, and what came while nobody looked."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from whosent.join.tables import layout
from whosent.live import Live, Stream
from whosent.measures.rates import NOWHERE, Reached
from whosent.model.settings import Settings
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Chunk, Line
from whosent.sources.follow import Followed, LogFile, siblings
from whosent.sources.rotation import place
from whosent.walk import Input, kin_of, prepare, repeats, streams

_AT_ONCE: Final = 8  # chunks between two looks at the rest of the world


class Watched(NamedTuple):
    """A log to follow, and how late its lines may be written, or reach us, in seconds."""

    path: Path
    slack: float = 0.0


class Tail:
    """One log: its files one after the other, and the stream they make."""

    def __init__(self, stream: Stream, path: Path, copies: Container[Path] = ()) -> None:
        """``copies`` are files that hold the lines of another one as well."""
        self.stream = stream
        self.log = LogFile(path)
        self.idle = False  # nothing was left to read at the last look
        self.unreadable = ""
        self._pending: deque[tuple[Followed, int]] = deque(
            (one, 0) for one in self.log.begin() if one.path not in copies
        )
        self._parts: dict[Followed, Input | None] = {}
        self._reading: Iterator[Chunk] | None = None

    def __getstate__(self) -> dict[str, object]:
        pending = deque(self._pending)
        if self._reading is not None and pending:
            one, _ = pending[0]
            pending[0] = (one, one.size)
        return {**self.__dict__, "_reading": None, "_pending": pending}

    def resume(self) -> None:
        """Find again what was followed when this was saved."""
        self._pending.extend(self.log.resume())

    @property
    def problem(self) -> str:
        """Why it is not followed as it should be; "" if it is."""
        return self.unreadable or self.log.problem

    @property
    def behind(self) -> int:
        """Bytes that are written and not read, of what is open."""
        return self.log.current.behind if self.log.current else 0

    def read(self, live: Live, now: float) -> bool:
        """Read one chunk; False if nothing new was written."""
        self.idle = False
        if self._pending:
            self._read_finished(live)
            live.hold(self.stream, now)
            return True
        growing = [*self.log.leaving, *([self.log.current] if self.log.current else [])]
        for one in growing:
            chunk = one.more(now)
            if chunk is not None:
                self._feed(live, one, chunk)
                live.hold(self.stream, now)
                return True
        before = self.log.current
        self._pending.extend(self.log.turn(now))
        if self._pending or self.log.current is not before:
            if before is not None and before.over and not any(one is before for one, _ in self._pending):
                self._over(live, before)
            return True
        for gone in [one for one in self._parts if one.over]:
            self._over(live, gone)
        self.stream.caught_up(now)
        self.idle = True
        return False

    def _read_finished(self, live: Live) -> None:
        """Another chunk of what is finished."""
        one, start = self._pending[0]
        if self._reading is None:
            self._reading = one.whole(start)
        chunk = next(self._reading, None)
        if chunk is not None:
            self._feed(live, one, chunk)
        else:
            self._reading = None
            self._pending.popleft()
            self._over(live, one)

    def _feed(self, live: Live, one: Followed, chunk: Chunk) -> None:
        if one not in self._parts:
            self._parts[one] = live.part(self.stream, one, one.head() or chunk.lines)
            self.unreadable = "" if self._parts[one] else "does not grow line by line: read it with whosent scan"
        part = self._parts[one]
        if part is not None:
            live.read(self.stream, part, chunk)

    def _over(self, live: Live, one: Followed) -> None:
        rest = one.last()
        if rest is not None:
            self._feed(live, one, rest)
        part = self._parts.pop(one, None)
        if part is not None:
            live.finish(self.stream, part)


class Tailing:
    """All logs that are followed, and what their lines amount to: everything that a restart must find again."""

    def __init__(
        self, logs: Sequence[Watched], settings: Settings, zone: tzinfo, *, reads_queue: bool = False,
        known: Reached = NOWHERE,
    ) -> None:  # fmt: skip
        """Read the logs from their beginnings; rows up to ``known`` are not counted again."""
        ordered = sorted(logs, key=lambda log: str(log.path))
        inputs = prepare(map(Followed, _there(ordered)), settings, zone)
        self.told: set[str] = set()  # ids of incidents that were told last
        self.quoted: dict[tuple[int, int], Line] = {}  # lines they quote, by number of the part and offset
        self.live = Live(settings, zone, inputs, reads_queue=reads_queue, known=known)
        copies = {one.source.path for one in inputs if one.copy_of and one.source.path}
        self.tails = [Tail(self.live.follow(str(log.path), log.slack), log.path, copies) for log in ordered]
        by_name = {tail.stream.name: tail.stream for tail in self.tails}
        pairs = {(place(one.copy_of).base, place(one.source.name).base) for one in inputs if one.copy_of}
        if inputs:
            pairs |= {(_base(one), _base(other)) for one, other in repeats(streams(inputs), zone)}
        self.live.repeated([(by_name[one], by_name[other]) for one, other in sorted(pairs) if one != other])

    def lines(self) -> int:
        """Lines read of the parts that are remembered."""
        return sum(part.source.lines for tail in self.tails for part in tail.stream.parts)

    def resume(self, now: float) -> None:
        """Find all logs again."""
        for tail in self.tails:
            tail.resume()
        self.live.resume(now)

    def read(self, now: float) -> bool:
        """Read what is new, up to a bound, whatever holds up others first; False if nothing is left to read."""
        left = _AT_ONCE
        for tail in self.tails:
            tail.idle = False
        while left:
            behind = [tail for tail in self.tails if not tail.idle]
            if not behind:
                break
            waited_for = next((tail for tail in behind if not tail.stream.rows), behind[0])
            left -= waited_for.read(self.live, now)
            self.live.release(now)
        return not left


def _there(logs: Iterable[Watched]) -> list[Path]:
    """All parts of these logs."""
    return [path for log in logs for path in (*siblings(log.path), log.path) if path.exists()]


def kin_now(logs: Sequence[Watched], settings: Settings, zone: tzinfo) -> set[str]:
    """Addresses of hosts of ours, by the beginnings of all parts that there are now."""
    inputs = []
    for one in map(Followed, _there(logs)):
        head, clock = one.head(), Clock(zone, one.written, settings.logs.year)
        inputs.append(Input(0, one, Reader(head, clock, layout), clock))
    return set(kin_of(inputs, zone))


def _base(parts: Iterable[Input]) -> str:
    """The log that these files are parts of."""
    return place(next(iter(parts)).source.name).base


def fingerprint(settings: Settings, logs: Sequence[Watched]) -> str:
    """Under which code and settings a state can be used again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    fresh = Settings()  # where, how often and how long it is kept and who is told change nothing of what is found
    kept = {name: getattr(fresh.watch, name) for name in ("save", "rows_days", "rates_days")}
    asked = msgspec.structs.replace(
        settings, state=fresh.state, alerts=fresh.alerts, heartbeat=fresh.heartbeat, metrics=fresh.metrics,
        watch=msgspec.structs.replace(settings.watch, **kept),
    )  # fmt: skip
    digest.update(msgspec.json.encode((asked, [(str(one.path), one.slack) for one in logs])))
    return digest.hexdigest()
