"""Plain, gzip, bzip2, xz, zstd, zip and UTF-16 files as one kind of byte stream, told apart by their first bytes.

Text in UTF-16 (what Windows and Microsoft 365 call Unicode) is handed out as UTF-8, and offsets count its bytes.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO, Final

import zstandard

_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
)
_PIECE: Final = 1 << 18
MEMBERS: Final = 10_000  # files in one archive
SWOLLEN: Final = "holds more than any text that was ever compressed: the rest was not read"
_TEXT: Final = 1 << 28  # bytes that any archive of files may hold
_RATIO: Final = 200  # of text to stored bytes above that: logs reach 50
_ZSTD_STEP: Final = 1 << 10  # stored bytes at once: a block of four bytes may stand for 128 KiB of text
_ZSTD_WINDOW: Final = 1 << 27  # zstd --long
BROKEN: Final = (EOFError, OSError, lzma.LZMAError, zlib.error, zstandard.ZstdError, zipfile.BadZipFile,
          NotImplementedError, RuntimeError)  # fmt: skip
"""What a truncated or corrupt archive raises, whichever format it is."""


def compression_of(head: bytes) -> str | None:
    """The name of the compression a file's first bytes announce; None for a plain file."""
    if _is_utf16(head):
        return "UTF-16"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _is_utf16(head: bytes) -> bool:
    """Whether this is the mark of UTF-16, with a letter of ours behind it."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return head[3:4] == b"\0"
    return head.startswith(codecs.BOM_UTF16_BE) and head[2:3] == b"\0"


def pieces(raw: BinaryIO, compression: str | None) -> Iterator[bytes]:
    """The text of an open file, piece after piece; archives of several members read as one.

    All that can be had of a damaged archive comes before it raises one of :data:`BROKEN`.
    """
    stored = _stored(raw, compression)
    first = next(stored, b"")
    if _is_utf16(first):
        yield from _as_utf8(first, stored)
        return
    yield first
    yield from stored


def _as_utf8(first: bytes, stored: Iterable[bytes]) -> Iterator[bytes]:
    """UTF-16 as UTF-8, without its mark; what is no text becomes a replacement character."""
    encoding = "utf-16-le" if first.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(first[2:]).encode()
    for piece in stored:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def _stored(raw: BinaryIO, compression: str | None) -> Iterator[bytes]:
    if compression == "zstd":
        yield from _zstd(raw)
        return
    if compression == "zip":
        yield from _zip(raw)
        return
    if compression in {None, "UTF-16"}:
        yield from blocks(raw)
        return
    assert compression is not None
    with _archive(raw, compression) as archive:
        while piece := archive.read1(_PIECE):  # read would lose what it gathered before the archive breaks off
            yield piece


def _archive(raw: BinaryIO, compression: str) -> gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    return bz2.BZ2File(raw) if compression == "bzip2" else lzma.LZMAFile(raw)


def most_text(raw: BinaryIO) -> int:
    """How many bytes an open archive of files may hold in all."""
    return max(_TEXT, _RATIO * os.fstat(raw.fileno()).st_size)


def _zip(raw: BinaryIO) -> Iterator[bytes]:
    """The files of an archive one after the other, as they stand in it, each ended by a line end."""
    left = most_text(raw)
    for _, content in files_in_zip(raw, MEMBERS):
        last = b""
        for piece in content:
            left -= len(piece)
            if left < 0:
                raise zipfile.BadZipFile(SWOLLEN)
            yield piece
            last = piece
        if not last.endswith(b"\n"):
            yield b"\n"


def files_in_zip(raw: BinaryIO, most: int | None = None) -> Iterator[tuple[zipfile.ZipInfo, Iterator[bytes]]]:
    """Each file of an archive, and its content, to be read before the next one; none of more than ``most``."""
    with zipfile.ZipFile(raw) as archive:
        files = [one for one in archive.infolist() if not one.is_dir()]
        if most is not None and len(files) > most:
            raise zipfile.BadZipFile(f"holds more than {most:,} files")
        for one in files:
            with archive.open(one) as file:
                yield one, blocks(file)


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """What is left of an open file."""
    while block := file.read(_PIECE):
        yield block


def _zstd(raw: BinaryIO) -> Iterator[bytes]:
    """Frame after frame; the library's own reader does not tell a truncated frame from a whole one."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = None
    while step := raw.read(_ZSTD_STEP):
        left = step
        while left:
            frame = frame or decompressor.decompressobj()
            piece = frame.decompress(left)
            if piece:
                yield piece
            left = b""
            if frame.eof:
                left, frame = frame.unused_data, None
    if frame is not None:
        raise EOFError("the last frame has no end")
