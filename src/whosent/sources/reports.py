"""Reports from outside, one by one: a file, a folder of files, a Maildir, an mbox, standard input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from whosent.reading.mailboxes import LONGEST, is_mailbox, messages
from whosent.sources.files import Source


class Raw(NamedTuple):
    """One report as it was found: its name (with its number, where a file holds several) and its bytes."""

    name: str
    raw: bytes


def reports(sources: Iterable[Source]) -> Iterator[Raw]:
    """Every report of these sources; a source that cannot be read says so in its ``problem``."""
    for source in sources:
        if _unfinished(source):
            continue  # a delivery that was not finished
        head = source.head()
        if not head.strip():
            continue
        chunks = ((offset, chunk) for offset, chunk, _ in source.chunks())
        if is_mailbox(head):
            several = head.startswith(b"From ")
            for number, message in enumerate(messages(chunks), start=1):
                yield Raw(f"{source.name}#{number}" if several else source.name, message.raw)
        else:
            raw = _whole(chunks)
            if raw.strip():
                yield Raw(source.name, raw)


def _unfinished(source: Source) -> bool:
    folder = source.path.parent if source.path else None
    return bool(
        folder and folder.name == "tmp" and (folder.parent / "cur").is_dir() and (folder.parent / "new").is_dir()
    )


def _whole(chunks: Iterable[tuple[int, bytes]]) -> bytes:
    kept: list[bytes] = []
    size = 0
    for _, chunk in chunks:
        if size < LONGEST:
            kept.append(chunk)
            size += len(chunk)
    return b"".join(kept)[:LONGEST]
