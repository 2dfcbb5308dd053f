"""What is proven quickly is what reading it in full says: on recorded files, edited ones, and those of strangers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.queues.kit import POSTFIX, queue_file
from whosent.queues.belonging import Claim, claim, judge
from whosent.queues.postfix import letter
from whosent.queues.proving import proof

if TYPE_CHECKING:
    from pathlib import Path

FILES = [path for path in POSTFIX if "maildrop" not in path.parts]
ID = "4jbVPz6r2Gz5C"
CLAIMS = [
    claim(text)
    for text in ("script:33:contact.php", "script:contact.php", "local_user:33", "account:Bob@corp.test", "everything:",
                 "client:192.0.2.7", "client:2001:db8::7", "bounces:")
]  # fmt: skip
OUTSIDE = [
    ("T", b"1795776215 954966"), ("T", b"x"), ("S", b"x@y.test"), ("S", b""), ("R", b"anna@isp.test"), ("F", b"client"),
    ("O", b"a@b.test"), ("A", b"sasl_username=bob@CORP.test"), ("A", b"sasl_username="), ("A", b"sasl_username=eve"),
    ("A", b"log_client_address=192.0.2.7"), ("A", b"client_address=192.0.2.7"), ("A", b"log_client_address="),
    ("A", b"client_address=IPv6:2001:db8::7"), ("A", b"client_address=192.0.2.8"), ("A", b"create_time=1795776215"),
    ("R", b"sasl_username=bob@corp.test"), ("A", b"z" * 200), ("w", b"y"), ("p", b"0"), ("C", b"1"), ("N", b"z"),
    ("L", b"client_address=192.0.2.7"),
]  # fmt: skip
STAMP = [b"Received: by web.corp.test (Postfix, from userid 33)", b"\tid 4jbVPz6r2Gz5C; now"]
HEADER = [
    *STAMP, STAMP[0].replace(b"33", b"34"), STAMP[1].replace(b"4j", b"5j"), STAMP[0].lower(), b"Received: from a (b)",
    b"Subject: x", b" Received: by x", b"X-PHP-Originating-Script: 0:contact.php",
    b"x-php-script: a.test/c.php for ::1",
    b"X-PHP-Originating-Script: 33:other.php", b"x-php-originating-script: 33:contact.php",
    b"X-PHP-Originating-Script:",
    b"\tX-PHP-Originating-Script: 33:contact.php", b"Y: N*X-PHP-Originating-Script: 33:contact.php", b"", b"z" * 200,
    b"Y: sasl_username=bob@corp.test", b"X-PHP-Originating-Script: 1:contact.php(3) : eval()'d code",
]  # fmt: skip


def proven(name: str, raw: bytes) -> list[Claim]:
    """The claims that it was proven to be of; reading it in full has to say the same."""
    found = []
    for one in CLAIMS:
        login = "www-data" if one.kind == "local_user" else ""
        arrived = proof(one, login)(name, raw)
        if arrived is not None:
            full = letter(name, raw)
            assert judge(one, login)(full), (one, full)
            assert full.arrived == arrived
            found.append(one)
    return found


def test_most_recorded_files_are_proven() -> None:
    seen = Counter(one.kind for path in FILES for one in proven(path.name, path.read_bytes()))
    assert seen["everything"] >= len(FILES) // 2
    assert {"script", "local_user", "everything"} <= set(seen)


def test_an_ordinary_message_of_each_is_proven() -> None:
    plain = [("T", b"1795776215 954966"), ("S", b"x@y.test")]
    script = queue_file(plain, [*STAMP, b"X-PHP-Originating-Script: 0:contact.php"], [("R", b"a@b.test")])
    assert [str(one) for one in proven(ID, script)] == [*map(str, CLAIMS[:3]), "everything:"]
    for said, kind in ((b"log_client_address=192.0.2.7", "client"), (b"client_address=IPv6:2001:db8::7", "client"),
                       (b"sasl_username=bob@CORP.test", "account")):  # fmt: skip
        raw = queue_file([*plain, ("A", said)], [b"Subject: x"], [("R", b"a@b.test")])
        assert [one.kind for one in proven(ID, raw)] in ([kind, "everything"], ["everything", kind])


@settings(deadline=None)
@given(
    before=st.lists(st.sampled_from(OUTSIDE), max_size=6), header=st.lists(st.sampled_from(HEADER), max_size=6),
    behind=st.lists(st.sampled_from(OUTSIDE), max_size=4), stamped=st.booleans(), off=st.integers(-3, 3),
)  # fmt: skip
def test_strangers_files(
    before: list[tuple[str, bytes]], header: list[bytes], behind: list[tuple[str, bytes]], *, stamped: bool, off: int
) -> None:
    plain = [*OUTSIDE[:1], *OUTSIDE[2:3], *before]
    raw = queue_file(plain, [*STAMP, *header] if stamped else header, behind)
    proven(ID, raw)
    proven(ID, raw[: len(raw) + off] if off < 0 else raw + b"E\0" * off)


@settings(deadline=None)
@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_files(path: Path, edits: list[tuple[int, int]]) -> None:
    raw = bytearray(path.read_bytes())
    for at, byte in edits:
        raw[at % len(raw)] = byte
    proven(path.name, bytes(raw))
