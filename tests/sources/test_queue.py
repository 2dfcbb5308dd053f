"""Queue folders: found, read while they change, and everything that is no message counted with its reason."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.queues.kit import SAMPLES
from whosent.queues import Unread
from whosent.sources import queue
from whosent.sources.queue import Reading, attempts, read
from whosent.sources.spools import Spool, spools

MX = SAMPLES / "mx"
FILE = MX / "deferred" / "B" / "4jbVnl5ZPTz5D"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the MX's queue; git keeps no empty folders."""
    copy = tmp_path / "mx"
    shutil.copytree(MX, copy)
    for folder in ("incoming", "active", "maildrop", "corrupt"):
        (copy / folder).mkdir(exist_ok=True)
    return copy


def spool(place: Path) -> Spool:
    (found,), missing = spools([str(place)])
    assert not missing
    return found


def add(path: Path, raw: bytes | None = None, mode: int = 0o700) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(FILE.read_bytes() if raw is None else raw)
    path.chmod(mode)
    return path


def test_everything_is_read_once(place: Path) -> None:
    found = read(spool(place))
    assert found.folders == {"deferred": 7, "hold": 1}
    assert not found.unread
    assert not found.closed
    assert sum(heap.messages for heap in found.piles.heaps.values()) == 8


def test_kinds_are_told_by_what_is_inside(tmp_path: Path) -> None:
    assert spool(MX).mta == "postfix"
    assert spool(SAMPLES / "exim").mta == "exim"
    assert spool(SAMPLES / "exim" / "input" / "X").mta == "exim"
    assert read(spool(SAMPLES / "exim" / "input" / "X")).folders == {"input": 1, "frozen": 1}
    assert read(spool(MX / "deferred")).folders == {"deferred": 7}
    (tmp_path / "nothing").mkdir()
    assert spools([str(tmp_path / "nothing"), str(tmp_path / "gone"), str(FILE)])[1] == [
        str(tmp_path / "nothing"), str(tmp_path / "gone"), str(FILE),
    ]  # fmt: skip


def test_a_queue_named_twice_is_one(place: Path) -> None:
    (place.parent / "link").symlink_to(place)
    found, _ = spools([str(place), f"{place}/", str(place.parent / "link")])
    assert len(found) == 1


@pytest.mark.parametrize("kept", [MX, MX / "deferred", SAMPLES / "exim", SAMPLES / "sendmail-mx" / "mqueue"])
def test_a_queue_behind_a_link_is_read_as_it_is(kept: Path, tmp_path: Path) -> None:
    link = tmp_path / kept.name
    link.symlink_to(kept)
    assert read(spool(link)).folders == read(spool(kept)).folders
    assert read(spool(link)).folders.total()


def test_default_places(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.sources.spools.PLACES", (f"{place.parent}/m*", "/nowhere/spool"))
    found, missing = spools([])
    assert ([one.path for one in found], missing) == ([str(place)], [])
    assert found[0].here
    assert not Spool("/elsewhere/mx", "postfix").here


def test_seen_in_two_folders_it_counts_once(place: Path) -> None:
    add(place / "active" / FILE.name)
    add(place / "hold" / FILE.name)
    found = read(spool(place))
    assert found.folders == {"active": 1, "deferred": 6, "hold": 1}


def test_what_moves_while_it_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From deferred to active behind our back, out of the queue, and into it."""
    real = os.open

    def moving(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if str(path).endswith("/hold") and (place / "hold" / "4jbVnq6P0Kz5y").exists():
            (place / "hold" / "4jbVnq6P0Kz5y").unlink()
            (place / "deferred/8/4jbVnn3mTpz5Y").rename(place / "active" / "4jbVnn3mTpz5Y")
            add(place / "incoming" / "4jNEWNEWNEW")
        if path == "4jbVnq40Wjz5r" and dir_fd is not None:
            (place / "deferred/8/4jbVnq40Wjz5r").unlink(missing_ok=True)
        if path == "4jbVnl5ZPTz5D" and (place / "deferred/B/4jbVnl5ZPTz5D").exists():
            (place / "deferred/B/4jbVnl5ZPTz5D").rename(place / "active" / "4jbVnl5ZPTz5D")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", moving)
    found = read(spool(place))
    assert found.unread == {Unread.VANISHED: 1}  # 4jbVnq40Wjz5r; the held one was gone before it was listed
    assert found.folders == {"incoming": 1, "deferred": 5, "active": 1}


def test_what_is_no_message_is_counted_with_its_reason(place: Path) -> None:
    incoming = place / "incoming"
    add(incoming / "4jHALFHALF", FILE.read_bytes()[:300], 0o600)
    add(incoming / "123456.7890", b"")
    add(incoming / "4jEMPTYEMPTY", b"")
    add(incoming / "4jGARBAGE", b"\0" * 5000)
    add(incoming / "odd name", b"")
    (incoming / "4jSYMLINK").symlink_to(FILE)
    (incoming / "4jSYMFOLDER").symlink_to(MX)
    os.mkfifo(incoming / "4jFIFOFIFO")
    (incoming / "4jFOLDERFOLDER").mkdir()
    add(place / "corrupt" / "4jCORRUPT")
    (place / "deferred" / "Z").symlink_to(place / "deferred")
    found = read(spool(place))
    assert found.folders == {"deferred": 7, "hold": 1}
    assert found.unread == {
        Unread.UNFINISHED: 2, Unread.EMPTY: 1, Unread.DAMAGED: 2, Unread.NO_FILE: 4, Unread.CORRUPT: 1,
    }  # fmt: skip
    assert found.examples == [(f"{incoming}/4jGARBAGE", "has an unknown record at byte 0")]


def test_the_same_in_parts(place: Path) -> None:
    add(place / "incoming" / "4jGARBAGE", b"\0" * 50)
    whole, parts = read(spool(place)), [read(spool(place), part, 3) for part in range(3)]
    for part in parts[1:]:
        parts[0].merge(part)
    assert parts[0].folders == whole.folders
    assert parts[0].unread == whole.unread
    assert parts[0].examples == whole.examples
    assert parts[0].bytes == whole.bytes
    counts = [{key: heap.messages for key, heap in one.piles.heaps.items()} for one in (whole, parts[0])]
    assert counts[0] == counts[1]


def test_folders_that_may_not_be_read(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    closed = [folder for folder in place.parents if not folder.stat().st_mode & 0o001]
    for folder in (*place.iterdir(), place, *closed):
        folder.chmod(0o755)
    (place / "deferred").chmod(0o700)
    (place / "hold" / "4jbVnq6P0Kz5y").chmod(0o600)
    os.seteuid(65534)
    try:
        found = read(Spool(str(place), "postfix"))
    finally:
        os.seteuid(0)
    assert found.closed == {str(place / "deferred")}
    assert found.unread == {Unread.FORBIDDEN: 1}
    assert not found.folders


def test_a_long_text_is_read_up_to_a_bound(place: Path) -> None:
    head = FILE.read_bytes()
    text = head.index(b"N\x06Hello.")
    line = b"N\x7e" + b"x" * 126
    start = head[:text].replace(b" 268 ", b" 268 ")
    add(place / "active" / "4jLONGLONG", start + line * 90_000 + head[text:])
    found = read(spool(place))
    assert found.unread == {Unread.DAMAGED: 1} or found.folders["active"] == 1


def test_progress_is_told(place: Path) -> None:
    told: list[int] = []
    read(spool(place), progress=told.append)
    assert sum(told) == 8


def test_why_they_wait() -> None:
    assert len(list(attempts(spool(MX), FILE.name, "B/"))) == 2
    assert len(list(attempts(spool(MX / "deferred"), FILE.name, "B/"))) == 2
    assert list(attempts(spool(MX), FILE.name, "C/")) == []
    assert len(list(attempts(spool(SAMPLES / "exim"), "1xWtwX-00003U-01", "X/"))) == 2


def test_notes_that_are_no_file(tmp_path: Path) -> None:
    (tmp_path / "active").mkdir()
    (tmp_path / "defer").mkdir()
    os.mkfifo(tmp_path / "defer" / "ABCDEF")
    (tmp_path / "defer" / "ABCDEG").mkdir()
    assert list(attempts(spool(tmp_path), "ABCDEF", "")) == []
    assert list(attempts(spool(tmp_path), "ABCDEG", "")) == []


def test_exims_other_files_and_half_messages(tmp_path: Path) -> None:
    copy = tmp_path / "exim"
    shutil.copytree(SAMPLES / "exim", copy)
    inner = copy / "input" / "X"
    (inner / "1xWtwX-00003U-01-D").unlink()  # removed, or not there yet
    (inner / "1xWtwX-00003U-01-J").write_text("x@bigmail.test\n")
    (inner / "hdr.1234").write_text("")
    (inner / "1xWtwX-00009U-01-H").write_bytes(b"1xWtwX-00009U-01-H\n")
    (inner / "1xWtwX-00008U-01-H").write_bytes(b"")
    (inner / "1xWtwX-00007U-01-H").symlink_to(inner / "1xWtwX-00003a-2t-H")
    (inner / "1xWtwX-00006U-01-H").mkdir()
    found = read(spool(copy))
    assert found.folders == {"input": 4, "frozen": 1}
    assert found.unread == {Unread.VANISHED: 1, Unread.DAMAGED: 1, Unread.EMPTY: 1, Unread.NO_FILE: 2}


def test_size_is_about_the_number_of_messages(place: Path) -> None:
    assert queue.size(spool(place)) == 8
    assert queue.size(Spool(str(place / "nowhere"), "postfix")) == 0
    assert Reading().folders.total() == 0


def test_sendmails_queue_groups_and_other_files(tmp_path: Path) -> None:
    """Two folders below the queue, one with folders of its own; texts beside the control file or apart."""
    mx = SAMPLES / "sendmail-mx" / "mqueue"
    assert spool(mx).mta == spool(mx / "second").mta == spool(mx / "q1" / "qf").mta == "sendmail"
    copy = tmp_path / "elsewhere"  # known by what lies in it
    shutil.copytree(mx, copy)
    assert spool(copy).mta == "sendmail"
    whole = read(spool(copy))
    assert whole.folders == {"queue": 4, "quarantined": 1}
    texts = sum(path.stat().st_size for path in copy.rglob("df*") if path.is_file())
    controls = sum(path.stat().st_size for path in copy.rglob("[qh]f*") if path.is_file())
    assert sum(heap.size for heap in whole.piles.heaps.values()) == controls + texts
    assert len(list(attempts(spool(copy), "6AREBhcb000202", "q1/qf/"))) == 1
    assert len(list(attempts(spool(copy), "6AREBhEG000199", "q1/qf/"))) == 1
    inner = copy / "second"
    (inner / "df6AREBhFM000195").unlink()
    (inner / "tf6AREBhFM000300").write_text("V8\n")
    (inner / "xf6AREBhFM000300").write_text("transcript\n")
    (inner / "Qf6AREBhFM000301").write_text("lost\n")
    (inner / "qf6AREBhFM000302").write_bytes(b"")
    (inner / "qf6AREBhFM000303").write_bytes(b"V8\nT1\n")
    (inner / "qf6AREBhFM000304").symlink_to(inner / "qf6AREBhFM000195")
    os.mkfifo(inner / "qf6AREBhFM000305")
    found = read(spool(copy))
    assert found.folders == {"queue": 4, "quarantined": 1}
    assert found.unread == {Unread.CORRUPT: 1, Unread.EMPTY: 1, Unread.DAMAGED: 1, Unread.NO_FILE: 2}
    (tmp_path / "mqueue").mkdir()
    assert spool(tmp_path / "mqueue").mta == "sendmail"
