"""The numbers behind the charts: what they count, and that they stay few whatever the log holds."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from whosent.audience import observe
from whosent.model.rows import Actor, Message, Outcome, Reason, Result
from whosent.overview import Tally, who
from whosent.reading.stamps import rfc3339

START = 1_794_787_200.0
ALICE = Actor("account", "alice", "mx", "203.0.113.9")
BOB = Actor("account", "bob", "mx", "198.51.100.9")


def outcome(time: float, actor: Actor, result: Result = Result.SENT, reason: Reason = Reason.NONE) -> Outcome:
    return Outcome(time, 0, actor, "", b"", b"x", result, reason, "r", forwarded=False)


def message(time: float, actor: Actor) -> Message:
    return Message(time, 0, actor, "", b"", 1, 1, time)


def test_recipients_by_time_with_the_culprits_share() -> None:
    tally = Tally()
    rows = [outcome(START + number, ALICE, Result.BOUNCED, Reason.UNKNOWN_USER) for number in range(10)]
    rows += [outcome(START + number, BOB) for number in range(10)]
    rows += [outcome(START + 1, BOB, result) for result in (Result.LOCAL, Result.HANDED_OVER, Result.DEFERRED_AGAIN)]
    observe([*rows, outcome(START + 130, ALICE, Result.DEFERRED, Reason.RATE)], [tally])
    told = tally.overview({"id1": [who(ALICE)]})
    assert told.bucket_seconds == 60
    assert [(one.start, one.sent, one.deferred, one.refused, one.culprits) for one in told.timeline] == [
        (rfc3339(START), 10, 0, 10, {"id1": 10}),
        (rfc3339(START + 60), 0, 0, 0, {}),
        (rfc3339(START + 120), 0, 1, 0, {"id1": 1}),
    ]
    assert told.reply_reasons == {"id1": {"unknown_user": 10, "rate": 1}}


def test_networks_of_the_culprits_accounts() -> None:
    tally = Tally()
    for number, address in enumerate(["203.0.113.9", "198.51.100.7", "203.0.113.77", "2001:db8::1"]):
        tally.message(message(START + number, ALICE._replace(address=address)))
    tally.message(message(START, BOB))
    tally.message(message(START, Actor("local_user", "33", "mx", "www-data")))
    told = tally.overview({"id1": [who(ALICE)]}).networks
    assert [(one.incident, one.messages) for one in told] == [("id1", 2), ("id1", 1), ("id1", 1)]
    assert (told[0].first, told[0].last) == (rfc3339(START), rfc3339(START + 2))


@given(st.lists(st.floats(0, 4e9), min_size=1, max_size=400))
def test_buckets_are_few_and_lose_nobody(times: list[float]) -> None:
    tally = Tally()
    for time in times:
        tally.outcome(outcome(time, ALICE))
    told = tally.overview({"id1": [who(ALICE)]})
    assert sum(one.sent for one in told.timeline) == len(times)
    assert sum(one.culprits.get("id1", 0) for one in told.timeline) == len(times)
    assert len(told.timeline) <= 500
    starts = [one.start for one in told.timeline]
    assert all(one < other for one, other in pairwise(starts))


def test_senders_and_networks_are_bounded() -> None:
    tally = Tally()
    for number in range(2000):
        time = START + 60 * (number // 100)
        tally.outcome(outcome(time, Actor("account", f"user{number}", "mx")))
        tally.outcome(outcome(time, ALICE))
        tally.message(message(time, ALICE._replace(address=f"{number % 200 + 1}.{number // 200}.1.1")))
    told = tally.overview({"id1": [who(ALICE)]})
    assert sum(one.culprits["id1"] for one in told.timeline) == 2000
    assert len(told.networks) == 256
    kept = sum(len(senders) for senders in tally._senders.values())  # noqa: SLF001  # that it is bounded
    assert kept < 20 * 41 + 200


def test_an_empty_log_has_an_empty_overview() -> None:
    told = Tally().overview({})
    assert (told.timeline, told.reply_reasons, told.networks) == ([], {}, [])


def test_every_run_says_the_same() -> None:
    code = (
        "from tests.test_overview import *\n"
        "tally = Tally()\n"
        "actors = [Actor('account', f'user{n}', 'mx', f'{n + 1}.2.3.4') for n in range(30)]\n"
        "for actor in actors: tally.message(message(START, actor))\n"
        "print([one.network for one in tally.overview({'id1': {who(actor) for actor in actors}}).networks])\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, env={"PYTHONHASHSEED": seed}, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1
