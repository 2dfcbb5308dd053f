"""Incidents to tell of, and receivers on the loopback address: an HTTP server, a mail relay, a syslog socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from tests.report.reports import alice, at
from whosent.model.condition import Condition, FollowedLog
from whosent.model.incident import Incident
from whosent.model.lifecycle import KeptIncident, State
from whosent.report.words import moment
from whosent.telling.composing import stamp

NOW = 1_731_420_000.0  # Tue 12 Nov 2024 14:00 UTC


def incident(**changes: object) -> Incident:
    """A stolen account whose last sign is a minute old."""
    fields: dict[str, object] = {"until": at((NOW - 60 - _start()) / 60), "recipients": 100, **changes}
    return msgspec.structs.replace(alice(), **fields)


def kept(state: State = State.OPEN, **changes: object) -> KeptIncident:
    return KeptIncident(
        state=state, revision=1, provisional=False, opened=at(423), changed=at(423), incident=incident(**changes)
    )


def _start() -> float:
    start = moment(at(0))
    assert start
    return start.timestamp()


@dataclass
class Receiver:
    """What came to a web address; ``answers`` are given in turn, the last one for ever."""

    answers: list[int]
    delay: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@contextmanager
def web(*answers: int, delay: float = 0.0) -> Iterator[Receiver]:
    receiver = Receiver(list(answers) or [204], delay)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(receiver.delay)
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            code = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            self.send_response(code)
            if code in {301, 302, 307}:
                self.send_header("Location", receiver.url + "elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # the base class looks for these names

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Clients that hang up are what is tested."""

    server = Server(("127.0.0.1", 0), Answering)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_until(true: Callable[[], object], what: str, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def condition(at: float, *sources: FollowedLog, **changes: object) -> Condition:
    """What the daemon says of itself at that moment."""
    fields: dict[str, Any] = {
        "version": "0", "pid": 1, "started": stamp(at - 100), "at": stamp(at), "running": True, "catching_up": False,
        "lines": 1, "settled": None, "asked_seconds": 0.1, "sources": list(sources), "problems": [], "verdict": "clean",
        "sentence": "Clean.", "notices": [], "blind_spots": [], **changes,
    }  # fmt: skip
    return Condition(**fields)


def log(at: float, name: str = "/var/log/mail.log", problem: str | None = None) -> FollowedLog:
    return FollowedLog(source=name, format="postfix", behind=7, last=stamp(at), problem=problem)


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def companions(parent: int) -> list[int]:
    """The processes that tell for this daemon."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            ours = (
                f"\nPPid:\t{parent}\n" in status.read_text()
                and b"alert\0run" in (status.parent / "cmdline").read_bytes()
            )
        except OSError:
            continue
        if ours and alive(int(status.parent.name)):
            found.append(int(status.parent.name))
    return found
