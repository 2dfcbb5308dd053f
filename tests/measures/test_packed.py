"""What is packed comes out as it went in, once, however much came and went between; saved and loaded, too."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.measures import packed
from whosent.measures.packed import Packed

KEYS = st.binary(max_size=2)  # few enough to be met again
STEPS = st.lists(st.tuples(KEYS, st.binary(max_size=20) | st.none() | st.just(...)), max_size=200)


@settings(deadline=None)
@given(steps=STEPS)
def test_it_is_a_dictionary(steps: list[tuple[bytes, object]]) -> None:
    kept, known = Packed(), dict[bytes, bytes]()
    for key, value in steps:
        if value is ...:
            kept = pickle.loads(pickle.dumps(kept, 5))
        elif isinstance(value, bytes) and key not in known:
            kept.put(key, value)
            known[key] = value
        else:
            assert kept.take(key) == known.pop(key, None)
        assert len(kept) == len(known)
    for key, value in known.items():
        assert kept.take(key) == value
    assert len(kept) == 0


def test_many_come_and_go_in_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_LITTER", 1_000)
    kept = Packed()
    for number in range(20_000):
        kept.put(b"sender %d" % number, b"norm %d" % number)
        if number >= 1_000:
            assert kept.take(b"sender %d" % (number - 1_000)) == b"norm %d" % (number - 1_000)
    assert len(kept) == 1_000
    assert kept.take(b"sender 3") is None
    assert len(pickle.dumps(kept, 5)) < 100_000
    assert all(kept.take(b"sender %d" % number) for number in range(19_000, 20_000))
