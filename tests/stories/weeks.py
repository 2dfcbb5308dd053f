"""Many weeks of an office, in a handful of rows an hour: what is usual at which hour, and an hour that is not."""

from __future__ import annotations

from random import Random

from tests.stories.kit import DAY, HOUR, MINUTE, MX, START, WEB, account
from whosent.model.rows import Length, Login, Message, Outcome, Reason, Result, Row

_WEEKS = 6
_USUAL = 400  # messages in a busy hour


def _week(begin: float, random: Random, rows: list[Row], *, busiest: float = 1.0) -> None:
    """Monday to Friday from eight to five, with a newsletter on Thursday at ten."""
    for day in range(5):
        for hour in range(8, 17):
            count = int(_USUAL * random.uniform(0.6, 1.2) * busiest)
            _hour(begin + day * DAY + hour * HOUR, count, rows)
    _hour(begin + 3 * DAY + 10 * HOUR, 3_000, rows)


def _hour(begin: float, count: int, rows: list[Row], *, refused: float = 0.02) -> None:
    actor = account("everybody")
    for number in range(count):
        time = begin + number * HOUR / count
        ref = len(rows) * 100
        rows.append(Message(time, ref, actor, "", b"everybody@corp.example", 2_000, 1, time))
        bad = number % max(1, round(1 / refused)) == 0 if refused else False
        result, reason = (Result.BOUNCED, Reason.UNKNOWN_USER) if bad else (Result.SENT, Reason.NONE)
        rows.append(Outcome(time, ref + 1, actor, "", b"", b"x@dom.example", result, reason, "192.0.2.1", False))  # noqa: FBT003
        if number % 20 == 0:
            rows.append(Login(time, ref + 2, MX, "everybody", "10.0.0.5", True, "imap"))  # noqa: FBT003


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row[:2])


def usual_weeks() -> list[Row]:
    """Six weeks like each other, with a newsletter every Thursday."""
    rows: list[Row] = []
    random = Random(61)
    for week in range(_WEEKS):
        _week(START + week * 7 * DAY, random, rows)
    return _sorted(rows)


def rise_at_night() -> list[Row]:
    """The same, and on the last Saturday at three o'clock 2,500 messages."""
    rows = usual_weeks()
    _hour(START + (_WEEKS - 1) * 7 * DAY + 5 * DAY + 3 * HOUR, 2_500, rows, refused=0.3)
    return _sorted(rows)


def busier_and_later() -> list[Row]:
    """The last week is twice as busy, and its newsletter comes an hour later."""
    rows: list[Row] = []
    random = Random(62)
    for week in range(_WEEKS - 1):
        _week(START + week * 7 * DAY, random, rows)
    last: list[Row] = []
    _week(START + (_WEEKS - 1) * 7 * DAY, random, last, busiest=1.8)
    newsletter = START + (_WEEKS - 1) * 7 * DAY + 3 * DAY + 10 * HOUR
    rows += [row for row in last if not newsletter <= row[0] < newsletter + HOUR]
    _hour(newsletter + HOUR, 3_000, rows)
    return _sorted(rows)


def three_weeks_only() -> list[Row]:
    """Too little past: nothing is usual yet."""
    rows: list[Row] = []
    random = Random(63)
    for week in range(3):
        _week(START + week * 7 * DAY, random, rows)
    _hour(START + 19 * DAY + 3 * HOUR, 2_500, rows)
    return _sorted(rows)


def _queue(rows: list[Row], busiest: float = 1.0, *, without: int = -1) -> None:
    """Two looks an hour at a queue that holds a hundred messages, and a newsletter on Mondays; a week nobody looked."""
    random = Random(64)
    for hour in range(_WEEKS * 7 * 24):
        week, of_the_week = divmod(hour, 7 * 24)
        if week == without:
            continue
        usual = 900 if of_the_week in {9, 10} else 80
        for minute in (10, 40):
            length = round(usual * random.uniform(0.5, 1.3) * (busiest if week == _WEEKS - 1 else 1))
            rows.append(
                Length(START + hour * HOUR + minute * MINUTE, len(rows) * 100, MX, "/var/spool/postfix", length)
            )


def queue_as_always() -> list[Row]:
    """The queue is long on Mondays, twice as long in the last week, and in one week nobody looked."""
    rows: list[Row] = []
    _queue(rows, busiest=2.0, without=2)
    return rows


def queue_grows_at_night() -> list[Row]:
    """On the last Saturday at three o'clock 12,600 messages wait, where a hundred are usual; web's own is as always."""
    rows: list[Row] = []
    _queue(rows)
    begin = START + ((_WEEKS - 1) * 7 + 5) * DAY + 3 * HOUR
    for minute, length in ((15, 2_400), (45, 12_600), (59, 9_000)):
        rows.append(Length(begin + minute * MINUTE, len(rows) * 100, MX, "/var/spool/postfix", length))
    rows += [Length(row.time, row.ref + 1, WEB, row.queue, 3) for row in rows if isinstance(row, Length)]
    return _sorted(rows)
