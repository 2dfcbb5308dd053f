"""Which files continue each other, and which say the same twice."""

from __future__ import annotations

import gzip
from itertools import permutations
from pathlib import Path

import pytest

from whosent.sources.files import Source
from whosent.sources.rotation import copies, in_order, place

SETS = [
    ["mail.log", "mail.log.1", "mail.log.2.gz", "mail.log.10.xz"],
    ["mail.log", "mail.log-20261108.gz", "mail.log-20261101.gz", "mail.log-20261025"],
    ["maillog", "maillog-20261101-1793491200", "maillog-20261101-1793404800.zst"],
    ["/a/access.log", "/a/access.log.0", "/a/access.log.1.bz2"],
    ["host/mail-2026-11-03.log", "host/mail-2026-11-02.log.gz", "host/mail-2026-10-30.log.gz"],
    ["mail.log", "mail.log.2026-11-02", "mail.log.2026-11-01.gz"],
]


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[0])
def test_a_rotated_set_is_one_whatever_the_order(names: list[str]) -> None:
    places = [place(name) for name in names]
    assert len({one.base for one in places}) == 1
    ages = [one.age for one in places]
    assert ages == sorted(ages, reverse=True)
    for order in list(permutations(names))[::5]:
        assert [one.name for one in in_order(Source(name, None) for name in order)] == names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/mail.log", "b/mail.log.1"), ("mail.log", "mail.err"), ("mail.log", "web-mail.log"),
        ("postfix1.log", "postfix2.log"), ("mx1", "mx2"), ("mx-1.log", "mx-2.log"), ("192.0.2.1.log", "192.0.2.2.log"),
    ],
)  # fmt: skip
def test_other_logs_are_other_sets(one: str, other: str) -> None:
    assert place(one).base != place(other).base


def source(folder: Path, name: str, text: bytes) -> Source:
    (folder / name).write_bytes(text)
    return Source(name, folder / name)


def test_the_same_lines_count_once(tmp_path: Path) -> None:
    log = b"".join(b"line %d\n" % number for number in range(50_000))
    whole = source(tmp_path, "b.log", log)
    packed = source(tmp_path, "c.log.gz", gzip.compress(log))
    early = source(tmp_path, "a.log", log[:300_000])
    other = source(tmp_path, "d.log", log + b"and more\n")
    forked = source(tmp_path, "e.log", log[:300_000] + b"something else\n")
    empty = [source(tmp_path, f"{number}", b"") for number in range(2)]
    everything = [early, whole, packed, other, forked, *empty]
    twice = copies((one, one.head()) for one in everything)
    assert {one.name: kept.name for one, kept in twice.items()} == {
        "a.log": "d.log", "b.log": "d.log", "c.log.gz": "d.log",
    }  # fmt: skip


def test_a_damaged_copy_gives_way_to_the_whole_one(tmp_path: Path) -> None:
    log = b"".join(b"line %d\n" % number for number in range(50_000))
    packed = gzip.compress(log)
    broken = source(tmp_path, "a.gz", packed[: len(packed) // 2])
    whole = source(tmp_path, "b.gz", packed)
    assert copies([(broken, broken.head()), (whole, whole.head())]) == {broken: whole}


def test_files_that_cannot_be_read_are_nobodys_copy(tmp_path: Path) -> None:
    gone = [Source(name, tmp_path / name) for name in ("a", "b")]
    assert copies((one, one.head()) for one in gone) == {}
