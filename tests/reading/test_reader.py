"""The reader: formats settled by trying, limits that hold, offsets that point at the line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from whosent.dialects import Rule
from whosent.reading.counts import shape_of
from whosent.reading.reader import LONGEST_LINE, MOST_REPEATS, Reader
from whosent.reading.stamps import Clock, rfc3339

SAMPLES = Path(__file__).parent.parent / "samples"
CLIENT = b"mx postfix/smtpd[94]: 959A827A107: client=pc02.corp.test[10.77.0.102]\n"
FAILED = b"Nov 12 14:03:07 mx postfix/smtpd[94]: warning: a.test[192.0.2.1]: SASL LOGIN authentication failed: no\n"


def everything(_rule: Rule, names: tuple[str, ...]) -> tuple[str, ...]:
    return ("stamp", *sorted(set(names)))


def reader(head: bytes) -> Reader:
    return Reader(head, Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC)), everything)


@pytest.mark.parametrize(
    ("sample", "title", "starts", "late"),
    [
        ("syslog/rfc3164", "syslog", "2026-11-22T15:36:29Z", False),
        ("syslog/rfc5424", "syslog (RFC 5424)", "2026-11-22T15:36:29.626468Z", False),
        ("syslog/written-journal-json", "journal (JSON)", "2026-11-22T07:01:33Z", False),
        ("syslog/written-journal-export", "journal (export)", "2026-11-22T07:01:33Z", False),
        ("access/lighttpd", "web access log", "2026-11-22T15:36:18Z", True),
        ("php_mail/forms", "PHP mail.log", "2026-11-22T15:36:14Z", False),
        ("dovecot/written-own-file", "Dovecot", "2026-11-12T14:03:01Z", False),
    ],
)
def test_the_format_is_settled_by_trying(sample: str, title: str, starts: str, *, late: bool) -> None:
    one = reader((SAMPLES / f"{sample}.log").read_bytes())
    assert (one.format, rfc3339(one.starts), one.late) == (title, starts, late)


@pytest.mark.parametrize("head", [b"", b"\0" * 500, b"\xff\xfe" * 40, b"id,name\n1,2\n", bytes(range(256)) * 8])
def test_what_is_no_log_is_unknown_and_counted(head: bytes) -> None:
    one = reader(head)
    assert (one.format, one.starts) == ("unknown", 0.0)
    assert [*one.tokens(head)] == []
    assert one.counts.understood == 0


def test_formats_may_be_mixed_line_by_line() -> None:
    entry = (
        b'{"__REALTIME_TIMESTAMP":"1795330893000000","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"postfix/qmgr",'
        b'"MESSAGE":"959A827A107: removed"}\n'
    )
    lines = [b"Nov 12 14:03:07 " + CLIENT, b"2026-11-12T14:03:08+01:00 " + CLIENT,
             b"<22>1 2026-11-12T14:03:09Z mx postfix/qmgr 90 - - 959A827A107: removed\n", entry,
             b'192.0.2.1 - - [12/Nov/2026:14:03:10 +0100] "GET / HTTP/1.1" 200 5\n']  # fmt: skip
    one = reader(lines[0] * 9)
    assert [rule.event for rule, _, _ in one.tokens(b"".join(lines))] == [
        "submission", "submission", "removed", "removed", "request"]  # fmt: skip
    assert one.counts.understood == 5


def test_a_forged_entry_amid_other_lines_is_no_fact() -> None:
    entry = (
        b'{"__REALTIME_TIMESTAMP":"1795330893000000","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"postfix/qmgr","_UID":"1000",'
        b'"_COMM":"logger","MESSAGE":"959A827A107: removed"}\n'
    )
    before = b"Nov 12 14:03:07 " + CLIENT
    one = reader(before)
    assert len([*one.tokens(before + entry)]) == 1
    assert (one.counts.forged, one.counts.forged_at) == (1, [len(before)])


def test_repeats_are_replayed_within_bounds() -> None:
    one = reader(FAILED)
    times = [len([*one.tokens(FAILED)])]
    lines = (b"Nov 12 14:03:09 mx last message repeated %d times\n" % count for count in (7, 999_999_999))
    times.extend(len([*one.tokens(line)]) for line in lines)
    assert times == [1, 7, MOST_REPEATS]
    inner = FAILED.replace(b": warning", b": message repeated 999999999 times: [ warning").replace(b"no\n", b"no]\n")
    assert len([*one.tokens(inner)]) == MOST_REPEATS


def test_a_line_that_is_too_long_is_not_looked_at() -> None:
    line = b"Nov 12 14:03:07 mx postfix/smtpd[94]: " + b"x" * LONGEST_LINE + b"\n"
    one = reader(FAILED)
    assert [*one.tokens(FAILED + line)]
    assert [*one.counts.not_understood] == ["line longer than * KiB"]


def test_examples_point_into_the_original_bytes_of_a_crlf_file() -> None:
    data = (FAILED * 3 + b"nonsense 1\n" + FAILED + b"nonsense 2\n").replace(b"\n", b"\r\n")
    one = reader(data)
    for _, at, _ in one.tokens(data):
        assert data[at:].startswith(FAILED[:20])
    (shape,) = one.counts.not_understood.values()
    assert (shape.count, data[shape.offset :][:10]) == (2, b"nonsense 1")


def test_shapes_and_programs_are_bounded() -> None:
    one = reader(FAILED)
    words = [bytes([97 + n // 26 % 26, 97 + n % 26, 97 + n // 676]) for n in range(2000)]
    data = b"".join(b"Nov 12 14:03:07 mx %b: hello\n%b junk\n" % (word, word) for word in words)
    assert [*one.tokens(data)] == []
    assert len(one.counts.not_understood) <= 501
    assert len(one.counts.other_programs) <= 201
    assert (one.counts.unknown, one.counts.others, one.counts.lines) == (2000, 2000, 4000)


def test_a_shape_is_printable_and_hides_what_varies() -> None:
    assert shape_of(b'4jXY7: to <a@b.test> from a@b.test [192.0.2.1]:25 said "x" \x1b[31m\xff 12') == (
        "*: to * from * *:* said * ?*"
    )


def test_what_stands_before_a_line_after_a_crash_is_skipped() -> None:
    one = reader(FAILED)
    assert len([*one.tokens(b"\0" * 300 + FAILED + b"\xef\xbb\xbf" + FAILED)]) == 2


def test_an_export_cut_anywhere_keeps_its_entries() -> None:
    data = (SAMPLES / "syslog" / "written-journal-export.log").read_bytes()
    one, events, offset = reader(data), [], 0
    for line in data.splitlines(keepends=True):
        events += [(rule.event, offset + at) for rule, at, _ in one.tokens(line)]
        offset += len(line)
    events += [(rule.event, offset + at) for rule, at, _ in one.finish()]
    assert [event for event, _ in events] == ["submission", "queued", "login", "submission"]
    assert all(data[at:].startswith(b"__CURSOR=") for _, at in events)


def test_a_length_that_lies_costs_no_more_than_an_entry() -> None:
    lie = (
        b"__CURSOR=a\n__REALTIME_TIMESTAMP=1795330893000000\nMESSAGE\n"
        + b"\xff" * 7
        + b"\x7f"
        + b"x" * (1 << 20)
        + b"\n"
    )
    good = (SAMPLES / "syslog" / "written-journal-export.log").read_bytes()
    one = reader(good)
    assert len([*one.tokens(lie + b"\n" + good)]) + len([*one.finish()]) >= 3
    assert one.counts.unknown == 1
