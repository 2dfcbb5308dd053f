"""Finds a suspect's messages in a queue: processes without root's rights read and judge, this one hears the ids."""

from __future__ import annotations

import gc
import os
import select
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from whosent.keeper import reading
from whosent.keeper.reading import Hit, Question
from whosent.keeper.servers import KeeperError, widened
from whosent.sources.spools import folders

_WORTH_ANOTHER: Final = 5_000  # messages
_MOST: Final = 4  # processes
AT_ONCE: Final = 8_192  # messages passed on together: each time they are written down first
_WAIT: Final = 0.25  # seconds after which fewer are passed on
_ALLOCATIONS: Final = 50_000  # neither letters nor hits make cycles
_EARLY: Final = "a process that read the queue ended early; run the command again"
_CLOSED: Final = ("the mail server's own user may not open the folders of its queue: give them back to it (`postfix"
                  " set-permissions`; Exim: `chown` as its spool folder); or one of them is a link: put a folder"
                  " in its place (`mount --bind`)")  # fmt: skip
_LONGEST: Final = 2_048  # characters of a line
_REMEMBERED: Final = 100_000  # messages that another pass need not read again


@dataclass
class Seen:
    """What was looked at so far."""

    files: int = 0
    others: int = 0  # messages of others
    unread: int = 0
    total: int = 0  # entries of the folders when it began
    by_folder: Counter[str] = field(default_factory=Counter)  # the suspect's


def search(question: Question, seen: Seen) -> Iterator[list[Hit]]:
    """The suspect's messages, as they are found.

    All reading processes write whole lines into one pipe, in blocks that the kernel does not tear apart.
    """
    spool, among = question.server.spool, tuple(dict.fromkeys(question.among))
    sizes = sum(len(names) for _, names, _ in folders(spool, among=among))
    seen.total += sizes
    gc.set_threshold(_ALLOCATIONS)  # here and in all that read
    parts = min(_MOST, len(os.sched_getaffinity(0)), 1 + sizes // _WORTH_ANOTHER)
    ours, theirs = os.pipe()
    widened(ours)
    children: list[int] = []
    try:
        for part in range(parts):
            pid = os.fork()
            if not pid:
                os.close(ours)
                reading.run(theirs, question, (part, parts))
            children.append(pid)
        os.close(theirs)
        yield from _heard(ours, seen, question)
        while children:
            if status := os.waitpid(children.pop(), 0)[1]:
                raise KeeperError(_CLOSED if os.waitstatus_to_exitcode(status) == reading.CLOSED else _EARLY)
    except ValueError:
        raise KeeperError(f"a process reading {spool.path} said what it never says, and was ended: report it") from None
    finally:
        os.close(ours)
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def _heard(pipe: int, seen: Seen, question: Question) -> Iterator[list[Hit]]:
    """What the processes say, many at a time but none late; ValueError if it is nothing that they say."""
    hits: list[Hit] = []
    rest, last, block, form = b"", 0.0, b" ", reading.SAID[question.server.spool.mta]  # the first wait for no others
    while block:
        if select.select([pipe], [], [], _WAIT)[0]:
            block = os.read(pipe, 1 << 16)
            whole, newline, rest = (rest + block).rpartition(b"\n")
            said = (whole + newline).decode("ascii")
            if len(rest) > _LONGEST or not form.fullmatch(said):
                raise ValueError
            hits += [hit for line in said.splitlines() if (hit := _line(line, seen, question))]
        if hits and (len(hits) >= AT_ONCE or time.monotonic() - last >= _WAIT or not block):
            yield hits
            hits, last = [], time.monotonic()


def _line(line: str, seen: Seen, question: Question) -> Hit | None:
    """What one line says, whose form has been looked at."""
    if line[0] == "=":
        files, others, unread = map(int, line[1:].split())
        seen.files += files
        seen.others += others
        seen.unread += unread
        return None
    if line[0] == "+":
        name, inode, size, changed, another = line[1:].split("\t")
        if question.known is not None and len(question.known) < _REMEMBERED:
            question.known[name] = (int(inode), int(size), int(changed)), another == "1"
        return None
    queue_id, arrived, folder, inner, digest, size = line.split("\t")
    seen.by_folder[folder] += 1
    return Hit(queue_id, float(arrived), folder, inner, digest, int(size))
