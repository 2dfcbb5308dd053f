"""Questions to name servers that answer, refuse, fail, lie, say nothing, or have too much to say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Final

import dns.name
import pytest
from dnslib import CNAME, QTYPE, RCODE, RR, TXT, A, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from tests.ports import free_port
from whosent.model.check import Knowledge, Resolve, Resolved
from whosent.model.settings import Registries, Settings
from whosent.sources import dns as asking
from whosent.sources.prober import ask

TOGETHER: Final = 20  # questions that wait for each other


class Server:
    """One that does what the first label of a name says."""

    def __init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        self.seen: list[str] = []
        for run in (self._datagrams, self._streams):
            threading.Thread(target=run, daemon=True).start()

    def close(self) -> None:
        self.udp.close()
        self.tcp.close()

    def _datagrams(self) -> None:
        waiting: list[tuple[bytes, tuple[str, int]]] = []
        while True:
            try:
                raw, client = self.udp.recvfrom(4096)
            except OSError:
                return
            waiting += ((answer, client) for answer in self._answers(raw, stream=False))
            together = {name for name in self.seen if name.startswith("together")}
            if b"together" in raw and len(together) < TOGETHER:
                continue
            for one in waiting:
                self.udp.sendto(*one)
            waiting.clear()

    def _streams(self) -> None:
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                raw = connection.recv(4096)[2:]
                for answer in self._answers(raw, stream=True):
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answers(self, raw: bytes, *, stream: bool) -> list[bytes]:  # noqa: C901  # one branch for each temper
        query = DNSRecord.parse(raw)
        name = str(query.q.qname)
        self.seen.append(name)
        what = name.split(".", maxsplit=1)[0]
        reply = query.reply()
        if what == "silent":
            return []
        if what in {"servfail", "refused", "nxdomain", "notimp"}:
            reply.header.rcode = getattr(RCODE, {"notimp": "NOTIMP"}.get(what, what.upper()))
        elif what == "alias":
            reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME("real.test")))
            reply.add_answer(RR("real.test", QTYPE.A, rdata=A("192.0.2.9")))
        elif what == "loop":
            reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(name)))
        elif what == "text":
            reply.add_answer(RR(name, QTYPE.TXT, rdata=TXT([b"v=spf1 ", b"\xff-all\x1b[31m"])))
        elif what == "big" and not stream:
            reply.header.tc = 1
        elif what == "big":
            for number in range(60):
                reply.add_answer(RR(name, QTYPE.A, rdata=A(f"192.0.2.{number}")))
        elif what == "liar":
            other = DNSRecord.question("elsewhere.test").reply()
            other.header.id = query.header.id
            other.add_answer(RR("elsewhere.test", QTYPE.A, rdata=A("127.0.0.2")))
            return [other.pack()]
        elif what == "forged":
            forged = query.reply()
            forged.header.id = (query.header.id + 1) % 65536
            forged.add_answer(RR(name, QTYPE.A, rdata=A("127.0.0.66")))
            reply.add_answer(RR(name, QTYPE.A, rdata=A("127.0.0.2")))
            return [forged.pack(), reply.pack()]
        elif what == "rubbish":
            return [raw[:2] + b"\x84\x00\x00\x01\x00\x09"]
        else:
            reply.add_answer(RR(name, QTYPE.A, rdata=A("127.0.0.2")))
        return [reply.pack()]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def told(server: Server, *names: str, kind: str = "A") -> dict[str, Resolved]:
    here = Knowledge(settings=Settings(registries=Registries(dns_server=f"127.0.0.1#{server.port}")))
    questions = [Resolve(key=name, name=name, type=kind) for name in names]
    return {answer.key: answer for answer in ask(questions, here) if isinstance(answer, Resolved)}


def test_each_kind_of_answer_is_told_apart(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "WITHIN", (0.5, 5.0))
    names = [
        "good",
        "nxdomain",
        "servfail",
        "refused",
        "silent",
        "alias",
        "loop",
        "big",
        "liar",
        "forged",
        "rubbish",
        "notimp",
    ]
    found = told(server, *(f"{name}.test" for name in names))
    records = {name: found[f"{name}.test"].records for name in names}
    problems = {name: one.obstacle if (one := found[f"{name}.test"].problem) else None for name in names}
    assert records["good"] == ("127.0.0.2",)
    assert records["alias"] == ("192.0.2.9",)
    assert records["forged"] == ("127.0.0.2",)
    assert len(records["big"]) == 40
    assert {name: what for name, what in problems.items() if what} == {
        "servfail": "failed", "refused": "refused", "silent": "timeout", "liar": "protocol", "rubbish": "protocol",
        "notimp": "failed",
    }  # fmt: skip
    assert not records["nxdomain"]
    assert not records["loop"]


def test_the_strings_of_a_text_record_are_one(server: Server) -> None:
    assert told(server, "text.test", kind="TXT")["text.test"].records == ("v=spf1 \\xff-all\\x1b[31m",)


def test_what_is_no_name_is_not_asked(server: Server) -> None:
    long = "a" * 64 + ".test"
    found = told(server, long, "..", "good.test")
    assert found[long].problem
    assert found[".."].problem
    assert found["good.test"].records


def test_a_thousand_questions_are_not_put_one_by_one(server: Server) -> None:
    """The server answers nobody until some wait for it."""
    found = told(server, *(f"together{number}.test" for number in range(1_000)))
    assert all(one.records == ("127.0.0.2",) for one in found.values())


def test_a_server_that_is_silent_is_asked_less_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "WITHIN", (0.05,))
    names = [f"silent.n{number}.test" for number in range(500)]
    for _ in range(20):  # a busy machine may take longer for a good answer, too
        found = told(server, *names, "good.test")
        assert all(found[name].problem is not None for name in names)
        if found["good.test"].records:
            break
    assert found["good.test"].records


def test_without_a_resolver_or_a_server_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "WITHIN", (0.3,))
    [answer] = asking.resolve([Resolve(key="k", name="a.test")], f"127.0.0.1#{free_port()}")
    assert answer.problem
    assert answer.problem.obstacle in {"unreachable", "timeout"}
    monkeypatch.setattr(asking, "_servers", lambda _: ())
    [answer] = asking.resolve([Resolve(key="k", name="a.test")])
    assert answer.problem
    assert "no resolver" in answer.problem.sentence


@given(st.from_regex(r"([A-Za-z0-9_-]{1,12}\.){0,5}[A-Za-z0-9_-]{1,12}\.?", fullmatch=True))
def test_a_plain_name_is_written_as_dnspython_writes_it(name: str) -> None:
    assert asking.encoded(name) == dns.name.from_text(name).to_wire()
