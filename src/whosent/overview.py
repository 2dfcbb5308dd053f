"""Numbers behind the charts: outgoing recipients over time, reasons of refusal, networks of accounts (pure).

Memory is bounded whatever the log holds: a fixed number of time buckets that widen as the log grows, the biggest
senders of each bucket by name and the rest as a total, and a bounded number of networks an account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from operator import add, sub
from typing import Final

from whosent.measures.networks import network
from whosent.measures.resting import Norm, Resting
from whosent.model.report import Bucket, LoginNetwork, Overview
from whosent.model.rows import ANSWERS, Actor, Message, Outcome, Reason, Result
from whosent.reading.stamps import rfc3339

_BUCKETS: Final = 120
_NAMED_SENDERS: Final = 40  # of one bucket
_NETWORKS: Final = 256  # of one account
_FIRST_WIDTH: Final = 60.0  # seconds
# Column of an answer, by result; hashing an enum's member costs more than a row may.
_COLUMNS: Final = tuple(ANSWERS.index(result) if result in ANSWERS else -1 for result in Result)

Who = tuple[str, str, str]  # kind, name, host of an actor
Networks = dict[str, list[float]]  # how many messages came from each, the first and the last when


def who(actor: Actor) -> Who:
    """The part of an actor that does not change from message to message."""
    return actor[:3]


def _no_reasons() -> list[int]:
    return [0] * len(Reason)


class Tally:
    """Watches the rows that detectors see, and counts."""

    self_contained = True
    results = ANSWERS

    def __init__(self) -> None:
        self._width = _FIRST_WIDTH
        self._totals: dict[int, list[int]] = {}
        self._senders: dict[int, dict[Who, int]] = {}
        self._key = 1 << 50  # of the latest bucket; of none yet
        self._total: list[int] = [0, 0, 0]  # of that
        self._of_senders: dict[Who, int] = {}  # of that
        self._reasons: dict[Who, list[int]] = defaultdict(_no_reasons)
        self._all_reasons = _no_reasons()
        self._networks: Resting[Who, Networks] = Resting()

    def message(self, row: Message) -> None:
        """Note the network its account sent it from."""
        actor = row[2]
        if actor[0] == "account" and actor[3]:
            seen = self._networks.awake.get(actor[:3])
            if seen is None:
                seen = self._meet(actor[:3], row[0])
            prefix = network(actor[3])
            span = seen.get(prefix)
            if span is not None:
                span[0] += 1
                span[2] = row.time
            elif len(seen) < _NETWORKS:
                seen[prefix] = [1, row.time, row.time]

    def _meet(self, account: Who, time: float) -> Networks:
        if self._networks.is_due(time):
            self._networks.tidy(time, _norm)
        seen = self._networks.get(account, _wake)
        if seen is None:
            seen = self._networks.awake[account] = {}
        return seen

    def outcome(self, row: Outcome) -> None:
        """Count a recipient of outgoing mail."""
        column = _COLUMNS[row[6]]
        time, key = row[0], self._key
        if not 0.0 <= time - key * self._width < self._width:
            key = self._key = self._bucket_of(time)
            self._total, self._of_senders = self._totals[key], self._senders[key]
        self._total[column] += 1
        actor, senders = row[2][:3], self._of_senders
        senders[actor] = senders.get(actor, 0) + 1
        if column:
            self._reasons[actor][row[7]] += 1
            self._all_reasons[row[7]] += 1

    def _bucket_of(self, time: float) -> int:
        key = int(time // self._width)
        if key not in self._totals:
            self._open(key, time)
            key = int(time // self._width)
        return key

    def _open(self, key: int, time: float) -> None:
        if len(self._totals) >= _BUCKETS:
            self._widen()
            key = int(time // self._width)
        for old in [k for k in self._senders if k < key - 1 and len(self._senders[k]) > _NAMED_SENDERS]:
            self._senders[old] = dict(Counter(self._senders[old]).most_common(_NAMED_SENDERS))
        self._senders.setdefault(key, {})
        self._totals.setdefault(key, [0, 0, 0])

    def _widen(self) -> None:
        self._width *= 2
        totals, senders = self._totals, self._senders
        self._totals, self._senders = {}, {}
        for key, counts in totals.items():
            merged = self._totals.setdefault(key // 2, [0, 0, 0])
            for column, count in enumerate(counts):
                merged[column] += count
            self._senders[key // 2] = dict(Counter(self._senders.get(key // 2, {})) + Counter(senders[key]))

    def overview(self, culprits: Mapping[str, Iterable[Who]]) -> Overview:
        """The numbers, with the actors behind each incident (by incident id) told apart from everybody else."""
        incident_of = {actor: incident for incident, actors in culprits.items() for actor in sorted(actors)}
        return Overview(
            bucket_seconds=int(self._width),
            timeline=[self._bucket(key, incident_of) for key in self._span()],
            reply_reasons=self._reply_reasons(incident_of),
            networks=self._login_networks(incident_of),
        )

    def _span(self) -> Iterable[int]:
        keys = sorted(self._totals)
        if keys and keys[-1] - keys[0] < 4 * _BUCKETS:
            return range(keys[0], keys[-1] + 1)
        return keys  # a log with years between its lines: only what there is

    def _bucket(self, key: int, incident_of: Mapping[Who, str]) -> Bucket:
        sent, deferred, refused = self._totals.get(key, (0, 0, 0))
        senders, culprits = self._senders.get(key, {}), Counter[str]()
        for actor in senders.keys() & incident_of.keys():  # looks at the fewer of the two
            culprits[incident_of[actor]] += senders[actor]
        return Bucket(
            start=rfc3339(key * self._width), sent=sent, deferred=deferred, refused=refused,
            culprits=dict(sorted(culprits.items())),
        )  # fmt: skip

    def _reply_reasons(self, incident_of: Mapping[Who, str]) -> dict[str, dict[str, int]]:
        reasons, others = defaultdict[str, list[int]](_no_reasons), self._all_reasons
        for actor, incident in incident_of.items():
            counts = self._reasons.get(actor)
            if counts is not None:
                reasons[incident] = list(map(add, reasons[incident], counts))
                others = list(map(sub, others, counts))
        reasons["everybody else"] = others
        named = {
            name: Counter({reason.name.lower(): counts[reason] for reason in Reason if counts[reason]})
            for name, counts in reasons.items()
        }
        return {name: dict(counter.most_common()) for name, counter in named.items() if counter}

    def _login_networks(self, incident_of: Mapping[Who, str]) -> list[LoginNetwork]:
        return [
            LoginNetwork(
                incident=incident,
                network=prefix,
                place=None,
                messages=int(messages),
                first=rfc3339(first),
                last=rfc3339(last),
            )
            for actor, incident in incident_of.items()
            for prefix, (messages, first, last) in sorted(
                (self._networks.get(actor, _wake) or {}).items(), key=_first_seen
            )
        ]


def _first_seen(entry: tuple[str, list[float]]) -> float:
    return entry[1][1]


def _norm(seen: Networks, quiet: float) -> Norm | None:
    return tuple(seen.items()) if all(span[2] <= quiet for span in seen.values()) else None


def _wake(_account: Who, norm: Norm) -> Networks:
    return dict(norm)
