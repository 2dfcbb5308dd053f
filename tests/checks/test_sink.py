"""The sink takes only tokens that its key issued, says which arrived, and asks back only who asked."""

from __future__ import annotations

import http.client
import socket
import time
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from tests.checks.conftest import Place
from whosent.cli import app
from whosent.model.check import Arrivals, Await, Dialogue, Exchange, Knowledge, Received, Replies, Sink
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.model.sinktalk import ARRIVED, OUTSIDE, SIGNATURE, Asked, Errand
from whosent.model.token import issue, signature
from whosent.sink import key as keys
from whosent.sources.prober import ask

Answer = tuple[int, bytes]


def say(place: Place, *commands: str, message: str = "") -> Replies:
    question = Dialogue(key="q", host="127.0.0.1", port=place.smtp, commands=commands, message=message)
    (told,) = ask([question], place.knowledge)
    assert isinstance(told, Replies)
    return told


def arrived(place: Place, *tokens: str, within: float = 60.0) -> Arrivals:
    (told,) = ask([Await(key="a", tokens=tokens, within=within)], place.knowledge)
    assert isinstance(told, Arrivals)
    return told


def token(place: Place, what: str) -> str:
    return issue(place.key, int(time.time()), f"{what} {time.time()}")


def test_a_token_arrives_by_mail_with_its_envelope_and_its_text(sink: Place) -> None:
    one = token(sink, "mail")
    message = f"Subject: x\nX-Whosent-Token: {one}\n\n.a dot\nbody\n"
    told = say(sink, "EHLO x", "MAIL FROM:<a@b.test> BODY=8BITMIME", f"RCPT TO:<{one.upper()}@sink.test>", "DATA",
               message=message)  # fmt: skip
    assert [reply.code for reply in told.replies] == [220, 250, 250, 250, 354, 250]
    (came,) = arrived(sink, one).arrived
    assert (came.by, came.sender, came.client, came.helo) == ("mail", "<a@b.test>", "127.0.0.1", "x")
    assert came.body == ".a dot\nbody"
    assert "Subject: x" in came.headers


@pytest.mark.parametrize("recipient", ["<x@sink.test>", "<postmaster@sink.test>", "<" + "a" * 32 + "@sink.test>"])
def test_nothing_else_is_taken(sink: Place, recipient: str) -> None:
    assert say(sink, "EHLO x", "MAIL FROM:<>", f"RCPT TO:{recipient}").replies[-1].code == 550
    assert say(sink, "EHLO x", "MAIL FROM:<>", "DATA").replies[-1].code == 503
    foreign = issue(b"another key of another sink, 32 b", int(time.time()), "x")
    assert say(sink, "EHLO x", "MAIL FROM:<>", f"RCPT TO:<{foreign}@sink.test>").replies[-1].code == 550
    old = issue(sink.key, int(time.time()) - 90_000, "x")
    assert say(sink, "EHLO x", "MAIL FROM:<>", f"RCPT TO:<{old}@sink.test>").replies[-1].code == 550


def test_the_inbox_takes_only_what_carries_a_token(sink: Place) -> None:
    one = token(sink, "inbox")
    envelope = ("EHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<whosent-inbox@sink.test>", "DATA")
    assert say(sink, *envelope, message="Subject: x\n\nhello\n").replies[-1].code == 550
    assert say(sink, *envelope, message=f"Subject: x\n\nX-Whosent-Token: {one}\n").replies[-1].code == 550  # a bounce
    assert say(sink, *envelope, message=f"X-Whosent-Token: {one}\n\nhello\n").replies[-1].code == 250
    assert arrived(sink, one).arrived[0].recipient == "<whosent-inbox@sink.test>"


def test_commands_behind_the_head_of_a_post_are_understood(sink: Place) -> None:
    one, two = token(sink, "post"), token(sink, "path")
    said = (f"POST http://sink:25/{two} HTTP/1.0\r\nHost: sink\r\nContent-Length: 200\r\n\r\n"
            f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{one}@sink.test>\r\nDATA\r\n\r\nhi\r\n.\r\nQUIT\r\n")  # fmt: skip
    (told,) = ask([Exchange(key="e", host="127.0.0.1", port=sink.smtp, send=said.encode())], sink.knowledge)
    assert isinstance(told, Received)
    assert b"250 2.0.0 Ok: arrived" in told.raw
    assert {came.token: came.by for came in arrived(sink, one, two).arrived} == {one: "mail", two: "smtp_text"}


def test_greetings_http_and_bare_tcp_count_as_what_they_are(sink: Place) -> None:
    greeting, web, bare = token(sink, "g"), token(sink, "w"), token(sink, "t")
    say(sink, f"EHLO {greeting}.invalid", "NOOP", "RSET")
    connection = http.client.HTTPConnection("127.0.0.1", sink.http, timeout=60)
    connection.request("GET", f"/form?t={web}")
    assert connection.getresponse().status == 204
    connection.close()
    with socket.create_connection(("127.0.0.1", sink.tcp), 60) as plain:
        plain.sendall(b"noise " + bare.encode())
    told = {one.token: one.by for one in arrived(sink, greeting, web, bare).arrived}
    assert told == {greeting: "greeting", web: "http", bare: "tcp"}


def test_a_better_proof_replaces_a_weaker_one(sink: Place) -> None:
    one = token(sink, "both")
    envelope = (f"EHLO {one}.invalid", "MAIL FROM:<>", f"RCPT TO:<{one}@sink.test>", "DATA")
    say(sink, *envelope, message="Subject: x\n\nhi\n")
    say(sink, f"EHLO {one}.invalid")
    assert [came.by for came in arrived(sink, one).arrived] == ["mail"]


def test_what_does_not_come_is_waited_for_and_no_longer(sink: Place) -> None:
    began = time.monotonic()
    assert arrived(sink, token(sink, "never"), within=0.5).arrived == ()
    assert time.monotonic() - began > 0.4


def request(place: Place, path: str, body: bytes, signed: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", place.http, timeout=60)
    connection.request("POST", path, body, {SIGNATURE: signed})
    response = connection.getresponse()
    told = response.status, response.read()
    connection.close()
    return told


def test_only_who_holds_the_key_is_answered(sink: Place) -> None:
    body = msgspec.json.encode(Asked([]))
    assert request(sink, ARRIVED, body, signature(b"guess" * 8, body))[0] == 403
    assert request(sink, ARRIVED, body, signature(sink.key, body))[0] == 200
    garbage = b"{"
    assert request(sink, ARRIVED, garbage, signature(sink.key, garbage))[0] == 403
    stale = msgspec.json.encode(Errand([], int(time.time()) - 3600))
    assert request(sink, OUTSIDE, stale, signature(sink.key, stale))[0] == 403


def test_the_sink_asks_back_the_asking_address_whatever_host_is_named(sink: Place) -> None:
    questions = [
        Dialogue(key="mail", host="192.0.2.77", port=sink.smtp, commands=("EHLO x",), outside=True),
        Exchange(key="bytes", host="192.0.2.77", port=sink.tcp, send=b"x", outside=True, within=1.0),
        Dialogue(key="other family", host="192.0.2.77", port=sink.smtp, family=6, outside=True),
    ]
    told = {one.key: one for one in ask(questions, sink.knowledge)}
    mail = told["mail"]
    assert isinstance(mail, Replies)
    assert (mail.address, mail.replies[-1].code) == ("127.0.0.1", 250)
    assert told["other family"].problem
    assert told["other family"].problem.obstacle == "unresolvable"


@pytest.mark.parametrize(
    ("port", "key", "words"),
    [("http", b"another key than the sink's, 32 b", "does not have our key"), ("smtp", None, "cannot be asked"),
     ("dead", None, "cannot be asked")],
)  # fmt: skip
def test_an_answer_without_our_key_is_none(sink: Place, port: str, key: bytes | None, words: str) -> None:
    number = {"http": sink.http, "smtp": sink.smtp, "dead": 1}[port]
    other = Sink(address="127.0.0.1", key=key or sink.key, query=f"http://127.0.0.1:{number}")
    (told,) = ask([Await(key="a", tokens=("x",), within=0.1)], Knowledge(settings=Settings(), sink=other))
    assert told.problem
    assert words in told.problem.sentence


def test_noise_ends_nothing(sink: Place) -> None:
    for port in (sink.smtp, sink.http, sink.tcp):
        with socket.create_connection(("127.0.0.1", port), 5) as noisy:
            noisy.sendall(b"\x16\x03\x01\xff" * 4000)
    assert say(sink, "EHLO x").replies[-1].code == 250


def test_the_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "sink.key"
    with pytest.raises(Mistake, match="sink init"):
        keys.read(path)
    assert keys.make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    first = keys.read(path)
    assert not keys.make(path)
    assert keys.read(path) == first
    path.write_text("abcd")
    with pytest.raises(Mistake, match="32 bytes"):
        keys.read(path)
    path.write_text("no key")
    with pytest.raises(Mistake, match="no key of a sink"):
        keys.read(path)
    with pytest.raises(Mistake, match="cannot be written"):
        keys.make(Path("/proc/nowhere/sink.key"))


def test_the_command_says_what_to_do(sink: Place) -> None:
    told = CliRunner().invoke(app, ["sink", "init"], env=sink.environment)
    assert told.exit_code == 0
    assert "There is a key already" in told.output
    assert "whosent sink run" in told.output
    taken = ["sink", "run", "--listen", "127.0.0.1", "--smtp", str(sink.smtp)]
    refused = CliRunner().invoke(app, taken, env=sink.environment)
    assert isinstance(refused.exception, Mistake)
    assert "cannot be opened" in str(refused.exception)
    nobody = ["sink", "run", "--listen", "127.0.0.2", "--smtp", "2599", "--user", "x y", "--json"]
    refused = CliRunner().invoke(app, nobody, env=sink.environment)
    assert "there is no such user" in str(refused.exception)


def test_what_arrived_is_told_as_it_comes(sink: Place) -> None:
    one = token(sink, "told")
    say(sink, f"EHLO {one}.invalid")
    assert arrived(sink, one).arrived
    assert f"{one} by greeting from 127.0.0.1" in (sink.folder / "told").read_text()
