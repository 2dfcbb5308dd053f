"""A running sink on loopback, and servers that misbehave."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.ports import free_port
from whosent.model.check import Knowledge, Sink
from whosent.model.settings import Settings
from whosent.sink import key as keys


class Place(NamedTuple):
    """Where the sink is."""

    folder: Path
    smtp: int
    http: int
    tcp: int
    key: bytes

    @property
    def sink(self) -> Sink:
        return Sink(address="127.0.0.1", domain="sink.test", key=self.key, query=f"http://127.0.0.1:{self.http}")

    @property
    def knowledge(self) -> Knowledge:
        return Knowledge(settings=Settings(), run="test", moment=int(time.time()), host="mx.corp.test", sink=self.sink)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "WHOSENT_STATE": str(self.folder),
            "WHOSENT_AUDIT__SINK": "127.0.0.1",
            "WHOSENT_AUDIT__SINK_PORT": str(self.http),
        }


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 10).close()
        return True
    return False


@pytest.fixture(scope="package")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("sink")
    keys.make(folder / keys.NAME)
    smtp, http, tcp = free_port(), free_port(), free_port()
    place = Place(folder, smtp, http, tcp, keys.read(folder / keys.NAME))
    argv = [sys.executable, "-m", "whosent", "sink", "run", "--listen", "127.0.0.1", "--name", "sink.test",
            "--smtp", str(smtp), "--http", str(http), "--tcp", str(tcp)]  # fmt: skip
    with (folder / "told").open("w") as told, subprocess.Popen(argv, stdout=told, env=place.environment) as process:
        end = time.monotonic() + 180
        for port in (smtp, http, tcp):
            while not _listens(port):
                assert time.monotonic() < end, (folder / "told").read_text()
                time.sleep(0.05)
        yield place
        process.terminate()
        assert process.wait(180) == 0


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Starts a server that treats every connection as told; gives its port."""
    ending = threading.Event()
    listening: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(treat: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        listener.settimeout(0.1)
        listening.append(listener)

        def accept() -> None:
            while not ending.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    connection.settimeout(60)
                    with connection, contextlib.suppress(OSError):
                        treat(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        threads.append(thread)
        port: int = listener.getsockname()[1]
        return port

    yield start
    ending.set()
    for thread in threads:
        thread.join(70)
    for listener in listening:
        listener.close()
