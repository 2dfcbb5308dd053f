"""Dialogues with servers that lie, drag, shout or are not there: bounded, and said in a sentence."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from tests.ports import free_port
from whosent.model.check import Dialogue, Exchange, Knowledge, Reach, Received, Replies, Via
from whosent.model.settings import Audit, Settings
from whosent.sources.prober import ask
from whosent.sources.prober.smtp import converse

Server = Callable[[Callable[[socket.socket], None]], int]
HERE = Knowledge(settings=Settings(audit=Audit(connections=4)), host="mx.corp.test")


def hold(port: int, *commands: str, within: float = 60.0, **more: object) -> Replies:
    question = Dialogue(key="q", host="127.0.0.1", port=port, commands=commands, within=within, **more)  # type: ignore[arg-type]
    return converse(question)


def endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * 65536)


def endless_reply(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220-and on\r\n" * 100)


def dripping(connection: socket.socket) -> None:
    connection.settimeout(10)
    while True:
        connection.sendall(b"2")
        time.sleep(0.2)


def scripted(*lines: bytes) -> Callable[[socket.socket], None]:
    def treat(connection: socket.socket) -> None:
        for line in lines:
            connection.sendall(line)
            connection.recv(4096)

    return treat


@pytest.mark.parametrize(
    ("treat", "obstacle"),
    [
        (endless, "too_long"),
        (endless_reply, "too_long"),
        (dripping, "timeout"),
        (lambda connection: connection.recv(10), "timeout"),
        (scripted(b"HTTP/1.1 400 Bad Request\r\n"), "protocol"),
        (scripted(b"\x00\xff\xfe\x16\x03\r\n"), "protocol"),
        (scripted(b"999 what\r\n"), "protocol"),
        (scripted(b""), "timeout"),
        (lambda connection: connection.close(), "closed"),
    ],
)
def test_whatever_speaks_there_is_bounded_and_said(
    server: Server, treat: Callable[[socket.socket], None], obstacle: str
) -> None:
    told = hold(server(treat), "EHLO x", within=1.0 if obstacle == "timeout" else 60.0)
    assert told.problem
    assert told.problem.obstacle == obstacle
    assert told.problem.sentence.endswith(".")
    assert sum(len(line.text) for line in told.transcript) < 100_000


def test_a_dialogue_ends_at_the_first_refusal_and_says_goodbye(server: Server) -> None:
    port = server(scripted(b"220 a\r\n", b"250-b\r\n250 SIZE\r\n", b"550 5.7.1 no\r\n", b"221 bye\r\n"))
    told = hold(port, "EHLO x", "MAIL FROM:<>", "RCPT TO:<never@said.test>")
    assert [one.code for one in told.replies] == [220, 250, 550]
    assert told.replies[1].lines == ("b", "SIZE")
    assert told.problem is None
    assert [line.text for line in told.transcript if line.who == "we"] == ["EHLO x", "MAIL FROM:<>", "QUIT"]
    assert told.client == "127.0.0.1"


def test_line_ends_cannot_be_smuggled_into_a_command(server: Server) -> None:
    seen: list[bytes] = []

    def treat(connection: socket.socket) -> None:
        connection.sendall(b"220 a\r\n")
        seen.append(connection.recv(4096))
        connection.sendall(b"250 b\r\n")

    hold(server(treat), "EHLO x\r\nMAIL FROM:<a@b>")
    assert seen == [b"EHLO xMAIL FROM:<a@b>\r\n"]


def test_tls_that_fails_is_said(server: Server) -> None:
    told = hold(server(scripted(b"220 a\r\n", b"250 STARTTLS\r\n", b"220 go\r\n", b"not tls")), "EHLO x", "STARTTLS")
    assert told.problem
    assert told.problem.obstacle == "tls"
    told = hold(server(scripted(b"220 in the clear\r\n")), tls=True)
    assert told.problem
    assert told.problem.obstacle == "tls"


def test_nobody_there() -> None:
    port = free_port()
    told = hold(port)
    assert told.problem
    assert told.problem.obstacle == "refused"
    question = Dialogue(key="q", host="no-such-host.invalid", port=25)
    assert (converse(question).problem or told.problem).obstacle == "unresolvable"
    question = Dialogue(key="q", host="::1", port=port, family=4)
    assert (converse(question).problem or told.problem).obstacle == "unresolvable"


def test_a_server_that_lets_three_wait_is_left_alone(server: Server) -> None:
    port = server(dripping)
    questions = [Dialogue(key=str(n), host="127.0.0.1", port=port, within=0.3) for n in range(12)]
    told = list(ask(questions, HERE))
    assert len(told) == 12
    assert all(one.problem and one.problem.obstacle == "timeout" for one in told)
    assert sum("was not begun" in one.problem.sentence for one in told if one.problem) >= 4


def test_who_asks_for_fewer_connections_gets_fewer(server: Server) -> None:
    turned_away = iter([True, True, False, True])

    def treat(connection: socket.socket) -> None:
        if next(turned_away, False):
            connection.sendall(b"421 4.7.0 too many connections\r\n")
        else:
            scripted(b"220 a\r\n", b"250 b\r\n")(connection)

    questions = [Dialogue(key=str(n), host="127.0.0.1", port=server(treat), commands=("EHLO x",)) for n in range(1)]
    assert all(isinstance(one, Replies) and one.replies[-1].code == 250 for one in ask(questions, HERE))


# ------------------------------------------------------------------ proxies


@pytest.mark.parametrize(
    ("protocol", "said", "obstacle"),
    [
        ("connect", b"HTTP/1.1 403 Forbidden\r\n\r\n", "failed"),
        ("connect", b"220 mx ESMTP\r\n", "protocol"),
        ("connect", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100, "too_long"),
        ("socks4", b"\x00\x5b" + b"\0" * 6, "failed"),
        ("socks4a", b"HTTP/1.1", "protocol"),
        ("socks5", b"\x05\xff", "failed"),
        ("socks5", b"\x05\x00\x05\x02\x00\x01\0\0\0\0\0\0", "failed"),
        ("socks5", b"\x05\x00\x05\x63\x00\x03\x04name\0\0", "failed"),
        ("socks5", b"HT", "protocol"),
        ("socks5", b"\x05\x00HTTP", "protocol"),
    ],
)
def test_proxies_that_will_not(server: Server, protocol: str, said: bytes, obstacle: str) -> None:
    def treat(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(said)
        connection.recv(1000)

    via = Via(protocol=protocol, host="127.0.0.1", port=server(treat))  # type: ignore[arg-type]  # of the list above
    question = Dialogue(key="q", host="192.0.2.1", port=25, via=via, within=60.0)
    told = converse(question)
    assert told.problem
    assert told.problem.obstacle == obstacle


def test_names_that_no_proxy_could_look_up(server: Server) -> None:
    port = server(scripted(b"\x05\x00"))
    for protocol in ("socks4", "socks4a", "socks5"):
        via = Via(protocol=protocol, host="127.0.0.1", port=port)
        told = converse(Dialogue(key="q", host="x" * 70 + ".test", port=25, via=via, within=60.0))
        assert told.problem
        assert told.problem.obstacle in {"unresolvable", "closed", "timeout"}


def test_bytes_are_said_and_kept(server: Server) -> None:
    def treat(connection: socket.socket) -> None:
        connection.sendall(connection.recv(100) * 3)

    port = server(treat)
    questions = [
        Exchange(key="echo", host="127.0.0.1", port=port, send=b"abc", most=7),
        Exchange(key="none", host="127.0.0.1", port=free_port(), send=b""),
    ]
    told = {one.key: one for one in ask(questions, HERE) if isinstance(one, Received)}
    assert told["echo"].raw == b"abcabca"
    assert told["none"].problem
    assert told["none"].problem.obstacle == "refused"


def test_questions_from_outside_need_a_sink() -> None:
    questions = [
        Dialogue(key="a", host="x", port=25, outside=True),
        Exchange(key="b", host="x", port=25, send=b"", outside=True),
    ]
    told = {one.key: one for one in ask(questions, HERE)}
    assert all(one.problem and one.problem.obstacle == "missing" for one in told.values())


def test_other_users_are_tried_as_root_or_not_at_all(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    port = server(scripted(b"220 a\r\n", b"250 b\r\n"))
    questions = [Reach(key=str(uid), uid=uid, host="127.0.0.1", port=port, token="t") for uid in (0, 65534)]
    monkeypatch.setattr("os.getuid", lambda: 1000)
    told = {one.key: one for one in ask(questions, HERE)}
    assert all(one.problem and one.problem.obstacle == "permission" for one in told.values())
    monkeypatch.undo()
    answers = [one for one in ask(questions, HERE) if isinstance(one, Replies)]
    assert len(answers) == 2
