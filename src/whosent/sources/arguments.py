"""The files behind what was named on the command line: paths, folders and globs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from whosent.sources.text import shown


def expand(arguments: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Files behind the given paths, folders and globs, in a stable order without repeats; and what was missing."""
    paths: dict[Path, None] = {}
    missing: list[str] = []
    for argument in arguments:
        found = _behind(argument)
        paths.update(dict.fromkeys(found))
        if not found:
            missing.append(shown(os.fsencode(argument)))
    return list(paths), missing


def _behind(argument: str) -> list[Path]:
    path = Path(argument)
    if os.path.isdir(path):  # noqa: PTH112  # pathlib's raises where a name is too long
        return sorted(_inside(path))
    if os.path.lexists(path):
        return [path]
    return sorted(file for entry in _glob(argument) for file in (_inside(entry) if entry.is_dir() else [entry]))


def _inside(folder: Path) -> Iterator[Path]:
    """The files in a folder and those below it; folders that may not be read are sources that say so."""
    unreadable: list[Path] = []
    for place, _, names in os.walk(folder, onerror=lambda error: unreadable.append(Path(error.filename))):
        for name in names:
            path = Path(place, name)
            if os.path.isfile(path):  # noqa: PTH113  # pathlib's raises where a folder may not be entered
                yield path
    yield from unreadable


def _glob(pattern: str) -> Iterator[Path]:
    anchor = Path(Path(pattern).anchor or ".")
    try:
        yield from anchor.glob(str(Path(pattern).relative_to(anchor)) if Path(pattern).anchor else pattern)
    except (ValueError, NotImplementedError, OSError):
        return
