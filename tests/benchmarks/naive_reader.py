"""Reads a generated log line by line, slowly and obviously, and counts what the truth claims to know."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HEADS = [
    re.compile(r"<22>1 \S+ (?P<host>\S+) (?P<program>\S+) \d+ - - (?P<text>.*)"),
    re.compile(r"\d{4}-\S+ (?P<host>\S+) (?P<program>[^\[]+)\[\d+\]: (?P<text>.*)"),
    re.compile(r"[A-Z]\w\w [ \d]\d [\d:]{8} (?P<host>\S+) (?P<program>[^\[]+)\[\d+\]: (?P<text>.*)"),
]
ID_LINE = re.compile(r"(?P<id>[0-9A-F]{9,12}|[0-9A-Za-z]{10}z[0-9A-Za-z]{4}): (?P<text>.*)")
CLIENT = re.compile(r"client=[^\[]*\[(?P<address>[^\]]*)\]")
LOGIN = re.compile(r"client=\S+ sasl_method=\w+, sasl_username=(?P<login>.*)")
UID = re.compile(r"uid=(?P<uid>\d+) from=<")
FROM = re.compile(r"from=<(?P<sender>.*)>, size=\d+, nrcpt=\d+ \(queue active\)")
OUTCOME = re.compile(
    r'to=<(?P<recipient>(?:"[^"]*"|[^">])*)>,(?: orig_to=<[^>]*>,)? relay=(?P<relay>[^,]*), '
    r"(?:conn_use=\d+, )?delay=[\d.e+]+, delays=\S+, dsn=\S+, "
    r"status=(?P<status>\w+) \((?P<reply>.*)\)"
)
NOTIFICATION = re.compile(r"sender non-delivery notification: (?P<id>\w+)")
FILTER = "127.0.0.1[127.0.0.1]:10024"
RELAY = "mx1.example.org[192.0.2.25]:25"


@dataclass(eq=False)
class Life:
    host: str
    queue_id: str
    actor: str
    first: int
    last: int
    sender: str | None = None
    removed: bool = False
    lines: dict[str, int] = field(default_factory=lambda: {"sent": 0, "deferred": 0, "bounced": 0})
    fates: dict[str, str] = field(default_factory=dict)
    handed_over: list[tuple[int, str, str]] = field(default_factory=list)
    parent: Life | None = None


class NaiveReader:
    """Everything stays in memory; nothing is clever."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.lives: list[Life] = []
        self.current: dict[tuple[str, str], Life] = {}
        self.sins: list[str] = []
        self.number = 0
        for path in paths:
            for line in path.read_text(encoding="ascii").splitlines():
                self.number += 1
                self.read(line)
        self.find_parents()

    def read(self, line: str) -> None:
        head = next(filter(None, (pattern.fullmatch(line) for pattern in HEADS)))
        found = ID_LINE.fullmatch(head["text"])
        if not found or not head["program"].startswith(("postfix/", "opendkim")):
            return
        host, queue_id, text = head["host"], found["id"], found["text"]
        if opened := self.opening(host, text):
            self.open(host, queue_id, opened)
        elif text.startswith("message-id=") and not self.alive(host, queue_id):
            self.open(host, queue_id, "")
        elif not self.alive(host, queue_id):
            self.sins.append(f"line {self.number}: {queue_id} speaks after its end")
        else:
            life = self.current[host, queue_id]
            life.last = self.number
            self.follow(life, text)

    def alive(self, host: str, queue_id: str) -> bool:
        life = self.current.get((host, queue_id))
        return life is not None and not life.removed

    def opening(self, host: str, text: str) -> str | None:
        if login := LOGIN.fullmatch(text):
            return login["login"]
        if client := CLIENT.match(text):
            return client["address"]
        if uid := UID.match(text):
            return f"uid:{uid['uid']}@{host}"
        return None

    def open(self, host: str, queue_id: str, actor: str) -> None:
        if self.alive(host, queue_id) and self.current[host, queue_id].sender is not None:
            self.sins.append(f"line {self.number}: {queue_id} has two lives at once")
        life = Life(host, queue_id, actor, self.number, self.number)
        self.lives.append(life)
        self.current[host, queue_id] = life

    def follow(self, life: Life, text: str) -> None:
        if sender := FROM.fullmatch(text):
            life.sender = sender["sender"]
        elif outcome := OUTCOME.fullmatch(text):
            life.lines[outcome["status"]] += 1
            life.fates[outcome["recipient"]] = outcome["status"]
            target = {FILTER: life.host, RELAY: "mx1"}.get(outcome["relay"])
            if target:
                life.handed_over.append((self.number, target, outcome["reply"].split()[-1]))
        elif note := NOTIFICATION.fullmatch(text):
            if self.current[life.host, note["id"]].actor:  # a broken session had this id before
                self.open(life.host, note["id"], "")
        elif text == "removed":
            life.removed = True

    def find_parents(self) -> None:
        by_id = defaultdict(list)
        for life in self.queued():
            by_id[life.host, life.queue_id].append(life)
        for life in self.queued():
            for number, host, queue_id in life.handed_over:
                nearest = min(by_id[host, queue_id], key=lambda each: distance(each, number))
                nearest.parent = life

    def queued(self) -> list[Life]:
        return [life for life in self.lives if life.sender is not None]

    def lines_by(self, attribute: str) -> dict[str, list[int]]:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for life in self.queued():
            row = counts[getattr(life, attribute)]
            row[0] += 1
            for position, status in enumerate(("sent", "deferred", "bounced"), 1):
                row[position] += life.lines[status]
        return dict(counts)

    def messages_by_actor(self) -> dict[str, list[int]]:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for life in self.queued():
            if life.handed_over:
                continue
            root = life
            while root.parent is not None:
                root = root.parent
            row = counts[root.actor]
            row[0] += 1
            for status in life.fates.values():
                row[1 + ("sent", "deferred", "bounced").index(status)] += 1
        return dict(counts)


def distance(life: Life, number: int) -> int:
    """How many lines lie between a life and a line."""
    return max(life.first - number, number - life.last, 0)
