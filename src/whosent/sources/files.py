"""Log files (plain or compressed) and standard input as chunks of whole lines with their offsets.

Memory stays bounded whatever a file holds: lines are cut at :data:`LINE_LIMIT`, archives are streamed, and what
standard input delivered is kept in an unnamed temporary file, so that every line can be read again to be quoted.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from whosent.sources.compression import BROKEN, compression_of, decompressed

CHUNK: Final = 1 << 18
HEAD: Final = 1 << 18
LINE_LIMIT: Final = 1 << 16


class Line(NamedTuple):
    """One line read back: its number from 1, and its bytes without the line end."""

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


class Source:
    """One input: opens itself as often as needed and remembers where its chunks began."""

    def __init__(self, name: str, path: Path | None, spool: BinaryIO | None = None) -> None:
        self.name = name
        self.problem: str | None = None
        self.size = 0  # decompressed bytes read so far
        self.lines = 0  # lines read so far
        self._path = path
        self._spool = spool
        self._starts: list[tuple[int, int]] = []  # (offset, lines before it) of each chunk
        self._identity: tuple[int, int] | None = None

    @property
    def marks(self) -> Marks:
        """What another process that read it hands over to this one."""
        return Marks(self._starts, self.size, self.lines, self.problem)

    def adopt(self, marks: Marks) -> None:
        """Remember what another process that read this source found."""
        self._starts, self.size, self.lines, self.problem = marks

    @property
    def path(self) -> Path | None:
        """The file; None for standard input."""
        return self._path

    @property
    def written(self) -> datetime:
        """When the file was last written to; for standard input: now."""
        stamp = self._path.stat().st_mtime if self._path else None
        return datetime.fromtimestamp(stamp, UTC) if stamp is not None else datetime.now(UTC)

    @property
    def stored_size(self) -> int:
        """Bytes on disk, for progress; 0 if unknown."""
        try:
            return os.fstat(self._spool.fileno()).st_size if self._spool else self._path.stat().st_size  # type: ignore[union-attr]
        except OSError:
            return 0

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """The raw file and its decompressed stream."""
        if self._spool is not None:
            raw: BinaryIO = os.fdopen(os.dup(self._spool.fileno()), "rb")
            raw.seek(0)
        else:
            assert self._path is not None
            raw = self._path.open("rb")
        with raw:
            status = os.fstat(raw.fileno())
            if self._identity not in (None, (status.st_dev, status.st_ino)):
                raise OSError(f"{self.name} was replaced while it was being read")
            self._identity = (status.st_dev, status.st_ino)
            head = raw.read(8)
            raw.seek(0)
            yield raw, decompressed(raw, compression_of(head))

    def head(self) -> bytes:
        """The first whole lines (at most :data:`HEAD` bytes), to tell the format by."""
        try:
            with self._open() as (_, stream):
                head = _read(stream, HEAD)
        except BROKEN as error:
            self.problem = _problem(error, 0)
            return b""
        return head[: head.rfind(b"\n") + 1] or head + b"\n"

    def chunks(self) -> Iterator[tuple[int, bytes, int]]:
        """(offset, chunk of whole lines, bytes of the stored file consumed) to the end.

        Offsets count decompressed bytes.  A line longer than :data:`LINE_LIMIT` is cut; an archive that breaks
        off ends the chunks, and ``problem`` says so.
        """
        self._starts, self.lines, self.size = [], 0, 0
        try:
            with self._open() as (raw, stream):
                for offset, chunk in _whole_lines(stream):
                    self._starts.append((offset, self.lines))
                    self.lines += chunk.count(b"\n")
                    self.size = offset + len(chunk)
                    yield offset, chunk, raw.tell()
        except BROKEN as error:
            self.problem = _problem(error, self.size)

    def quote(self, offsets: Iterable[int]) -> dict[int, Line]:
        """The lines that start at these offsets; one that cannot be read again is left out."""
        wanted = sorted(set(offsets))
        found: dict[int, Line] = {}
        if not wanted or not self._starts:
            return found
        chunk_starts = [start for start, _ in self._starts]
        chunks = {bisect_right(chunk_starts, offset) - 1 for offset in wanted}
        try:
            with self._open() as (raw, stream):
                for number, start, chunk in self._reread(raw, stream, chunks):
                    _pick(chunk, start, self._starts[number][1], wanted, found)
        except BROKEN as error:
            self.problem = self.problem or _problem(error, self.size)
        return found

    def _reread(self, raw: BinaryIO, stream: BinaryIO, chunks: set[int]) -> Iterator[tuple[int, int, bytes]]:
        if stream is raw:  # plain: go straight there
            for number in sorted(chunks):
                start = self._starts[number][0]
                end = self._starts[number + 1][0] if number + 1 < len(self._starts) else self.size
                raw.seek(start)
                yield number, start, raw.read(end - start)
            return
        last = max(chunks)
        for number, (start, chunk) in enumerate(_whole_lines(stream)):
            if number in chunks:
                yield number, start, chunk
            if number >= last:
                return


def _read(stream: BinaryIO, size: int) -> bytes:
    """Up to ``size`` bytes; what an archive gave before it broke off is kept."""
    parts: list[bytes] = []
    left = size
    while left > 0:
        try:
            part = stream.read(left)
        except BROKEN:
            if not parts:
                raise
            break
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _whole_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Chunks cut at line ends; the last line gets its line end, an overlong one loses its tail."""
    offset, rest, skipping = 0, b"", False
    while block := stream.read(CHUNK):
        if skipping:
            end = block.find(b"\n") + 1
            offset += end or len(block)
            if not end:
                continue
            block, skipping = block[end:], False
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest += block
            if len(rest) > LINE_LIMIT:
                yield offset, rest[: LINE_LIMIT - 1] + b"\n"
                offset, rest, skipping = offset + len(rest), b"", True
            continue
        chunk = rest + block[:cut]
        yield offset, chunk
        offset, rest = offset + len(chunk), block[cut:]
    if rest:
        yield offset, rest + b"\n"


def _pick(chunk: bytes, start: int, lines_before: int, wanted: list[int], found: dict[int, Line]) -> None:
    position, number = 0, lines_before + 1
    for offset in wanted[bisect_right(wanted, start - 1) :]:
        at = offset - start
        if at >= len(chunk):
            break
        number += chunk.count(b"\n", position, at)
        position = at
        end = chunk.find(b"\n", at)
        found[offset] = Line(number, chunk[at : end if end >= 0 else len(chunk)].removesuffix(b"\r"))


def _problem(error: Exception, size: int) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"could not be read: {error.strerror}"
    if isinstance(error, OSError) and "replaced" in str(error):
        return str(error)
    return f"the archive breaks off or is damaged after {size:,} bytes of text; what came before was used"


def standard_input(stream: BinaryIO) -> Source:
    """Standard input as a source; what it delivers is spooled, so that it can be quoted."""
    spool = tempfile.TemporaryFile(prefix="whosent-")  # noqa: SIM115  # lives as long as the source
    while block := stream.read(CHUNK):
        spool.write(block)
    spool.flush()
    return Source("-", None, spool)


def expand(arguments: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Files behind the given paths, folders and globs, in a stable order without repeats; and what was missing."""
    paths: dict[Path, None] = {}
    missing: list[str] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            found = sorted(entry for entry in path.rglob("*") if entry.is_file())
        elif path.exists():
            found = [path]
        else:
            found = sorted(entry for entry in _glob(argument) if entry.is_file())
        paths.update(dict.fromkeys(found))
        if not found:
            missing.append(argument)
    return list(paths), missing


def _glob(pattern: str) -> Iterator[Path]:
    anchor = Path(Path(pattern).anchor or ".")
    try:
        yield from anchor.glob(str(Path(pattern).relative_to(anchor)) if Path(pattern).anchor else pattern)
    except (ValueError, NotImplementedError):
        return
