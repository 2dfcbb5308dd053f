"""Audits of this very machine: lines named, steps proposed, everything of a result on screen and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace as replaced
from rich.console import Console

from tests.checks.conftest import Place
from tests.checks.test_servers import SS, postfix_says
from tests.checks.test_verdicts import PROBER, answering, canned, knowing, run
from whosent import auditing
from whosent.checks import discover
from whosent.model.audit import Confirmed
from whosent.model.check import (
    Answer,
    Arrivals,
    Arrived,
    Await,
    Content,
    Dialogue,
    Knowledge,
    Problem,
    Question,
    Ran,
    Reach,
    Replies,
    Reply,
    Result,
    Target,
)
from whosent.model.mistake import Mistake
from whosent.probing.consent import host_of
from whosent.report import audit as shown
from whosent.responders import egress
from whosent.servers import mending
from whosent.servers.firewall import Policy
from whosent.setups import audit as schedule
from whosent.sources.prober import as_user, local_users

HERE = replaced(PROBER, addresses=("203.0.113.2",), host="mx.corp.test")
OPEN = postfix_says(mynetworks="0.0.0.0/0", smtpd_relay_restrictions="permit_mynetworks", mydestination="corp.test")
SMTP_SERVICE = "smtp/inet/smtpd_sasl_auth_enable = yes\n"


def on_this_machine(told: dict[str, Answer], others: dict[str, str], *, arrive: bool = False):  # type: ignore[no-untyped-def]  # noqa: ANN201  # an Ask
    """What programs and files of this machine say, and a server of canned replies."""

    def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Answer]:
        for one in questions:
            if isinstance(one, Await) and arrive:
                came = [Arrived(token, 1.0, "203.0.113.2", "mail", recipient="<x@y>") for token in one.tokens]
                yield Arrivals(key=one.key, at=0, arrived=tuple(came))
            elif one.key in told:
                yield replaced(told[one.key], key=one.key)
            elif isinstance(one, Dialogue) and one.via:
                yield Replies(key=one.key, at=0, replies=(Reply("", 220, ("sink",)),), client="203.0.113.2")
            else:
                yield from answering(others)([one], knowledge)

    return ask


def test_the_relaying_line_of_this_postfix_is_named_and_what_is_queued_withdrawn(sink: Place) -> None:
    told = dict(
        postfix_says(mynetworks="0.0.0.0/0", smtpd_relay_restrictions="permit_mynetworks", mydestination="corp.test")
    )
    knowledge = replaced(knowing(sink), addresses=HERE.addresses, host=HERE.host)
    done = run("relay", HERE.host, knowledge, on_this_machine(told, {}, arrive=True), here=True)
    opened = [one for one in done.results if one.verdict == "open"]
    assert {one.about for one in opened} == {"port 25, IPv4", "port 587, IPv4"}
    assert opened[0].causes[0].text == "mynetworks = 0.0.0.0/0"
    assert opened[0].fix[0].commands[-1] == "postfix reload"


def test_auth_on_port_25_of_this_postfix_is_named() -> None:
    told = dict(postfix_says(overrides=SMTP_SERVICE))
    knowledge = replaced(HERE, sink=None)
    ask = on_this_machine(told, {"EHLO": "250 mx\nAUTH PLAIN", "RCPT": "554 no"})
    done = run("submission", HERE.host, knowledge, ask, here=True)
    found = {one.about: one for one in done.results}
    assert found["AUTH on port 25"].verdict == "undecided"  # we are inside
    clear = found["TLS before AUTH"]
    assert clear.verdict == "open"
    assert clear.fix[0].commands[0] == "postconf -P submission/inet/smtpd_tls_auth_only=yes"
    assert clear.fix[0].undo[0] == "postconf -PX submission/inet/smtpd_tls_auth_only"


@pytest.mark.parametrize(
    ("silent", "verdict"),
    [("refused", "open"), ("timeout", "undecided")],
)
def test_no_submission_offered(silent: str, verdict: str) -> None:
    def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        for one in questions:
            if isinstance(one, Dialogue) and one.port == 25 and one.family != 6:
                yield canned(one, {}, {})
            else:
                yield Replies(key=one.key, at=0, problem=Problem(silent, "Nobody."))  # type: ignore[arg-type]  # of two

    told = {one.about: one.verdict for one in run("submission", "mx.corp.test", PROBER, ask).results}
    assert told["offered"] == verdict


def nobody(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
    yield from (Replies(key=one.key, at=0, problem=Problem("refused", "Nobody.")) for one in questions)


def test_where_nobody_listens_nothing_is_said_of_submission() -> None:
    assert run("submission", "mx.corp.test", PROBER, nobody).results == []


def test_tls_that_does_not_come_about_and_dialogues_that_end() -> None:
    def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        for one in questions:
            assert isinstance(one, Dialogue)
            answer = canned(one, {"EHLO": "250 mx\nSTARTTLS", "STARTTLS": "220 go"}, {})
            broken = one.key.startswith(("tls", "mail"))
            yield (
                replaced(answer, replies=answer.replies[:3], problem=Problem("tls", "It failed.")) if broken else answer
            )

    told = {one.about: one for one in run("submission", "mx.corp.test", PROBER, ask).results}
    assert "does not come about" in told["TLS before AUTH"].sentence
    assert told["mail without AUTH, port 587"].verdict == "undecided"


def test_the_proxies_of_this_machine_are_named(sink: Place) -> None:
    squid = "http_access allow all\n"
    told: dict[str, Answer] = {
        "ss": Ran(key="ss", at=0, output=SS),
        "/etc/squid/squid.conf": Content(key="c", at=0, text=squid),
    }
    knowledge = replaced(knowing(sink), addresses=("203.0.113.2",))
    done = run("proxy", "web.corp.test", knowledge, on_this_machine(told, {}, arrive=True), here=True)
    opened = {one.about: one for one in done.results if one.verdict == "open"}
    named = [one for one in opened.values() if one.causes]
    assert named
    assert all(one.causes[0].text in {"http_access allow all", "(no Allow line)"} for one in named)
    led = run("proxy", "web.corp.test", knowledge, on_this_machine(told, {}), here=True)
    assert "accepted_undelivered" in {one.verdict for one in led.results}


def test_another_server_that_answers_in_the_sinks_place_is_told(sink: Place) -> None:
    knowledge = replaced(knowing(sink), users=((33, "www-data"),), root=False)

    def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        for one in questions:
            if isinstance(one, Reach):
                yield Replies(key=one.key, at=0, replies=(Reply("", 220, ("isp",)),))
            elif isinstance(one, Await):
                yield Arrivals(key=one.key, at=0)
            else:
                held = '{"nftables": [{"set": {"name": "held"}}]}'
                yield Ran(key=one.key, at=0, output=held)

    (result,) = run("egress", "here.test", knowledge, ask, here=True).results
    assert (result.verdict, "another server" in result.sentence) == ("accepted_undelivered", True)
    nobody = replaced(knowledge, users=())
    (result,) = run("egress", "here.test", nobody, ask, here=True).results
    assert result.verdict == "undecided"


def test_everything_of_a_result_is_shown(sink: Place, tmp_path: Path) -> None:
    told = dict(
        postfix_says(mynetworks="0.0.0.0/0", smtpd_relay_restrictions="permit_mynetworks", mydestination="corp.test")
    )
    knowledge = replaced(knowing(sink), addresses=HERE.addresses, host=HERE.host)
    check = discover()["relay"]
    word = Confirmed(target="x.test", by="root (uid 0)", at="2026-01-01T00:00:00Z")
    done = auditing.audit([(check, Target(HERE.host, here=True))], knowledge, on_this_machine(told, {}, arrive=True),
                          confirmed=[word], unseen=["The moon."])  # fmt: skip
    done = replaced(done, left=["One message."])
    with (tmp_path / "screen").open("w") as file:
        screen = Console(record=True, width=90, file=file)
        shown.render(done, screen, UTC)
        shown.render(auditing.compared(done, done, lambda _: []), screen, UTC)
    text, page = screen.export_text(), shown.page(done, UTC)
    for words in (
        "mynetworks = 0.0.0.0/0",
        "postfix reload",
        "Undo",
        "x.test",
        "The moon.",
        "One message.",
        "more: --json",
    ):
        assert words in text, words
    for words in ("mynetworks = 0.0.0.0/0", "postfix reload", "x.test", "The moon.", "One message.", "ways tried"):
        assert words in page, words
    assert "Nothing changed." in text
    assert ("The line that opened it" in page, "Where to look" in page) == (True, False)
    unsure = [replaced(one, causes=[mending.suspected(cause) for cause in one.causes]) for one in done.results]
    page = shown.page(replaced(done, results=unsure), UTC)
    assert ("The line that opened it" in page, "Where to look" in page) == (False, True)


# ------------------------------------------------------------------ the world, out


def program(folder: Path, text: str) -> str:
    path = folder / "nft"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_nft_takes_all_or_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        egress, "_program", lambda: program(tmp_path, "cat > /dev/null; echo 'syntax error' >&2; exit 1")
    )
    with pytest.raises(Mistake, match="took nothing of it: syntax error"):
        egress.load(Policy((0,)))
    assert egress.status() is None
    monkeypatch.setattr(egress, "_program", lambda: program(tmp_path, "cat > /dev/null"))
    egress.load(Policy((0,)))
    monkeypatch.setattr(egress, "_program", lambda: program(tmp_path, "echo '{\"nftables\": []}'"))
    told = egress.status()
    assert told
    assert not told.refuses
    monkeypatch.setattr(egress, "_program", lambda: program(tmp_path, "exec sleep 5"))
    monkeypatch.setattr(egress, "_WITHIN", 0.1)
    for act in (lambda: egress.load(Policy((0,))), egress.status):
        with pytest.raises(Mistake, match="in time"):
            act()


def test_without_nftables_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "_PATH", "/nowhere")
    with pytest.raises(Mistake, match="apt install nftables"):
        egress.status()


def test_systemd_is_told_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setattr(schedule, "_RUNNING", tmp_path)
    monkeypatch.setattr(schedule, "_UNITS", tmp_path)
    monkeypatch.setattr(schedule, "ENVIRONMENT", {"PATH": str(tmp_path)})
    schedule.heed()
    assert log.read_text().split("\n")[:2] == ["daemon-reload", "disable --now whosent-audit.timer whosent-audit.path"]


def test_a_process_that_becomes_somebody_answers_in_a_line(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    question = Reach(key="q", uid=0, host="127.0.0.1", port=1, token="t")
    asked = tmp_path / "asked"
    asked.write_bytes(msgspec.json.encode([question]))
    monkeypatch.setattr(as_user, "_become", lambda _uid: None)
    with asked.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        as_user.main()
    told = msgspec.json.decode(capfdbinary.readouterr().out, type=Replies)
    assert (told.key, told.problem and told.problem.obstacle) == ("q", "refused")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    (lost,) = local_users.ask([replaced(question, uid=65533)], HERE)
    assert lost.problem
    assert lost.problem.obstacle in {"failed", "permission"}


def test_hosts_are_told_from_what_is_typed() -> None:
    assert host_of(Target("https://[2001:db8::1]/x")) == "2001:db8::1"
    assert host_of(Target("http://")) == "http://"
    assert host_of(Target("./www")) == ""
    assert isinstance(Result, type)
