"""Archives: told by their first bytes, read to the last byte that can be had."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable, Iterable

import pytest
import zstandard

from whosent.sources.compression import BROKEN, compression_of, pieces

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
DICE = random.Random(1)
TEXT = b"".join(b"line %d %x\n" % (number, DICE.getrandbits(80)) for number in range(40_000))
PACKED = {name: pack(TEXT) for name, pack in PACK.items()}
SKIPPABLE = (0x184D2A50).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"hello"
LOST_AT_MOST = 1 << 18  # of text before a damage: what the format itself keeps together (bzip2: a block)


def gather(stored: bytes) -> tuple[bytes, Exception | None]:
    parts: list[bytes] = []

    def collect(some: Iterable[bytes]) -> None:
        for piece in some:
            parts.append(piece)  # noqa: PERF402  # extend would lose what came before the exception

    try:
        collect(pieces(io.BytesIO(stored), compression_of(stored)))
    except BROKEN as error:
        return b"".join(parts), error
    return b"".join(parts), None


@pytest.mark.parametrize("name", PACK)
def test_a_whole_archive_is_told_by_its_first_bytes_and_read(name: str) -> None:
    assert compression_of(PACKED[name]) == name
    assert gather(PACKED[name]) == (TEXT, None)


def test_plain_text_is_read_as_it_is() -> None:
    assert compression_of(TEXT) is None
    assert gather(TEXT) == (TEXT, None)
    assert gather(b"") == (b"", None)


@pytest.mark.parametrize("name", PACK)
def test_several_members_read_as_one(name: str) -> None:
    stored = PACKED[name] + PACK[name](b"") + PACK[name](b"the end\n")
    assert gather(stored) == (TEXT + b"the end\n", None)


def test_a_skippable_frame_of_zstd_is_skipped() -> None:
    packed = PACKED["zstd"]
    assert gather(packed + SKIPPABLE + packed) == (TEXT + TEXT, None)


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("share", [0.1, 0.37, 0.5, 0.93, 0.9999])
def test_a_truncated_archive_gives_what_came_before_and_says_so(name: str, share: float) -> None:
    packed = PACKED[name]
    text, error = gather(packed[: int(len(packed) * share)])
    assert error is not None
    assert TEXT.startswith(text)
    allowed = 900_000 if name == "bzip2" else LOST_AT_MOST
    assert len(text) > share * len(TEXT) - allowed


@pytest.mark.parametrize("name", PACK)
def test_a_damaged_archive_gives_what_came_before_and_says_so(name: str) -> None:
    """The damaged block of bzip2 itself comes out as rubbish: its checksum stands at its end."""
    packed = bytearray(PACK[name](TEXT * 3))
    for at in range(len(packed) // 2, len(packed) // 2 + 40):
        packed[at] ^= 0xA5
    text, error = gather(bytes(packed))
    assert error is not None
    assert len(text) > 100_000
    assert text[:100_000] == TEXT[:100_000]


def test_garbage_behind_an_archive_is_told() -> None:
    for name in ("gzip", "zstd"):
        text, error = gather(PACKED[name] + b"and now for something completely different")
        assert text == TEXT, name
        assert error is not None, name


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_comes_in_pieces(name: str) -> None:
    stored = PACK[name](bytes(64 << 20))
    biggest = total = 0
    for piece in pieces(io.BytesIO(stored), name):
        biggest, total = max(biggest, len(piece)), total + len(piece)
    assert total == 64 << 20
    assert biggest <= 40 << 20
