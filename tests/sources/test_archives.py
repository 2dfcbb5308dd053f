"""Archives of several files: each file is an input of its own; what is damaged, swells or lies costs itself alone."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.sources import archives
from whosent.sources.archives import unpacked
from whosent.sources.files import at_path, standard_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from whosent.sources.files import Source

LOG: Final = b"Nov 26 10:00:00 mx postfix/smtpd[1]: connect from a.test[192.0.2.1]\n"
OLD: Final = 1_600_000_000.0
FILES: Final = {
    "var/log/mail.log": LOG * 3,
    "var/log/mail.log.1.gz": gzip.compress(LOG * 2),
    "empty": b"",
    "b": LOG[:-1],
}
TEXTS: Final = {"var/log/mail.log": LOG * 3, "var/log/mail.log.1.gz": LOG * 2, "b": LOG[:-1]}
WRITING: Final[dict[str, Literal["w:", "w:gz", "w:bz2", "w:xz"]]] = {
    "": "w:",
    "gz": "w:gz",
    "bz2": "w:bz2",
    "xz": "w:xz",
}


def tarred(mode: str, more: Callable[[tarfile.TarFile], None] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=WRITING[mode]) as archive:
        for name, content in FILES.items():
            one = tarfile.TarInfo(name)
            one.size, one.mtime = len(content), OLD
            archive.addfile(one, io.BytesIO(content))
        if more:
            more(archive)
    return packed.getvalue()


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("var")
        for name, content in FILES.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 9, 13, 12, 26, 40)), content)
    return packed.getvalue()


def opened(place: Path, packed: bytes) -> list[Source]:
    path = place / "logs"
    path.write_bytes(packed)
    return list(unpacked([at_path(path)]))


def texts(place: Path, sources: list[Source]) -> dict[str, bytes]:
    return {one.name.removeprefix(f"{place}/logs").lstrip("/"): b"".join(one.text()) for one in sources}


@pytest.mark.parametrize(
    "packed", [*map(tarred, ("", "gz", "bz2", "xz")), zipped()], ids=["", "gz", "bz2", "xz", "zip"]
)
def test_each_file_is_a_source(tmp_path: Path, packed: bytes) -> None:
    found = opened(tmp_path, packed)
    assert texts(tmp_path, found) == TEXTS
    assert {one.written.year for one in found} == {2020}  # years of stamps without one are taken from it
    assert [one.problem for one in found] == [None] * 3
    first = found[0]
    list(first.chunks())
    assert first.quote([len(LOG)])[len(LOG)].raw == LOG[:-1]


def test_standard_input_may_be_one() -> None:
    found = list(unpacked([standard_input(io.BytesIO(tarred("gz")))]))
    assert [one.name for one in found] == [f"-/{name}" for name in TEXTS]
    assert [b"".join(one.text()) for one in found] == list(TEXTS.values())


def test_what_is_unpacked_goes_with_its_last_source(tmp_path: Path) -> None:
    found = opened(tmp_path, tarred("gz"))
    place = found[0].path
    assert place
    assert place.exists()
    del found
    assert not place.parent.exists()


def test_one_file_in_a_zip_and_what_is_no_archive_are_read_as_they_are(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mail.log", LOG)
    assert texts(tmp_path, opened(tmp_path, packed.getvalue())) == {"": LOG}
    assert texts(tmp_path, opened(tmp_path, LOG)) == {"": LOG}
    assert texts(tmp_path, opened(tmp_path, b"PK\x03\x04 or not")) == {"": b""}
    [gone] = unpacked([at_path(tmp_path / "gone")])
    assert list(gone.chunks()) == []


def test_names_lead_nowhere(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.write_bytes(b"untouched")

    def hostile(archive: tarfile.TarFile) -> None:
        for name in (str(aim), "../../../../../../.." + str(aim), "a\x1b[31m\nname"):
            one = tarfile.TarInfo(name)
            one.size = len(LOG)
            archive.addfile(one, io.BytesIO(LOG))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            one = tarfile.TarInfo("link")
            one.type, one.linkname = kind, str(aim)
            archive.addfile(one)

    found = opened(tmp_path, tarred("gz", hostile))
    assert aim.read_bytes() == b"untouched"
    assert len(found) == 6
    assert not [one.name for one in found if "\x1b" in one.name or "\n" in one.name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aim", "logs"]


def test_of_one_that_breaks_off_what_came_before_is_used(tmp_path: Path) -> None:
    noise = os.urandom(1 << 20)

    def last(archive: tarfile.TarFile) -> None:
        one = tarfile.TarInfo("late")
        one.size = len(noise)
        archive.addfile(one, io.BytesIO(noise))

    packed = tarred("gz", last)
    *found, rest = opened(tmp_path, packed[: len(packed) // 2])
    assert texts(tmp_path, found).keys() == {*TEXTS, "late"}
    assert rest.problem
    assert rest.problem.startswith("the archive breaks off or is damaged after ")
    assert list(rest.chunks()) == []
    assert rest.problem


def test_one_that_swells_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.sources.compression._TEXT", 1 << 16)
    monkeypatch.setattr(archives, "_HEADERS", 1 << 16)

    def nothing(archive: tarfile.TarFile) -> None:
        one = tarfile.TarInfo("zeros")
        one.size = 1 << 24
        archive.addfile(one, io.BytesIO(bytes(one.size)))

    def name(archive: tarfile.TarFile) -> None:
        one = tarfile.TarInfo("attributes")
        one.pax_headers = {"comment": "x" * (1 << 20)}
        archive.addfile(one)

    for swollen in (nothing, name):
        *found, rest = opened(tmp_path, tarred("gz", swollen))
        assert texts(tmp_path, found).items() >= TEXTS.items()
        assert rest.problem
        assert "more than any text" in rest.problem


def test_one_of_too_many_files_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS", 2)
    *found, rest = opened(tmp_path, tarred(""))
    assert len(found) == 2
    assert rest.problem == "holds more than 2 files: those behind them were not read"


PACKED: Final = {"tar": tarred(""), "gz": tarred("gz"), "zip": zipped()}


@given(st.sampled_from(sorted(PACKED)), st.integers(0, 1 << 16), st.binary(max_size=40))
def test_whatever_is_changed_in_it_is_no_crash(kind: str, at: int, junk: bytes) -> None:
    packed = bytearray(PACKED[kind])
    at %= len(packed)
    packed[at : at + len(junk)] = junk
    with tempfile.TemporaryDirectory() as place:
        for source in opened(Path(place), bytes(packed)):
            assert sum(len(chunk) for _, chunk, _ in source.chunks()) < 1 << 20
