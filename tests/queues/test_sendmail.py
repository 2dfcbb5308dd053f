"""Sendmail's queue: what recorded control files say, what Sendmail says of them, what nobody can make them say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queues.kit import SAMPLES, SENDMAIL, read, told
from whosent.model.pile import Letter
from whosent.queues import DamagedError
from whosent.queues.sendmail import attempts, letter

EXPECTED = {line["file"]: line for line in map(json.loads, (SAMPLES / "expected.jsonl").read_text().splitlines())}
NAME = "qf6AREBhFM000195"
HEAD = b"V8\nT1795788703\nK0\nN0\nP30340\n"


def name(path: Path) -> str:
    return str(path.relative_to(SAMPLES))


def control(client: bytes, headers: bytes = b"", more: bytes = b"") -> Letter:
    return letter(NAME, HEAD + b"$_" + client + b"\n" + more + b"S<a@b.test>\nRPFD:<c@d.test>\n" + headers + b".\n")


@pytest.mark.parametrize("path", SENDMAIL, ids=name)
def test_a_recorded_file_says_what_is_written(path: Path) -> None:
    expected = dict(EXPECTED[name(path)])
    del expected["file"], expected["owner"]
    assert told(read(path, 0)) == expected


@pytest.mark.parametrize("host", ["mx", "web"])
def test_it_agrees_with_sendmail(host: str) -> None:
    said = (SAMPLES / f"sendmail-{host}.mailq.txt").read_text()
    listed = re.findall(r"^(\w{14,17}) +\d+ \S{3} \S{3} [\d ]\d \d\d:\d\d (\S+)\n((?:[ \t]+.*\n)+)", said, re.MULTILINE)
    files = {path.name[2:]: read(path, 0) for path in SENDMAIL if f"sendmail-{host}/" in name(path)}
    assert {one[0] for one in listed} == set(files)
    for queue_id, sender, rest in listed:
        mine = files[queue_id]
        assert (mine.sender.decode() or "MAILER-DAEMON") == sender.strip("<>")
        assert mine.frozen == ("QUARANTINE" in rest)
        waiting = re.findall(r"^\t+ ?<?([^\s<>()]+)>?$", rest, re.MULTILINE)
        assert sorted(to.decode() for to in mine.recipients) == sorted(waiting)


@pytest.mark.parametrize(
    ("client", "kind", "who"),
    [
        (b"mail.example.com [192.0.2.7]", "client", "192.0.2.7"),
        (b"[IPv6:2001:db8::7]", "client", "2001:db8::7"),
        (b"x.example.com [192.0.2.7] (may be forged)", "client", "192.0.2.7"),
        (b"root@pc.example.com [192.0.2.7]", "client", "192.0.2.7"),
        (b"www-data@localhost", "local_user", "www-data"),
        (b"root@localhost [192.0.2.7", "unknown", ""),
        (b"a [192.0.2.8] b [192.0.2.7]", "unknown", ""),
        (b"localhost", "unknown", ""),
        (b"", "unknown", ""),
    ],
)
def test_who_it_was(client: bytes, kind: str, who: str) -> None:
    one = control(client)
    assert (one.kind, one.name) == (kind, who)
    assert bool(one.proof) == (kind != "unknown")


def test_a_client_that_logged_in_names_nobody() -> None:
    """Its login stands in the log alone; the address may be anybody's."""
    assert control(b"[192.0.2.7]", more=b"$rESMTPSA\n").kind == "unknown"
    stamp = b"H??Received: from x ([192.0.2.7])\n\t(authenticated bits=0)\n\tby mx (8.14.9/8.14.9) with ESMTP id "
    assert control(b"[192.0.2.7]", stamp + b"6AREBhFM000195;\n\tnow\n").kind == "unknown"
    assert control(b"[192.0.2.7]", stamp + b"6AREBhFM000196;\n\tnow\n").kind == "client"  # not stamped here


def test_headers_of_strangers_name_nobody() -> None:
    forged = b"H??Received: (from root@localhost)\n\tby mx (8.17.1.9/8.17.1.9/Submit) id 6AREBhFM000195;\n"
    own = b"H??Received: from x by mx (y) id 6AREBhFM000111 ([192.0.2.7])\n\tby mx (8.17) with SMTP id 6AREBhFM000195\n"
    one = control(b"[192.0.2.7]", own + forged + b"H??Subject: a\nH??X: b\n$_root@localhost\n")
    assert (one.kind, one.name) == ("client", "192.0.2.7")
    one = control(b"[192.0.2.7]", own + forged + b"H??Subject: a\n\t$_root@localhost\n")
    assert (one.kind, one.name, one.host, one.hops) == ("client", "192.0.2.7", b"mx", 1)


def test_what_is_no_control_file() -> None:
    for raw in (b"", b"X", HEAD, HEAD + b".\n", b"V8\nTx\nS<a>\n.\n", HEAD + b"S<a>\nRPFD:b\n"):
        with pytest.raises(DamagedError):
            letter(NAME, raw)


def test_why_recipients_wait() -> None:
    first, gone = b"MDeferred: 450 4.2.0 first\n", b"MDeferred: 550 5.1.1 gone\n"
    text = HEAD + first + b"Sa\n" + gone + b"rRFC822; b\nRPFD:b\nrRFC822; c\nRPFD:c\nH??To: x\nMy\n"
    assert list(attempts(text)) == [(b"5.1.1", b"550 5.1.1 gone"), (b"4.2.0", b"450 4.2.0 first")]
    assert list(attempts(HEAD + b"Sa\nRPFD:b\n")) == []
    assert list(attempts(HEAD + b"MDeferred: Connection refused by x.\nSa\nRPFD:b\n")) == [
        (b"4.4.1", b"Connection refused by x.")
    ]


def _quiet(file: str, raw: bytes) -> None:
    list(attempts(raw))
    try:
        letter(file, raw)
    except DamagedError:
        return


@pytest.mark.parametrize("path", SENDMAIL, ids=name)
def test_every_cut_is_a_letter_or_a_reason(path: Path) -> None:
    raw = path.read_bytes()
    for size in range(len(raw)):
        _quiet(path.name, raw[:size])


@given(st.sampled_from(SENDMAIL), st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), max_size=12))
def test_no_damage_is_an_exception(path: Path, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(path.read_bytes())
    for at, byte in changes:
        raw[at % len(raw)] = byte
    _quiet(path.name, bytes(raw))


@given(st.binary(max_size=300))
def test_no_bytes_are_an_exception(raw: bytes) -> None:
    _quiet(NAME, raw)
    _quiet(NAME, HEAD + raw)
