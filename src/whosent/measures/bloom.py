"""Was this pair seen before?  A Bloom filter in fixed memory, with hashes that are the same in every run."""

from __future__ import annotations

from typing import Final
from zlib import crc32

_BITS: Final = 26  # of a position: 8 MiB; one in fifty wrong at five million pairs
_POSITION: Final = (1 << _BITS) - 1
_PAGE: Final = (1 << 15) - 1  # bits of 4 KiB: both are in one page, which is half the work where a process forks
_MIXED: Final = 0x9E3779B1  # an odd number without a pattern


class Seen:
    """Pairs of a number and bytes; memory is taken with the first."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray()

    def has(self, number: int, value: bytes) -> bool:
        """Whether the pair was remembered (rarely, one that was not seems to be)."""
        bits = self._bits
        both = crc32(value, number)
        first = both & _POSITION
        second = first ^ both * _MIXED >> 17 & _PAGE
        return bool(bits and bits[first >> 3] >> (first & 7) & 1 and bits[second >> 3] >> (second & 7) & 1)

    def add(self, number: int, value: bytes) -> bool:
        """Remember the pair; whether it is new (rarely, a new one is taken for known)."""
        bits = self._bits
        if not bits:
            bits = self._bits = bytearray(1 << _BITS - 3)
        both = crc32(value, number)
        first = both & _POSITION
        second = first ^ both * _MIXED >> 17 & _PAGE
        low, high = first >> 3, second >> 3
        at, there = 1 << (first & 7), 1 << (second & 7)
        if bits[low] & at and bits[high] & there:
            return False
        bits[low] |= at
        bits[high] |= there
        return True
