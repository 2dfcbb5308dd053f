"""A log that is still being written: followed through rename, copytruncate, compression, deletion and replacement.

A log whose parts have their dates in their names from the beginning (``MSGTRK2026112708-1.LOG``) is followed under the
name without the date: the newest part grows.

A file is known by its first bytes, whatever its name is now and whether it was compressed meanwhile: so a follower
finds where it was when it comes back.  A line is handed out when its end is written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from whosent.sources.compression import BROKEN, compression_of, pieces
from whosent.sources.files import CHUNK, LINE_LIMIT, Chunk, Source, line_count
from whosent.sources.rotation import place
from whosent.sources.text import shown

_KNOWN_BY: Final = 1024  # first bytes of a file
_QUIET: Final = 1.0  # seconds without a new line after which a renamed file is taken for finished
_NEWER: Final = 2.0  # seconds between two looks for a part with a newer date
_LINGERS: Final = 300.0  # seconds that a renamed file is looked at again: its writer may not have noticed


class Fingerprint(NamedTuple):
    """The first bytes of a text: how many, and their digest."""

    size: int
    digest: bytes

    @classmethod
    def of(cls, head: bytes) -> Fingerprint:
        """That of a text that begins so."""
        head = head[:_KNOWN_BY]
        return cls(len(head), hashlib.sha256(head).digest())

    def fits(self, head: bytes) -> bool:
        """Whether a text that begins so may be the same file, grown."""
        return len(head) >= self.size > 0 and Fingerprint.of(head[: self.size]) == self


class Followed(Source):
    """One file of a log, read as it grows; it stays readable when it is renamed or deleted."""

    def __init__(self, path: Path) -> None:
        super().__init__(shown(os.fsencode(path)), path)
        self.longest_line = LINE_LIMIT
        self.fingerprint = Fingerprint(0, b"")
        self.over = False  # nothing more will be read of it
        self.heard = 0.0  # when it last grew, on the clock that the caller reads
        self._file: int | None = None
        self._rest = b""  # a line whose end is not written yet
        self._overlong = False

    def __getstate__(self) -> dict[str, object]:
        """What is kept between two runs: where it was, not the open file."""
        return {**self.__dict__, "_file": None, "_rest": b"", "_overlong": False, "_spool": None}

    # ------------------------------------------------------------------ the open file

    def open(self) -> bool:
        """Open it, if it is there and can be read."""
        assert self._path is not None
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError as error:
                self.problem = f"cannot be read: {error.strerror}"
                return False
            self.problem = None
            status = os.fstat(self._file)
            self._identity = (status.st_dev, status.st_ino)
        return True

    def close(self) -> None:
        """Give the file back; quoting opens it anew."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _descriptor(self) -> int:
        """For quoting: the open file, else whatever is now the same text."""
        if self._file is not None:
            return os.dup(self._file)
        assert self._path is not None
        whole = Path(place(str(self._path)).base)  # it may have been renamed since
        for path in (self._path, whole, *siblings(whole)):
            with suppress(OSError):
                if self.fingerprint.fits(beginning(path)):
                    self._identity = None  # it may have been compressed, or copied
                    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        return super()._descriptor()

    def is_at(self, path: Path) -> bool:
        """Whether this file is the same, grown, renamed or compressed."""
        if self.fingerprint.size:
            return self.fingerprint.fits(beginning(path))
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    @property
    def here(self) -> bool:
        """Whether its name still leads to it, and what was read still stands there."""
        if self._file is None or self._path is None:
            return False
        try:
            status = self._path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity and not self.cut

    @property
    def cut(self) -> bool:
        """Whether it was truncated or written over."""
        assert self._file is not None
        try:
            if os.fstat(self._file).st_size < self.size + len(self._rest):
                return True
            return self.fingerprint.size > 0 and not self.fingerprint.fits(os.pread(self._file, _KNOWN_BY, 0))
        except OSError:
            return True

    @property
    def behind(self) -> int:
        """Bytes that are written and not read."""
        if self._file is None:
            return 0
        return max(0, os.fstat(self._file).st_size - self.size - len(self._rest))

    # ------------------------------------------------------------------ reading

    def more(self, now: float) -> Chunk | None:
        """The next whole lines, at most about :data:`CHUNK` bytes; None if no line has ended since."""
        if self._file is None:
            return None
        block = os.pread(self._file, CHUNK, self.size + len(self._rest))
        if not block or self.cut:
            return None
        self.heard = now
        if self.fingerprint.size < _KNOWN_BY:
            self.fingerprint = Fingerprint.of(os.pread(self._file, _KNOWN_BY, 0))
        text = self._rest + block
        cut = text.rfind(b"\n") + 1
        if not cut:
            if len(text) <= LINE_LIMIT:
                self._rest = text
                return None
            cut, text = len(text), text[: len(text) - 1] + b"\n"  # no line is that long: it goes on as another
            self._rest = b""
        else:
            self._rest = text[cut:]
        return self._noted(Chunk(self.size, text[:cut], self.size + cut))

    def last(self) -> Chunk | None:
        """A last line without its end, when nothing more will come."""
        rest, self._rest = self._rest, b""
        return self._noted(Chunk(self.size, rest + b"\n", self.size + len(rest))) if rest else None

    def _noted(self, chunk: Chunk) -> Chunk:
        if not self._starts or chunk.end - self._starts[-1][0] > CHUNK:  # no more is read again from one on
            self._starts.append((chunk.offset, self.lines))
        self.chunk_lines = line_count(chunk.lines)
        self.lines += self.chunk_lines
        self.size = chunk.end
        return chunk

    def renamed(self, path: Path) -> None:
        """It is found under another name, perhaps copied or compressed."""
        self.close()
        self._path, self._identity, self.name = path, None, shown(os.fsencode(path))

    def whole(self, start: int = 0) -> Iterator[Chunk]:
        """What a file that is finished holds from that offset on, compressed or not."""
        for offset, chunk, _ in self.chunks():
            if self.fingerprint.size == 0:
                self.fingerprint = Fingerprint.of(chunk)
            if offset + len(chunk) > start:
                fresh = chunk[max(0, start - offset) :]
                self.chunk_lines = line_count(fresh)
                yield Chunk(max(offset, start), fresh, self.size)
        self.over = True


def beginning(path: Path) -> bytes:
    """The first bytes of the text of a file, compressed or not; b"" if it has none."""
    head = b""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as raw:
            compression = compression_of(raw.read(8))
            raw.seek(0)
            for piece in pieces(raw, compression):
                head += piece
                if len(head) >= _KNOWN_BY:
                    break
    except BROKEN:
        return head
    return head[:_KNOWN_BY]


def siblings(path: Path) -> list[Path]:
    """The rotated parts of a log, the oldest first; not the log itself."""
    base = str(path)
    found = []
    with suppress(OSError):
        found = [one for one in path.parent.iterdir() if one.name.startswith(path.name[:3]) and one != path]
    parts = [(place(str(one)), one) for one in found]
    return [one for where, one in sorted((p for p in parts if p[0].base == base), key=lambda p: (p[0].age, str(p[1])))]


def _parts(paths: Sequence[Path]) -> list[tuple[Followed, int]]:
    """Finished parts from their beginnings; each is known by its text from now on, for it may be renamed again."""
    parts = [(Followed(path), 0) for path in paths]
    for (one, _), path in zip(parts, paths, strict=True):
        one.fingerprint = Fingerprint.of(beginning(path))
    return [part for part in parts if part[0].fingerprint.size]


class LogFile:
    """A log by its path: hands out the parts that come one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.current: Followed | None = None
        self.leaving: list[Followed] = []  # renamed, and perhaps still written to
        self.problem = ""
        self._looked = 0.0  # when a part with a newer date was looked for

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "problem": ""}

    def begin(self) -> list[Followed]:
        """The parts there are: those that are finished, oldest first; then the one that grows is ``current``."""
        self._take()
        return [part for part, _ in self._finished(_parts(siblings(self.path)))]

    def resume(self) -> list[tuple[Followed, int]]:
        """Parts finished since the last run, with the offset from which each is new; the growing one is found again."""
        missed = [(old, old.size) for old in self.leaving if old.fingerprint.size]
        self.leaving = []
        before = self.current
        if before is None:
            self._take()
            return missed
        place = self.path if self.path.exists() else before.path
        if place and before.is_at(place) and before.open() and not before.cut:
            return missed
        before.close()
        self.current = None
        now = next((path for path in reversed(siblings(self.path)) if before.is_at(path)), None)
        if now is not None:
            self._take()
            if not before.fingerprint.size:
                before.fingerprint = Fingerprint.of(beginning(now))  # it was empty, and may be renamed again
            since = self._finished(self._since(before))
            before.renamed(now)
            return [*missed, *([(before, before.size)] if before.fingerprint.size else []), *since]
        if before.fingerprint.size:
            self.problem = "was deleted or replaced while nobody followed it: lines may be lost"
        self._take()
        return missed

    def _since(self, one: Followed) -> list[tuple[Followed, int]]:
        """Files that came and were renamed after this one, before anybody looked."""
        parts = siblings(self.path)
        known = [number for number, path in enumerate(parts) if one.is_at(path)]
        return _parts(parts[known[-1] + 1 :]) if known else []

    @property
    def _newest(self) -> Path | None:
        """The newest part, where parts have their dates from the beginning; None where the newest has none."""
        if self.path.exists():
            return None
        parts = [path for path in siblings(self.path) if place(str(path)).grows]
        return parts[-1] if parts else None

    def _take(self) -> None:
        fresh = Followed(self._newest or self.path)
        if fresh.open():
            self.current = fresh
        else:
            self.problem = fresh.problem or ""

    def turn(self, now: float) -> list[tuple[Followed, int]]:
        """Look whether another file took the name; gives what a truncated one's copy holds beyond what was read."""
        missed: list[tuple[Followed, int]] = []
        one = self.current
        if one is None:
            self._take()
            if self.current is not None:
                self.problem = ""
        elif one.path != self.path and not one.cut:
            missed = self._go_on(one, now)
        elif one.cut:
            missed = self._copied(one)
            one.over = True
            one.close()
            self.current = None
            self._take()
        elif not one.here:
            if not self.path.exists():
                self.problem = "was deleted; waiting for a new one"
            elif now - one.heard >= _QUIET and not one.behind:
                self.leaving.append(one)
                missed = self._since(one)
                self.current = None
                self._take()
                self.problem = ""
        for old in [old for old in self.leaving if now - old.heard > _LINGERS]:
            old.over = True
            old.close()
            self.leaving.remove(old)
        return missed

    def _go_on(self, one: Followed, now: float) -> list[tuple[Followed, int]]:
        """Where each part has its date: whether there is a newer one, and the growing one is quiet."""
        if not 0 <= now - self._looked < _NEWER:
            self._looked = now
            newest = self._newest
            if newest is not None and newest != one.path and now - one.heard >= _QUIET and not one.behind:
                self.leaving.append(one)
                missed = self._since(one)
                self.current = None
                self._take()
                return self._finished(missed)
        return []

    def _finished(self, parts: list[tuple[Followed, int]]) -> list[tuple[Followed, int]]:
        """Those that are not the growing one."""
        growing = self.current.path if self.current else None
        return [part for part in parts if part[0].path != growing]

    def _copied(self, one: Followed) -> list[tuple[Followed, int]]:
        """The copy that copytruncate made, if it holds more than was read of the file."""
        for path in reversed(siblings(self.path)):
            if one.fingerprint.fits(beginning(path)):
                one.renamed(path)
                return [(one, one.size)]
        self.problem = "was truncated, and no copy of it was found: the last lines may be lost"
        return []
