"""A case folder: whole or not at all; every altered, missing, added or reordered byte is found."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whosent.case import custody
from whosent.model.mistake import Mistake
from whosent.report.evidence import MANIFEST
from whosent.store.case_folder import Hand, attach, make, verify
from whosent.store.folders import FolderTaken

HAND = Hand(by="anna on mx", at="2026-11-17T12:00:00Z")
FILES = {"README.txt": b"what it is\n", "exhibits.log": b"\xff\x00 line\nanother\n", "sheets/a.csv": b"a,b\r\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    case = tmp_path / "case"
    make(case, FILES, HAND)
    (tmp_path / "letter.pdf").write_bytes(b"%PDF what the provider answered")
    attach(case, [tmp_path / "letter.pdf"], "their answer", HAND)
    return case


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_an_untouched_folder_is_intact_and_sha256sum_agrees(folder: Path) -> None:
    found = verify(folder)
    assert (found.intact, found.problems, found.files) == (True, [], 6)
    assert [(link.number, link.by, link.what) for link in found.links] == [
        (1, "anna on mx", "the case was made"), (2, "anna on mx", "their answer"),
    ]  # fmt: skip
    assert verify(folder, found.head).intact
    assert verify(folder, found.links[0].digest.upper()).intact
    checked = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, check=False)
    assert checked.returncode == 0
    assert (folder / "additions/0002-01-letter.pdf").read_bytes().startswith(b"%PDF")
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_every_byte_counts(folder: Path) -> None:
    for path in files(folder):
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert not verify(folder).intact, f"{path.name} at {place}"
        for wrong in (whole[:-1], whole + b"\n", b""):
            path.write_bytes(wrong)
            assert not verify(folder).intact, path.name
        path.write_bytes(whole)
    assert verify(folder).intact


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_other_byte_anywhere(folder: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(files(folder)))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    path.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
    assert not verify(folder).intact
    path.write_bytes(whole)


def test_what_is_missing_added_renamed_or_swapped_is_named(folder: Path) -> None:
    for path in files(folder):
        kept = path.read_bytes()
        path.unlink()
        assert any(path.name in one for one in verify(folder).problems), path.name
        path.write_bytes(kept)
    (folder / "sheets/b.csv").write_bytes(b"")
    assert "sheets/b.csv was not there" in verify(folder).problems[0]
    (folder / "sheets/b.csv").unlink()
    (folder / "README.txt").rename(folder / "READ.txt")
    assert len(verify(folder).problems) == 2
    (folder / "READ.txt").rename(folder / "README.txt")
    first, second = (folder / "README.txt").read_bytes(), (folder / "exhibits.log").read_bytes()
    (folder / "README.txt").write_bytes(second)
    (folder / "exhibits.log").write_bytes(first)
    assert len(verify(folder).problems) == 2


def test_links_and_empty_folders_are_no_part_of_a_case(folder: Path) -> None:
    (folder / "more").mkdir()
    assert "more is an empty folder" in verify(folder).problems[0]
    (folder / "more").rmdir()
    (folder / "out").symlink_to("/etc")
    assert "out is no plain file" in verify(folder).problems[0]
    (folder / "out").unlink()
    kept = (folder / "README.txt").read_bytes()
    (folder.parent / "elsewhere").write_bytes(kept)
    (folder / "README.txt").unlink()
    (folder / "README.txt").symlink_to(folder.parent / "elsewhere")
    assert not verify(folder).intact


def test_a_chain_in_another_order_or_cut_short_is_found(folder: Path) -> None:
    chain = folder / custody.NAME
    lines = chain.read_bytes().splitlines(keepends=True)
    head = verify(folder).head
    chain.write_bytes(lines[1] + lines[0])
    assert "does not follow the line before it" in verify(folder).problems[0]
    # Somebody who can write the folder cuts its last addition out, tidily: only a head kept elsewhere tells.
    first = custody.read(lines[0])
    chain.write_bytes(lines[0])
    (folder / MANIFEST).write_bytes(custody.sums(first, lines[0]))
    shutil.rmtree(folder / "additions")
    assert verify(folder).intact
    assert "made anew, or cut short" in verify(folder, head).problems[0]


def test_a_link_that_names_a_file_again_or_outside_is_refused() -> None:
    empty = custody.Chain(links=[], problems=[])
    for name in ("../../etc/passwd", "/etc/passwd", custody.NAME, "a b"):
        link = custody.link(empty, at="", by="", what="", files={name: "0" * 64})
        assert "names files" in custody.read(custody.written([link])).problems[0]
    first = custody.link(empty, at="", by="", what="", files={"a": "0" * 64})
    chain = custody.Chain(links=[first], problems=[])
    again = custody.link(chain, at="", by="", what="", files={"a": "1" * 64})
    assert "names files" in custody.read(custody.written([first, again])).problems[0]


@pytest.mark.parametrize("text", [b"", b"{}\n", b"[1,\n", b"\xff\n", b'{"number": 1}\n', b"no line end"])
def test_what_is_no_chain_is_a_problem_and_no_error(folder: Path, text: bytes) -> None:
    (folder / custody.NAME).write_bytes(text)
    assert not verify(folder).intact


def test_a_broken_folder_is_not_added_to(folder: Path) -> None:
    (folder / "README.txt").write_bytes(b"changed")
    with pytest.raises(Mistake, match="not intact"):
        attach(folder, [folder.parent / "letter.pdf"], "again", HAND)


def test_an_addition_that_fails_leaves_the_folder_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in files(folder)}
    with pytest.raises(Mistake, match="cannot be copied"):
        attach(folder, [folder.parent / "letter.pdf", folder.parent / "nothing"], "again", HAND)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises((OSError, Mistake)):
        attach(folder, [folder.parent / "letter.pdf"], "again", HAND)
    assert {path: path.read_bytes() for path in files(folder)} == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_two_who_add_at_once_come_one_after_the_other(folder: Path) -> None:
    letter = folder.parent / "letter.pdf"

    def add(number: int) -> None:
        attach(folder, [letter], f"addition {number}", HAND)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(6)))
    found = verify(folder)
    assert found.intact, found.problems
    assert {link.what for link in found.links[2:]} == {f"addition {number}" for number in range(6)}


def test_names_of_strangers_become_plain_names(folder: Path) -> None:
    odd = folder.parent / "..\x1b[31m\u202eevil\n--rf.eml"
    odd.write_bytes(b"x")
    (name,) = attach(folder, [odd], "odd", HAND).files
    assert name == "additions/0003-01-31m_evil_--rf.eml"
    assert verify(folder).intact


def test_nothing_is_ever_replaced(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderTaken, match="holds a case already"):
        make(folder, FILES, HAND)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderTaken, match="holds other files"):
        make(tmp_path / "other", FILES, HAND)
    with pytest.raises(Mistake, match="no case folder"):
        verify(tmp_path / "other")
    with pytest.raises(Mistake, match="cannot be opened"):
        attach(tmp_path / "nowhere", [], "x", HAND)


def test_a_case_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        make(tmp_path / "case", FILES, HAND)
    assert list(tmp_path.iterdir()) == []
