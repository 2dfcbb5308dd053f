"""Plain, gzip, bzip2, xz and zstd files as one kind of byte stream, told apart by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from typing import BinaryIO, Final, cast

import zstandard

_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
BROKEN: Final = (EOFError, OSError, lzma.LZMAError, zlib.error, zstandard.ZstdError)
"""What a truncated or corrupt archive raises, whichever format it is."""


def compression_of(head: bytes) -> str | None:
    """The name of the compression a file's first bytes announce; None for a plain file."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def decompressed(raw: BinaryIO, compression: str | None) -> BinaryIO:
    """The decompressed bytes of an open file; archives of several members read as one."""
    if compression == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))
    if compression == "bzip2":
        return cast("BinaryIO", bz2.BZ2File(raw))
    if compression == "xz":
        return cast("BinaryIO", lzma.LZMAFile(raw))
    if compression == "zstd":
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw, read_across_frames=True)
        return cast("BinaryIO", reader)
    return raw
