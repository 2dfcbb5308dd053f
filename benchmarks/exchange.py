"""Message tracking logs of Exchange: speed of reading them, and outcomes exact against what was written."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, tell, whosent
from benchmarks.findings import Section, Table
from benchmarks.measure import interleave
from benchmarks.sizes import written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST = 300_000_000
COLUMNS = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,"
    "tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version"
)
START = datetime(2026, 11, 27, 8, tzinfo=UTC)
SUBJECTS = ("Invoice", '"Re: yes, please"', "Minutes", '"He said ""no"" again"', "Offer")
CUSTOM = "S:DeliveryPriority=Normal;S:AccountForest=corp.example;S:FirstForestHop=EX01.corp.example;S:E2ELatency=0.7"


def measure(bench: Bench) -> Section:
    """Write a log, read it, and count what came out."""
    size = min(bench.size, MOST)
    section = Section("exchange", f"An Exchange message tracking log of {written(size)}: one core.")
    folder = bench.workdir / "exchange"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "MSGTRK2026112708-1.LOG"
    truth = write(path, size, bench.seed)
    events = folder / "events.json"
    commands = {
        "whosent parse --stats": whosent("parse", "--stats", str(path)),
        "whosent scan": whosent("scan", "--json", "--jobs", "1", str(path)),
    }
    measured = interleave(commands, bench.rounds, tell)
    table = Table(["program", "CPU s", "MB/s of CPU", "peak MiB"])
    for name, summary in measured.items():
        cpu = summary.median("cpu")
        table.rows.append(
            [name, f"{cpu:.2f}", f"{path.stat().st_size / 1e6 / cpu:.0f}", f"{summary.median('peak'):.0f}"]
        )
    section.tables.append(table)
    interleave({"whosent parse": whosent("parse", str(path), output=events)}, 1, tell)
    wrong = truth - counted(events), counted(events) - truth
    section.notes.append(
        f"Outcomes that differ from what was written: {sum(map(Counter.total, wrong)):,} of {truth.total():,}."
    )
    return section


def counted(events: Path) -> Counter[tuple[str, str]]:
    """Deliveries by recipient and status, as they were read."""
    with events.open("rb") as lines:
        found = (json.loads(line) for line in lines)
        return Counter((one["recipient"], one["status"]) for one in found if one["event"] == "delivery")


def write(path: Path, size: int, seed: int) -> Counter[tuple[str, str]]:
    """A log of about that size; what it holds, by recipient and status."""
    luck, truth, left = random.Random(seed), Counter[tuple[str, str]](), size
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("\ufeff#Software: Microsoft Exchange Server\r\n#Version: 15.02.1544.004\r\n")
        out.write(f"#Log-type: Message Tracking Log\r\n#Date: {_stamp(0)}\r\n#Fields: {COLUMNS}\r\n")
        number = 0
        while left > 0:
            number += 1
            for line in _message(luck, number, truth):
                left -= out.write(line + "\r\n")
    return truth


def _stamp(number: float) -> str:
    return (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _message(luck: random.Random, number: int, truth: Counter[tuple[str, str]]) -> Iterator[str]:
    sender = f"staff{luck.randrange(400)}@corp.example"
    network = f"{luck.getrandbits(32):08x}-13fb-42ab-4d44-{number:012x}"
    to = [f"r{luck.randrange(100_000)}@dom{luck.randrange(300)}.example" for _ in range(luck.choice((1, 1, 1, 2, 5)))]
    subject, at = luck.choice(SUBJECTS), number / 5

    def row(  # noqa: PLR0913, PLR0917  as many as a row tells
        later: float, where: str, source: str, event: str, recipient: str, status: str, count: int
    ) -> str:
        return (
            f"{_stamp(at + later)},{where},{source},{event},{number},<{number}@corp.example>,{network},{recipient},"
            f"{status},{4000 + number % 9000},{count},,,{subject},{sender},{sender},"
            f"{_stamp(at)};SRV=EX01.corp.example:TOTAL-HUB=0.123|SMS=0.100,Originating,,10.0.0.{number % 250},10.0.0.5,"
            f"{CUSTOM},Email,{network},15.02.1544.004"
        )

    here = "10.0.0.5,EX01,10.0.0.5,EX01,08DE0001;x;0,EX01\\Client Proxy EX01"
    yield row(0, here, "SMTP", "RECEIVE", ";".join(to), "", len(to))
    yield row(0.1, here, "SMTP", "HAREDIRECT", ";".join(to), "", len(to))
    yield row(0.2, here, "AGENT", "AGENTINFO", ";".join(to), "", len(to))
    out = "10.0.0.5,EX01,192.0.2.25,mx.dom.example,08DE0002;x,Internet"
    for recipient in to:
        if luck.random() < 0.04:
            truth[recipient, "bounced"] += 1
            yield row(0.4, here, "SMTP", "FAIL", recipient, "[{LED=550 5.1.1 User unknown};{FQDN=mx.dom.example}]", 1)
        else:
            truth[recipient, "sent"] += 1
            yield row(0.4, out, "SMTP", "SENDEXTERNAL", recipient, "250 2.0.0 OK queued as 4XyZ", 1)
