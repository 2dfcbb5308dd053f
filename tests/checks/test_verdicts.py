"""Whole audits against the sink in the part of a server that relays everything, and against servers that refuse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced
from rich.console import Console

from tests.checks.conftest import Place
from whosent import auditing
from whosent.checks import discover
from whosent.model.audit import Audit
from whosent.model.check import (
    Answer,
    Arrivals,
    Arrived,
    Await,
    Dialogue,
    Exchange,
    Knowledge,
    Question,
    Ran,
    Reach,
    Received,
    Replies,
    Reply,
    Result,
    Run,
    Target,
)
from whosent.model.check import Problem as Obstacle
from whosent.model.mistake import Mistake
from whosent.model.settings import Audit as Knobs
from whosent.model.settings import Ours, Settings
from whosent.probing import listeners
from whosent.probing.consent import is_ours
from whosent.report import audit as shown
from whosent.sources import changes, prober, surroundings
from whosent.sources.prober.errands import from_outside
from whosent.store.audits import Audits
from whosent.store.ledger import Ledger

Ask = Callable[[Sequence[Question], Knowledge], Iterable[Answer]]
OUTSIDE = {"address": "203.0.113.2", "client": "198.51.100.60"}


def run(check: str, target: str, knowledge: Knowledge, ask: Ask, *, here: bool = False) -> Audit:
    return auditing.audit([(discover()[check], Target(target, here=here))], knowledge, ask)


def seen_from_outside() -> Ask:
    """Real dialogues, and public addresses in the answers: as if we stood elsewhere."""

    def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Answer]:
        near = [replaced(one, host="127.0.0.1") if isinstance(one, Dialogue) else one for one in questions]
        for answer in prober.ask(near, knowledge):
            yield (replaced(answer, **OUTSIDE) if isinstance(answer, Replies) and answer.address else answer)

    return ask


def test_a_server_that_passes_everything_on_is_proven_open(sink: Place) -> None:
    told = run("relay", f"203.0.113.2:{sink.smtp}", sink.knowledge, seen_from_outside())
    (result,) = told.results
    assert result.verdict == "open"
    assert "anybody who asks" in result.sentence
    assert "reached the sink" in result.why
    assert {one.verdict for one in result.vectors} == {"open"}
    assert len(result.vectors) >= 35  # no STARTTLS, and no domain of ours is known
    assert told.seconds < 10
    assert result.left == []
    assert told.verdict == "critical"


def test_from_inside_nothing_is_said_of_strangers(sink: Place) -> None:
    (result,) = run("relay", f"127.0.0.1:{sink.smtp}", sink.knowledge, prober.ask).results
    assert (result.verdict, "which is inside" in result.sentence) == ("undecided", True)


def answering(text: dict[str, str], arrived: Sequence[str] = (), **more: str) -> Ask:
    """A server of canned replies: by the first word of the command, the longest beginning first; 250 otherwise."""

    def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        for one in questions:
            if isinstance(one, Await):
                came = [Arrived(token, 1.0, "203.0.113.2", "mail", recipient="<x@y>") for token in one.tokens]
                yield Arrivals(key=one.key, at=0, arrived=tuple(came if "all" in arrived else ()))
            elif isinstance(one, Dialogue):
                yield canned(one, text, more)
            elif isinstance(one, Run):
                yield Ran(key=one.key, at=0, problem=Obstacle("missing", "There is no such program here."))
            else:
                yield Received(key=one.key, at=0, problem=Obstacle("refused", "Nothing listens."))

    return ask


def canned(one: Dialogue, text: dict[str, str], more: dict[str, str]) -> Replies:
    if one.port not in {25, 587} or one.family == 6:
        return Replies(key=one.key, at=0, problem=Obstacle("refused", "Nothing listens there."))
    replies = [Reply("", 220, ("mx.corp.test ESMTP",))]
    for command in one.commands:
        said = next((text[name] for name in sorted(text, key=len, reverse=True) if command.startswith(name)), "250 ok")
        code = 354 if command == "DATA" and said == "250 ok" else int(said[:3])
        replies.append(Reply(command, code, tuple(said[4:].split("\n"))))
        if code >= 400:
            break
        if code == 354:
            replies.append(Reply(".", 250, ("queued as 4jABC",)))
    return Replies(key=one.key, at=0, replies=tuple(replies), **{**OUTSIDE, **more})  # type: ignore[arg-type]  # texts


PROBER = Knowledge(settings=Settings(ours=Ours(domains=("corp.test",))), host="out.test", moment=1_800_000_000,
                   addresses=("198.51.100.9",))  # fmt: skip


def knowing(place: Place) -> Knowledge:
    return replaced(PROBER, sink=place.sink)


@pytest.mark.parametrize(
    ("replies", "verdict", "words"),
    [
        ({"RCPT": "554 5.7.1 Relay access denied"}, "closed", "were refused"),
        ({"RCPT": "454 4.7.1 <t@d>: Relay access denied"}, "closed", "were refused"),
        ({"RCPT": "550 no such user", "RCPT TO:<postmaster@": "250 ok"}, "closed", "were refused"),
        ({"RCPT": "550 no"}, "undecided", "have no clear answer"),
        ({"RCPT": "554 5.7.1 Client host [198.51.100.9] blocked using zen"}, "undecided", "have no clear answer"),
        ({"RCPT": "450 4.2.0 Greylisted, try again"}, "undecided", "have no clear answer"),
        ({"MAIL": "553 5.1.8 Sender address rejected: Domain not found"}, "undecided", "have no clear answer"),
        ({}, "accepted_undelivered", "none of it has arrived"),
    ],
)
def test_what_a_refusal_is_worth(sink: Place, replies: dict[str, str], verdict: str, words: str) -> None:
    told = run("relay", "mx.corp.test:25", knowing(sink), answering(replies))
    (result,) = told.results
    assert (result.verdict, words in result.sentence) == (verdict, True), result.sentence
    assert bool(told.left) == (verdict == "accepted_undelivered")


def test_without_a_sink_a_reply_proves_nothing() -> None:
    (result,) = run("relay", "mx.corp.test:25", PROBER, answering({})).results
    assert (result.verdict, "Name a sink" in result.why) == ("undecided", True)
    assert not any("DATA" in line for one in result.evidence for line in one.lines)


def test_one_form_that_passes_is_named(sink: Place) -> None:
    def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Answer]:
        for answer in answering({"RCPT": "554 relay denied"}, ("all",))(questions, knowledge):
            opened = isinstance(answer, Replies) and (
                "%" in answer.key or answer.key.partition(": ")[2] == "greeting localhost"
            )
            one = next((one for one in questions if one.key == answer.key), None)
            yield canned(one, {}, {}) if opened and isinstance(one, Dialogue) else answer

    (result,) = run("relay", "mx.corp.test:25", knowing(sink), ask).results
    assert result.verdict == "open"
    assert "greets as localhost" in result.sentence
    assert "asks" not in result.sentence.partition("anybody who")[2].partition(":")[0]


def test_dead_and_mute_servers(sink: Place) -> None:
    def refused(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        yield from (Replies(key=one.key, at=0, problem=Obstacle("refused", "Nothing listens.")) for one in questions)

    def mute(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        yield from (Replies(key=one.key, at=0, problem=Obstacle("timeout", "No answer.")) for one in questions)

    assert [one.verdict for one in run("relay", "mx.corp.test", knowing(sink), refused).results] == ["closed"]
    assert {one.verdict for one in run("relay", "mx.corp.test", knowing(sink), mute).results} == {"undecided"}
    assert {one.verdict for one in run("proxy", "mx.corp.test", knowing(sink), mute).results} == {"closed"}


def test_what_a_lost_sink_could_not_ask_is_undecided_and_never_closed(sink: Place) -> None:
    """From the server itself the sink does the asking: where it cannot, nobody has looked."""
    gone = replaced(sink.sink, address="198.51.100.60", query="http://127.0.0.1:1")
    lost = replaced(knowing(sink), addresses=("192.0.2.1",), sink=gone)
    for check in ("relay", "proxy", "submission"):
        told = run(check, "mx.corp.test", lost, prober.ask, here=True)
        assert {one.verdict for one in told.results} <= {"undecided"}, (check, told.sentence)
        assert told.verdict == "unknown"
        assert check == "submission" or "cannot be asked" in str([one.why for one in told.results])


def test_addresses_that_the_sink_cannot_see_are_undecided(sink: Place) -> None:
    """We have IPv6 and the sink has not: what it could not ask is told beside what it could."""

    def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Answer]:
        six = [one for one in questions if isinstance(one, Dialogue) and one.family == 6]
        yield from from_outside(six, knowledge)
        for one in questions:
            if isinstance(one, Dialogue) and one not in six:
                yield canned(one, {"RCPT": "554 5.7.1 Relay access denied"}, OUTSIDE)
            elif one not in six:
                yield Ran(key=one.key, at=0, problem=Obstacle("missing", "There is no such program."))

    knowledge = replaced(knowing(sink), addresses=("2001:db8::10",), sink=replaced(sink.sink, address="198.51.100.60"))
    told = run("relay", "mx.corp.test:25", knowledge, ask, here=True)
    assert {one.about: (one.verdict, one.severity) for one in told.results} == {
        "port 25, IPv4": ("closed", "critical"), "IPv6": ("undecided", "warning"),
    }  # fmt: skip
    assert "2001:db8::10" in next(one.why for one in told.results if one.about == "IPv6")


# ------------------------------------------------------------------ the other checks

TLS = {"STARTTLS": "220 go"}


@pytest.mark.parametrize(
    ("replies", "more", "opened"),
    [
        ({"EHLO": "250 mx\nSTARTTLS\nAUTH PLAIN", "RCPT": "554 5.7.1 denied", **TLS}, {"encrypted": "TLSv1.3"},
         {"TLS before AUTH", "AUTH on port 25"}),
        ({"EHLO": "250 mx\nSIZE", "RCPT": "554 5.7.1 denied"}, {}, {"TLS before AUTH"}),
        ({"EHLO": "250 mx\nSTARTTLS", **TLS}, {"encrypted": "TLSv1.3"}, {"mail without AUTH, port 587"}),
    ],
)  # fmt: skip
def test_submission(replies: dict[str, str], more: dict[str, str], opened: set[str]) -> None:
    told = run("submission", "mx.corp.test", PROBER, answering(replies, **more))
    assert {one.about for one in told.results if one.verdict == "open"} == opened
    assert {one.about for one in told.results} >= {"offered", "TLS before AUTH", "AUTH on port 25"}


def test_a_proxy_that_leads_through_is_proven_and_one_that_does_not_is_closed(sink: Place) -> None:
    def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        for one in questions:
            if isinstance(one, Await):
                yield Arrivals(key=one.key, at=0, arrived=(Arrived(one.tokens[0], 1.0, "203.0.113.2", "mail"),))
            elif isinstance(one, Dialogue) and one.via and one.via.protocol == "connect":
                yield Replies(key=one.key, at=0, replies=(Reply("", 220, ("sink",)), Reply(".", 250, ("ok",))))
            elif isinstance(one, Exchange):
                yield Received(key=one.key, at=0, raw=b"HTTP/1.1 403 no\r\n")
            else:
                yield Replies(key=one.key, at=0, problem=Obstacle("failed", "The proxy would not."))

    (result,) = run("proxy", "203.0.113.2:3128", knowing(sink), ask).results
    assert (result.verdict, result.severity) == ("open", "critical")
    assert "HTTP CONNECT" in result.sentence
    (result,) = run("proxy", "203.0.113.2:3128", PROBER, ask).results
    assert result.verdict == "undecided"


@pytest.mark.parametrize(
    ("reached", "verdict"),
    [((0, 33), "open"), ((0, 102), "closed"), ((), "closed"), ((-1,), "undecided")],
)
def test_egress(sink: Place, reached: tuple[int, ...], verdict: str) -> None:
    users = ((0, "root"), (33, "www-data"), (102, "postfix"))
    knowledge = replaced(knowing(sink), users=users, root=True)

    def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        for one in questions:
            if isinstance(one, Await):
                came = [Arrived(token, 1.0, "203.0.113.2", "greeting") for token in one.tokens]
                yield Arrivals(key=one.key, at=0, arrived=tuple(came))
            elif isinstance(one, Reach) and one.uid in reached:
                yield Replies(key=one.key, at=0, replies=(Reply("", 220, ("sink",)),))
            elif isinstance(one, Reach):
                why = Obstacle("permission", "Only root can.") if -1 in reached else Obstacle("refused", "Refused.")
                yield Replies(key=one.key, at=0, problem=why)
            else:
                yield Ran(key=one.key, at=0, problem=Obstacle("failed", "no table"))

    (result,) = run("egress", "here.test", knowledge, ask, here=True).results
    assert result.verdict == verdict
    assert ("www-data (uid 33)" in result.sentence) == (verdict in {"open", "undecided"})
    assert bool(result.fix) == (verdict == "open")
    (result,) = run("egress", "elsewhere.test", knowledge, ask).results
    assert result.verdict == "undecided"


def letters(heads: dict[str, str], stopped: set[str]) -> Ask:
    """A server that delivers all but ``stopped``, with more header lines on some."""

    def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Answer]:
        names = {}
        for one in questions:
            if isinstance(one, Dialogue):
                names[next(line for line in one.message.splitlines() if "Token" in line).split()[1]] = one.key
                text = {"DATA": "550 5.7.1 virus"} if one.key in stopped else {}
                yield canned(one, text, {})
        known.update(names)
        for one in questions:
            if isinstance(one, Await):
                came = [Arrived(token, 1.0, "203.0.113.2", "mail", headers=heads.get(known[token], ""), body="text")
                        for token in one.tokens if known[token] not in stopped]  # fmt: skip
                yield Arrivals(key=one.key, at=0, arrived=tuple(came))

    known: dict[str, str] = {}
    return ask


@pytest.mark.parametrize(
    ("heads", "stopped", "verdict", "severity"),
    [
        ({}, set(), "open", "warning"),
        ({"in our name": "DKIM-Signature: v=1; d=corp.test; s=x"}, set(), "open", "critical"),
        ({"plain": "X-Virus-Scanned: yes"}, set(), "open", "critical"),
        ({}, {"in our name"}, "closed", "warning"),
        ({}, {"plain"}, "undecided", "warning"),
    ],
)
def test_mail_in_our_name(sink: Place, heads: dict[str, str], stopped: set[str], verdict: str, severity: str) -> None:
    settings = Settings(ours=Ours(domains=("corp.test",)), audit=Knobs(mailbox="audit@corp.test"))
    knowledge = replaced(knowing(sink), settings=settings)
    told = run("direction", "mx.corp.test", knowledge, letters(heads, stopped))
    (result,) = [one for one in told.results if one.about == "mail from outside in our name"]
    assert (result.verdict, result.severity) == (verdict, severity), result.sentence
    assert "signed as corp.test" in result.sentence or "DKIM" not in str(heads)


def test_what_filters_stop(sink: Place) -> None:
    settings = Settings(audit=Knobs(mailbox="audit@corp.test"))
    knowledge = replaced(knowing(sink), settings=settings)
    stopped = {"virus", "spam", "spam in our name"}
    told = run(
        "direction", "mx.corp.test", knowledge, letters({"spam outgoing": "X-Spam-Flag: YES"}, stopped), here=True
    )
    assert {one.about: (one.verdict, one.severity) for one in told.results if "our name" not in one.about} == {
        "incoming virus": ("open", "critical"), "incoming spam": ("closed", "warning"),
        "outgoing virus": ("open", "warning"), "outgoing spam": ("closed", "warning"),
    }  # fmt: skip
    refused = {"in our name", "virus in our name", "spam in our name"}  # whatever names us, and no filter at all
    told = run("direction", "mx.corp.test", knowledge, letters({}, refused))
    assert {(one.verdict, one.severity) for one in told.results if one.about.startswith("incoming")} == {
        ("open", "warning")
    }
    (result,) = run("direction", "mx.corp.test", PROBER, letters({}, set())).results
    assert (result.verdict, result.severity) == ("undecided", "note")


# ------------------------------------------------------------------ around them


@pytest.mark.parametrize(
    ("name", "ours"),
    [("mx.corp.test", True), ("mx.corp.test:2525", True), ("corp.test.evil.test", False), ("evilcorp.test", False),
     ("192.0.2.7", True), ("[2001:db8::1]:25", True), ("198.51.100.1", False), ("198.51.100.9:25", True),
     ("/var/www", True), ("https://www.corp.test/form", True), ("https://evil.test/corp.test", False),
     ("relay.example", True), ("localhost", True)],
)  # fmt: skip
def test_only_what_is_ours_is_probed_unasked(name: str, ours: bool) -> None:  # noqa: FBT001  # of the table
    settings = Settings(ours=Ours(domains=("corp.test",), networks=("192.0.2.0/24", "2001:db8::/64")),
                        audit=Knobs(hosts=("relay.example",)))  # fmt: skip
    assert is_ours(Target(name), replaced(PROBER, settings=settings)) == ours


@pytest.mark.parametrize("name", ["", "a b", "mx:0", "mx:99999", "-x;rm", "[::1", "a/b"])
def test_no_host_is_a_mistake_with_a_sentence(name: str) -> None:
    with pytest.raises(Mistake, match="this is no host"):
        listeners.place(Target(name))


def result(verdict: str, sentence: str = "It is <script>alert(1)</script>\x1b[31m.") -> Result:
    return Result(check="relay", target="mx", about="port 25", verdict=verdict, severity="critical",  # type: ignore[arg-type]
                  sentence=sentence, why="Because.", verify="whosent audit relay mx")  # fmt: skip


def audited(verdict: str) -> Audit:
    return auditing.audit([(discover()["relay"]._replace(questions=lambda *_: [], judge=lambda *_: [result(verdict)]),
                            Target("mx"))], PROBER, prober.ask)  # fmt: skip


def test_a_report_is_whole_on_a_terminal_in_a_line_and_on_a_page(tmp_path: Path) -> None:
    between = ["package postfix: upgrade 1 -> 2"]
    told = auditing.compared(audited("open"), audited("closed"), lambda _moment: between)
    with (tmp_path / "screen").open("w") as file:
        screen = Console(record=True, width=80, file=file)
        shown.render(told, screen, UTC)
    text = screen.export_text()
    assert "CRITICAL" in text
    assert "\x1b" not in text
    assert "was closed and is open now" in text
    assert "package postfix" in text
    line = shown.plugin(told)
    assert line.startswith("AUDIT CRITICAL - ")
    assert line.count("|") == 1
    assert "open=1" in line
    page = shown.page(told, UTC)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src &#39;none&#39;" in page


def test_runs_and_words_are_kept(tmp_path: Path) -> None:
    kept = Audits(Ledger(tmp_path))
    first, second = audited("open"), audited("closed")
    kept.keep(first)
    assert kept.before(first.host, ["relay"]) == first
    kept.keep(second)
    assert kept.before(first.host, ["relay"]) == second
    assert kept.before(first.host, ["relay", "proxy"]) is None
    assert kept.before("other", ["relay"]) is None
    kept.note_firewall("2026-01-01T00:00:00Z", "root", "try", "rules")
    assert kept.confirmed("x") is None
    again = auditing.compared(second, first, changes.since)
    assert [(one.before, one.now) for one in again.changes] == [("open", "closed")]
    assert not auditing.compared(first, first, changes.since).changes


def test_what_changed_between_two_runs(tmp_path: Path) -> None:
    moment = time.time() - 100
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment + 50))
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "var/log/dpkg.log").write_text(
        f"{stamp} upgrade postfix:amd64 3.7.10 3.7.11\n{stamp} status installed postfix:amd64 3.7.11\n"
        f"{stamp} install vim:amd64 <none> 9\n2001-01-01 00:00:00 install exim4:amd64 <none> 4\n"
    )
    (tmp_path / "var/log/dnf.rpm.log").write_text("2999-01-01T00:00:00+0000 SUBDEBUG Upgrade: dovecot-2.3\nx\n")
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/postfix/main.cf").write_text("x")
    told = changes.since(moment, tmp_path)
    assert [line.partition("Z  ")[2] for line in told] == [
        "package dovecot-2.3: upgrade", "file /etc/postfix/main.cf changed",
        "package postfix:amd64: upgrade 3.7.10 -> 3.7.11", "package vim:amd64: install 9",
    ]  # fmt: skip
    assert changes.since(time.time() + 1e9, tmp_path) == []


def test_this_machine_is_known() -> None:
    assert "127.0.0.1" in surroundings.addresses()
    assert (0, "root") in surroundings.users()
    assert surroundings.name()
    assert "uid" in surroundings.who()
