"""What is a mailbox, and what is a log; messages one by one in bounded memory."""

from __future__ import annotations

import pytest

from whosent.reading.formats import Form, sniff
from whosent.reading.mailboxes import LONGEST, is_mailbox, messages

MAIL = b"From: a@b.test\nTo: c@d.test\nSubject: x\n\nHello.\n"
MARK = b"From a@b.test Mon Nov 16 00:00:00 2026\n"


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (MAIL, True),
        (MAIL.replace(b"\n", b"\r\n"), True),
        (MARK + MAIL, True),
        (b"Return-Path: <>\nReceived: from x\n\tby y\nX: z\n", True),
        (b"Nov 16 10:00:00 mx postfix/qmgr[1]: 4ABC: removed\n", False),
        (b"2026-11-16T10:00:00+00:00 mx postfix/qmgr[1]: 4ABC: removed\n", False),
        (b'{"__REALTIME_TIMESTAMP": "1"}\n', False),
        (b'192.0.2.1 - - [16/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1\n', False),
        (b"Subject: alone\n\n", False),
        (b"key: value\nother: value\n", False),
        (b"", False),
    ],
)  # fmt: skip
def test_what_is_a_mailbox(head: bytes, known: bool) -> None:  # noqa: FBT001  # a case's expectation
    assert is_mailbox(head) == known
    assert (sniff(head).form is Form.MAILBOX) == known


def test_a_single_message_is_one() -> None:
    assert [message.raw for message in messages([(0, MAIL[:20]), (20, MAIL[20:])])] == [MAIL]
    assert list(messages([])) == []


def test_a_line_that_begins_like_a_mark_is_one_only_behind_an_empty_line() -> None:
    quoted = MAIL + b"From here Mon Nov 16 00:00:00 2026\nmore\n"
    assert [message.raw for message in messages([(0, MARK + quoted + b"\n" + MARK + MAIL)])] == [quoted + b"\n", MAIL]


def test_a_giant_message_is_kept_in_part_and_counted_whole() -> None:
    chunks = [(0, MARK + MAIL)]
    line = b"x" * 999 + b"\n"
    chunks.extend((len(MARK + MAIL) + number * 100_000, line * 100) for number in range(80))
    chunks.append((9_000_000, b"\n" + MARK + MAIL))
    first, second = messages(chunks)
    assert len(first.raw) <= LONGEST
    assert first.lines == MAIL.count(b"\n") + 1 + 8_000 + 1
    assert second.raw == MAIL
