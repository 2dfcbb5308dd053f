"""Piles: exact counts, fair samples, and the same however the messages are split."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.join.piles import Choice, Heap, Piles, Seen
from whosent.model.pile import Letter, Record
from whosent.model.rows import Reason
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings

BASE = Letter(
    "account", "bob@corp.test", "192.0.2.7", Record(3, b"sasl_username=bob@corp.test"), b"mx.corp.test", 1000.0, 1000,
    b"bob@corp.test", (b"anna@isp.test",), 1, 0, 300, b"", None, b"Hello", b"<m@x>", b"Bob <bob@Corp.test>", 0,
    forwarded=False, frozen=False, automatic=False,
)  # fmt: skip


def letter(**changes: Any) -> Letter:  # noqa: ANN401  any field
    return BASE._replace(**changes)


def place(number: int, folder: str = "deferred") -> tuple[str, str, str, str, str]:
    return (f"/q/{folder}/A", f"ID{number}", f"ID{number}", folder, "A/")


def rows(piles: Piles) -> list[Any]:
    ours = Surroundings(Ours())
    return list(
        piles.rows(
            Seen(2000.0, "/q", "postfix", "here"), lambda path, record: hash((path, record)) if record else 0, ours
        )
    )


LETTERS = st.lists(
    st.builds(
        letter,
        kind=st.sampled_from(["account", "local_user", "client", "mta", "unknown"]),
        name=st.sampled_from(["a", "b", "10.0.0.1", "192.0.2.1"]),
        script=st.sampled_from([b"", b"a.php", b"b.php"]),
        arrived=st.floats(0, 10**6),
        sender=st.binary(max_size=3),
        subject=st.integers(0, 600).map(lambda number: b"s%d" % number),
        recipients=st.lists(st.binary(max_size=4), max_size=3).map(tuple),
        waiting=st.integers(0, 3),
        hops=st.integers(0, 2),
    ),
    max_size=60,
)


@given(LETTERS, st.randoms(use_true_random=False))
def test_split_and_added_up_they_are_the_same(letters: list[Letter], lots: random.Random) -> None:
    whole, parts = Piles(), [Piles(), Piles(), Piles()]
    for number, one in enumerate(letters):
        whole.add(one, place(number))
        lots.choice(parts).add(one, place(number))
    for part in parts[1:]:
        parts[0].merge(part)
    assert rows(parts[0]) == [
        pile._replace(actor=other.actor) for pile, other in zip(rows(whole), rows(parts[0]), strict=True)
    ]  # of several addresses of one actor, any is shown


def test_counts_are_exact() -> None:
    piles = Piles()
    for number in range(1000):
        piles.add(letter(arrived=float(number), waiting=2, done=1, hops=number % 2), place(number, "active"))
    (pile,) = rows(piles)
    assert (pile.messages, pile.waiting, pile.done, pile.direct, pile.size) == (1000, 2000, 1000, 500, 300_000)
    assert (pile.oldest, pile.youngest, pile.folders) == (0.0, 999.0, {"active": 1000})
    assert pile.senders == (1, ((b"bob@corp.test", 1000),))
    assert pile.authors.common == ((b"corp.test", 1000),)
    assert (pile.chosen, len(pile.samples)) == (128, 8)
    assert pile.actor == ("account", "bob@corp.test", "mx.corp.test", "192.0.2.7", None)


@pytest.mark.parametrize("distinct", [1, 200, 256, 257, 5000, 100_000])
def test_how_many_different_values(distinct: int) -> None:
    choice, halves = Choice(), (Choice(), Choice())
    for number in range(distinct):
        for times in (1, 2):
            choice.add(b"v%d" % number, times)
            halves[number % 2].add(b"v%d" % number, times)
    halves[0].merge(halves[1])
    found = choice.variety()
    assert found == halves[0].variety()
    assert found.distinct == distinct if distinct <= 256 else abs(found.distinct / distinct - 1) < 0.25
    assert all(times == 3 for _, times in found.common)


def test_merging_with_an_overflowing_one() -> None:
    many, few, none = Choice(), Choice(), Choice()
    for number in range(3000):
        many.add(b"%d" % number)
    few.add(b"x")
    few.merge(many)
    none.merge(many)
    assert none.variety().distinct == many.variety().distinct
    assert abs(few.variety().distinct / 3000 - 1) < 0.25


def test_since_when_nearly_all_came() -> None:
    heap = Heap()
    for number in range(3):
        heap.add(letter(arrived=100.0), place(number))
    for number in range(97):
        heap.add(letter(arrived=60_000.0 + number), place(10 + number))
    assert heap.onset() == 60_000.0
    assert heap.oldest == 100.0
    assert Heap().onset() == float("inf")


def test_reasons_by_their_words() -> None:
    heap = Heap()
    heap.explain([(b"4.1.1", b"no such user"), (b"4.4.1", b"timed out")])
    heap.explain([])
    assert (heap.looked, heap.reasons) == (1, {Reason.UNKNOWN_USER: 1, Reason.ROUTE: 1})


def test_a_script_counts_of_local_users_alone() -> None:
    piles = Piles()
    piles.add(letter(script=b"x.php"), place(1))
    piles.add(letter(kind="local_user", name="33", script=b"x.php"), place(2))
    assert [(pile.actor.kind, pile.script) for pile in rows(piles)] == [("account", ""), ("local_user", "x.php")]


def test_actors_beyond_the_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.join.piles._MOST_PILES", 3)
    piles, other = Piles(), Piles()
    for number in range(10):
        piles.add(letter(kind="client", name=f"192.0.2.{number}"), place(number))
        other.add(letter(kind="client", name=f"198.51.100.{number}"), place(100 + number))
    piles.merge(other)
    found = rows(piles)
    assert len(found) == 4
    assert sum(pile.messages for pile in found) == 20
    assert next(pile for pile in found if not pile.actor.name).messages == 17


def test_whose_queue_it_is() -> None:
    piles = Piles()
    assert piles.host() == ""
    for host in (b"MX.corp.test", b"", b"mx.corp.test", b"mx.corp.test"):
        piles.add(letter(host=host), place(1))
    assert piles.host() == "mx.corp.test"
    nameless = Piles()
    nameless.add(letter(host=b""), place(1))
    assert rows(nameless)[0].actor.host == "here"
