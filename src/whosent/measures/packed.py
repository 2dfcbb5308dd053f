"""Values under keys, all of them in two buffers: nothing that is kept so is an object of its own.

A tenth of the memory of a dictionary's; and a copy of the process shares it, for whoever only counts on it or saves it
writes nothing, no reference count either.
"""

from __future__ import annotations

from array import array
from struct import Struct
from typing import Final

_HEAD: Final = Struct("<II")  # how long key and value are
_DEAD: Final = 1 << 31  # in the second: nobody has it any more
_SMALLEST: Final = 64  # places
_GONE: Final = 1  # a place whose value was taken: those behind it may have wanted it first
_TAG: Final = 16  # bits of the hash beside an offset
_LITTER: Final = 1 << 16  # bytes of dead values that are left where they are, and half of all that are


class Packed:
    """Bytes under bytes: put in, and taken out again."""

    __slots__ = ("_bytes", "_count", "_dead", "_places", "_used")

    def __init__(self) -> None:
        self._bytes = bytearray()  # head, key, value; head, key, value ...
        self._places = array("Q", bytes(8 * _SMALLEST))  # offset + 1 and a tag, where the hash says or next to it
        self._count = self._used = self._dead = 0

    def __len__(self) -> int:
        return self._count

    def put(self, key: bytes, value: bytes) -> None:
        """Keep it under a key that is not there."""
        if 3 * (self._used + 1) > 2 * len(self._places):
            self._pack()
        self._place(hash(key), len(self._bytes))
        self._bytes += _HEAD.pack(len(key), len(value))
        self._bytes += key
        self._bytes += value
        self._count += 1

    def take(self, key: bytes) -> bytes | None:
        """What was kept under a key, which is there no more; None if it was not."""
        places, kept = self._places, self._bytes
        mask, hashed = len(places) - 1, hash(key)
        at, tag = hashed & mask, hashed >> _TAG & (1 << _TAG) - 1
        while places[at]:
            if places[at] & (1 << _TAG) - 1 == tag and places[at] != _GONE:
                offset = (places[at] >> _TAG) - 1
                begin = offset + _HEAD.size
                length, size = _HEAD.unpack_from(kept, offset)
                if length == len(key) and kept.startswith(key, begin):
                    value = bytes(kept[begin + length : begin + length + size])
                    places[at] = _GONE
                    _HEAD.pack_into(kept, offset, length, size | _DEAD)
                    self._count -= 1
                    self._dead += _HEAD.size + length + size
                    if self._dead > max(_LITTER, len(kept) // 2):
                        self._pack()
                    return value
            at = at + 1 & mask
        return None

    def _place(self, hashed: int, offset: int) -> None:
        places = self._places
        mask = len(places) - 1
        at = hashed & mask
        while places[at]:
            at = at + 1 & mask
        places[at] = offset + 1 << _TAG | hashed >> _TAG & (1 << _TAG) - 1
        self._used += 1

    def _pack(self) -> None:
        """Leave out what is dead, and make room for twice as many."""
        old, offset = self._bytes, 0
        self._bytes = fresh = bytearray()
        self._used = self._dead = self._count = 0
        found: list[tuple[int, int]] = []
        while offset < len(old):
            length, size = _HEAD.unpack_from(old, offset)
            end = offset + _HEAD.size + length + (size & ~_DEAD)
            if not size & _DEAD:
                begin = offset + _HEAD.size
                found.append((hash(bytes(old[begin : begin + length])), len(fresh)))
                fresh += old[offset:end]
            offset = end
        room = _SMALLEST
        while room < 2 * len(found):
            room *= 2
        self._places = array("Q", bytes(8 * room))
        for hashed, place in found:
            self._place(hashed, place)
        self._count = len(found)

    def __getstate__(self) -> bytearray:
        return self._bytes

    def __setstate__(self, kept: bytearray) -> None:
        self._bytes = kept
        self._pack()  # hashes are others in every process
