"""The queue on a terminal: who has how much in it, since when, and what it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from whosent.report import words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from whosent.model.report import Queue, QueuePile, QueueSource

SHOWN: Final = 10  # piles
_NAME: Final = 60
_SUBJECT: Final = 60
KINDS: Final = {
    "account": "account",
    "local_user": "uid",
    "host": "host",
    "stranger": "outside client",
    "mta": "its own bounces",
    "unknown": "not recorded",
}


def called(pile: QueuePile) -> str:
    """``uid 33, script contact.php``."""
    kind = "user" if pile.kind == "local_user" and not pile.name.isdecimal() else KINDS.get(pile.kind, pile.kind)
    name = f"{kind} {pile.name}".strip()
    return words.visible(f"{name}, script {pile.script}" if pile.script else name)


def age(pile: QueuePile, queue: Queue) -> str:
    """How long its oldest message has waited when the queue was looked at."""
    source = next((one for one in queue.sources if one.path == pile.queue), None)
    spans = words.lasting(pile.oldest, source.read).split() if source else []
    return " ".join(spans[:2])


def where(pile: QueuePile) -> str:
    """``deferred 280,002, active 19,998``."""
    folders = sorted(pile.folders.items(), key=lambda item: (-item[1], item[0]))
    if len(folders) == 1:
        return folders[0][0]
    return ", ".join(f"{folder} {count:,}" for folder, count in folders)


def subject(pile: QueuePile) -> str:
    """The commonest subject."""
    return next((words.shortened(words.visible(text), _SUBJECT) for text in pile.common_subjects if text), "")


def bar(pile: QueuePile, queue: Queue) -> int:
    """Its share of the queue in percent; never nothing for something."""
    return max(1, round(100 * pile.messages / max(1, queue.messages)))


def table(queue: Queue) -> Table:
    """The biggest piles."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("Who", overflow="fold", ratio=3)
    shown.add_column("Messages", justify="right", no_wrap=True)
    shown.add_column("Recipients", justify="right", no_wrap=True)
    shown.add_column("Oldest", no_wrap=True)
    shown.add_column("A subject", overflow="fold", ratio=4)
    for pile in queue.piles[:SHOWN]:
        style = "bold red" if pile.incident else ""
        shown.add_row(
            Text(words.shortened(called(pile), _NAME), style=style),
            Text(f"{pile.messages:,}"),
            Text(f"{pile.recipients:,}"),
            Text(age(pile, queue)),
            Text(subject(pile)),
        )
    return shown


def sums(queue: Queue, zone: tzinfo) -> Iterator[str]:
    """What was looked at: a sentence for each queue, and for what could not be read."""
    for source in queue.sources:
        folders = ", ".join(f"{count:,} {folder}" for folder, count in source.folders.items()) or "empty"
        messages = words.counted(source.messages, "message")
        yield f"{source.path} ({source.mta.capitalize()}) at {words.when(source.read, zone)}: {messages}: {folders}."
        yield from unread(source)
    more = queue.senders - SHOWN
    if more > 0:
        rest = queue.messages - sum(pile.messages for pile in queue.piles[:SHOWN])
        yield f"{words.counted(more, 'more sender')} with {words.counted(rest, 'message')} in sum."


def unread(source: QueueSource) -> Iterator[str]:
    """What of a queue could not be read."""
    if source.problem:
        yield f"{source.path}: {source.problem}."
    for why, count in source.unread.items():
        yield f"{source.path}: {words.counted(count, 'file')} {why}."
    for path, what in source.damaged.items():
        yield f"{path} {what}."
