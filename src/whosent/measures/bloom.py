"""Was this pair seen before?  A Bloom filter in fixed memory, with hashes that are the same in every run."""

from __future__ import annotations

from typing import Final
from zlib import crc32

_BITS: Final = 1 << 26  # 8 MiB; one in fifty wrong at five million pairs


class Seen:
    """Pairs of a number and bytes; memory is taken with the first."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int, value: bytes) -> bool:
        """Remember the pair; whether it is new (rarely, a new one is taken for known)."""
        bits = self._bits
        if not bits:
            bits = self._bits = bytearray(_BITS >> 3)
        first = crc32(value, number)
        second = crc32(value, first ^ 0x5BD1E995)
        low, high = first % _BITS, second % _BITS
        at, there = 1 << (low & 7), 1 << (high & 7)
        if bits[low >> 3] & at and bits[high >> 3] & there:
            return False
        bits[low >> 3] |= at
        bits[high >> 3] |= there
        return True
