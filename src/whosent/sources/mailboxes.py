"""Files that hold messages: single ones, mboxes, Maildirs, folders of any of them, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from whosent.sources.archives import unpacked
from whosent.sources.arguments import expand
from whosent.sources.files import Source, at_path, standard_input

_PARTS: Final = frozenset({"cur", "new"})


def messages_at(arguments: Iterable[str]) -> tuple[Iterator[Source], list[str]]:
    """A source for each file behind the arguments, and the arguments that name none; standard input comes last."""
    arguments = list(arguments)
    paths, missing = expand([argument for argument in arguments if argument != "-"])
    return unpacked(_sources(paths, spooled="-" in arguments)), missing


def _sources(paths: Iterable[Path], *, spooled: bool) -> Iterator[Source]:
    maildirs: dict[Path, bool] = {}
    for path in paths:
        if not _is_housekeeping(path, maildirs):
            yield at_path(path)
    if spooled:
        yield standard_input(sys.stdin.buffer)


def _is_housekeeping(path: Path, maildirs: dict[Path, bool]) -> bool:
    """Whether the file belongs to a Maildir without being a message of it: an index, or one still being delivered."""
    folder = path.parent
    box = folder.parent if folder.name in {*_PARTS, "tmp"} else folder
    known = maildirs.get(box)
    if known is None:
        known = maildirs[box] = all((box / part).is_dir() for part in _PARTS)
    return known and folder.name not in _PARTS


def pieces_of(source: Source) -> Iterator[bytes]:
    """The text of a source; ``problem`` says why there is none."""
    empty = True
    for piece in source.text():
        empty = False
        yield piece
    if empty:
        source.head()
