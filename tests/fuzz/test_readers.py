"""Arbitrary and mutilated logs: nothing raises, every line is accounted for, chunking changes nothing."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whosent.reading.events import Parse
from whosent.reading.formats import Form
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
LOGS = sorted((Path(__file__).parent.parent / "samples").glob("*/*.log"))
LINES = [line for log in LOGS for line in log.read_bytes().split(b"\n")]
FILES = [log.read_bytes() for log in LOGS]
SALT = [b"\0", b"\r", b"\r\n", b"\n", b'"', b"\\", b">, relay=x, delay=", b"; from=<", b"[", b"]", b"{", b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"message repeated 3 times: [ ", b"last message repeated 9 times", b"\x1b[31m", b"<13>1 ", b"=", b"\n\n",
        b"MESSAGE\n\x05\0\0\0\0\0\0\0abcde\n", b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff"]  # fmt: skip
fuzzed = settings(
    max_examples=3000 if FULL else 150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def mutilated(rng: random.Random) -> bytes:
    """A log made of sample lines, some of them cut, doubled, salted or swapped."""
    if rng.random() < 0.3:
        data = rng.choice(FILES)
    else:
        data = b"\n".join(rng.choices(LINES, k=rng.randint(1, 12))) + rng.choice([b"\n", b""])
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        at, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
        salt = rng.choice([rng.choice(SALT), rng.randbytes(rng.randint(1, 8)), data[at : at + rng.randint(0, 80)]])
        data = data[:at] + rng.choice([salt + data[at:], salt + data[min(at + 3, end) :], data[end:]])
    return data.replace(b"\n", b"\r\n") if rng.random() < 0.1 else data


def clock() -> Clock:
    return Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC))


def everything(_rule: object, names: tuple[str, ...]) -> tuple[str, ...]:
    return ("stamp", *sorted(set(names)))


def cut(data: bytes, rng: random.Random) -> list[bytes]:
    """The data in chunks of whole lines."""
    lines = data.splitlines(keepends=True) if b"\r" not in data else [line + b"\n" for line in data.split(b"\n")]
    if b"\r" in data:
        lines[-1] = lines[-1][:-1]
    chunks, at = [], 0
    while at < len(lines):
        size = rng.choice([1, 1, 2, 7, 100])
        chunks.append(b"".join(lines[at : at + size]))
        at += size
    return chunks


def read(head: bytes, chunks: list[bytes]) -> tuple[list[tuple[Any, ...]], Reader]:
    reader = Reader(head, clock(), everything)
    tokens: list[tuple[Any, ...]] = []
    offset = 0
    for chunk in chunks:
        tokens += [(id(rule), offset + at, fields) for rule, at, fields in reader.tokens(chunk, offset)]
        offset += len(chunk)
    tokens += [(id(rule), offset + at, fields) for rule, at, fields in reader.finish()]
    return tokens, reader


def check(data: bytes, rng: random.Random) -> None:
    """Every promise a reader makes."""
    tokens, reader = read(data, [data])
    counts = reader.counts
    if reader.form not in {Form.EXPORT, Form.TABLE}:  # an entry, or a row, of many lines counts as one
        assert counts.lines == data.count(b"\n") + (data != b"" and not data.endswith(b"\n"))
    assert 0 <= counts.understood <= counts.lines
    for _, at, fields in tokens if reader.form is not Form.TABLE else ():  # whose cells may hold line ends
        assert at == 0 or data[at - 1 : at] == b"\n", data[at - 20 : at + 20]
        assert not any(field is not None and b"\n" in field for field in fields)
    assert [at for _, at, _ in tokens] == sorted(at for _, at, _ in tokens)
    again, other = read(data, cut(data, rng))
    assert again == tokens
    assert other.counts == counts
    check_events(data, rng)


def check_events(data: bytes, rng: random.Random) -> None:
    parse, offset = Parse("a", data, clock()), 0
    chunks = []
    for chunk in cut(data, rng):
        chunks.append((offset, chunk))
        offset += len(chunk)
    for line in parse.lines(chunks):
        event = msgspec.json.decode(line)
        assert event["line"] == data.count(b"\n", 0, event["offset"]) + 1


@fuzzed
@given(st.integers(0, 2**63))
def test_mutilated_samples_are_accounted_for(seed: int) -> None:
    rng = random.Random(seed)
    check(mutilated(rng), rng)


@fuzzed
@given(st.binary(max_size=600), st.integers(0, 2**63))
def test_arbitrary_bytes_are_accounted_for(data: bytes, seed: int) -> None:
    check(data, random.Random(seed))


def test_a_long_walk_at_random() -> None:
    seconds = 120.0 if FULL else 3.0
    until = time.monotonic() + seconds
    seed = int(os.environ.get("WHOSENT_FUZZ_SEED", "1"))
    while time.monotonic() < until:
        rng = random.Random(seed)
        try:
            check(mutilated(rng), rng)
        except BaseException as error:
            error.add_note(f"again with WHOSENT_FUZZ_SEED={seed}")
            raise
        seed += 1
