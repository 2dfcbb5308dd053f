"""``whosent complaint`` as people and machines call it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.complaints.kit import complaint, hours, sent
from tests.test_cli import CLEAN, UNKNOWN, WARNING, run

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "state")


def call(state: str, *arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run(*arguments, stdin=stdin, WHOSENT_STATE=state, COLUMNS="200")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_bytes(hours(0, 7200) + sent(7300, "4B00001", "anna@isp.test") + hours(8400, 14_000))
    return path


OURS = complaint(7300, message_id="<4B00001@corp.test>", name="4B00001")
OPTIONS = ("--own-network", "198.51.100.0/28", "--own-domain", "corp.test", "--year", "2026")


def objects(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_add_answers_keeps_and_lists(log: Path, state: str) -> None:
    done = call(state, "complaint", "add", "-", "--json", "--logs", log, *OPTIONS, stdin=OURS)
    assert (done.returncode, done.stderr) == (WARNING, b"")
    [one] = objects(done.stdout)
    assert (one["schema"], one["source"], one["kind"], one["ours"]) == ("whosent.complaint/1", "-", "complaint", "yes")
    assert one["suspect"]["name"] == "alice@corp.test"
    assert {line["note"] for line in one["evidence"]} >= {"who handed the message in", "its delivery"}
    [kept] = objects(call(state, "complaint", "list", "--json").stdout)
    assert kept == one
    assert objects(call(state, "complaint", "show", one["id"][:6], "--json").stdout) == [one]
    told = call(state, "complaint", "list").stdout.decode()
    assert told.startswith("account alice@corp.test: 1 complaint\n")
    assert f"incident {one['incident']}" in told


def test_the_same_report_twice_is_one(log: Path, state: str) -> None:
    for words in ("1 report added; 1 event: 1 ours.", "0 reports added, 1 known before; 1 event: 1 ours."):
        done = call(state, "complaint", "add", "-", "--logs", log, *OPTIONS, stdin=OURS)
        assert done.stdout.decode().splitlines()[-1] == words
    assert len(objects(call(state, "complaint", "list", "--json").stdout)) == 1


def test_a_burst_about_one_suspect_is_one_incident(tmp_path: Path, state: str) -> None:
    mail = b"".join(sent(number * 600, f"4B{number:05X}", f"v{number}@isp.test") for number in range(5))
    later = sent(400_000, "4C00001", "anna@isp.test")
    (tmp_path / "mail.log").write_bytes(mail + later)
    reports = [complaint(number * 600, message_id=f"<4B{number:05X}@corp.test>", name=f"4B{number:05X}",
                         to=f"v{number}@isp.test") for number in range(5)]  # fmt: skip
    reports.append(complaint(400_000, message_id="<4C00001@corp.test>", name="4C00001"))
    for number, report in enumerate(reports):
        (tmp_path / f"{number}.eml").write_bytes(report)
    paths = [tmp_path / f"{number}.eml" for number in range(6)]
    call(state, "complaint", "add", *paths, "--logs", tmp_path / "mail.log", *OPTIONS)
    heads = [line for line in call(state, "complaint", "list").stdout.decode().splitlines() if line[:1] != " "]
    assert heads == ["account alice@corp.test: 1 complaint", "account alice@corp.test: 5 complaints"]
    assert {one["incident"] for one in objects(call(state, "complaint", "list", "--json").stdout)} != {None}
    only = call(state, "complaint", "list", "--json", "--suspect", "nobody")
    assert (only.returncode, only.stdout) == (CLEAN, b"")
    assert call(state, "complaint", "list", "--days", "1", "--json").stdout == b""


def test_a_maildir_an_mbox_and_a_folder_are_read_whole(tmp_path: Path, state: str) -> None:
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
        (tmp_path / "Maildir" / name / "1.x").write_bytes(complaint(len(name), message_id=f"<{name}@x.test>"))
    (tmp_path / "box.mbox").write_bytes(
        b"".join(b"From fbl@isp.test Mon Nov 16 00:00:00 2026\n" + complaint(at) + b"\n" for at in (0, 60, 120))
    )
    found = objects(call(state, "complaint", "add", "--json", "--no-keep", tmp_path).stdout)
    assert [Path(one["source"]).name for one in found] == ["1.x", "1.x", "box.mbox#1", "box.mbox#2", "box.mbox#3"]
    assert {one["message_id"] for one in found} == {"<cur@x.test>", "<new@x.test>", "<nowhere@corp.test>"}
    assert call(state, "complaint", "list", "--json").stdout == b""


def test_every_sample_is_answered_without_an_exception(state: str) -> None:
    done = call(state, "complaint", "add", "--json", SAMPLES)
    assert (done.returncode, done.stderr) == (CLEAN, b"")
    assert len(objects(done.stdout)) > 60
    assert {one["kind"] for one in objects(done.stdout)} == {"complaint", "bounce", "listing", "notice", "other"}


def test_show_and_list_on_a_terminal(state: str) -> None:
    call(state, "complaint", "add", SAMPLES)
    kept_all = objects(call(state, "complaint", "list", "--json").stdout)
    for kept in {(one["kind"], one["layout"]): one for one in kept_all}.values():  # one of each
        done = call(state, "complaint", "show", kept["id"])
        assert done.returncode == CLEAN
        assert b"\x1b" not in done.stdout
        assert b"http://" not in done.stdout.replace(kept["sentence"].encode(), b"")
        assert call(state, "complaint", "answer", kept["id"]).returncode == CLEAN
    assert b"bounce" in call(state, "complaint", "list").stdout


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (OURS, "Our own logs confirm"),
        (complaint(7300, name="4BFFFFF", source="192.0.2.66"), "written by the sender, to put the blame on us"),
        (complaint(7300, source="192.0.2.66"), "did not come from our network"),
        (
            complaint(7300, source="198.51.100.9", message_id="<z@z.test>", to="q@q.test"),
            "The address it names is ours",
        ),
    ],
)
def test_a_draft_of_an_answer_names_no_culprit(log: Path, state: str, report: bytes, words: str) -> None:
    [one] = objects(call(state, "complaint", "add", "-", "--json", "--logs", log, *OPTIONS, stdin=report).stdout)
    text = call(state, "complaint", "answer", one["id"]).stdout.decode()
    assert text.startswith("To: fbl@isp.test\nSubject: Your report: ")
    assert words in text
    assert "alice" not in text


def test_a_draft_has_no_lines_of_a_stranger(state: str) -> None:
    report = complaint(0, message_id="<x@y>").replace(
        b"From: fbl@isp.test", b'From: a\r\n Bcc: everybody@isp.test <"x\n y">'
    )
    [one] = objects(call(state, "complaint", "add", "-", "--json", stdin=report).stdout)
    text = call(state, "complaint", "answer", one["id"]).stdout.decode()
    assert not [line for line in text.splitlines() if line.lower().startswith("bcc:")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "/no/such.eml"), "no such file: /no/such.eml"),
        (("add", "-", "--logs", "/no/such.log"), "no such log: /no/such.log"),
        (("show", "ffff"), "no complaint has the id ffff"),
        (("answer", "ffff"), "no complaint has the id ffff"),
    ],
)
def test_a_mistake_is_one_sentence(state: str, arguments: tuple[str, ...], words: str) -> None:
    done = call(state, "complaint", *arguments)
    assert done.returncode == UNKNOWN
    assert done.stderr.decode().startswith("whosent: ")
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_missing_and_an_unreadable_report_do_not_stop_the_others(tmp_path: Path, state: str) -> None:
    good = tmp_path / "good.eml"
    good.write_bytes(complaint(0))
    (tmp_path / "empty.eml").write_bytes(b"")
    broken = tmp_path / "broken.eml.gz"
    broken.write_bytes(b"\x1f\x8b\x08\x00" + b"broken" * 9)
    done = call(state, "complaint", "add", good, tmp_path / "empty.eml", broken, "/no/such", "--json", "--no-keep")
    assert len(objects(done.stdout)) == 1
    assert b"/no/such: no such file" in done.stderr
    assert b"broken.eml.gz: the archive breaks off" in done.stderr


def test_nothing_to_read_is_said(state: str) -> None:
    done = call(state, "complaint", "add", "-", stdin=b"")
    assert done.returncode == UNKNOWN
    assert b"No report" in done.stdout
