"""Exim's spool: what recorded header files say, what Exim says of them, what strangers cannot make them say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queues.kit import EXIM, SAMPLES, read, told
from whosent.model.pile import Letter
from whosent.queues import DamagedError
from whosent.queues.exim import attempts, frozen, letter

EXPECTED = {line["file"]: line for line in map(json.loads, (SAMPLES / "expected.jsonl").read_text().splitlines())}
NAME = "1xWtwX-00003U-01-H"
HEAD = b"1xWtwX-00003U-01-H\nwww-data 33 33\n<shop@corp.test>\n1795778201 0\n"
LOCAL = HEAD + b"-ident www-data\n-received_protocol local\n-auth_id www-data\n-local\nXX\n1\nanna@isp.test\n\n"


def name(path: Path) -> str:
    return str(path.relative_to(SAMPLES))


@pytest.mark.parametrize("path", EXIM, ids=name)
def test_a_recorded_file_says_what_is_written(path: Path) -> None:
    expected = dict(EXPECTED[name(path)])
    del expected["file"], expected["owner"]
    assert told(read(path, 0)) == expected


def test_it_agrees_with_exim() -> None:
    listed = re.findall(r"([\w-]{16,23}) <([^>]*)>(.*)\n((?: {8}[ D] .*\n)*)", (SAMPLES / "exim.bp.txt").read_text())
    files = {path.name[:-2]: read(path, 0) for path in EXIM}
    assert {one[0] for one in listed} == set(files)
    for queue_id, sender, mark, recipients in listed:
        mine = files[queue_id]
        assert mine.sender.decode() == sender
        assert mine.frozen == ("frozen" in mark)
        assert mine.waiting == len(re.findall(r"^ {10}\S", recipients, re.MULTILINE))
        assert mine.done == recipients.count(" D ")


def test_a_variable_may_hold_lines() -> None:
    text = b"two\n--auth_id carol@corp.test\nlines"
    raw = HEAD + b"-aclm name %d\n%b\n--aclc 0 3\nabc\n-host_address [192.0.2.7]:25\nXX\n1\na@b\n\n" % (len(text), text)
    one = letter(NAME, raw)
    assert (one.kind, one.name) == ("client", "192.0.2.7")


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        (b"[192.0.2.7]:40000", "192.0.2.7"),
        (b"192.0.2.7.40000", "192.0.2.7"),
        (b"192.0.2.7", "192.0.2.7"),
        (b"2001:db8::7.25", "2001:db8::7"),
        (b"[2001:db8::7]:25", "2001:db8::7"),
    ],
)
def test_addresses_in_every_form(setting: bytes, address: str) -> None:
    raw = HEAD + b"-host_address " + setting + b"\nXX\n1\na@b\n\n"
    assert letter(NAME, raw).name == address


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (b"a@b", b"a@b"),
        (b"a@b 0", b"a@b"),
        (b"a@b 0,0,1", b"a@b"),
        (b"a@b owner@c 7,-1#1", b"a@b"),
        (b"a@b  0,-1#1", b"a@b"),
        (b'"odd #1"@b', b'"odd #1"@b'),
        (b"a@b rfc822;x@y 10,3  0,-1#3", b"a@b"),
    ],
)
def test_recipients_in_every_form(line: bytes, address: bytes) -> None:
    raw = HEAD + b"-local\nXX\n1\n" + line + b"\n\n"
    assert letter(NAME, raw).recipients == (address,)


def test_those_served_stand_in_a_tree() -> None:
    raw = HEAD + b"-local\nYY b@x\nNN a@x\nNN c@x\n4\na@x\nb@x\nc@x\nd@x\n\n"
    one = letter(NAME, raw)
    assert (one.recipients, one.done) == ((b"d@x",), 3)


def test_what_a_header_says_names_nobody() -> None:
    forged = b"Received: from x by y with z\n"
    raw = LOCAL + b"029P " + forged + b"017* X-PHP-Script: a\n" + b"027  Subject: -auth_id carol@x\n\n"
    one = letter(NAME, raw)
    assert (one.kind, one.name, one.hops, one.host) == ("local_user", "33", 0, b"y")


def test_what_exim_wrote_itself_and_what_nobody_recorded() -> None:
    bounce = HEAD.replace(b"<shop@corp.test>", b"<>") + b"-localerror\n-local\nXX\n1\na@b\n\n"
    assert letter(NAME, bounce).kind == "mta"
    assert letter(NAME, HEAD + b"XX\n1\na@b\n\n").kind == "unknown"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "breaks off"),
        (b"other-H\n", "own name"),
        (b"1xWtwX-00003U-01-H\nx\ny\nz\n", "as Exim begins"),
        (HEAD, "breaks off"),
        (HEAD + b"ZZ a\n", "damaged tree"),
        (HEAD + b"XX\nmany\n", "no count"),
        (HEAD + b"XX\n99999\n", "no count"),
        (HEAD + b"XX\n1\na@b\nc@d\n", "more recipients"),
        (HEAD + b"XX\n3\na@b\n", "breaks off"),
        (HEAD + b"-x\n" * 2001, "too many settings"),
        (HEAD + b"YN a\n" * 20_001, "too many recipients"),
        (HEAD + b"-aclm x 99\nshort\n", "breaks off"),
        (LOCAL + b"999P Received: cut", "breaks off"),
        (HEAD + b"-aclm x 2\nshort\n", "another length"),
    ],
)
def test_what_is_no_header_file_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(DamagedError, match=why):
        letter(NAME, raw)


def _quiet(file: str, raw: bytes) -> Letter | None:
    try:
        one = letter(file, raw)
    except DamagedError:
        return None
    assert frozen(file, raw) == one.frozen
    return one


@pytest.mark.parametrize("path", EXIM, ids=name)
def test_every_cut_is_a_letter_or_a_reason(path: Path) -> None:
    raw = path.read_bytes()
    for size in range(len(raw)):
        _quiet(path.name, raw[:size])


@given(st.sampled_from(EXIM), st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), max_size=12))
def test_no_damage_is_an_exception(path: Path, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(path.read_bytes())
    for at, byte in changes:
        raw[at % len(raw)] = byte
    _quiet(path.name, bytes(raw))


@given(st.binary(max_size=300))
def test_no_bytes_are_an_exception(raw: bytes) -> None:
    _quiet(NAME, raw)
    _quiet(NAME, HEAD + raw)
    _quiet(NAME, LOCAL + raw)


def test_why_recipients_wait() -> None:
    notes = (SAMPLES / "exim" / "msglog" / "X" / "1xWtwX-00003U-01").read_bytes()
    status, reply = min(attempts(notes))
    assert (status, reply) == (b"4.2.0", reply)
    assert b"Try again later" in reply
    assert (b"4.4.1", b"Connection refused") in set(attempts(notes))
    assert len(list(attempts(notes))) == 2
    (alias,) = attempts((SAMPLES / "exim" / "msglog" / "Z" / "1xWtwZ-00003u-2T").read_bytes())
    assert alias[0] == b"4.2.0"
