"""Queued messages become piles: one for each actor (and script), in bounded memory, the same however they are split.

What varies without bound is sampled by the smallest hashes, so that piles of two reading processes add up to
the pile that one would have made.  Counts are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar
from zlib import crc32

from whosent.join.replies import reason
from whosent.measures.networks import network
from whosent.model.pile import Letter, Pile, Place, Record, Sample, Variety
from whosent.model.rows import Actor, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whosent.model.surroundings import Surroundings

_VALUES: Final = 256  # of a variety
_MOST_PILES: Final = 10_000  # actors beyond are counted together, by kind
_SAMPLES: Final = 8
_LOOKED_AT: Final = 128  # messages of a pile whose reasons are read, and that are looked for in the logs
_SHOWN: Final = 10  # values of a variety in a pile
_BUCKET: Final = 600  # seconds
_BUCKETS: Final = 5000
_KEPT: Final = 200  # bytes of a value
_HASHES: Final = 1 << 32
_BEFORE_ONSET: Final = 0.05  # share of a pile that may have come before

_CHOICES: Final = (
    "senders", "sender_domains", "subjects", "recipients", "recipient_domains", "authors", "networks",
)  # fmt: skip

Key = tuple[str, str, bytes]  # kind, name, script
Chosen = tuple[int, str, str]
"""The second in which a message was created, its queue id, the part of its path below the queue's folder."""


class Choice:
    """Different values by the smallest hashes, each with how often it came."""

    __slots__ = ("_hashes", "_worst", "counts")

    def __init__(self) -> None:
        self.counts: dict[bytes, int] = {}
        self._hashes: dict[bytes, int] = {}  # from when there are more than are kept
        self._worst = _HASHES

    def add(self, value: bytes, times: int = 1) -> None:
        """Count a value, unless its hash is greater than those kept."""
        counts = self.counts
        if value in counts:
            counts[value] += times
        elif len(counts) < _VALUES:
            counts[value] = times
            if self._hashes:
                self._hashes[value] = crc32(value)
        else:
            key = crc32(value)
            if key < self._worst:
                self._replace(value, key, times)

    def _replace(self, value: bytes, key: int, times: int) -> None:
        hashes = self._overflowing()
        hashes[value], self.counts[value] = key, times
        worst = max(hashes, key=hashes.__getitem__)
        del hashes[worst], self.counts[worst]
        self._worst = max(hashes.values())

    def _overflowing(self) -> dict[bytes, int]:
        if not self._hashes:
            self._hashes = {one: crc32(one) for one in self.counts}
        return self._hashes

    def merge(self, other: Choice) -> None:
        """Add what another one counted."""
        for value, times in other.counts.items():
            self.add(value, times)
        if other._hashes:
            self._overflowing()
            self._worst = min(self._worst, max(self._hashes.values()))

    def variety(self) -> Variety:
        """How many there were, and the commonest of those kept."""
        common = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
        distinct = len(self.counts)
        if self._hashes:
            distinct = max(distinct, (distinct - 1) * _HASHES // max(1, self._worst))
        return Variety(distinct, tuple(common))


class Shown(NamedTuple):
    """A message kept to be shown."""

    path: str
    queue_id: str
    folder: str
    letter: Letter


class Heap:
    """A pile while it grows."""

    __slots__ = (
        "address",
        "authors",
        "bounces",
        "buckets",
        "chosen",
        "direct",
        "done",
        "folders",
        "forwarded",
        "frozen",
        "hosts",
        "limit",
        "looked",
        "messages",
        "networks",
        "oldest",
        "reasons",
        "recipient_domains",
        "recipients",
        "replies",
        "sender_domains",
        "senders",
        "shown",
        "size",
        "subjects",
        "waiting",
        "youngest",
    )  # fmt: skip

    def __init__(self) -> None:
        self.messages = self.waiting = self.done = self.size = 0
        self.direct = self.bounces = self.forwarded = self.frozen = 0
        self.address = ""
        self.oldest, self.youngest = float("inf"), float("-inf")
        self.folders: dict[str, int] = {}
        self.buckets: dict[int, int] = {}
        self.hosts: dict[bytes, int] = {}
        self.senders, self.sender_domains, self.subjects = Choice(), Choice(), Choice()
        self.recipients, self.recipient_domains = Choice(), Choice()
        self.authors, self.networks = Choice(), Choice()
        self.shown: dict[int, Shown] = {}  # by hash of the queue id
        self.chosen: dict[int, Chosen] = {}  # more of them
        self.limit = _HASHES  # a greater hash is not chosen
        self.reasons: dict[Reason, int] = {}
        self.replies = Choice()
        self.looked = 0

    def add(self, letter: Letter, place: Place) -> None:
        """Count one message; ``place`` is its path, queue id, folder and subfolder."""
        self.messages += 1
        self.waiting += letter.waiting
        self.done += letter.done
        self.size += letter.size
        self.direct += not letter.hops
        self.forwarded += letter.forwarded
        self.frozen += letter.frozen
        arrived = letter.arrived
        self.oldest = min(self.oldest, arrived)
        self.youngest = max(self.youngest, arrived)
        folder = place[3]
        self.folders[folder] = self.folders.get(folder, 0) + 1
        bucket = int(arrived) // _BUCKET
        if bucket in self.buckets or len(self.buckets) < _BUCKETS:
            self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        if letter.host:
            self.hosts[letter.host] = self.hosts.get(letter.host, 0) + 1
        self._texts(letter)
        self._choose(letter, place)

    def _texts(self, letter: Letter) -> None:
        sender = letter.sender[:_KEPT]
        if sender:
            self.senders.add(sender)
            self.sender_domains.add(sender[sender.rfind(b"@") + 1 :].lower())
        else:
            self.bounces += 1
        self.subjects.add(letter.subject[:_KEPT])
        author = letter.author
        self.authors.add(author[author.rfind(b"@") + 1 :][:_KEPT].rstrip(b"> ").lower())
        if letter.kind == "account" and letter.address:
            self.networks.add(network(letter.address).encode())
        recipients, domains = self.recipients, self.recipient_domains
        for recipient in letter.recipients:
            recipients.add(recipient[:_KEPT])
            domains.add(recipient[recipient.rfind(b"@") + 1 :][:_KEPT].lower())

    def _choose(self, letter: Letter, place: Place) -> None:
        path, name, queue_id, folder, inner = place
        key = crc32(queue_id.encode())
        if key < self.limit:
            self._keep(key, (letter.created, queue_id, inner))
            if len(self.shown) < _SAMPLES or key < max(self.shown):
                self._show(key, Shown(f"{path}/{name}", queue_id, folder, letter))

    def _keep(self, key: int, chosen: Chosen) -> None:
        self.chosen[key] = chosen
        if len(self.chosen) > _LOOKED_AT:
            del self.chosen[max(self.chosen)]
            self.limit = max(self.chosen)

    def _show(self, key: int, shown: Shown) -> None:
        self.shown[key] = shown
        if len(self.shown) > _SAMPLES:
            del self.shown[max(self.shown)]

    def merge(self, other: Heap) -> None:
        """Add what another process counted."""
        for name in ("messages", "waiting", "done", "size", "direct", "bounces", "forwarded", "frozen", "looked"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.address = self.address or other.address
        self.oldest, self.youngest = min(self.oldest, other.oldest), max(self.youngest, other.youngest)
        _sum(self.folders, other.folders)
        _sum(self.buckets, other.buckets)
        _sum(self.hosts, other.hosts)
        for name in _CHOICES:
            getattr(self, name).merge(getattr(other, name))
        for key, shown in other.shown.items():
            self._show(key, shown)
        for key, chosen in other.chosen.items():
            self._keep(key, chosen)

    def explain(self, attempts: Iterable[tuple[bytes, bytes]]) -> None:
        """Count why recipients of one message wait: (status, reply) of each."""
        told = list(attempts)
        self.looked += bool(told)
        for status, reply in told:
            why = reason(status, reply)
            self.reasons[why] = self.reasons.get(why, 0) + 1
            self.replies.add(reply[:_KEPT])

    def onset(self) -> float:
        """Since when nearly all of it came."""
        before, allowed = 0, self.messages * _BEFORE_ONSET
        for bucket in sorted(self.buckets):
            before += self.buckets[bucket]
            if before > allowed:
                return max(self.oldest, float(bucket * _BUCKET))
        return self.oldest

    @property
    def samples(self) -> list[Shown]:
        """Those to be shown, the oldest first."""
        return sorted(self.shown.values(), key=lambda shown: (shown.letter.arrived, shown.queue_id))


_Counted = TypeVar("_Counted", str, int, bytes)


def _sum(counts: dict[_Counted, int], others: dict[_Counted, int]) -> None:
    for key, count in others.items():
        counts[key] = counts.get(key, 0) + count


class Piles:
    """The piles of one queue."""

    def __init__(self) -> None:
        self.heaps: dict[Key, Heap] = {}

    def add(self, letter: Letter, place: Place) -> None:
        """Put a message on its pile: what a script's header says counts of local users alone."""
        kind = letter.kind
        key = (kind, letter.name, letter.script if kind == "local_user" else b"")
        heap = self.heaps.get(key)
        if heap is None:
            heap = self._open(key)
            heap.address = letter.address
        heap.add(letter, place)

    def _open(self, key: Key) -> Heap:
        if len(self.heaps) >= _MOST_PILES:
            key = (key[0], "", b"")
        return self.heaps.setdefault(key, Heap())

    def merge(self, other: Piles) -> None:
        """Add what another process counted."""
        for key, heap in other.heaps.items():
            mine = self.heaps.get(key) or self._open(key)
            mine.merge(heap)

    def host(self) -> str:
        """What the MTA calls itself, by most of its messages."""
        hosts: dict[bytes, int] = {}
        for heap in self.heaps.values():
            _sum(hosts, heap.hosts)
        most = min(hosts, key=lambda host: (-hosts[host], host), default=b"")
        return most.decode("utf-8", "backslashreplace").lower()

    def rows(self, seen: Seen, note: Note, ours: Surroundings) -> Iterator[Pile]:
        """The piles as rows, the biggest first; ``note`` gives a reference for a record of a file."""
        host = self.host() or seen.host
        for key, heap in sorted(self.heaps.items(), key=lambda item: (-item[1].messages, item[0])):
            yield _row(key, heap, seen._replace(host=host), note, ours)


class Seen(NamedTuple):
    """Where and when a queue was read."""

    time: float
    queue: str
    mta: str
    host: str


Note = Callable[[str, Record | None], int]


def _actor(key: Key, heap: Heap, host: str, ours: Surroundings) -> Actor:
    kind, name, _ = key
    if kind == "client":
        kind = "host" if ours.is_own_address(name) else "stranger"
    return Actor(kind, name, host, heap.address or None)


def _row(key: Key, heap: Heap, seen: Seen, note: Note, ours: Surroundings) -> Pile:
    samples = tuple(_sample(shown, note) for shown in heap.samples)
    return Pile(
        time=seen.time,
        ref=samples[0].ref,
        actor=_actor(key, heap, seen.host, ours),
        script=key[2].decode("utf-8", "backslashreplace"),
        queue=seen.queue,
        mta=seen.mta,
        messages=heap.messages,
        waiting=heap.waiting,
        done=heap.done,
        size=heap.size,
        folders=dict(sorted(heap.folders.items())),
        oldest=heap.oldest,
        youngest=heap.youngest,
        onset=heap.onset(),
        senders=heap.senders.variety(),
        sender_domains=heap.sender_domains.variety(),
        subjects=heap.subjects.variety(),
        recipients=heap.recipients.variety(),
        recipient_domains=heap.recipient_domains.variety(),
        authors=heap.authors.variety(),
        networks=heap.networks.variety(),
        reasons=heap.reasons,
        replies=heap.replies.variety().common,
        looked_at=heap.looked,
        direct=heap.direct,
        bounces=heap.bounces,
        forwarded=heap.forwarded,
        frozen=heap.frozen,
        chosen=len(heap.chosen),
        seconds=frozenset(second for second, _, _ in heap.chosen.values()),
        samples=samples,
    )


def _sample(shown: Shown, note: Note) -> Sample:
    letter = shown.letter
    return Sample(
        ref=note(shown.path, letter.proof),
        script_ref=note(shown.path, letter.script_proof),
        queue_id=shown.queue_id,
        folder=shown.folder,
        arrived=letter.arrived,
        sender=letter.sender,
        recipient=letter.recipients[0] if letter.recipients else b"",
        subject=letter.subject,
        author=letter.author,
        message_id=letter.message_id,
    )
