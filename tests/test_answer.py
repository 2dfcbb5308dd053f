"""What one pass found, said as a report: sentences, assumptions, and lines read back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.join.kit import START, client, delivery, line, queued, removed
from whosent import answer, walk
from whosent.casebook import open_cases
from whosent.model.finding import Cause, Finding, Quote, Strength, Suspect
from whosent.model.report import Report
from whosent.model.rows import reference
from whosent.model.settings import Logs, Ours, Settings
from whosent.reading.stamps import rfc3339
from whosent.sources.files import at_path

UTC = ZoneInfo("UTC")
ALICE = Suspect(kind="account", name="alice@example.org", host="mx", account="alice@example.org")
LOG = [
    client(0, "AAAAA1", "alice@example.org"),
    queued(1, "AAAAA1", "alice@example.org"),
    delivery(2, "AAAAA1", "bob@example.com"),
    removed(3, "AAAAA1"),
]
BASE = Finding(
    detector="outcomes", suspect=ALICE, cause=Cause.COMPROMISED_ACCOUNT, since=START, until=START + 2,
    sentence="The account alice@example.org did it.", measure=1.0, norm=None, unit="x", accuses=True,
    strength=Strength.SHOWN, witnesses=("syslog of mx",), quotes=(Quote(reference(0, 0), "the client"),),
)  # fmt: skip


def found(**changes: Any) -> Finding:  # noqa: ANN401  # any field of a finding
    return msgspec.structs.replace(BASE, **changes)


def passed(folder: Path, lines: list[bytes], ours: Ours | None = None, **logs: bytes) -> walk.Pass:
    settings = Settings(logs=Logs(timezone="UTC"), ours=ours or Ours())
    for name, text in {"mail": b"".join(lines), **logs}.items():
        (folder / f"{name}.log").write_bytes(text)
    inputs = walk.prepare([at_path(path) for path in sorted(folder.iterdir())], settings, UTC)
    return walk.scan(inputs, settings, lambda _: None, UTC)


def told(done: walk.Pass, *findings: Finding) -> Report:
    done.cases = open_cases(findings, done.recorder)
    return answer.report(done, answer.read_back(done), ["gone.log"])


def test_an_incident_with_its_lines(tmp_path: Path) -> None:
    done = passed(tmp_path, LOG)
    at = len(LOG[0]) + len(LOG[1])
    quotes = (
        Quote(reference(0, 0), "the client"),
        Quote(reference(0, at), "it went out"),
        Quote(reference(0, 10**9), ""),
    )
    report = told(done, found(quotes=quotes))
    (incident,) = report.incidents
    assert (incident.since, incident.until, incident.ongoing) == (rfc3339(START), rfc3339(START + 2), True)
    first, second = incident.findings[0].evidence  # the third cannot be read again
    assert (first.source, first.offset, first.line, first.note) == (f"{tmp_path}/mail.log", 0, 1, "the client")
    assert (second.offset, second.line, second.excerpt.encode() + b"\n") == (at, 3, LOG[2])
    assert second.sha256 == hashlib.sha256(LOG[2].rstrip(b"\n")).hexdigest()
    assert answer.raw_lines(done, answer.read_back(done))[first.source, 0] == LOG[0].rstrip(b"\n")
    assert incident.remedies
    assert "One witness only (syslog of mx)" in incident.unproven[0]
    assert (report.verdict, report.hosts) == ("critical", ["mx"])
    assert report.window == (rfc3339(START), rfc3339(START + 3))
    assert report.coverage.sources[-1].problem == "no such file"


def test_what_is_over_is_not_ongoing(tmp_path: Path) -> None:
    done = passed(tmp_path, [*LOG, line(4000, "postfix/qmgr", "BBBBB1: removed")])
    assert not told(done, found()).incidents[0].ongoing


def test_two_witnesses_of_one_recorder_prove_nothing_and_it_is_said(tmp_path: Path) -> None:
    done = passed(tmp_path, LOG)
    (incident,) = told(done, found(witnesses=("syslog of mx", "PHP mail log"))).incidents
    assert incident.strength is Strength.SHOWN
    assert "written down by one party (syslog of mx, PHP mail log)" in incident.unproven[0]


def test_candidates_are_said_not_to_be_provable(tmp_path: Path) -> None:
    done = passed(tmp_path, LOG)
    (incident,) = told(done, found(strength=Strength.CANDIDATES, candidates=(ALICE,))).incidents
    assert incident.unproven == ["Which of the candidates it was is not provable from these logs."]


def test_verdicts_and_sentences(tmp_path: Path) -> None:
    done = passed(tmp_path, LOG)
    bob = msgspec.structs.replace(ALICE, name="bob@example.org")
    assert told(done).verdict == "clean"
    assert told(done).sentence.startswith(
        "Nobody here was seen sending spam: 1 message and 1 delivery attempt in 4 lines"
    )
    assert told(done, found(severity="warning")).verdict == "warning"
    both = told(done, found(severity="warning", suspect=bob), found())
    assert both.verdict == "critical"
    assert both.sentence.startswith("The account alice@example.org did it.")
    assert "bob@example.org" in both.sentence


def test_a_quiet_server(tmp_path: Path) -> None:
    reject = (
        "NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@y.z>: Relay access denied; from=<a@b.c> "
        "to=<x@y.z> proto=ESMTP helo=<h>"
    )
    client = "unknown[203.0.113.9]"
    log = [
        line(0, "postfix/smtpd", f"connect from {client}"),
        line(1, "postfix/smtpd", reject),
        line(2, "postfix/smtpd", f"disconnect from {client} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"),
    ]
    report = told(passed(tmp_path, log))
    assert report.verdict == "clean"
    assert report.sentence == (
        "No mail was sent in the time these logs cover: they hold 1 refused attempt, and no message."
    )


def test_assumptions(tmp_path: Path) -> None:
    ours = Ours(domains=("own.example",), networks=("192.0.2.0/24",))
    bare = LOG[0].replace(b"2026-11-16T00:00:00+00:00", b"Nov 16 00:00:00")
    report = told(passed(tmp_path, LOG, ours, a=bare, copy=b"".join(LOG)))
    assert "example.org is ours: accounts log in as …@example.org (--own-domain adds others)." in report.assumptions
    assert "own.example is ours: configured." in report.assumptions
    assert "192.0.2.0/24 is ours: configured." in report.assumptions
    assert any(text.startswith(f"{tmp_path}/a.log: stamps without a year;") for text in report.assumptions)
    assert f"{tmp_path}/mail.log holds the same lines as {tmp_path}/copy.log: counted once." in report.assumptions


def test_a_thousand_domains_are_not_a_thousand_sentences(tmp_path: Path) -> None:
    lines = []
    for number in range(1000):
        lines += [client(number, f"A{number:05X}", f"x@d{number}.example"), queued(number, f"A{number:05X}", "x@y.z")]
    assumptions = told(passed(tmp_path, lines)).assumptions
    assert len(assumptions) < 30
    assert "And 980 more of the kind." in assumptions


@pytest.mark.parametrize(
    ("suspect", "actor"),
    [
        (ALICE, ("account", "alice@example.org", "mx")),
        (Suspect(kind="script", name="/x.php", host="web", uid=33), ("local_user", "33", "web")),
        (Suspect(kind="script", name="/home/u", account="shop", host="web"), ("local_user", "shop", "web")),
        (Suspect(kind="relay", name="h", address="203.0.113.9", host="mx"), ("stranger", "203.0.113.9", "mx")),
        (Suspect(kind="relay", name="203.0.113.9"), ("stranger", "203.0.113.9", "")),
        (Suspect(kind="host", name="10.0.0.1", host="mx"), ("host", "10.0.0.1", "mx")),
    ],
)
def test_the_actors_behind_a_suspect(suspect: Suspect, actor: tuple[str, str, str]) -> None:
    (case,) = open_cases([found(suspect=suspect)])
    assert answer._actors(case) == {actor}  # noqa: SLF001  # what the charts colour


def test_a_listing_of_our_address_is_told_and_is_not_all_well(tmp_path: Path) -> None:
    done = passed(tmp_path, LOG)
    listed = found(
        suspect=Suspect(kind="host", name="mx", host="mx"), cause=Cause.UNKNOWN, accuses=False, stands_alone=True,
        sentence="Our address is on a blocklist for everybody.", severity="warning",
    )  # fmt: skip
    done.findings = [listed]
    report = told(done, listed)
    assert (report.verdict, report.incidents) == ("warning", [])
    assert report.sentence == "Our address is on a blocklist for everybody. Nobody here was seen earning that."


def test_a_log_that_was_not_read_to_its_end_is_never_clean(tmp_path: Path) -> None:
    done = passed(tmp_path, LOG)
    assert told(done).verdict == "clean"
    done.inputs[0].unfinished = True
    report = told(done)
    assert report.verdict == "unknown"
    assert report.sentence.startswith("Not everything was read: ")
    assert "mail.log broke off; try again with --jobs 1" in report.sentence


def test_what_was_seen_before_a_log_broke_off_is_told_all_the_same(tmp_path: Path) -> None:
    done = passed(tmp_path, LOG)
    done.inputs[0].unfinished = True
    report = told(done, BASE)
    assert report.verdict == "critical"
    assert report.sentence.startswith("The account alice@example.org did it. Not everything was read: ")


def test_what_was_refused_is_not_all_that_happened(tmp_path: Path) -> None:
    """Exim's reject log, the file of grave lines alone, a receive log: nobody sent is more than they can say."""
    failed = b"2026-11-16 00:00:00 plain authenticator failed for (x) [203.0.113.9]: 535 Incorrect (set_id=al)\n"
    report = told(passed(tmp_path, [failed]))
    assert report.verdict == "unknown"
    assert "hold 1 failed login, and may be of a kind that holds nothing else" in report.sentence
    sent = b"2026-11-16 00:00:01 1xV1eT-00000V-2H <= al@example.org U=al P=local S=340\n"
    assert told(passed(tmp_path, [failed, sent])).verdict == "clean"
