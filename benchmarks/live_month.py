"""A month of 50,000 senders through the live walk: its memory, the size of its state, and how soon that is loaded."""

from __future__ import annotations

import random
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from benchmarks.bench import Bench, lacks, say
from benchmarks.findings import Section, Table
from whosent import live
from whosent.model.settings import Settings
from whosent.tailing import Tailing, Watched

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDERS, DAYS, EACH = 50_000, 30, 1 / 3
"""And how many messages each of them sends a day."""
START = datetime(2026, 11, 1, tzinfo=UTC)
MESSAGE = (
    "{0} mx postfix/smtpd[7]: {1:X}: client=c{2}.example.net[198.18.{3}.{4}], "
    "sasl_method=PLAIN, sasl_username=u{2}@{5}\n"
    "{0} mx postfix/qmgr[8]: {1:X}: from=<u{2}@{5}>, size=2048, nrcpt=1 (queue active)\n"
    "{0} mx postfix/smtp[9]: {1:X}: to=<{6}>, relay=mx.example.org[198.51.100.{7}]:25, delay=1, delays=0/0/0/1, {8}\n"
    "{0} mx postfix/qmgr[8]: {1:X}: removed\n"
)
SENT = "dsn=2.0.0, status=sent (250 2.0.0 ok)"
UNKNOWN = "dsn=5.1.1, status=bounced (host mx.example.org said: 550 5.1.1 no such user)"


def measure(bench: Bench) -> Section:
    """Feed it day after day."""
    section = Section(
        "live_month",
        f"{SENDERS:,} senders, {DAYS} days, {SENDERS * DAYS * EACH:,.0f} messages through one live walk.",
    )
    if lacks("whosent.tailing"):
        section.missing = True
        return section
    folder = bench.workdir / "month"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "mail.log"
    log.write_bytes(b"")
    zone = ZoneInfo("UTC")
    watching = Tailing([Watched(log)], Settings(), zone)
    table = Table(["day", "messages", "resident MiB", "state MiB", "saved s", "loaded s"])
    messages = 0
    chance = random.Random(bench.seed)
    for day in range(1, DAYS + 1):
        log.write_bytes(b"")
        with log.open("ab") as file:
            for line in _day(chance, day):
                file.write(line)
                messages += 1
        while watching.read(time.time()):
            pass
        if day % 10 == 0:
            began = time.monotonic()
            state = live.saved(watching, zone)
            saved = time.monotonic()
            live.loaded(state, zone)
            table.rows.append([
                str(day), f"{messages:,}", f"{resident():.0f}", f"{len(state) / 2**20:.0f}", f"{saved - began:.1f}",
                f"{time.monotonic() - saved:.1f}",
            ])  # fmt: skip
            say(f"day {day}: {table.rows[-1]}")
    section.tables.append(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    section.notes.append(f"Peak of the process, with two states beside each other: {peak:.0f} MiB.")
    return section


def _day(chance: random.Random, day: int) -> Iterator[bytes]:
    """The lines of each message of a day, in order of time."""
    count = round(SENDERS * EACH)
    begin = START + timedelta(days=day)
    for number in range(count):
        who = chance.randrange(SENDERS)
        stamp = (begin + timedelta(seconds=number * 86_400 / count)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
        to = f"r{chance.randrange(20 * SENDERS)}@d{chance.randrange(5_000)}.example.org"
        status = UNKNOWN if chance.random() < 0.02 else SENT
        yield MESSAGE.format(
            stamp, day * 10**7 + number, who, who >> 8 & 255, who & 255, f"dom{who % 500}.example.net", to, who % 250,
            status,
        ).encode()  # fmt: skip


def resident() -> float:
    """MiB that this process holds now."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
