"""The numbers and phrases of detectors, one by one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.measures import phrases
from whosent.measures.beta import upper
from whosent.measures.bloom import Seen
from whosent.measures.coincidence import nats
from whosent.measures.meter import LOWEST_BAR, Meter
from whosent.measures.networks import network
from whosent.measures.peers import Peers
from whosent.measures.trail import Trail


@pytest.mark.parametrize(("a", "b"), [(0.6, 30), (0.6, 200), (3, 60), (12, 400), (20, 100)])
def test_upper_is_near_the_drawn_quantile(a: float, b: float) -> None:
    random = Random(1)
    drawn = sorted(random.betavariate(a, b) for _ in range(20_000))
    assert upper(a, b) == pytest.approx(drawn[18_000], rel=0.06)


@given(st.floats(0.5, 1000), st.floats(1, 10_000))
def test_upper_is_a_share_above_the_mean(a: float, b: float) -> None:
    assert a / (a + b) * 0.999 <= upper(a, b) <= 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("198.51.100.7", "198.51.0.0/16"),
        ("2001:db8:1::5", "2001:db8::/32"),
        ("IPv6:2001:db8::1", "2001:db8::/32"),
        ("::ffff:198.51.100.7", "198.51.0.0/16"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_network(address: str, expected: str) -> None:
    assert network(address) == expected


def test_phrases() -> None:
    assert phrases.count(1204) == "1,204"
    assert phrases.count(1, "recipient") == "1 recipient"
    assert phrases.count(2, "reply", "replies") == "2 replies"
    assert phrases.share(0.025) == "1 in 40"
    assert phrases.share(0.63) == "63 %"
    assert phrases.share(0.0001) == "almost none"
    assert phrases.duration(7300) == "2 hours"
    assert phrases.duration(0.2) == "1 second"
    assert phrases.listing(["a"]) == "a"
    assert phrases.listing(["a", "b", "c"]) == "a, b and c"
    assert phrases.listing(["a", "b", "c", "d"]) == "a, b, c and 1 more"


def test_a_trail_is_short_and_keeps_first_telling_and_last() -> None:
    trail = Trail()
    for number in range(1000):
        trail.add(float(number), number, "x", telling=number in {500, 600})
    refs = [quote.ref for quote in trail.quotes()]
    assert refs == [0, 1, 2, 3, 500, 600, 996, 997, 998, 999]
    assert [quote.ref for quote in trail.quotes(998)] == [998, 999]


def test_a_pair_is_new_once() -> None:
    seen = Seen()
    assert [seen.add(1, b"a@b"), seen.add(1, b"a@b"), seen.add(2, b"a@b")] == [True, False, True]
    assert sum(seen.add(3, b"%d" % number) for number in range(20_000)) > 19_990


def test_coincidence_by_chance_is_worth_nothing() -> None:
    assert nats(10, 1, 0.2) == 0
    assert nats(5, 5, 0.01) > 20
    assert nats(5, 5, 0.01) > nats(5, 3, 0.01) > 0


def test_an_outage_excuses_and_one_sender_cannot_vote_it() -> None:
    peers = Peers()
    peers.roll(0.0)
    for _ in range(50):
        peers.vote(1, b"x.example", 1.0, 0.02, first=True)
    assert peers.excess(1, b"x.example") == peers.excess(2, b"x.example") == 0
    for sender in range(10, 20):
        peers.vote(sender, b"x.example", 1.0, 0.02, first=True)
    assert peers.excess(1, b"x.example") > 0.5
    assert peers.excess(1, b"x.example") < 1
    peers.roll(10 * 900.0)
    assert peers.excess(1, b"x.example") > 0.5  # nobody wrote there since
    peers.roll(2 * 86_400.0)
    for sender in range(10, 30):
        peers.vote(sender, b"x.example", 0.0, 0.02, first=True)
    assert peers.excess(1, b"x.example") == 0
    peers.roll(8 * 86_400.0)
    assert peers.excess(1, b"x.example") == 0


def test_where_few_write_a_refusal_that_all_met_counts_for_days() -> None:
    peers = Peers()
    for day in range(6):
        for sender in range(1, 11):
            peers.roll(day * 86_400.0 + sender * 3600.0)
            peers.vote(sender, b"x.example", 1.0, 0.02, first=True)
            peers.vote(sender, b"y.example", 0.0, 0.02, first=True)
    assert peers.excess(1, b"x.example") > 0.5
    assert peers.excess(1, b"y.example") == 0
    assert peers.excess(1, b"never.example") == 0


def test_the_meter_finds_abuse_and_dates_it() -> None:
    meter, random = Meter(), Random(3)
    for number in range(200):
        assert meter.feed(number * 3600.0, "a", bad=random.random() < 0.02, soft=False, recipient="x@y.example") < 0
    onset = 200 * 3600.0
    for number in range(40):
        over = meter.feed(onset + number * 10, "a", bad=number % 2 == 0, soft=False, recipient=f"{number}@y.example")
    assert over > 2
    assert meter.senders["a"].onset[0] == onset


def test_what_looked_like_abuse_is_never_learnt() -> None:
    meter = Meter()
    for number in range(100):
        meter.feed(float(number), "a", bad=number % 2 == 0, soft=False, recipient="x@y.example")
    sender = meter.senders["a"]
    assert sender.reading > LOWEST_BAR
    for number in range(100_000):
        meter.feed(1000.0 + number * 100, "a", bad=False, soft=False, recipient="x@y.example")
        if not sender.elevated:
            break
    assert sender.reading == 0
    assert sender.bad < 1


def test_the_pasts_of_all_others_are_known_without_asking_them() -> None:
    meter, random = Meter(), Random(7)
    for number in range(30_000):
        name = random.choice("aaaabc")
        share = 0.5 if 200 * (number // 200) % 3_000 == 0 else 0.02  # at times it looks like abuse, and pasts are long
        bad, soft = random.random() < share, random.random() < 0.05
        meter.feed(number * 60.0, name, bad=bad, soft=soft, recipient=f"{number}@y.example")
    for name, sender in meter.senders.items():
        others = [other for other in meter.senders if other != name]
        theirs = sum(meter.senders[other].bad for other in others)
        good = sum(meter.senders[other].good for other in others)
        assert meter.others(sender) == pytest.approx((theirs, theirs + good), abs=1e-5)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=300), st.integers(-(10**6), 10**6))
def test_the_reading_is_bounded_and_knows_no_calendar(outcomes: list[tuple[bool, int]], by: int) -> None:
    here, there = Meter(), Meter()
    time = 0.0
    for bad, gap in outcomes:
        time += gap * 600
        for meter, at in ((here, time), (there, time + by)):
            meter.feed(at, "a", bad=bad, soft=False, recipient="x@y.example")
    if outcomes:
        assert 0 <= here.senders["a"].reading <= 40
        assert here.senders["a"].levels == there.senders["a"].levels
