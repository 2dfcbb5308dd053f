"""Received lines of each family of servers, and what must be read from them; hostile lines among them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.trace import clients, local
from whosent.trace.addresses import canonical, is_impossible, is_loopback, is_private
from whosent.trace.dates import seconds
from whosent.trace.received import LONGEST, Received, read

FOLDER = Path(__file__).parent / "received"
SAMPLES = [
    (path.stem, number, json.loads(line))
    for path in sorted(FOLDER.glob("*.jsonl"))
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
]


def fields(read: Received) -> dict[str, Any]:
    told = {
        name.rstrip("_"): value
        for name, value in read._asdict().items()
        if value is not None and value is not False and name not in {"date", "time", "readable"}
    }
    if read.time is not None:
        told["time"] = datetime.fromtimestamp(read.time, UTC).isoformat().replace("+00:00", "Z")
    return told if read.readable else {**told, "readable": False}


@pytest.mark.parametrize(("family", "number", "sample"), SAMPLES, ids=lambda value: str(value)[:20])
def test_the_line_is_read_as_expected(family: str, number: int, sample: dict[str, Any]) -> None:
    assert fields(read(sample["line"])) == sample["fields"], f"{family}:{number}"


def test_every_form_has_a_sample() -> None:
    lines = [sample["line"] for _, _, sample in SAMPLES]
    unused = []
    for form in clients.FORMS:
        used = any(
            (match := form.pattern.fullmatch(part.partition(" by ")[0])) and canonical(match["address"])
            for line in lines
            for part in (line.removeprefix("from ").replace("; by ", " by "),)
        )
        if not used:
            unused.append(form.name)
    unused += [place.name for place in local.FORMS if not any(place.pattern.match(line) for line in lines)]
    assert not unused


@pytest.mark.parametrize("folded", ["\n\t", "\r\n ", "   "])
def test_folding_changes_nothing(folded: str) -> None:
    for _, _, sample in SAMPLES:
        assert read(sample["line"].replace(" ", folded)) == read(sample["line"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu, 12 Nov 2026 14:03:07 +0100 (CET)", "2026-11-12T13:03:07"),
        ("12 Nov 26 14:03 GMT", "2026-11-12T14:03:00"),
        ("Thu Nov 12 14:03:07 2026", "2026-11-12T14:03:07"),
        ("Thu Nov 12 14:03:07 EST 2026", "2026-11-12T19:03:07"),
        ("2026-11-12 13:03:07.123 +0000 UTC", "2026-11-12T13:03:07"),
        ("Wed, 1 Jan 97 00:00:00 -0800", "1997-01-01T08:00:00"),
        ("Sat, 29 Feb 2020 00:00:00 Z", "2020-02-29T00:00:00"),
        ("29 Feb 2021 00:00:00 +0000", None),
        ("32 Nov 2026 00:00:00 +0000", None),
        ("12 Foo 2026 00:00:00 +0000", None),
        ("12 Nov 2026 25:00:00 +0000", None),
        ("12 Nov 2026 00:00:00 +9900", None),
        ("yesterday", None),
    ],
)
def test_dates(text: str, expected: str | None) -> None:
    moment = seconds(text)
    assert (datetime.fromtimestamp(moment, UTC).isoformat()[:19] if moment is not None else None) == expected


def test_addresses_have_one_form() -> None:
    assert canonical("IPv6:2001:DB8:0::1") == "2001:db8::1"
    assert canonical("::ffff:192.0.2.1") == "192.0.2.1"
    assert canonical("fe80::1%14") == "fe80::1"
    assert canonical("300.1.1.1") is None
    assert is_private("10.1.2.3")
    assert is_private("fe80::1")
    assert not is_private("192.0.2.1")
    assert is_loopback("127.0.0.5")
    assert is_impossible("0.0.0.0")
    assert is_impossible("240.1.2.3")
    assert not is_impossible("2001:db8::1")


@given(st.text(max_size=300), st.sampled_from([sample["line"] for _, _, sample in SAMPLES]), st.integers(0, 200))
def test_any_text_is_read_or_kept(noise: str, line: str, at: int) -> None:
    for text in (noise, line[:at] + noise + line[at:], line[:at], noise * 30):
        told = read(text)
        assert told.from_address is None or canonical(told.from_address) == told.from_address
        assert told.from_port is None or 0 < told.from_port < 65536


@pytest.mark.parametrize(
    "piece",
    ["(", "(a ", "[1.2.3.4] ", "1:", "a@a", "from by ", "((a) ", "TLSv1 ", "(envelope-from ", "[", "\\(", '"', "<"],
)
def test_no_line_takes_long(piece: str) -> None:
    """Ten times the length takes ten times as long at most, not a hundred times."""
    import time  # noqa: PLC0415  # nobody else times here

    started = time.process_time()
    for _ in range(10):
        read("from x (y [192.0.2.1]) by z " + piece * (2 * LONGEST // len(piece)))
    assert time.process_time() - started < 2
