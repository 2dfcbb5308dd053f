from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.report import reports
from tests.report.harden import poison
from whosent.model.report import Report
from whosent.store.evidence_folder import FolderTaken, write

RAW = {
    (evidence.source, evidence.offset): evidence.excerpt.encode()
    for incident in reports.guilty().incidents
    for finding in incident.findings
    for evidence in finding.evidence
}


def accepted(folder: Path) -> str:
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return checked.stdout


def test_sha256sum_accepts_every_file_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "case"
    assert write(reports.guilty(), folder, RAW, "<!doctype html>") == folder / "SHA256SUMS"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    told = accepted(folder)
    assert {line.rpartition(": ")[0] for line in told.splitlines()} | {"SHA256SUMS"} == files
    assert msgspec.json.decode((folder / "report.json").read_bytes(), type=Report) == reports.guilty()
    assert (folder / "report.html").read_text() == "<!doctype html>"
    assert "alice@example.org" in (folder / "README.txt").read_text()


def test_lines_are_quoted_byte_for_byte_and_found_again_by_their_digest(tmp_path: Path) -> None:
    raw = dict.fromkeys(RAW, b"\xff\x00\x1b[31m not UTF-8")
    write(reports.guilty(), tmp_path / "case", raw)
    lines = (tmp_path / "case/incident-1-3f9a1c20b7de/lines.log").read_bytes()
    assert lines == b"\xff\x00\x1b[31m not UTF-8\n" * 4
    index = (tmp_path / "case/incident-1-3f9a1c20b7de/index.txt").read_text().splitlines()[1:]
    assert [line.split("\t")[1] for line in index] == ["changed"] * 4


def test_the_index_tells_originals_from_excerpts(tmp_path: Path) -> None:
    known = dict(list(RAW.items())[:1])
    write(reports.guilty(), tmp_path / "case", known)
    index = (tmp_path / "case/incident-1-3f9a1c20b7de/index.txt").read_text().splitlines()[1:]
    states = {line.split("\t")[1] for line in index}
    assert states == {"original", "excerpt"}
    first = index[0].split("\t")
    line = (tmp_path / "case/incident-1-3f9a1c20b7de/lines.log").read_bytes().splitlines()[0]
    assert hashlib.sha256(line).hexdigest() == first[2]


def test_hostile_names_become_neither_paths_nor_lines_of_the_manifest(tmp_path: Path) -> None:
    hostile = poison(reports.guilty(), "../../x\nevil  /etc/passwd\\", also=frozenset({"id", "kind_"}))
    write(hostile, tmp_path / "case", {})
    accepted(tmp_path / "case")
    assert [path.name for path in tmp_path.iterdir()] == ["case"]
    names = {path.name for path in (tmp_path / "case").iterdir()}
    assert all(name.replace("-", "").replace(".", "").isalnum() for name in names)


def test_a_folder_of_ours_is_replaced_whole(tmp_path: Path) -> None:
    write(reports.guilty(), tmp_path / "case", RAW)
    write(reports.clean(), tmp_path / "case", {})
    assert not list((tmp_path / "case").glob("incident-*"))
    accepted(tmp_path / "case")
    assert [path.name for path in tmp_path.iterdir()] == ["case"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    write(reports.clean(), tmp_path, {})
    accepted(tmp_path)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderTaken, match="name a new or an empty folder"):
        write(reports.guilty(), tmp_path, RAW)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_of_ours_into_which_somebody_put_a_file_is_left_alone(tmp_path: Path) -> None:
    write(reports.guilty(), tmp_path / "case", RAW)
    (tmp_path / "case" / "notes.txt").write_text("what the lawyer said")
    with pytest.raises(FolderTaken):
        write(reports.guilty(), tmp_path / "case", RAW)
    assert (tmp_path / "case" / "notes.txt").exists()


def test_a_file_or_a_link_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(FolderTaken, match="name a new one"):
            write(reports.guilty(), tmp_path / name, RAW)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(reports.guilty(), tmp_path / "case", RAW)
    assert list(tmp_path.iterdir()) == []


def test_the_report_is_plain_json(tmp_path: Path) -> None:
    write(poison(reports.guilty(), reports.HOSTILE), tmp_path / "case", {})
    whole = json.loads((tmp_path / "case/report.json").read_text())
    assert whole["incidents"][0]["suspect"]["name"] == reports.HOSTILE
    assert "\x1b" not in (tmp_path / "case/README.txt").read_text()
