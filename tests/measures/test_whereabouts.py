"""Networks that an account is used from: what there is no room for is counted, and not remembered."""

from __future__ import annotations

from whosent.measures import whereabouts
from whosent.measures.whereabouts import WINDOW, Whereabouts

ROOM = whereabouts._KNOWN  # noqa: SLF001


def full(most_at: float) -> Whereabouts:
    """An account that has used as many networks as are kept, one a day."""
    kept = Whereabouts(0.0)
    for number in range(ROOM):
        kept.use(most_at + number * 86_400.0, number, f"192.0.{number}.0/24", f"192.0.{number}.1")
    return kept


def test_networks_beyond_the_room_still_count_within_two_hours() -> None:
    kept = full(0.0)
    assert kept.most == 1
    now = ROOM * 86_400.0
    for number in range(5):
        visit, new = kept.use(now + number * 60.0, 1, f"198.51.{number}.0/24", "198.51.100.1")
        assert (visit, new) == (None, False)
    assert (kept.most, kept.peak) == (5, now + 240.0)
    assert len(kept.known) == ROOM
    kept.use(now + 300.0, 1, "198.51.0.0/24", "198.51.100.1")  # again: nothing new
    assert kept.most == 5
    assert kept.norm(now) is None  # it moves about: nothing to put by


def test_those_used_long_ago_are_forgotten_and_one_of_the_kept_counts_beside_them() -> None:
    kept = full(0.0)
    now = ROOM * 86_400.0
    kept.use(now, 1, "198.51.0.0/24", "198.51.100.1")
    later = now + 2 * WINDOW
    kept.use(later, 1, "198.51.1.0/24", "198.51.100.1")
    kept.use(later + 1.0, 1, "192.0.0.0/24", "192.0.0.1")
    assert (kept.most, kept.peak) == (2, later + 1.0)
