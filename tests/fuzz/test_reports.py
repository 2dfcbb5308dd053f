"""Arbitrary and mutilated reports: nothing raises, every answer is bounded, and time stays short."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whosent.complaints import accused, extract
from whosent.complaints.layouts import discover
from whosent.complaints.mail import LONGEST, parse
from whosent.complaints.reading import read
from whosent.complaints.view import View
from whosent.model.complaint import Told
from whosent.reading.mailboxes import is_mailbox, messages

FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "complaints" / "samples").glob("*/*.eml"))]
SALT = [
    b"\0", b"\r", b"\n\n", b"\n--b\n", b"\n--b--\n", b"<", b"@" * 50, b"a@b.test " * 200, b"\xff\xfe", b"From: x\n",
    b"From x Mon Nov 16 00:00:00 2026\n", b'{"' * 40, b"[" * 500, b"(", b"192.0.2.1 " * 50, b": " * 80, b"9" * 400,
    b"Content-Type: multipart/mixed; boundary=x\n\n", b"charset=idna", b"::1 ", b"=?utf-8?B?####?=", b"\x1b[31m",
    b"Date: Thu, 31 Feb 99999 99:99:99 +9999\n", b"Content-Transfer-Encoding: base64\n",
    b"Arrival-Date: 0001-01-01T00:00:00Z",
]  # fmt: skip
fuzzed = settings(
    max_examples=3000 if FULL else 150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def mutilated(rng: random.Random) -> bytes:
    data = rng.choice(SAMPLES)
    for _ in range(rng.randint(0, 6)):
        at = rng.randint(0, len(data))
        end = min(len(data), at + rng.choice([0, 1, 5, 50, 500]))
        salt = [
            rng.choice(SALT) * rng.choice([1, 1, 3]),
            rng.randbytes(rng.randint(0, 20)),
            data[at:end] * rng.choice([1, 9]),
        ]
        data = data[:at] + rng.choice(salt) + data[end:]
    return data


def sound(told: Told) -> None:
    """Whatever was read can be told, is bounded, and its times and addresses are ones."""
    msgspec.json.encode(told)
    for moment in (told.arrival, told.reported, *(claim.time for claim in told.claims)):
        assert moment is None or extract.EARLIEST < moment < extract.LATEST
    for address in (told.source_address, *told.mentioned, *(claim.address for claim in told.claims)):
        assert address is None or extract.address(address) == address
    assert told.source_port is None or 0 < told.source_port < 65_536
    assert len(told.recipients) <= 1_000
    assert len(told.claims) <= 60
    assert len(told.urls) <= 200


@given(st.integers())
@fuzzed
def test_mutilated_reports_are_read(seed: int) -> None:
    data = mutilated(random.Random(seed))
    began = time.process_time()
    for told in read(data):
        sound(told)
    assert time.process_time() - began < 10


@given(st.binary(max_size=3_000))
@fuzzed
def test_arbitrary_bytes_are_read(data: bytes) -> None:
    for told in read(data):
        sound(told)


@given(st.integers())
@fuzzed
def test_every_layout_stands_any_message(seed: int) -> None:
    """Also those it would never be asked about."""
    view = View(parse(mutilated(random.Random(seed))))
    for layout in discover():
        for told in layout.read(view):
            sound(told)
    for one in accused.accused(view):
        assert extract.address(one.address) == one.address


@given(st.text(max_size=300))
@fuzzed
def test_extraction_stands_any_text(text: str) -> None:
    moment = extract.moment(text)
    assert moment is None or extract.EARLIEST < moment < extract.LATEST
    assert all(extract.address(found) == found for found in extract.addresses(text))
    for box in extract.mailboxes(text):
        assert "@" in box
    extract.mailbox(text)
    extract.links(text)


@given(st.lists(st.sampled_from([*SAMPLES[:8], b"x\n", b"\n", b"From me\n"]), max_size=6), st.integers(1, 400))
@fuzzed
def test_an_mbox_is_cut_alike_however_it_is_chunked(mails: list[bytes], size: int) -> None:
    box = b"".join(b"From a@b.test Mon Nov 16 00:00:00 2026\n" + mail + b"\n" for mail in mails)
    lines = box.splitlines(keepends=True)
    chunks, offset = [], 0
    for start in range(0, len(lines), size):
        chunk = b"".join(lines[start : start + size])
        chunks.append((offset, chunk))
        offset += len(chunk)
    found = list(messages(chunks))
    assert [message.raw.rstrip(b"\n") for message in found] == [mail.rstrip(b"\n") for mail in mails]
    assert sum(message.lines for message in found) == box.count(b"\n")
    assert [box[message.offset :][:5] for message in found] == [b"From "] * len(mails)
    assert not mails or is_mailbox(box)


REPEATED = [
    b"@", b"a@", b"a.", b"<", b"<>", b"1.", b"1:", b"192.0.2.1 ", b"\n", b" ", b"> \n", b"Received: by x\n",
    b"X-a:\n ",
    b"a@b.cd\n", b"<a@b.cd>:\n", b"550 ", b"5.5.5 ", b"to a", b"<style", b"<br", b"http://", b"--x\n", b'{"a":', b"[",
    b"(", b"is a is not ", b"source ip address 192.0.2.1 ", b"listed in the ", b"date: ", b"message mail ", b"=\n",
    b"&amp;",
]  # fmt: skip


@pytest.mark.parametrize("pattern", REPEATED)
def test_no_text_costs_more_than_linear_time(pattern: bytes) -> None:
    """A quarter of a megabyte of it, in every place that is looked at."""
    many, line = pattern * (262_144 // len(pattern)), pattern.replace(b"\n", b" ") * (262_144 // len(pattern))
    heads = b"From: MAILER-DAEMON@x.test\nReturn-Path: <>\nTo: abuse@y.test\n"
    began = time.process_time()
    for report in (
        heads + b"Subject: Undelivered Mail Returned to Sender\n\ncould not be delivered to one or more, spam\n" + many,
        heads + b"Subject: " + line + b"\n\nspam\n",
        heads + b"Content-Type: text/html\nSubject: spam\n\n" + many,
        heads + b"Content-Type: message/rfc822\nSubject: spam\n\nReceived: from " + line + b"\n\nx",
        heads + b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nSource-IP: " + line,
        heads
        + b"Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; "
        + line
        + b"\nDiagnostic-Code: x; "
        + line,
        b'{"xarf_version": "4", "x": "' + many,
    ):
        for told in read(report):
            sound(told)
    assert time.process_time() - began < 15


@pytest.mark.parametrize(
    "bomb",
    [
        b"Subject: x\n"
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000)),
        b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: text/plain\n\nspam\n" * 100_000,
        b"Subject: x\n"
        + b"Received: from a ([192.0.2.1]) by b with SMTP id xyzzy; Tue, 24 Nov 2026 09:00:00 +0100\n" * 50_000,
        b"Subject: spam\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
        + b"UEsDBBQAAAAIA" * 2_000_000,
        b"X" * 10_000_000,
        b"Subject: " + b"=?utf-8?Q?=41?= " * 500_000,
        b'{"xarf_version":' + b"[" * 1_000_000,
    ],
    ids=["nested", "parts", "hops", "attachment", "one line", "encoded words", "json"],
)
def test_a_bomb_is_looked_at_briefly(bomb: bytes) -> None:
    began = time.process_time()
    mail = parse(bomb)
    assert len(mail.raw) <= LONGEST
    assert len(mail.parts) <= 200
    for told in read(bomb):
        sound(told)
    assert time.process_time() - began < 15
