"""Sizes as people write them: 100m, 1g."""

from __future__ import annotations

from argparse import ArgumentTypeError

UNITS = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def size(text: str) -> int:
    """Read a number of bytes with an optional k, m or g behind it."""
    lower = text.lower()
    unit = UNITS.get(lower[-1:], 1)
    try:
        number = float(lower[:-1] if unit > 1 else lower)
    except ValueError:
        message = f"{text!r} is no size: write a number, with k, m or g behind it if you like"
        raise ArgumentTypeError(message) from None
    return int(number * unit)


def written(number: float) -> str:
    """Write a number of bytes the way it is read."""
    for unit, worth in sorted(UNITS.items(), key=lambda each: -each[1]):
        if number >= worth:
            return f"{number / worth:.3g}{unit}"
    return f"{number:.0f}"
