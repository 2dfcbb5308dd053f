"""A month of 50,000 senders through `whosent watch`: its memory, its state, and how soon it starts on that."""

from __future__ import annotations

import random
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, lacks, say
from benchmarks.findings import Section, Table
from benchmarks.live import Run, tree
from benchmarks.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDERS, DAYS, EACH = 50_000, 30, 1 / 3
"""And how many messages each of them sends a day."""
START = datetime.now(UTC).replace(hour=0, minute=0, second=0)
"""From now on: lines that are long past are held back on purpose."""
LINES = 4
"""Of a message."""
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
    """Feed it day after day, as fast as it reads; then start it again."""
    section = Section(
        "live_month",
        f"{SENDERS:,} senders, {DAYS} days, {SENDERS * DAYS * EACH:,.0f} messages through `whosent watch`, as fast as "
        "it reads them. Memory is what the whole process tree shares out (proportional set size): at the end of a day, "
        "and the highest since the row before, with the copies that conclude and save.",
    )
    if lacks("whosent.tailing"):
        section.missing = True
        return section
    run = Run(bench.workdir / "month")
    process = run.daemon()
    table = Table(["day", "messages", "MiB", "peak MiB", "state MiB", "asked s"])
    messages, peak, highest, chance, load = 0, 0.0, 0.0, random.Random(bench.seed), Load()
    with (run.folder / "mail.log").open("ab") as log:
        for day in range(1, DAYS + 1):
            for line in _day(chance, day):
                log.write(line)
                messages += 1
            log.flush()
            while _told(run, "lines") < LINES * messages:
                peak = max(peak, tree(process.pid)[1])
                time.sleep(0.05)
            if day % 5 == 0:
                state = sum(one.stat().st_size for one in (run.folder / "state" / "state").iterdir())
                table.rows.append([
                    str(day), f"{messages:,}", f"{tree(process.pid)[1]:.0f}", f"{peak:.0f}", f"{state / 2**20:.0f}",
                    f"{_told(run, 'asked_seconds'):.1f}",
                ])  # fmt: skip
                say(f"day {day}: {table.rows[-1]}")
                highest, peak = max(highest, peak), 0.0
    section.tables.append(table)
    section.notes.append(f"Highest of all: {highest:.0f} MiB. {load.told(tree(process.pid)[0])}")
    process.terminate()
    process.wait()
    section.notes.append(f"Started again on that month: following after {run.start_again():.1f} s.")
    return section


def _told(run: Run, what: str) -> float:
    """A number that the daemon says of itself."""
    found = re.search(rf'"{what}":([\d.]+)', run.told())
    return float(found[1]) if found else 0.0


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
