"""No line costs more than linear time, whatever a stranger writes into it."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from whosent.dialects import Dialect, Rule, discover
from whosent.reading.reader import LONGEST_LINE, Reader
from whosent.reading.stamps import Clock

SAMPLES = Path(__file__).parent.parent / "samples"
HOSTILE = [
    *(bytes([byte]) for byte in rb"""\"<>[](),;: =./0a-'""" + b"\t\xff"),
    *rb"""
>, relay=|>, relay=a, delay=|">, |\"|; from=<| from a[| from a[b]; from=<|; to=<|a> to=<|, sasl_username=
>, rip=|>, method=|(auth failed, 1 attempts|(auth failed|: user=<|]: To: |:1]: To: | -- Headers:|] "
] [service=|]|1:|a/| a |- |[a="|A-|message repeated 2 times: [ |2001:|auth-worker<1>: |, orig_client=
) [1.1.1.1] |@x <\"|]: 535 | 1 args: | R=a T=b
""".strip(b"\n")
    .replace(b"\n", b"|")
    .split(b"|"),
]
SIZE = LONGEST_LINE - 2000  # so long that the compiled twin hands it over: a quarter of a second of plain Python's
SHORT = SIZE // 3  # which it reads itself
FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
LONG = len(HOSTILE) if FULL else 8  # delimiters repeated to the full length
LINES = 6 if FULL else 2  # of each dialect, for each delimiter
ALLOWED = 10.0  # seconds of CPU for one line, a thirtieth where nobody else computes; quadratic time takes minutes


def kinds(dialect: Dialect) -> list[bytes]:
    """One sample line of each shape, its digits apart."""
    shapes: dict[bytes, bytes] = {}
    for log in sorted((SAMPLES / dialect.name).glob("*.log")):
        for line in log.read_bytes().split(b"\n"):
            shapes.setdefault(bytes(line.translate(None, b"0123456789abcdef")[24:70]), line)
    return list(shapes.values())


def everything(_rule: Rule, names: tuple[str, ...]) -> tuple[str, ...]:
    return ("stamp", *names)


def cost(flood: bytes) -> float:
    reader = Reader(flood[:200], Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC)), everything)
    began = time.process_time()
    assert sum(1 for _ in reader.tokens(flood + b"\n")) <= 10_000
    return time.process_time() - began


@pytest.mark.parametrize("dialect", discover(), ids=lambda dialect: dialect.name)
def test_a_line_of_repeated_delimiters_is_read_in_linear_time(dialect: Dialect) -> None:
    rng = random.Random(1)
    lines = kinds(dialect)
    long = rng.sample(HOSTILE, LONG)
    for hostile in HOSTILE:
        size = SIZE if hostile in long else SHORT
        for line in rng.sample(lines, min(LINES, len(lines))):
            start = min(len(line), 45)
            at = rng.choice([start, rng.randint(start, max(start, len(line))), len(line)])
            flood = line[:at] + hostile * (size // len(hostile)) + rng.choice([line[at:], b""])
            took = cost(flood)
            if took >= ALLOWED:  # somebody else may have had the processor
                took = min(cost(flood) for _ in range(5))
            assert took < ALLOWED, (took, line[:at], hostile)
