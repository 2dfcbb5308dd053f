"""Counters by the minute add up, and forgetting keeps their totals."""

from __future__ import annotations

from pathlib import Path

from whosent.store.ledger import Ledger
from whosent.store.rates import QueueLength, Rates


def test_counters_add_up_by_minute_host_and_measure(tmp_path: Path) -> None:
    rates = Rates(Ledger(tmp_path))
    rates.add({(100, "mx", "messages"): 3, (100, "web", "messages"): 1, (101, "mx", "messages"): 5})
    rates.add({(100, "mx", "messages"): 2, (101, "mx", "logins"): 1})
    assert rates.between(6000, 6060) == [(100, "mx", "messages", 5), (100, "web", "messages", 1)]
    assert rates.between(6000, 6120, "mx")[-1] == (101, "mx", "messages", 5)
    assert rates.sums(6060, 6120) == {("mx", "messages"): 5, ("mx", "logins"): 1}


def test_what_is_forgotten_stays_in_the_totals(tmp_path: Path) -> None:
    rates = Rates(Ledger(tmp_path))
    rates.add({(100, "mx", "messages"): 3, (200, "mx", "messages"): 4})
    rates.sampled([QueueLength(6000.0, "mx", "/q", "deferred", 7)])
    for _ in range(2):
        rates.forget(60 * 150)
        assert rates.totals() == {("mx", "messages"): 7}
        assert rates.between(60, 60 * 150) == []
    assert rates.queues() == []


def test_the_last_sample_of_each_folder(tmp_path: Path) -> None:
    rates = Rates(Ledger(tmp_path))
    rates.sampled([QueueLength(1.0, "mx", "/q", "deferred", 7), QueueLength(1.0, "mx", "/q", "active", 2)])
    rates.sampled([QueueLength(2.0, "mx", "/q", "deferred", 9), QueueLength(1.5, "mx", "/other", "hold", 1)])
    assert {(one.queue, one.folder, one.messages) for one in rates.latest_queues()} == {
        ("/q", "deferred", 9), ("/other", "hold", 1),
    }  # fmt: skip
    assert len(rates.queues(1.5)) == 2
