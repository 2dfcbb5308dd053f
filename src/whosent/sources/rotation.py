"""Rotated logs: which files continue each other, told by their names, and which hold the same lines twice."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from whosent.sources.files import Source

_ARCHIVE: Final = re.compile(r"\.(?:gz|bz2|xz|zst)$")
_NUMBER: Final = re.compile(r"\.(\d{1,4})$")  # mail.log.1
_EXCHANGE: Final = re.compile(
    r"(?i)((?:MSGTRK(?:M[A-Z])?|RECV|SEND))(\d{8})(\d\d)?-(\d{1,6})(\.LOG)$"
)  # MSGTRK2026112708-1.LOG
_DATE: Final = re.compile(r"[._-](\d{4}-?\d\d-?\d\d)(?:[-T]?(\d{1,12}))?(?=\.[a-z]+$|$)")  # mail.log-20261101


class Place(NamedTuple):
    """The set a file belongs to, and its place in it: the newest has the greatest."""

    base: str
    age: tuple[int, int, int]  # kind (numbered, dated, not rotated yet), then date and time, or number downwards
    grows: bool = False  # under this very name: it has its date from the beginning


def place(name: str) -> Place:
    """What a file's name says of rotation; the path counts, so that equal names of two folders are two sets."""
    plain = _ARCHIVE.sub("", name)
    number = _NUMBER.search(plain)
    if number:
        return Place(plain[: number.start()], (0, -int(number[1]), 0))
    exchange = _EXCHANGE.search(plain)
    if exchange:
        kind, day, hour, part, ending = exchange.groups()
        age = (1, int(day + (hour or "00")), int(part))
        return Place(plain[: exchange.start()] + kind + ending, age, grows=plain == name)
    date = _DATE.search(plain)
    if date:
        base = plain[: date.start()] + plain[date.end() :]
        return Place(base, (1, int(date[1].replace("-", "")), int(date[2] or 0)))
    return Place(plain, (2, 0, 0))


def in_order(sources: Iterable[Source]) -> list[Source]:
    """The sources by set, the newest of each first, whatever the order they were given in."""
    placed = [(place(source.name), source) for source in sources]
    return [
        source for _, source in sorted(placed, key=lambda one: (one[0].base, [-x for x in one[0].age], one[1].name))
    ]


def copies(heads: Iterable[tuple[Source, bytes]]) -> dict[Source, Source]:
    """Sources whose lines another one holds as well, with that other one; ``heads`` has the first lines of each.

    Only those that start with the same line are compared, to the end of the shorter: a copy, compressed or not,
    or one that was taken while the log still grew.
    """
    kept: dict[bytes, list[Source]] = defaultdict(list)
    twice: dict[Source, Source] = {}
    for source, head in heads:
        alike = kept[head.partition(b"\n")[0]] if head.strip(b"\0\r\n") else []
        for number, other in enumerate(alike):
            longer = source.same_text(other)
            if longer is other:
                twice[source] = other
                break
            if longer is source:
                twice[other] = alike[number] = source
                break
        else:
            alike.append(source)
    for source, other in list(twice.items()):
        last = other
        while last in twice:
            last = twice[last]
        twice[source] = last
    return twice
