"""Log files (plain or compressed) and standard input as chunks of whole lines with their offsets.

Memory stays bounded whatever a file holds: lines are cut at :data:`LINE_LIMIT`, archives are streamed, and what
standard input delivered is kept in an unnamed temporary file, so that every line can be read again to be quoted.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from whosent.reading.native import native
from whosent.sources.compression import BROKEN, compression_of, pieces
from whosent.sources.text import shown

CHUNK: Final = 1 << 18
HEAD: Final = 1 << 18
LINE_LIMIT: Final = (1 << 16) + 1  # one byte more than the longest line anybody looks at


class Line(NamedTuple):
    """One line read back: its number from 1, and its bytes (at most :data:`LINE_LIMIT`) without the line end."""

    number: int
    raw: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()


class Marks(NamedTuple):
    """What a source remembers of having been read: enough to quote it, and to account for it."""

    starts: list[tuple[int, int]]  # (offset, lines before it) of each chunk
    size: int
    lines: int
    problem: str | None


class Chunk(NamedTuple):
    """Whole lines: where they start in the text, and where what comes next starts."""

    offset: int
    lines: bytes
    end: int


class UnusableError(OSError):
    """Why a source is not read, as a whole sentence."""


class Source:
    """One input: opens itself as often as needed and remembers where its chunks began."""

    def __init__(self, name: str, path: Path | None, spool: BinaryIO | None = None, *, holds: object = None) -> None:
        """``holds``: what must not go before this does."""
        self.name = name
        self.problem: str | None = None
        self.size = 0  # decompressed bytes read so far
        self.lines = 0  # lines read so far
        self.chunk_lines = 0  # of the latest chunk
        self.longest_line: int | None = None  # what is longer is cut; 0: blocks are handed out, whatever their lines
        self._path = path
        self._spool = spool
        self._holds = holds
        self._starts: list[tuple[int, int]] = []  # (offset, lines before it) of each chunk
        self._identity: tuple[int, int] | None = None
        if spool is not None:
            weakref.finalize(self, spool.close)

    @property
    def marks(self) -> Marks:
        """What another process that read it hands over to this one."""
        return Marks(self._starts, self.size, self.lines, self.problem)

    def adopt(self, marks: Marks) -> None:
        """Remember what another process that read this source found."""
        self._starts, self.size, self.lines, self.problem = marks

    @property
    def path(self) -> Path | None:
        """The file; None for standard input and pipes."""
        return self._path

    @property
    def written(self) -> datetime:
        """When the file was last written to; for standard input, and if nobody knows: now."""
        try:
            return datetime.fromtimestamp(self._path.stat().st_mtime, UTC) if self._path else datetime.now(UTC)
        except (OSError, OverflowError, ValueError):
            return datetime.now(UTC)

    @property
    def stored_size(self) -> int:
        """Bytes on disk, for progress; 0 if unknown."""
        try:
            if self._spool is not None:
                return os.fstat(self._spool.fileno()).st_size
            return self._path.stat().st_size if self._path is not None else 0
        except OSError:
            return 0

    @contextmanager
    def opened(self) -> Iterator[tuple[BinaryIO, str | None]]:
        """The stored file, and how it is compressed."""
        with os.fdopen(self._descriptor(), "rb") as raw:
            status = os.fstat(raw.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnusableError("is no file or pipe: not read")
            if self._identity not in (None, (status.st_dev, status.st_ino)):
                raise UnusableError("was replaced while it was being read: its lines cannot be quoted")
            self._identity = (status.st_dev, status.st_ino)
            raw.seek(0)
            compression = compression_of(raw.read(8))
            raw.seek(0)
            yield raw, compression

    def _descriptor(self) -> int:
        if self._spool is not None:
            return os.dup(self._spool.fileno())
        assert self._path is not None
        return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # what became a pipe must not stop us

    def head(self) -> bytes:
        """The first whole lines (at most :data:`HEAD` bytes), to tell the format by."""
        head = b""
        try:
            with self.opened() as (raw, compression):
                for piece in pieces(raw, compression):
                    head += piece
                    if len(head) >= HEAD:
                        break
        except BROKEN as error:
            self.problem = problem_of(error, len(head))
        head = head[:HEAD]
        return head[: head.rfind(b"\n") + 1] or (head and head + b"\n")

    def chunks(self) -> Iterator[tuple[int, bytes, int]]:
        """(offset, chunk of whole lines, bytes of the stored file consumed) to the end.

        Offsets count decompressed bytes.  A line longer than :data:`LINE_LIMIT` is cut; an archive that breaks
        off ends the chunks, and ``problem`` says so.
        """
        self._starts, self.lines, self.size = [], 0, 0
        try:
            with self.opened() as (raw, compression):
                for offset, chunk, end in self._chunks(raw, compression):
                    self._starts.append((offset, self.lines))
                    self.chunk_lines = self._count(chunk)
                    self.lines += self.chunk_lines
                    self.size = end
                    yield offset, chunk, raw.tell()
        except BROKEN as error:
            self.problem = problem_of(error, self.size)

    def _chunks(self, raw: BinaryIO, compression: str | None) -> Iterator[Chunk]:
        blocks = _blocks(raw, compression)
        return (
            _as_they_come(blocks) if self.longest_line == 0 else _whole_lines(blocks, self.longest_line or LINE_LIMIT)
        )

    def _count(self, chunk: bytes) -> int:
        return chunk.count(b"\n") if self.longest_line == 0 else line_count(chunk)

    def quote(self, offsets: Iterable[int]) -> dict[int, Line]:
        """The lines that start at these offsets; one that cannot be read again is left out."""
        wanted = sorted({offset for offset in offsets if 0 <= offset < self.size})
        found: dict[int, Line] = {}
        if not wanted or not self._starts:
            return found
        try:
            with self.opened() as (raw, compression):
                reread = self._again(raw, compression) if compression else self._there(raw, wanted)
                for start, chunk, lines_before in reread:
                    _pick(chunk, start, lines_before, wanted, found)
                    if start > wanted[-1]:
                        break
        except BROKEN as error:
            self.problem = self.problem or problem_of(error, self.size)
        return found

    def _again(self, raw: BinaryIO, compression: str) -> Iterator[tuple[int, bytes, int]]:
        """All chunks from the beginning, with the lines before each: an archive has no other way."""
        lines = 0
        for start, chunk, _ in self._chunks(raw, compression):
            yield start, chunk, lines
            lines += self._count(chunk)

    def _there(self, raw: BinaryIO, wanted: Iterable[int]) -> Iterator[tuple[int, bytes, int]]:
        """The chunks of a plain file that hold the wanted offsets."""
        if os.fstat(raw.fileno()).st_size < self.size:
            raise UnusableError("became shorter while it was being read: its lines cannot be quoted")
        most = CHUNK + max(LINE_LIMIT, self.longest_line or 0) + 1  # what is longer is the tail of a line that was cut
        numbers = {bisect_right(self._starts, offset, key=lambda start: start[0]) - 1 for offset in wanted}
        for number in sorted(numbers):
            start, lines_before = self._starts[number]
            end = self._starts[number + 1][0] if number + 1 < len(self._starts) else self.size
            raw.seek(start)
            further = 0 if self.longest_line is None else LINE_LIMIT  # a row may go on in the next chunk
            yield start, raw.read(min(end - start, most) + further), lines_before

    def text(self) -> Iterator[bytes]:
        """The decompressed bytes, as far as they can be had; nothing is remembered of them."""
        try:
            with self.opened() as (raw, compression):
                yield from pieces(raw, compression)
        except BROKEN:
            return

    def holds(self, line: bytes) -> bool:
        """Whether these bytes stand somewhere in the text."""
        before = b""
        for piece in self.text():
            if line in piece or line in before + piece[: len(line)]:
                return True
            before = (before + piece[-len(line) :])[-len(line) :]
        return False

    def same_text(self, other: Source) -> Source | None:
        """The longer of two sources if the other's text is its beginning, or all of it; None if they differ."""
        texts = (self.text(), other.text())
        left = [b"", b""]
        while True:
            left = [rest or next(text, b"") for rest, text in zip(left, texts, strict=True)]
            size = min(map(len, left))
            if not size:
                return other if left[1] or not left[0] else self
            if left[0][:size] != left[1][:size]:
                return None
            left = [rest[size:] for rest in left]


def _blocks(raw: BinaryIO, compression: str | None) -> Iterator[bytes]:
    """The text in blocks of about :data:`CHUNK` bytes; what came before the archive breaks off is handed out first."""
    if compression is None:
        yield from pieces(raw, None)
        return
    gathered: list[bytes] = []
    size = 0
    try:
        for piece in pieces(raw, compression):
            gathered.append(piece)
            size += len(piece)
            if size >= CHUNK:
                yield b"".join(gathered)
                gathered, size = [], 0
    except BROKEN:
        yield b"".join(gathered)
        raise
    yield b"".join(gathered)


def _as_they_come(blocks: Iterable[bytes]) -> Iterator[Chunk]:
    offset = 0
    for block in blocks:
        if block:
            yield Chunk(offset, block, offset + len(block))
        offset += len(block)


def _whole_lines(blocks: Iterable[bytes], limit: int) -> Iterator[Chunk]:
    """Chunks cut at line ends; an overlong line loses its tail, the last one may lack its line end."""
    offset, rest = 0, b""
    start, overlong = 0, b""  # a line whose tail is being skipped
    for block in blocks:
        fresh = block
        if overlong:
            end = block.find(b"\n") + 1
            offset += end or len(block)
            if not end:
                continue
            yield Chunk(start, overlong, offset)
            fresh, overlong = block[end:], b""
        cut = fresh.rfind(b"\n") + 1
        if cut:
            chunk = rest + fresh[:cut]
            yield from _cut(offset, chunk, limit)
            offset, rest = offset + len(chunk), fresh[cut:]
        else:
            rest += fresh
        if len(rest) > limit:
            start, overlong = offset, rest[:limit] + b"\n"
            offset, rest = offset + len(rest), b""
    if overlong:
        yield Chunk(start, overlong, offset)
    if rest:
        yield Chunk(offset, rest, offset + len(rest))


def _cut(offset: int, chunk: bytes, limit: int) -> Iterator[Chunk]:
    """The chunk, in parts if it has overlong lines."""
    start = 0
    for at, end in _overlong(chunk, limit):
        if at > start:
            yield Chunk(offset + start, chunk[start:at], offset + at)
        yield Chunk(offset + at, chunk[at : at + limit] + b"\n", offset + end)
        start = end
    if start < len(chunk):
        yield Chunk(offset + start, chunk[start:], offset + len(chunk))


def _overlong(chunk: bytes, limit: int) -> Iterator[tuple[int, int]]:
    """Where lines above the limit begin and end; a look at each window spares looking at each line."""
    window = limit // 2  # a line above the limit leaves one of these without a line end
    windows = range(0, len(chunk) - window + 1, window)
    if all(chunk.find(b"\n", at, at + window) >= 0 for at in windows):
        return
    at = 0
    while at < len(chunk):
        end = chunk.index(b"\n", at) + 1
        if end - at > limit + 1:
            yield at, end
        at = end


def line_count(chunk: bytes) -> int:
    """Lines, with a last one that lacks its end."""
    if native:
        count: int = native.count_lines(chunk)
        return count
    return len(chunk.split(b"\n")) - chunk.endswith(b"\n")  # twice as quick as counting a single byte


def _pick(chunk: bytes, start: int, lines_before: int, wanted: list[int], found: dict[int, Line]) -> None:
    position, number = 0, lines_before + 1
    for offset in wanted[bisect_left(wanted, start) :]:
        at = offset - start
        if at >= len(chunk):
            break
        number += chunk.count(b"\n", position, at)
        position = at
        end = chunk.find(b"\n", at, at + LINE_LIMIT)
        raw = chunk[at:end].removesuffix(b"\r") if end >= 0 else chunk[at : at + LINE_LIMIT]
        found[offset] = Line(number, raw)


def problem_of(error: Exception, size: int) -> str:
    """What went wrong behind so many bytes of text."""
    if isinstance(error, UnusableError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return f"could not be read: {error.strerror}"
    return f"the archive breaks off or is damaged after {size:,} bytes of text; what came before was used"


def standard_input(stream: BinaryIO) -> Source:
    """Standard input as a source."""
    return _spooled("-", stream)


def _spooled(name: str, stream: BinaryIO) -> Source:
    """What can be read but once is kept in a temporary file, so that it can be quoted."""
    spool = tempfile.TemporaryFile(prefix="whosent-")  # noqa: SIM115  # lives as long as the source
    while block := stream.read(CHUNK):
        spool.write(block)
    spool.flush()
    return Source(name, None, spool)


def at_path(path: Path) -> Source:
    """A file as a source; a pipe (``<(zcat mail.log.gz)``) is read to its end at once."""
    name = shown(os.fsencode(path))
    try:
        if not path.is_fifo():
            return Source(name, path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # no waiting for a writer that never comes
    except OSError as error:
        source = Source(name, path)
        source.problem = problem_of(error, 0)
        return source
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "rb") as pipe:
        return _spooled(name, pipe)
