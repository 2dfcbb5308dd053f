"""Messages traced a second on one core, and what the largest cost."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import msgspec

from benchmarks.findings import Section, Table
from whosent.model.settings import Ours as Configured
from whosent.model.surroundings import Surroundings
from whosent.trace.assembly import trace
from whosent.trace.heads import blocks
from whosent.trace.ours import Ours

if TYPE_CHECKING:
    from benchmarks.bench import Bench

PIECE = 1 << 16
MESSAGES = 3_000
HOP = (
    "Received: from mail{0}.example.net (host{0}.example.net [192.0.2.{1}])\r\n"
    " (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519)\r\n"
    " (No client certificate requested)\r\n\tby mx{0}.example.org (Postfix) with ESMTPS id 4jXKk51dnpz{0:04d}\r\n"
    "\tfor <alice@example.org>; Thu, 12 Nov 2026 14:{2:02d}:07 +0100 (CET)\r\n"
)
HEADER = "X-Header-{0}: the value of a header, which is folded\r\n\tand goes on for another line\r\n"
BODY = ("and so on for a line of the usual length, " * 2 + "\r\n").encode()


def measure(bench: Bench) -> Section:
    """Trace messages of the usual kinds, and the worst there are."""
    section = Section("trace", "Messages traced by one process: header read, every line judged, JSON written.")
    table = Table(["messages", "Received lines", "other headers", "messages/s of CPU"])
    for hops, headers in ((3, 15), (6, 30), (10, 60)):
        message = _message(hops, headers, bench.seed)
        table.rows.append([f"{MESSAGES:,}", str(hops), str(headers), f"{MESSAGES / _seconds(message, MESSAGES):,.0f}"])
    section.tables.append(table)
    worst = Table(["the worst", "CPU s"])
    for name, message in (
        ("10,000 Received lines", _message(10_000, 20, bench.seed)),
        ("50 MB of body", _message(6, 30, bench.seed) + BODY * (50_000_000 // len(BODY))),
        ("50 MB of headers", _message(6, 500_000, bench.seed)[:50_000_000]),
        ("50 MB in one line", b"Received: " + b"(" * 50_000_000),
    ):
        worst.rows.append([name, f"{_seconds(message, 1):.2f}"])
    section.tables.append(worst)
    return section


def _message(hops: int, headers: int, seed: int) -> bytes:
    rng = random.Random(seed)
    lines = [HOP.format(number % 10_000, rng.randrange(1, 255), number % 60) for number in range(hops)]
    lines += [HEADER.format(number) for number in range(headers)]
    return ("".join(lines) + "Subject: spam\r\n\r\n").encode() + BODY * 20


def _seconds(message: bytes, times: int) -> float:
    """CPU seconds to trace it so often."""
    ours, encoder = Ours(Surroundings(Configured()), ("mx0.example.org",)), msgspec.json.Encoder()
    pieces = [message[at : at + PIECE] for at in range(0, len(message), PIECE)]
    begun = time.process_time()
    for _ in range(times):
        for number, block in enumerate(blocks(pieces), start=1):
            encoder.encode(trace(block, "a.eml", number, ours, None))
    return time.process_time() - begun
