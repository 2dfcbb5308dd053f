"""Reports as they come: attached to mail, in every wrapping a receiver uses; bombs and broken ones are only counted."""

from __future__ import annotations

import gzip
import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tables.test_files import report, zipped
from tests.tables.test_stories import scanned
from whosent import answer, walk
from whosent.complaints import enclosed
from whosent.complaints.mail import parse
from whosent.model.report import Report

XML = report("receiver.example")
WRAPPED = {
    "gzip": (gzip.compress(XML), "application/gzip"),
    "zip": (zipped({"receiver.example!corp.example.xml": XML}), "application/zip"),
    "plain": (XML, "text/xml"),
    "octets": (gzip.compress(XML), "application/octet-stream"),
}


def mail(content: bytes, kind: str = "application/gzip", subject: str = "Report Domain: corp.example") -> bytes:
    said = EmailMessage()
    said["From"], said["To"], said["Subject"] = "noreply@receiver.example", "rua@corp.example", subject
    said["Date"] = "Fri, 27 Nov 2026 03:00:00 +0000"
    said.set_content("This is an aggregate report.")
    main, _, sub = kind.partition("/")
    said.add_attachment(content, maintype=main, subtype=sub, filename="report")
    return said.as_bytes()


def told(done: walk.Pass) -> Report:
    return answer.report(done, answer.read_back(done), [])


@pytest.mark.parametrize("wrapping", list(WRAPPED))
def test_an_attached_report_says_what_the_file_says(tmp_path: Path, wrapping: str) -> None:
    done = scanned(tmp_path, {"report.eml": mail(*WRAPPED[wrapping])})
    alone = told(scanned(tmp_path / "file", {"report.xml": XML}))
    said = told(done)
    (notice,), (same,) = said.notices, alone.notices
    assert notice.sentence == same.sentence
    assert notice.strength == same.strength
    assert notice.witnesses == same.witnesses == ["DMARC reports of receiver.example"]
    assert [one.level for one in notice.evidence] == ["claimed"]
    assert notice.evidence[0].line == 1
    assert (said.coverage.understood, said.coverage.not_understood, said.coverage.other_programs) == (
        said.coverage.lines, 0, 0,
    )  # fmt: skip


def test_an_mbox_and_a_maildir(tmp_path: Path) -> None:
    reports = [report(f"r{number}.example") for number in range(3)]
    mbox = mailbox.mbox(tmp_path / "reports.mbox")
    maildir = mailbox.Maildir(tmp_path / "Maildir")
    for one in (*reports, reports[0]):  # the first came twice: to both addresses of rua
        mbox.add(mail(gzip.compress(one)))
        maildir.add(mail(zipped({"a.xml": one}), "application/zip"))
    mbox.close()
    kept = {path.name: path.read_bytes() for path in (tmp_path / "Maildir" / "new").iterdir()}
    for files in ({"reports.mbox": (tmp_path / "reports.mbox").read_bytes()}, kept):
        (finding,) = scanned(tmp_path / str(len(files)), files).findings
        assert (finding.measure, finding.facts["reporters"]) == (120, 3)


def test_bombs_and_broken_ones_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosed, "_MOST", 1 << 20)
    swollen = XML + b" " * (8 << 20)
    locked = bytearray(zipped({"a.xml": XML}))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    bad = {
        "gz.eml": mail(gzip.compress(swollen)),
        "zip.eml": mail(zipped({"a.xml": swollen}), "application/zip"),
        "locked.eml": mail(bytes(locked), "application/zip"),
        "cut.eml": mail(gzip.compress(XML)[:-30]),
        "junk.eml": mail(b"\x1f\x8bjunk"),
        "good.eml": mail(gzip.compress(XML)),
        "letter.eml": mail(b"hello", "text/csv"),
    }
    said = told(scanned(tmp_path, bad))
    (notice,) = said.notices
    assert notice.measure == 40 or notice.facts["reporters"] == 1
    lines = {name: text.count(b"\n") for name, text in bad.items()}
    assert said.coverage.not_understood == sum(lines.values()) - lines["good.eml"] - lines["letter.eml"]
    assert said.coverage.other_programs == lines["letter.eml"]
    shapes = " ".join(one.shape for one in said.coverage.unrecognised)
    for word in ("unpacks to more than any report", "breaks off", "is broken"):
        assert word in shapes


def test_what_is_read_of_a_message_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosed, "_MEMBERS", 2)
    many = zipped({"folder/": b"", **{f"{number}.xml": report(f"r{number}.example") for number in range(9)}})
    assert len(list(enclosed.tables(parse(mail(many, "application/zip"))))) == 1
    assert not list(enclosed.tables(parse(mail(b"<html><body>no report</body></html>", "text/html"))))
    assert not list(enclosed.tables(parse(mail(b"<a><b/></a>", "text/xml"))))


@given(st.sampled_from(sorted(WRAPPED)), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=8))
@settings(deadline=None)
def test_no_damage_is_an_exception(wrapping: str, changes: list[tuple[int, int]]) -> None:
    content, kind = WRAPPED[wrapping]
    damaged = bytearray(content)
    for at, byte in changes:
        damaged[at % len(damaged)] = byte
    for one in enclosed.tables(parse(mail(bytes(damaged), kind))):
        assert len(one.text) <= 16 << 20
