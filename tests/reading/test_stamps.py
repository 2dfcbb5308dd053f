"""The clock: every form of stamp, years that are not written, hours that come twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.reading.stamps import Clock, rfc3339

BERLIN = ZoneInfo("Europe/Berlin")
WRITTEN = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST, LAST = 315_532_800 * 10**6, 4_102_444_800 * 10**6  # 1980 to 2100 in microseconds
MOMENTS = st.integers(FIRST, LAST).map(lambda us: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def bsd(moment: datetime) -> bytes:
    return moment.strftime("%b %e %H:%M:%S").encode()


def clock(zone: str = "UTC", written: datetime = WRITTEN, year: int = 0) -> Clock:
    return Clock(ZoneInfo(zone), written, year)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (b"Nov 12 14:03:07", "2026-11-12T13:03:07Z"),
        (b"Sep  8 07:46:30", "2026-09-08T05:46:30Z"),
        (b"Sep 8 07:46:30", "2026-09-08T05:46:30Z"),
        (b"2026-11-12T14:03:07+02:00", "2026-11-12T12:03:07Z"),
        (b"2026-11-12T14:03:07.250000Z", "2026-11-12T14:03:07.250000Z"),
        (b"2026-11-12 14:03:07,5", "2026-11-12T13:03:07.500000Z"),
        (b"2026-11-12T14:03:07.123456-0330", "2026-11-12T17:33:07.123456Z"),
        (b"12/Nov/2026:14:03:07 +0100", "2026-11-12T13:03:07Z"),
        (b"25-Apr-2016 18:16:41 UTC", "2016-04-25T18:16:41Z"),
        (b"25-Apr-2016 18:16:41 America/New_York", "2016-04-25T22:16:41Z"),
        (b"25-Apr-2016 18:16:41 +03:00", "2016-04-25T15:16:41Z"),
        (b"25-Apr-2016 18:16:41 Mars/Olympus", "2016-04-25T16:16:41Z"),  # unknown: the operator's zone
        (b"1795330893000001", "2026-11-22T07:01:33.000001Z"),
        (b"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),  # a leap second
    ],
)
def test_every_form_is_read(stamp: bytes, expected: str) -> None:
    assert rfc3339(clock("Europe/Berlin").seconds(stamp)) == expected


@pytest.mark.parametrize(
    "stamp",
    [b"", b"Feb 31 00:00:00", b"Foo 12 00:00:00", b"0000-01-01T00:00:00Z", b"2026-13-01T00:00:00Z",
     b"2026-02-29T00:00:00Z", b"99/Nov/2026:14:03:07 +0100", b"25-Apr-2016 18:16:41 ../../etc/passwd", b"nan",
     b"2026-11-12T25:00:00Z", b"\xff\x00"],
)  # fmt: skip
def test_a_stamp_that_is_no_date_reads_as_the_one_before(stamp: bytes) -> None:
    reader = clock()
    before = reader.seconds(b"2016-04-25T18:16:41Z")
    assert reader.seconds(stamp) == before
    assert reader.seconds(b"2016-04-25T18:16:42Z") == before + 1


@given(MOMENTS, OFFSETS)
def test_rfc3339_comes_back_as_it_went(moment: datetime, zone: timezone) -> None:
    seconds = clock().seconds(moment.astimezone(zone).isoformat().encode())
    assert rfc3339(seconds) == moment.isoformat().replace("+00:00", "Z")


@given(MOMENTS.map(lambda moment: moment.replace(microsecond=0)), OFFSETS)
def test_access_log_stamps_come_back(moment: datetime, zone: timezone) -> None:
    stamp = moment.astimezone(zone).strftime("%d/%b/%Y:%H:%M:%S %z").encode()
    assert clock().seconds(stamp) == moment.timestamp()


@given(st.lists(st.integers(0, 100 * 86400), min_size=1, max_size=50), st.integers(0, 3650))
def test_a_log_without_years_is_read_across_new_year_and_leap_days(gaps: list[int], start: int) -> None:
    moments = [datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=start)]
    for gap in gaps:
        moments.append(moments[-1] + timedelta(seconds=gap))
    reader = clock(written=moments[0] + timedelta(hours=1))
    assert [reader.seconds(bsd(moment)) for moment in moments] == [moment.timestamp() for moment in moments]
    assert reader.guessed_year


def test_december_before_a_file_written_in_january_is_last_year() -> None:
    reader = clock(written=datetime(2027, 1, 2, tzinfo=UTC))
    assert rfc3339(reader.seconds(b"Dec 31 23:59:59")) == "2026-12-31T23:59:59Z"
    assert rfc3339(reader.seconds(b"Jan  1 00:00:01")) == "2027-01-01T00:00:01Z"
    assert rfc3339(reader.seconds(b"Dec 31 23:59:58")) == "2026-12-31T23:59:58Z"  # a late line


def test_a_clock_that_steps_months_stays_in_its_year() -> None:
    reader = clock(written=datetime(2026, 3, 21, tzinfo=UTC))
    stamps = [b"Mar 20 10:00:00", b"Jan  1 00:00:10", b"Mar 20 10:00:20", b"Aug  1 00:00:00", b"Mar 20 10:00:40"]
    assert [rfc3339(reader.seconds(stamp))[:7] for stamp in stamps] == [
        "2026-03", "2026-01", "2026-03", "2026-08", "2026-03"]  # fmt: skip


def test_a_leap_day_is_in_a_leap_year() -> None:
    assert rfc3339(clock(written=datetime(2026, 5, 1, tzinfo=UTC)).seconds(b"Feb 29 12:00:00"))[:4] == "2024"
    assert rfc3339(clock(year=2023).seconds(b"Feb 29 12:00:00"))[5:10] == "02-29"


def test_the_operator_may_say_the_year() -> None:
    reader = clock(year=2019)
    assert rfc3339(reader.seconds(b"Dec 31 23:59:59")) == "2019-12-31T23:59:59Z"
    assert rfc3339(reader.seconds(b"Jan  1 00:00:00")) == "2020-01-01T00:00:00Z"
    assert not reader.guessed_year


def test_the_hour_that_comes_twice_is_told_apart_by_what_was_before() -> None:
    reader = clock("Europe/Berlin")
    stamps = [b"Oct 25 01:59:59", b"Oct 25 02:30:00", b"Oct 25 02:59:59", b"Oct 25 02:00:00", b"Oct 25 02:30:00",
              b"Oct 25 02:59:59", b"Oct 25 03:00:00"]  # fmt: skip
    seconds = [reader.seconds(stamp) for stamp in stamps]
    assert seconds == sorted(seconds)
    assert seconds[-1] - seconds[0] == 2 * 3600 + 1


@given(st.binary(max_size=60))
def test_no_bytes_upset_the_clock(stamp: bytes) -> None:
    reader = clock("Europe/Berlin")
    reader.seconds(b"Nov 12 14:03:07")
    assert rfc3339(reader.seconds(stamp))
