"""Whatever a file holds: every line at its place, nothing hangs, memory stays bounded, and a sentence where it ends."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.memory import PEAK
from whosent.sources import files
from whosent.sources.arguments import expand
from whosent.sources.compression import compression_of
from whosent.sources.files import LINE_LIMIT, Line, Source, at_path, standard_input

LINE = st.one_of(st.binary(max_size=12), st.binary(max_size=3).map(lambda some: some * 40))
MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7z", b"\x28\xb5")
TEXT = (
    st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r\n"])), max_size=60)
    .map(lambda lines: b"".join(line + end for line, end in lines))
    .filter(lambda text: not text.startswith(MAGIC))
)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "gz": lambda text: gzip.compress(text, 1),
    "xz": lambda text: lzma.compress(text, preset=0),
    "zst": zstandard.ZstdCompressor().compress,
}
LOG = b"".join(b"Nov 12 14:03:07 mx postfix/qmgr[7]: ABC%05d: removed\n" % number for number in range(30_000))
LINES_ON = 100 * LOG.index(b"\n") + 100


def written(folder: Path, text: bytes, name: str = "mail.log") -> Source:
    path = folder / name
    path.write_bytes(text)
    return Source(str(path), path)


def text_of(source: Source) -> bytes:
    return b"".join(chunk for _, chunk, _ in source.chunks())


def naive(text: bytes) -> dict[int, Line]:
    """Every line by its offset, the slow way."""
    lines, offset = {}, 0
    for number, line in enumerate(split(text), 1):
        body = line.removesuffix(b"\n")
        lines[offset] = Line(number, body.removesuffix(b"\r") if len(body) < min(files.LINE_LIMIT, len(line)) else body)
        offset += len(line)
    return lines


def split(text: bytes) -> Iterator[bytes]:
    *whole, last = text.split(b"\n")
    yield from (line + b"\n" for line in whole)
    if last:
        yield last


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 64 bytes and lines of at most 101, so that short texts have every boundary."""
    shrink(monkeypatch)


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 64)
    monkeypatch.setattr(files, "LINE_LIMIT", 101)
    monkeypatch.setattr("whosent.sources.compression._PIECE", 64)


@pytest.mark.parametrize("kind", PACK)
@settings(deadline=None, max_examples=60)
@given(text=TEXT, ended=st.booleans())
def test_every_line_is_quoted_as_it_stands(kind: str, text: bytes, *, ended: bool) -> None:
    text = text if ended else text.removesuffix(b"\n")
    assume(kind != "plain" or compression_of(text) is None)  # these would be the first bytes of an archive
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        shrink(monkeypatch)
        source = written(Path(folder), PACK[kind](text))
        chunks = list(source.chunks())
        expected = naive(text)
        assert (source.size, source.lines, source.problem) == (len(text), len(expected), None)
        assert all(text[offset : offset + 8].startswith(chunk[:8][: len(text) - offset]) for offset, chunk, _ in chunks)
        found = source.quote(expected)
        assert found == {offset: Line(line.number, line.raw[:101]) for offset, line in expected.items()}
        some = sorted(expected)[1::3]
        assert source.quote(some) == {offset: found[offset] for offset in some}


@settings(deadline=None, max_examples=40)
@given(lengths=st.lists(st.integers(0, 400), min_size=1, max_size=30), size=st.integers(1, 300))
def test_overlong_lines_are_cut_at_one_place_however_the_file_is_read(lengths: list[int], size: int) -> None:
    text = b"".join(bytes([97 + number % 26]) * length + b"\n" for number, length in enumerate(lengths))
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink(monkeypatch)
        read = b"".join(chunk.lines for chunk in files._whole_lines(blocks, files.LINE_LIMIT))  # noqa: SLF001  # the rule itself
    assert read == b"".join(line[:101] + b"\n" for line in text.split(b"\n")[:-1])


@pytest.mark.usefixtures("small_chunks")
def test_offsets_behind_an_overlong_line_are_right(tmp_path: Path) -> None:
    text = b"first\n" + b"x" * 1000 + b"\nthird\n" + b"y" * 150 + b"\nfifth"
    source = written(tmp_path, text)
    starts = [offset for offset, _, _ in source.chunks()]
    assert starts == [0, 6, 1007, 1013, 1164]
    assert source.quote([1007, 1164]) == {1007: Line(3, b"third"), 1164: Line(5, b"fifth")}
    assert source.quote([6])[6] == Line(2, b"x" * 101)
    assert (source.size, source.lines) == (len(text), 5)


def test_the_digest_is_that_of_the_bytes_without_line_end(tmp_path: Path) -> None:
    source = written(tmp_path, b"one\r\ntwo\n")
    text_of(source)
    assert source.quote([0])[0].digest == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize(
    ("text", "lines"),
    [(b"", 0), (b"\n", 1), (b"no end", 1), (b"a\r\nb\r\n", 2), (b"\0\0\0\n\0", 2), (b"\xff\xfe\n", 1)],
)
def test_odd_texts(tmp_path: Path, text: bytes, lines: int) -> None:
    source = written(tmp_path, text)
    assert text_of(source) == text
    assert (source.lines, source.size, source.problem) == (lines, len(text), None)


def test_head_is_whole_lines(tmp_path: Path) -> None:
    assert written(tmp_path, b"").head() == b""
    assert written(tmp_path, b"half a li").head() == b"half a li\n"
    assert written(tmp_path, b"one\ntw").head() == b"one\n"
    head = written(tmp_path, gzip.compress(LOG)).head()
    assert LOG.startswith(head)
    assert files.HEAD - 100 < len(head) <= files.HEAD


def test_an_archive_that_breaks_off_is_used_up_to_there(tmp_path: Path) -> None:
    for name, pack in PACK.items():
        if name == "plain":
            continue
        packed = pack(LOG)
        source = written(tmp_path, packed[: len(packed) * 2 // 3], f"mail.log.{name}")
        assert source.head()
        text = text_of(source)
        assert LOG.startswith(text)
        assert len(text) > len(LOG) // 3
        assert source.problem == (
            f"the archive breaks off or is damaged after {len(text):,} bytes of text; what came before was used"
        )
        line = naive(text)[LINES_ON]
        assert source.quote([LINES_ON]) == {LINES_ON: line}


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    source = written(tmp_path, b"\x1f\x8bnothing of the kind")
    assert source.head() == b""
    assert text_of(source) == b""
    assert source.problem is not None
    assert "damaged after 0 bytes" in source.problem


def test_a_missing_file_a_folder_and_a_device_are_told(tmp_path: Path) -> None:
    for path, problem in (
        (tmp_path / "gone", "could not be read: No such file or directory"),
        (tmp_path, "could not be read: Is a directory"),
        (Path("/dev/zero"), "is no file or pipe: not read"),
        (Path("/dev/null"), "is no file or pipe: not read"),
    ):
        source = at_path(path)
        assert source.head() == b""
        assert text_of(source) == b""
        assert source.quote([0]) == {}
        assert source.problem == problem
        assert source.written.tzinfo is UTC
        assert source.stored_size >= 0


def test_a_file_nobody_may_read_is_told() -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from whosent.sources.files import Source\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "source = Source(sys.argv[1], Path(sys.argv[1]))\n"
        "print(source.head(), list(source.chunks()), source.problem)\n"
    )
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, "mail.log")
        path.write_bytes(LOG)
        path.chmod(0)
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "b'' [] could not be read: Permission denied\n"


def test_a_replaced_file_is_not_quoted(tmp_path: Path) -> None:
    source = written(tmp_path, LOG)
    text_of(source)
    (tmp_path / "mail.log").rename(tmp_path / "mail.log.1")
    (tmp_path / "mail.log").write_bytes(b"other\n" * 100_000)
    assert source.quote([53]) == {}
    assert source.problem == "was replaced while it was being read: its lines cannot be quoted"


def test_a_file_cut_short_is_not_quoted(tmp_path: Path) -> None:
    source = written(tmp_path, LOG)
    text_of(source)
    (tmp_path / "mail.log").write_bytes(b"copytruncate\n")
    assert source.quote([53]) == {}
    assert source.problem == "became shorter while it was being read: its lines cannot be quoted"


def test_a_file_that_grew_is_quoted(tmp_path: Path) -> None:
    source = written(tmp_path, b"one\ntwo")
    text_of(source)
    with (tmp_path / "mail.log").open("ab") as file:
        file.write(b" and more\nthree\n")
    assert source.quote([0, 4, 17]) == {0: Line(1, b"one"), 4: Line(2, b"two")}


def test_marks_carry_what_another_process_found(tmp_path: Path) -> None:
    here, there = written(tmp_path, LOG), Source("mail.log", tmp_path / "mail.log")
    text_of(there)
    here.adopt(there.marks)
    assert (here.size, here.lines) == (len(LOG), 30_000)
    assert here.quote([LINES_ON]) == {LINES_ON: naive(LOG)[LINES_ON]}


@pytest.mark.usefixtures("small_chunks")
def test_a_line_is_found_wherever_it_stands(tmp_path: Path) -> None:
    text = b"".join(b"line %d of some length\n" % number for number in range(50))
    source = written(tmp_path, text)
    assert all(source.holds(line) for line in text.splitlines())
    assert not source.holds(b"line 50 of some length")


def test_same_text(tmp_path: Path) -> None:
    whole = written(tmp_path, LOG, "whole")
    packed = written(tmp_path, lzma.compress(LOG, preset=0), "packed.xz")
    half = written(tmp_path, LOG[:700_000], "half")
    other = written(tmp_path, LOG[:700_000] + b"else\n", "other")
    empty = written(tmp_path, b"", "empty")
    assert whole.same_text(packed) is packed
    assert packed.same_text(whole) is whole
    assert whole.same_text(half) is whole
    assert half.same_text(whole) is whole
    assert whole.same_text(other) is None
    assert other.same_text(half) is other
    assert whole.same_text(empty) is whole
    assert empty.same_text(whole) is whole


# ------------------------------------------------------------------ standard input and pipes


def test_standard_input_is_kept_to_be_quoted() -> None:
    for packed in (LOG, gzip.compress(LOG)):
        source = standard_input(io.BytesIO(packed))
        assert (source.name, source.path) == ("-", None)
        assert source.stored_size == len(packed)
        assert abs((datetime.now(UTC) - source.written).total_seconds()) < 900
        assert source.head()
        assert text_of(source) == LOG
        assert source.quote([LINES_ON]) == {LINES_ON: naive(LOG)[LINES_ON]}


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    there = threading.Event()

    def write() -> None:
        with pipe.open("wb") as file:
            there.set()
            file.write(LOG)

    waiting = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer can begin
    writer = threading.Thread(target=write)
    writer.start()
    there.wait()
    source = at_path(pipe)
    os.close(waiting)
    writer.join()
    assert text_of(source) == LOG
    assert source.quote([LINES_ON]) == {LINES_ON: naive(LOG)[LINES_ON]}


def test_a_pipe_without_writer_does_not_hang(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert text_of(at_path(pipe)) == b""
    late = Source("pipe", pipe)
    assert text_of(late) == b""
    assert late.problem == "is no file or pipe: not read"


# ------------------------------------------------------------------ arguments


def test_expand_takes_files_folders_and_globs_once(tmp_path: Path) -> None:
    (tmp_path / "logs" / "old").mkdir(parents=True)
    for name in ("logs/mail.log", "logs/old/mail.log.1", "other.log"):
        (tmp_path / name).write_text("x")
    (tmp_path / "logs" / "round").symlink_to(tmp_path / "logs")
    (tmp_path / "logs" / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    os.mkfifo(tmp_path / "logs" / "pipe")
    logs, one = tmp_path / "logs", tmp_path / "logs" / "mail.log"
    inside = [one, tmp_path / "logs/old/mail.log.1"]
    assert expand([str(logs)]) == (inside, [])
    assert expand([str(one), str(logs), str(one)]) == (inside, [])
    assert expand([str(tmp_path / "*.log")]) == ([tmp_path / "other.log"], [])
    assert expand([str(tmp_path / "lo*")]) == (inside, [])
    assert expand([str(tmp_path / "logs" / "dangling")]) == ([tmp_path / "logs" / "dangling"], [])
    assert expand([str(tmp_path / "itself")]) == ([tmp_path / "itself"], [])
    assert text_of(at_path(tmp_path / "itself")) == b""
    assert expand([str(tmp_path / "gone"), str(tmp_path / "*.gz")])[1] == [
        str(tmp_path / "gone"), str(tmp_path / "*.gz"),
    ]  # fmt: skip


def test_expand_survives_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert expand(["x" * 1000]) == ([], ["x" * 1000])
    assert expand(["**[", ""])[0] == []
    assert expand(["\x1b[31mred\udcff"]) == ([], ["\\x1b[31mred\\xff"])


def test_names_are_shown_without_their_tricks(tmp_path: Path) -> None:
    name = os.fsdecode(b"mail\x1b[31m\xff.log")
    (tmp_path / name).write_text("x")
    assert at_path(tmp_path / name).name == f"{tmp_path}/mail\\x1b[31m\\xff.log"


def test_a_folder_nobody_may_enter_is_a_source_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"

    def walk(_top: Path, onerror: Callable[[OSError], None]) -> Iterator[tuple[str, list[str], list[str]]]:
        onerror(PermissionError(13, "Permission denied", str(closed)))
        yield str(tmp_path), [], []

    monkeypatch.setattr(os, "walk", walk)
    assert expand([str(tmp_path)]) == ([closed], [])


# ------------------------------------------------------------------ memory


def test_a_line_of_100_megabytes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    with path.open("wb") as file:
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b"\nNov 12 14:03:07 mx postfix/qmgr[7]: ABCDEF: removed\n")
    code = (
        f"{PEAK}import sys\nfrom pathlib import Path\n"
        "from whosent.sources.files import Source\n"
        "source = Source('x', Path(sys.argv[1]))\n"
        "before = peak()\n"
        "longest = max(len(chunk) for _, chunk, _ in source.chunks())\n"
        "line = source.quote([0, (100 << 20) + 1])\n"
        "after = peak()\n"
        "print(longest, source.lines, len(line[0].raw), line[(100 << 20) + 1].number, after - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    longest, lines, quoted, number, kilobytes = map(int, done.stdout.split())
    assert (longest, lines, quoted, number) == (LINE_LIMIT + 1, 2, LINE_LIMIT, 2)
    assert kilobytes < 16 * 1024
