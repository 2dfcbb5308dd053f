"""From line written to alert: a daemon that follows a growing log, stolen accounts one after the other, a webhook."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, lacks
from benchmarks.findings import Section
from benchmarks.live import tree
from benchmarks.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

_SENDERS: Final = 60
_PAST: Final = 2 * 86_400.0  # seconds
_OUTBREAKS: Final = 50
_PATIENCE: Final = 30.0  # seconds
_UNKNOWN: Final = (
    "dsn=5.1.1, status=bounced (host mx1.v.example[198.51.100.25] said: 550 5.1.1 <u@v.example>: Recipient address "
    "rejected: User unknown (in reply to RCPT TO command))"
)
_SENT: Final = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ABC)"


class _Heard:
    """A receiver on the loopback address: whom it was told of, and when."""

    def __init__(self) -> None:
        self.names: dict[str, float] = {}
        heard = self.names

        class Hearing(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if told["suspect"]:
                    heard.setdefault(told["suspect"]["name"], time.monotonic())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Hearing)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class _Log:
    """A Postfix log with its own clock."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.chance = random.Random(seed)
        self.number = 0

    def mail(self, at: float, who: str, address: str, recipients: int, refused: float) -> Iterator[str]:
        """The lines of one message."""
        self.number += 1
        name = f"4bQ{self.number:06d}zX"
        head = f"{datetime.fromtimestamp(at, UTC).isoformat(timespec='microseconds')} mx postfix/"
        client = f"client=c.example[{address}], sasl_method=PLAIN, sasl_username={who}"
        yield f"{head}submission/smtpd[4711]: {name}: {client}"
        yield f"{head}qmgr[911]: {name}: from=<{who}>, size=3391, nrcpt={recipients} (queue active)"
        for one in range(recipients):
            outcome = _UNKNOWN if self.chance.random() < refused else _SENT
            to = f"u{self.number}x{one}@v{one % 7}.example"
            yield (
                f"{head}smtp[4722]: {name}: to=<{to}>, relay=mx1.v.example[198.51.100.25]:25, delay=2.4, "
                f"delays=0.3/0/1.1/1, {outcome}"
            )
        yield f"{head}qmgr[911]: {name}: removed"

    def write(self, lines: Iterator[str]) -> None:
        """All of them, at once."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def past(self, until: float) -> Iterator[str]:
        """Two days of an office."""
        at = until - _PAST
        while at < until:
            sender = self.chance.randrange(_SENDERS)
            yield from self.mail(at, _name(sender), f"192.0.2.{sender + 1}", self.chance.choice((1, 1, 1, 2, 3)), 0.02)
            at += self.chance.expovariate(1 / 15)

    def outbreak(self, sender: int) -> Iterator[str]:
        """Forty messages from eleven networks, three of five recipients unknown."""
        for message in range(40):
            yield from self.mail(time.time(), _name(sender), f"203.0.{sender}.{message % 11 * 20 + 1}", 10, 0.6)


def _name(sender: int) -> str:
    return f"user{sender}@corp.test"


def measure(bench: Bench) -> Section:
    """Seconds from the last line of each outbreak to its alert at the receiver."""
    section = Section(
        "alerting",
        f"`whosent watch` follows a Postfix log of two days and {_SENDERS} senders. One account after the other is "
        "stolen: 40 messages to 400 recipients are written at once. Measured from their last line written to the alert "
        "at a webhook.",
    )
    if lacks("whosent.telling"):
        section.missing = True
        return section
    bench.workdir.mkdir(parents=True, exist_ok=True)
    heard, log = _Heard(), _Log(bench.workdir / "mail.log", bench.seed)
    log.write(log.past(time.time() - 120))
    settings = {
        "WHOSENT_CONFIG": os.devnull, "WHOSENT_STATE": str(bench.workdir / "state"), "WHOSENT_WATCH__QUEUE": "false",
        "WHOSENT_ALERTS__CHANNELS": "webhook", "WHOSENT_ALERTS__AT_ONCE": "100",
        "WHOSENT_ALERTS__WEBHOOK_URL": f"http://127.0.0.1:{heard.server.server_address[1]}/",
    }  # fmt: skip
    daemon = subprocess.Popen(
        [sys.executable, "-m", "whosent", "watch", str(log.path)],
        env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert daemon.stderr
        while "following" not in daemon.stderr.readline():
            pass
        threading.Thread(target=daemon.stderr.read, daemon=True).start()
        time.sleep(3)
        load, cpu = Load(), tree(daemon.pid)[0]
        spent = sorted(_outbreak(log, heard, sender) for sender in range(_OUTBREAKS))
        meanwhile = load.told(tree(daemon.pid)[0] - cpu)
    finally:
        daemon.terminate()
        daemon.wait()
        heard.server.shutdown()
    median, most, slowest = spent[len(spent) // 2], spent[len(spent) * 9 // 10], spent[-1]
    section.notes.append(
        f"{_OUTBREAKS} outbreaks: median {median:.2f} s, nine of ten within {most:.2f} s, slowest {slowest:.2f} s. "
        f"{meanwhile}"
    )
    return section


def _outbreak(log: _Log, heard: _Heard, sender: int) -> float:
    log.write(log.outbreak(sender))
    began = time.monotonic()
    while _name(sender) not in heard.names:
        if time.monotonic() - began > _PATIENCE:
            return float("inf")
        time.sleep(0.002)
    time.sleep(0.5 + log.chance.random())
    return heard.names[_name(sender)] - began
