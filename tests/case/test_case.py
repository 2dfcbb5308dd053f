"""A case of the recorded incident: every statement with its lines, what is not proven, exports that others can read."""

from __future__ import annotations

import base64
import csv
import email
import email.policy
import hashlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests.case.conftest import Recorded
from tests.report import reports
from tests.report.harden import poison
from tests.report.test_in_browser import FRAME, browse, chromium, serving, traps
from whosent.case.abroad import notices
from whosent.case.assembly import Circumstances, Told, assemble
from whosent.case.contents import contents
from whosent.case.pages import TITLES, page
from whosent.cli import app
from whosent.cli.leaving import Exit
from whosent.configuration import zone_of
from whosent.model.action import Action, Progressed
from whosent.model.case import CaseFile
from whosent.model.complaint import Basis, Complaint
from whosent.model.finding import Level, Strength, Suspect
from whosent.model.lifecycle import What
from whosent.model.report import Report
from whosent.model.settings import Reporting
from whosent.store.actions import Actions
from whosent.store.complaints import Complaints
from whosent.store.incidents import Incidents, Line
from whosent.store.ledger import Ledger

__all__ = ["chromium"]

NOW = Circumstances(version="0", made="2026-11-18T08:00:00Z", made_by="anna on mx", timezone="UTC", zone=zone_of("UTC"))
REPORTING = Reporting(organisation="Corp", contact="abuse@corp.test")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["incident", *map(str, arguments)])


def account(recorded: Recorded) -> str:
    scan = json.loads(recorded.scan.read_bytes())
    return str(next(one["id"] for one in scan["incidents"] if one["suspect"]["kind"] == "account"))


@pytest.fixture
def case(recorded: Recorded, state: Path) -> CaseFile:
    assert not state.exists()
    done = run("report", account(recorded), "--report", recorded.scan, "--json")
    assert done.exit_code == Exit.CLEAN, done.output
    return msgspec.json.decode(done.stdout_bytes, type=CaseFile)


def complaint(incident: str, **changes: object) -> Complaint:
    line = (
        b"Nov 12 14:03:11 mx postfix/smtp[1]: 4Xnq2R0w1Kz9rB: to=<u@victim.example>, "
        b"relay=mx.victim.example[198.51.100.7]:25, delay=1, "
        b"delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 ok)"
    )
    basis = Basis(source="/var/log/mail.log", offset=17, line=2, excerpt=line.decode(), note="its delivery",
                  sha256=hashlib.sha256(line).hexdigest())  # fmt: skip
    return msgspec.structs.replace(
        Complaint(
            schema="whosent.complaint/1", id="c0ffee123456", source="a.eml", sha256="ab" * 32, kind="complaint",
            layout="arf", reporter="fbl@isp.example", feedback_type="abuse", source_address="192.0.2.10",
            source_port=None, arrival_date="2024-11-12T14:03:20Z", original_mail_from="alice@example.org",
            original_recipient=None, message_id="<1@example.org>", urls=[], recipients=[], ours="yes", suspect=None,
            candidates=[], strength=Strength.SHOWN, level=Level.OBSERVED, queue_id="4Xnq2R0w1Kz9rB",
            incident=incident, sentence="It is ours: alice@example.org handed it in.", evidence=[basis],
        ), **changes,
    )  # fmt: skip


def by_hand(report: Report | None = None, *complaints: Complaint) -> CaseFile:
    report = report or reports.guilty()
    return assemble(Told(incident=report.incidents[0], report=report, complaints=complaints), NOW)


def test_every_statement_has_its_level_its_source_and_lines_that_are_in_the_log(
    case: CaseFile, recorded: Recorded
) -> None:
    assert [one.number for one in case.statements] == list(range(1, len(case.statements) + 1))
    exhibits = {one.number: one for one in case.exhibits}
    for statement in case.statements:
        assert statement.recorded_by
        assert statement.exhibits
        assert statement.level is Level.OBSERVED
    for one in exhibits.values():
        text = Path(one.source).read_bytes()
        raw = text[one.offset : text.index(b"\n", one.offset)]
        assert (one.state, hashlib.sha256(raw).hexdigest()) == ("original", one.sha256)
        assert one.time is not None
        assert text[: one.offset].count(b"\n") == one.line - 1
    assert {one.source: one.sha256 for one in case.files} == {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in recorded.logs.iterdir()
    }


def test_the_timeline_is_in_order_and_says_who_came_from_where(case: CaseFile) -> None:
    stamps = [one.at for one in case.timeline]
    assert stamps == sorted(stamps, key=lambda stamp: stamp.rstrip("Z").ljust(26, "."))
    entries = [one for one in case.timeline if one.sentence.startswith("submission, account alice@corp.test, from 45.")]
    assert entries
    assert all(one.exhibit and one.recorded_by == "mx" for one in entries)
    assert case.timeline[0].sentence == "The logs that were read begin."


def test_only_addresses_the_recording_calls_guilty_are_told_to_others(case: CaseFile, recorded: Recorded) -> None:
    told = notices(case)
    assert told
    assert {one.address for one in told} <= recorded.driven_from
    log = (recorded.logs / "mail.log").read_text()
    for one in told:  # the recipient of our report finds the message by what our log calls it
        ids = re.findall(rf" (\w+): client=\S*\[{re.escape(one.address)}\]", log)
        assert one.message_id in {found for name in ids for found in re.findall(rf" {name}: message-id=(\S+)", log)}
    assert any(one.address.startswith("10.77.") for one in case.addresses)  # its owner's own, among the quoted lines


def test_a_script_is_told_to_whoever_holds_the_visitor(recorded: Recorded, state: Path) -> None:
    scan = json.loads(recorded.scan.read_bytes())
    script = next(one["id"] for one in scan["incidents"] if one["suspect"]["kind"] == "script")
    lines = run("report", script, "--report", recorded.scan, "--xarf").stdout.splitlines()
    assert {json.loads(line)["source_identifier"] for line in lines} == {"45.99.12.80"}
    assert state.exists()


def test_what_is_not_proven_is_written_so(case: CaseFile) -> None:
    said = "\n".join(case.not_proven)
    for limit in ("One witness only", "Which person acted is not proven", "Nothing is known of the time after",
                  "What the messages said is not proven", "clocks", "Who wrote the line"):  # fmt: skip
        assert limit in said
    ongoing = msgspec.structs.replace(reports.guilty().incidents[0], ongoing=True)
    report = msgspec.structs.replace(reports.guilty(), incidents=[ongoing])
    assert any("still going on" in one for one in by_hand(report).not_proven)
    doubtful = complaint("x", strength=Strength.CANDIDATES, sentence="Several fit.")
    assert any("c0ffee123456 is not proven" in one for one in by_hand(None, doubtful).not_proven)
    bare = assemble(Told(incident=reports.guilty().incidents[0], report=None), NOW)
    assert any("comes from the ledger" in one for one in bare.not_proven)


def test_a_statement_is_as_strong_as_its_weakest_line_and_a_claim_without_any() -> None:
    incident = reports.guilty().incidents[0]
    first = incident.findings[0]
    weak = msgspec.structs.replace(first.evidence[0], level=Level.CORROBORATED)
    mixed = msgspec.structs.replace(first, evidence=[weak, *first.evidence[1:]])
    bare = msgspec.structs.replace(first, evidence=[])
    changed = msgspec.structs.replace(incident, findings=[mixed, bare])
    case = assemble(Told(incident=changed, report=None), NOW)
    assert [one.level for one in case.statements] == [Level.CORROBORATED, Level.CLAIMED]


def test_a_complaint_of_the_ledger_is_part_of_the_case(recorded: Recorded, state: Path) -> None:
    name = account(recorded)
    Complaints(Ledger(state)).add([complaint(name)])
    Complaints(Ledger(state)).add([complaint("other", id="d00d", sha256="cd" * 32)])
    case = json.loads(run("report", name, "--report", recorded.scan, "--json").stdout)
    assert [one["id"] for one in case["complaints"]] == ["c0ffee123456"]
    (statement,) = [one for one in case["statements"] if one["sentence"].startswith("Complaint c0ffee123456")]
    exhibit = next(one for one in case["exhibits"] if one["number"] == statement["exhibits"][0])
    assert (exhibit["queue_id"], exhibit["state"]) == ("4Xnq2R0w1Kz9rB", "excerpt")


def test_a_complaint_states_what_its_own_lines_show() -> None:
    suspect = Suspect(kind="account", name="alice@example.org", host="mx")
    stranger = "This complaint by x. The account alice@example.org sent y is about a message: the time agrees."
    found = "The account alice@example.org sent 9 of 10."
    statements = by_hand(None, complaint("x", suspect=suspect, sentence=stranger, incident_sentence=found)).statements
    of_complaints = [one for one in statements if one.sentence.startswith("Complaint ")]
    assert [one.sentence.partition(": ")[2] for one in of_complaints] == [stranger]
    assert of_complaints[0].recorded_by == ["report of fbl@isp.example", "log of mx"]


def test_days_without_a_year_are_of_the_one_that_is_told() -> None:
    assert "days without a year are of 2024" in page(by_hand(), "law_enforcement")


def test_an_incident_of_the_ledger_brings_its_lines_its_history_and_what_was_done(state: Path) -> None:
    incident = reports.guilty().incidents[0]
    store = Incidents(Ledger(state))
    first = incident.findings[0].evidence[0]
    line = Line(first.source, first.offset, first.line, first.sha256, first.excerpt.encode())
    store.tell(incident, [line], at="2024-11-12T14:10:00Z")
    store.move(incident.id, What.CONTAINED, "anna", "its mail is held", at="2024-11-12T15:00:00Z")
    action = Action(
        id="a1", incident=incident.id, responder="tap", how="hold", suspect=incident.suspect, claim="alice",
        reach="her mail", reason="spam", who="anna", at="2024-11-12T14:30:00Z", expires=None, undo="x",
        counts={"held": 7},
    )  # fmt: skip
    for state_ in (Progressed.PLANNED, Progressed.APPLIED):
        Actions(Ledger(state)).write(msgspec.structs.replace(action, state=state_))
    store.move(incident.id, What.NOTED, "anna", "password changed", at="2024-11-12T16:00:00Z")
    done = run("report", incident.id[:6], "--json", "--change", "2024-11-12T18:00+01:00 sessions ended",
               "--change", "spoke to her")  # fmt: skip
    case = msgspec.json.decode(done.stdout_bytes, type=CaseFile)
    assert case.state == "contained"
    acted = [one for one in case.changes if one.text.startswith("applied: ")]
    assert [(one.text, one.level) for one in acted] == [
        ("applied: tap hold, touching her mail, held 7", Level.OBSERVED),
    ]  # fmt: skip
    assert [(one.text, one.level) for one in case.changes if one not in acted] == [
        ("spoke to her", Level.CLAIMED), ("contained: its mail is held", Level.OBSERVED),
        ("noted: password changed", Level.CLAIMED), ("sessions ended", Level.CLAIMED),
    ]  # fmt: skip
    assert [one.state for one in case.exhibits if one.sha256 == first.sha256] == ["original"]
    assert "The incident was opened." in {one.sentence for one in case.timeline}
    text = run("report", incident.id[:6]).stdout
    assert "contained: its mail is held (recorded in our journal)" in text
    assert "password changed (stated by hand)" in text


def test_the_folder_holds_the_case_for_everybody(recorded: Recorded, state: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    done = run("report", account(recorded), "--report", recorded.scan, "--folder", folder)
    assert done.exit_code == Exit.CLEAN, done.output
    head = re.search(r"^[0-9a-f]{64}$", done.stderr, re.MULTILINE)
    assert head
    checked = run("verify", folder, "--head", head[0])
    assert (checked.exit_code, "is intact" in checked.stdout) == (Exit.CLEAN, True)
    case = json.loads((folder / "case.json").read_bytes())
    lines = (folder / "exhibits.log").read_bytes().split(b"\n")
    for one in case["exhibits"]:
        assert hashlib.sha256(lines[one["number"] - 1]).hexdigest() == one["sha256"]
    assert (folder / "scan.json").read_bytes() == recorded.scan.read_bytes()
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.html")}
    assert names == {"management.html", "engineers.html", "law-enforcement.html"}
    (folder / "case.json").write_bytes(b"{}")
    checked = run("verify", folder, "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["intact"]) == (Exit.CRITICAL, False)
    assert run("attach", folder, recorded.scan, "--note", "x").exit_code != Exit.CLEAN
    assert state.exists()


def test_an_addition_is_told_in_the_chain(state: Path, tmp_path: Path, recorded: Recorded) -> None:
    folder = tmp_path / "case"
    run("report", account(recorded), "--report", recorded.scan, "--folder", folder)
    added = run("attach", folder, recorded.scan, "--note", "the scan again")
    assert added.exit_code == Exit.CLEAN
    shown = run("verify", folder).stdout
    assert "2. " in shown
    assert "anna on " in shown
    assert "the scan again (1 files)" in shown
    assert state.exists()


# ------------------------------------------------------------------ exports


def test_xarf_is_what_the_specification_asks_for(recorded: Recorded, state: Path) -> None:
    """Required fields, patterns and limits of schemas/v4/xarf-core.json and types/messaging-spam.json of xarf-spec."""
    lines = run("report", account(recorded), "--report", recorded.scan, "--xarf").stdout.splitlines()
    assert lines
    assert len({json.loads(line)["report_id"] for line in lines}) == len(lines)
    for told in map(json.loads, lines):
        assert re.fullmatch(r"4\.\d+\.\d+", told["xarf_version"])
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", told["report_id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", told["timestamp"])
        for who in (told["reporter"], told["sender"]):
            assert set(who) == {"org", "contact", "domain"}
        assert (told["category"], told["type"]) == ("messaging", "spam")
        assert told["evidence_source"] in {"spamtrap", "user_complaint", "automated_filter", "honeypot"}
        assert told["protocol"] == "other" or {"smtp_from", "source_port"} <= set(told)
        assert len(told["description"]) <= 1000
        assert 0 < len(told["evidence"]) <= 50
        for item in told["evidence"]:
            payload = base64.b64decode(item["payload"], validate=True)
            assert item["hash"] == f"sha256:{hashlib.sha256(payload).hexdigest()}"
    assert state.exists()


def test_with_port_and_sender_it_is_smtp() -> None:
    case = by_hand()
    host = msgspec.structs.replace(case.incident.suspect, kind="host", name="93.184.216.34", address="93.184.216.34")
    exhibit = msgspec.structs.replace(
        case.exhibits[0], address="93.184.216.34", port=51234, event="submission", time="2024-11-12T13:03:11Z",
        queue_id="4X", host="mx", sender="a@b.example\r\nFeedback-Type: not-spam", message_id="<1@b>\nX: y",
    )  # fmt: skip
    incident = msgspec.structs.replace(case.incident, suspect=host)
    made = contents(msgspec.structs.replace(case, incident=incident, exhibits=[exhibit]), {}, REPORTING)
    told = json.loads(made["abroad/001.xarf.json"])
    assert (told["protocol"], told["source_port"], told["reporter"]["org"]) == ("smtp", 51234, "Corp")
    mail = email.message_from_bytes(made["abroad/001.arf.eml"], policy=email.policy.default)
    assert (mail.get_content_type(), mail["Content-Type"].params["report-type"]) == (
        "multipart/report", "feedback-report",
    )  # fmt: skip
    text, report, headers = mail.iter_parts()
    assert "93.184.216.34" in text.get_content()
    assert (report.get_content_type(), headers.get_content_type()) == (
        "message/feedback-report", "text/rfc822-headers",
    )  # fmt: skip
    fields = made["abroad/001.arf.eml"].partition(b"Feedback-Type")[2].partition(b"\r\n--")[0]
    assert fields.startswith(b": abuse\r\nUser-Agent: whosent/0\r\nVersion: 1\r\nSource-IP: 93.184.216.34\r\n")
    assert b"\r\nSource-Port: 51234\r\n" in fields
    assert b"\r\nFeedback-Type" not in fields  # what a stranger wrote became no field
    assert headers.get_content().strip() == "Message-ID: <1@b>X: y"


def test_without_a_contact_no_report_to_others_is_written(
    recorded: Recorded, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOSENT_REPORTING__CONTACT", "")
    done = run("report", account(recorded), "--report", recorded.scan, "--xarf")
    assert done.exit_code == Exit.UNKNOWN
    assert "reporting.contact" in done.stderr
    folder = state.parent / "case"
    assert "were left out" in run("report", account(recorded), "--report", recorded.scan, "--folder", folder).stderr
    assert not (folder / "abroad").exists()


def test_tables_hold_no_formula_and_read_back() -> None:
    case = by_hand(poison(reports.guilty(), '=cmd|"/c calc"!A1\r\n,"'))
    for name, sheet in contents(case, {}, Reporting()).items():
        if name.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(sheet.decode(), newline="")))
            assert len({len(row) for row in rows}) == 1, name
            assert not [cell for row in rows[1:] for cell in row if cell.startswith(("=", "+", "-", "@"))]


# ------------------------------------------------------------------ pages


@pytest.mark.parametrize("reader", TITLES)
def test_a_page_has_no_script_and_strangers_text_stays_text(reader: Any) -> None:  # noqa: ANN401  a literal
    case = by_hand(poison(reports.guilty(), reports.HOSTILE), complaint("x", reporter=reports.HOSTILE))
    whole = page(case, reader)
    assert "<script" not in whole
    assert "\x1b" not in whole
    assert "\u202e" not in whole
    assert re.search(r"default-src 'none'; style-src &#39;sha256-[\w+/=]+&#39;|default-src &#39;none&#39;", whole)


@pytest.mark.browser
def test_no_request_leaves_and_nothing_is_wider_than_a_phone(chromium: str, tmp_path: Path) -> None:
    with serving({}) as (base, _):
        trap = traps(base)
    for reader in TITLES:
        case = by_hand(poison(reports.guilty(), trap), complaint("x", sentence=trap, reporter=trap))
        pages = {"/": FRAME.format(width=390), "/report.html": page(case, reader)}
        with serving(pages) as (base, asked):
            dom = browse(chromium, f"{base}/", tmp_path / reader)
        assert set(asked) - {"/favicon.ico"} == {"/", "/report.html"}
        title = re.search(r"<title>([^<]*)</title>", dom)
        assert title
        inside, window, _, _ = title[1].split("|")
        assert int(inside) <= int(window) <= 390, reader


@pytest.mark.browser
def test_the_report_for_management_is_one_page(chromium: str, case: CaseFile, tmp_path: Path) -> None:
    (tmp_path / "m.html").write_text(page(case, "management"))
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'p'}", "--no-first-run"]
    target = tmp_path / "m.pdf"
    command = [chromium, *quiet, "--no-pdf-header-footer", f"--print-to-pdf={target}", f"file://{tmp_path}/m.html"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert len(re.findall(rb"/Type\s*/Page\b", target.read_bytes())) == 1


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report",), "which incident?"),
        (("report", "0000"), "no incident has the id"),
        (("report", "--report", "/nonexistent.json"), "cannot be read"),
        (("report", "--report", "README.md"), "is no report of `whosent scan --json`"),
        (("verify", "/nonexistent"), "no case folder"),
    ],
)
def test_a_mistake_is_one_sentence(state: Path, arguments: tuple[str, ...], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "whosent", "incident", *arguments], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == Exit.UNKNOWN
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert state.parent.exists()


def test_which_incident_of_a_report_is_meant_must_be_clear(recorded: Recorded, state: Path) -> None:
    for name in ("", "zzz"):
        done = run("report", name, "--report", recorded.scan)
        assert "its incidents: " in str(done.exception)
    done = run("report", account(recorded), "--report", recorded.scan, "--change", "2026-99-17T12:30+01:00 x")
    assert "is no moment" in str(done.exception)
    assert state.exists()
