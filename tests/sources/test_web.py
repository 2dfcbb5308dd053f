"""Pages fetched from a server that answers, redirects, drips, talks nonsense or is not there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from whosent.model.check import Fetch, Fetched, Knowledge
from whosent.model.registered import Registered, Registrant
from whosent.model.settings import Registries, Settings
from whosent.sources.prober import ask

HERE = Knowledge(
    settings=Settings(registries=Registries(rdap_bootstrap="http://127.0.0.1:9", whois_server="127.0.0.1:9"))
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield int(listening.getsockname()[1])
    listening.close()


def answer(connection: socket.socket) -> None:
    with connection:
        path = connection.recv(65_536).split(b" ")[1]
        if path == b"/moved":
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        elif path == b"/nonsense":
            connection.sendall(b"220 mx ESMTP\r\n")
        elif path == b"/drips":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(20):
                time.sleep(0.1)
                try:
                    connection.sendall(b"x")
                except OSError:
                    return
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nX-A: b\r\n\r\n" + b"y" * 100_000)


def fetched(url: str, within: float = 60.0) -> Fetched:
    [told] = ask([Fetch(key="k", url=url, most=1_000, within=within)], HERE)
    assert isinstance(told, Fetched)
    return told


def test_a_page_is_read_as_far_as_wanted_and_redirects_are_not_followed(port: int) -> None:
    page = fetched(f"http://127.0.0.1:{port}/page?x=1")
    assert (page.status, len(page.body), dict(page.headers)["X-A"]) == (200, 1_000, "b")
    assert fetched(f"http://127.0.0.1:{port}/moved").status == 302


@pytest.mark.parametrize(
    ("path", "obstacle"), [("/nonsense", "protocol"), ("/drips", "timeout")]
)  # fmt: skip
def test_what_is_no_page_is_said(port: int, path: str, obstacle: str) -> None:
    told = fetched(f"http://127.0.0.1:{port}{path}", within=0.5 if obstacle == "timeout" else 60.0)
    assert told.problem
    assert told.problem.obstacle == obstacle


@pytest.mark.parametrize(
    ("url", "obstacle"),
    [("ftp://x.test/", "protocol"), ("http://no-such-host.invalid/", "unresolvable"), ("http://[", "protocol"),
     ("https://127.0.0.1:1/", "refused")],
)  # fmt: skip
def test_what_is_not_there_is_said(url: str, obstacle: str) -> None:
    told = fetched(url)
    assert told.problem
    assert told.problem.obstacle == obstacle


def test_a_registry_that_does_not_answer_is_said() -> None:
    [told] = ask([Registered(key="k", address="203.0.113.2")], HERE)
    assert isinstance(told, Registrant)
    assert told.problem
    assert "WHOIS" in told.problem.sentence
