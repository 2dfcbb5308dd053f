"""Incidents to tell of, and receivers on the loopback address: an HTTP server, a mail relay, a syslog socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from tests.report.reports import alice, at
from whosent.model.incident import Incident
from whosent.model.lifecycle import KeptIncident, State
from whosent.report.words import moment

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


def wait_until(true: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)
