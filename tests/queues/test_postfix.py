"""Postfix queue files: what recorded ones say, what Postfix says of them, and what strangers cannot make them say."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queues.kit import POSTFIX, SAMPLES, queue_file, read, record, told
from whosent.model.pile import Letter
from whosent.queues import DamagedError, TooLongError
from whosent.queues.postfix import attempts, letter

EXPECTED = {line["file"]: line for line in map(json.loads, (SAMPLES / "expected.jsonl").read_text().splitlines())}
CLIENT = [("T", b"1795776215 954966"), ("A", b"log_ident=4jbVPz6r2Gz5C"), ("S", b"x@y.test"),
          ("A", b"log_client_address=192.0.2.7"), ("R", b"anna@isp.test")]  # fmt: skip
ID = "4jbVPz6r2Gz5C"
STAMP = [b"Received: from pc (pc [192.0.2.7])", b"\tby mx.corp.test (Postfix) with ESMTP id 4jbVPz6r2Gz5C;"]


def name(path: Path) -> str:
    return str(path.relative_to(SAMPLES))


@pytest.mark.parametrize("path", POSTFIX, ids=name)
def test_a_recorded_file_says_what_is_written(path: Path) -> None:
    expected = dict(EXPECTED[name(path)])
    del expected["file"]
    assert told(read(path, expected.pop("owner"))) == expected


@pytest.mark.parametrize("path", POSTFIX, ids=name)
def test_a_proof_stands_where_it_is_said(path: Path) -> None:
    one = read(path, 102)
    for proof in (one.proof, one.script_proof):
        if proof is not None:
            raw = path.read_bytes()
            assert raw[proof.offset + 2 :].startswith(proof.raw)


@pytest.mark.parametrize("host", ["mx", "web"])
def test_it_agrees_with_postfix(host: str) -> None:
    said = [json.loads(line) for line in (SAMPLES / f"{host}.postqueue.json").read_text().splitlines()]
    files = {path.name: read(path, 102) for path in POSTFIX if path.parts[-4] == host or path.parts[-3] == host}
    assert {one["queue_id"] for one in said} == set(files)
    for one in said:
        mine = files[one["queue_id"]]
        assert mine.sender.decode() == one["sender"].replace("MAILER-DAEMON", "")
        assert mine.waiting == len(one["recipients"])
        assert {to.decode() for to in mine.recipients} <= {to["address"] for to in one["recipients"]}
        assert int(mine.arrived) == one["arrival_time"]
        if one["queue_name"] != "maildrop":
            assert mine.size == one["message_size"]


@pytest.mark.parametrize("path", POSTFIX, ids=name)
def test_read_in_pieces_it_says_the_same(path: Path) -> None:
    raw, owner = path.read_bytes(), 102
    pieces = random.Random(1)
    whole = letter(path.name, raw, None, owner, dropped="maildrop" in path.parts)
    for size in (3000, 2100, pieces.randrange(2100, 9000)):
        fetched = letter(path.name, raw[:size], partial(_piece, raw, size), owner, dropped="maildrop" in path.parts)
        assert fetched._replace(size=whole.size) == whole


def _piece(raw: bytes, size: int, at: int) -> bytes:
    return raw[at : at + size]


def test_of_a_copy_nobody_is_named_by_a_files_owner() -> None:
    requeued = next(path for path in POSTFIX if path.name == "534E6154")
    dropped = next(path for path in POSTFIX if "maildrop" in path.parts)
    assert letter(requeued.name, requeued.read_bytes()).kind == "unknown"
    assert letter(dropped.name, dropped.read_bytes(), dropped=True).kind == "unknown"


def actor(header: list[bytes], envelope: list[tuple[str, bytes]] | None = None, owner: int = 102) -> tuple[str, str]:
    one = letter(ID, queue_file(envelope or CLIENT, header), None, owner)
    return one.kind, one.name


NO_CLIENT = [CLIENT[0], ("F", b"www-data"), CLIENT[2], CLIENT[4]]
PICKUP = [b"Received: by mx.corp.test (Postfix, from userid 33)", b"\tid 4jbVPz6r2Gz5C; Fri, 27 Nov 2026"]
FORGED = [b"Received: by mx.corp.test (Postfix, from userid 1000)", b"\tid 4jbVPz6r2Gz5D; Fri, 27 Nov 2026"]


def test_a_stamp_below_the_true_one_names_nobody() -> None:
    assert actor([*PICKUP, *FORGED], NO_CLIENT) == ("local_user", "33")
    assert actor([*STAMP, *FORGED]) == ("client", "192.0.2.7")


def test_a_stamp_that_is_not_of_this_file_names_nobody() -> None:
    assert actor(FORGED, NO_CLIENT) == ("unknown", "")  # where the operator removes the true one
    assert actor([b"Subject: none"], NO_CLIENT) == ("unknown", "")


def test_only_the_mail_servers_own_uid_gives_way_to_the_stamp_before() -> None:
    again = [b"Received: by mx.corp.test (Postfix, from userid 102)", PICKUP[1]]
    assert actor([*again, PICKUP[0], b"\tid 123456; Fri"], NO_CLIENT) == ("local_user", "33")
    assert actor([*again, FORGED[0].replace(b"mx", b"other"), FORGED[1]], NO_CLIENT) == ("local_user", "102")


HOSTILE = [
    b"A\x1blog_client_address=10.0.0.9",
    b"\r\nA\x14sasl_username=carol@corp.test",
    b"x\0y\nS\x03a@bM\0",
    b"Received: by mx (Postfix, from userid 0)",
    bytes(range(256)),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_strangers_text_becomes_no_record(text: bytes) -> None:
    envelope = [*CLIENT[:2], ("S", text), CLIENT[3], ("A", b"log_helo_name=" + text), ("O", text), ("R", text)]
    one = letter(ID, queue_file(envelope, [*STAMP, b"Subject: " + text, b"X-" + text]))
    assert (one.kind, one.name, one.waiting) == ("client", "192.0.2.7", 1)
    assert one.sender == one.recipients[0] == text


def test_the_first_script_counts_and_only_its_form() -> None:
    def script(*lines: bytes) -> bytes:
        return letter(ID, queue_file(NO_CLIENT, [*PICKUP, *lines])).script

    assert script(b"X-PHP-Originating-Script: 0:a.php", b"X-PHP-Originating-Script: 0:b.php") == b"a.php"
    assert script(b"x-php-originating-script: 33:mail.php(12) : eval()'d code") == b"mail.php"
    assert script(b"X-PHP-Script: www.shop.test/a/send.php for 192.0.2.1, 192.0.2.2") == b"www.shop.test/a/send.php"
    for odd in (b"X-PHP-Originating-Script: ../../etc", b"X-PHP-Script: x", b"X-PHP-Originating-Script:"):
        assert script(odd) == b""


def test_recipients_behind_the_message_and_killed_ones() -> None:
    one = letter(
        ID, queue_file([*CLIENT, ("D", b"done@isp.test")], STAMP, [("O", b"o@corp.test"), ("R", b"ben@isp.test")])
    )
    assert (one.waiting, one.done, one.forwarded) == (2, 1, True)


def test_more_recipients_than_are_kept_are_counted() -> None:
    many = [("R", b"u%d@isp.test" % number) for number in range(5000)]
    raw = queue_file([*CLIENT[:4], *many], STAMP)
    one = letter(ID, raw[:32768], lambda at: raw[at : at + 32768])
    assert (one.waiting, len(one.recipients)) == (5000, 50)


def pointer(to: int) -> bytes:
    return record("p", b"%15d" % to)


def test_pointers_are_followed_within_bounds() -> None:
    head = record("T", b"1") + record("S", b"x@y") + pointer(60)
    more = record("R", b"a@b") + record("M", b"") + record("X", b"") + record("E", b"")
    raw = head + b"w" * (60 - len(head)) + more
    assert letter(ID, raw).recipients == (b"a@b",)
    for target in (0, 10**9, 5):
        with pytest.raises(DamagedError):
            letter(ID, head[: -len(pointer(60))] + pointer(target))
    with pytest.raises(DamagedError, match="circles"):
        letter(ID, pointer(17) + pointer(17) + pointer(17))
    with pytest.raises(DamagedError, match="no number"):
        letter(ID, record("p", b"-5"))
    assert letter(ID, record("T", b"1") + record("S", b"") + pointer(0) + more).recipients == (b"a@b",)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "breaks off"),
        (b"C", "breaks off"),
        (record("T", b"1") + b"S\xff\xff\xff\xff\xff\xff", "impossible length"),
        (record("T", b"1") + record("Z", b"?"), "unknown record"),
        (record("M", b"") + record("N", b"") + record("X", b"") + record("E", b""), "names no sender"),
        (record("S", b"") + record("M", b"") + record("Z", b""), "unknown record"),
        (record("S", b"") + record("M", b"") + record("N", b"") + record("Z", b""), "unknown record"),
        (record("S", b"") * 60_001, "too many records"),
        (b"\0" * 5000, "unknown record"),
    ],
)
def test_what_is_no_queue_file_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(DamagedError, match=why):
        letter(ID, raw)


def test_a_text_too_long_to_pass_leaves_what_came_before() -> None:
    raw = record("T", b"1") + record("S", b"x@y") + record("R", b"a@b") + record("M", b"") + record("N", b"")

    def fetch(at: int) -> bytes:
        if at >= len(raw):
            raise TooLongError("is too long to be read whole")
        return raw[at:]

    assert letter(ID, raw, fetch).recipients == (b"a@b",)


def test_many_fields_and_a_message_of_fields_alone() -> None:
    raw = queue_file(
        CLIENT, [*STAMP, *(b"X-%d: y" % number for number in range(300)), b"Subject: late"], [("R", b"a@b")]
    )
    for fetch in (None, lambda at: raw[at:]):
        one = letter(ID, raw, fetch)
        assert (one.subject, one.waiting) == (b"", 2)
    bare = b"".join(record(*one) for one in CLIENT) + record("M", b"") + record("N", b"Subject: all")
    ended = bare + record("X", b"") + record("R", b"a@b") + record("E", b"")
    assert letter(ID, ended).waiting == 2
    size = b"%15d %15d %15d %15d %15d %15d" % (14, 97 + len(bare) - 14, 1, 0, 14, 0)
    assert letter(ID, record("C", size) + ended).waiting == 2


def test_odd_times_and_long_lines() -> None:
    for odd in (b"", b"x", b"99999999999999 1", b"5 x"):
        assert letter(ID, queue_file([("T", odd), *CLIENT[1:]], STAMP)).arrived == 0.0
    raw = queue_file(CLIENT, STAMP).replace(record("N", b"Hello."), record("N", b"Hello."))
    cut = raw.replace(record("N", b""), record("L", b"Subject: half") + record("N", b" whole") + record("N", b""), 1)
    assert letter(ID, cut).subject == b"half"


@pytest.mark.parametrize("path", POSTFIX, ids=name)
def test_every_cut_is_a_letter_or_a_reason(path: Path) -> None:
    raw = path.read_bytes()
    for size in range(0, len(raw), 7):
        _quiet(path.name, raw[:size])


def _quiet(file: str, raw: bytes) -> Letter | None:
    try:
        return letter(file, raw)
    except DamagedError:
        return None


@given(st.sampled_from(POSTFIX), st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), max_size=12))
def test_no_damage_is_an_exception(path: Path, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(path.read_bytes())
    for at, byte in changes:
        raw[at % len(raw)] = byte
    _quiet(path.name, bytes(raw))


@given(st.binary(max_size=400))
def test_no_bytes_are_an_exception(raw: bytes) -> None:
    _quiet(ID, raw)


RECORDS = st.lists(st.tuples(st.sampled_from("CTASRODMNLXEpwF"), st.binary(max_size=160)), max_size=20)


@given(RECORDS)
def test_no_records_are_an_exception(records: list[tuple[str, bytes]]) -> None:
    _quiet(ID, b"".join(record(*one) for one in records))


@given(RECORDS)
def test_the_quick_way_says_what_the_slow_one_says(records: list[tuple[str, bytes]]) -> None:
    envelope = [one for one in records if one[0] in "TASROF"]
    header = [raw for kind, raw in records if kind == "N" and raw]
    raw = queue_file([("T", b"1"), ("S", b"x@y"), *envelope], header)
    quick = _quiet(ID, raw)
    slow = letter(ID, raw, lambda at: raw[at:]) if quick else None
    assert quick == slow


def test_why_recipients_wait() -> None:
    def told_of(host: str) -> list[Any]:
        return [
            sorted(attempts(path.read_bytes()))
            for path in sorted((SAMPLES / host / "defer").rglob("*"))
            if path.is_file()
        ]

    mx = told_of("mx")
    assert (b"4.4.1", b"connect to dead.test[198.51.100.99]:25: Connection refused") in mx[3]
    assert all(status.startswith(b"4.") for found in (*mx, *told_of("web")) for status, _ in found)
    assert len(max(mx, key=len)) == 120
    twice = b"recipient=a@b\nstatus=4.1.1\nreason=first\n\nrecipient=a@b\nstatus=4.7.1\nreason=again\n"
    assert list(attempts(twice)) == [(b"4.7.1", b"again")]
    assert list(attempts(b"\0 garbage")) == []
