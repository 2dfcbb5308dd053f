"""Archives of several files, tar in any compression and zip: each file a source of its own, as if it had been unpacked.

They are unpacked into a folder of ours that goes with the last of them.  Nothing in an archive names a place on this
machine, and of one that swells or breaks off, what came before is used.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import time
import weakref
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from whosent.sources.compression import BROKEN, MEMBERS, SWOLLEN, blocks, files_in_zip, most_text, pieces
from whosent.sources.files import CHUNK, Source, UnusableError, problem_of
from whosent.sources.text import shown

_BLOCK: Final = 512  # bytes: a tar archive's first header
_MAGIC: Final = slice(257, 262)  # of a tar archive: ustar, as POSIX, GNU and pax write it
_HEADERS: Final = 1 << 22  # bytes that may stand between two files: long names, attributes
_DAMAGED: Final = (*BROKEN, tarfile.TarError, ValueError, OverflowError)


class _Member(NamedTuple):
    """A file in an archive."""

    name: str
    written: float  # seconds since 1970
    content: Iterator[bytes]


class _Folder:
    """A folder that goes when nobody holds it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="whosent-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def unpacked(sources: Iterable[Source]) -> Iterator[Source]:
    """The sources, and in place of an archive the files in it."""
    for source in sources:
        kind = _kind(source)
        if kind:
            yield from _members(source, kind)
        else:
            yield source


def _kind(source: Source) -> str:
    """``tar`` or ``zip`` if there are files to be taken out, else nothing: it is read as it is."""
    try:
        with source.opened() as (raw, compression):
            if compression == "zip":
                with zipfile.ZipFile(raw) as archive:
                    return "zip" if len(archive.infolist()) > 1 else ""
            head = raw.read(_BLOCK) if compression is None else next(pieces(raw, compression), b"")
            return "tar" if head[_MAGIC] == b"ustar" else ""
    except _DAMAGED:
        return ""  # whoever reads it says what is wrong


def _members(source: Source, kind: str) -> Iterator[Source]:
    """The files of an archive; one source more says what could not be had."""
    size = 0
    try:
        with source.opened() as (raw, compression):
            files = _in_zip(raw) if kind == "zip" else _in_tar(raw, compression)
            for one in _taken_out(source.name, files, most_text(raw)):
                size += one.stored_size
                yield one
    except _DAMAGED as error:
        rest = Source(source.name, None, tempfile.TemporaryFile(prefix="whosent-"))  # noqa: SIM115  # lives as long as it
        rest.problem = problem_of(error, size)
        yield rest


def _taken_out(name: str, members: Iterator[_Member], most: int) -> Iterator[Source]:
    folder = _Folder()
    for number, member in enumerate(members):
        if number == MEMBERS:
            raise UnusableError(f"holds more than {MEMBERS:,} files: those behind them were not read")
        place = folder.path / str(number)
        problem, size = _write(place, member, most)
        most -= size
        if size:
            yield Source(f"{name}/{shown(os.fsencode(member.name))}", place, holds=folder)
        if problem:
            raise problem


def _write(place: Path, member: _Member, most: int) -> tuple[Exception | None, int]:
    """What went wrong, and how many bytes were written all the same."""
    problem, size = None, 0
    try:
        with place.open("wb") as file:
            for piece in member.content:
                if size + len(piece) > most:
                    raise UnusableError(SWOLLEN)
                size += file.write(piece)
    except _DAMAGED as error:
        problem = error
    with suppress(OSError, OverflowError, ValueError):
        os.utime(place, (member.written, member.written))
    return problem, size


def _in_zip(raw: BinaryIO) -> Iterator[_Member]:
    for one, content in files_in_zip(raw):
        yield _Member(one.filename, _moment(one), content)


def _moment(one: zipfile.ZipInfo) -> float:
    """When it was written to, as zip has it: in the local time of who packed it, and taken as ours."""
    try:
        return datetime(*one.date_time).timestamp()  # noqa: DTZ001  # there is no zone in it
    except (ValueError, OverflowError, OSError):
        return time.time()


def _in_tar(raw: BinaryIO, compression: str | None) -> Iterator[_Member]:
    stored = _Stored(pieces(raw, compression), most_text(raw))
    with tarfile.open(fileobj=cast("BinaryIO", stored), mode="r|", bufsize=CHUNK) as archive:
        while True:
            stored.between_files = True
            one = archive.next()
            stored.between_files = False
            if one is None:
                return
            file = archive.extractfile(one) if one.isreg() else None
            if file is not None:
                yield _Member(one.name, one.mtime, blocks(file))
            archive.members.clear()  # type: ignore[attr-defined]  # or it remembers each


class _Stored:
    """The bytes of a tar archive for who reads it: bounded, and what stands between two files is short."""

    def __init__(self, blocks: Iterator[bytes], most: int) -> None:
        self._blocks, self._rest, self._most = blocks, b"", most
        self._since = 0  # bytes read since the last file
        self._between = False

    @property
    def between_files(self) -> bool:
        """Whether the next bytes are none of a file's."""
        return self._between

    @between_files.setter
    def between_files(self, value: bool) -> None:
        self._between, self._since = value, 0

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        piece = self._rest or next(self._blocks, b"")
        piece, self._rest = piece[:size], piece[size:]
        self._since += len(piece)
        self._most -= len(piece)
        if self._most < 0 or (self._between and self._since > _HEADERS):
            raise UnusableError(SWOLLEN)
        return piece
