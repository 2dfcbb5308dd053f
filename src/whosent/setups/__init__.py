"""The few lines a server needs so that one suspect's mail alone can be stopped, and the next one told with certainty.

A file of this folder is one server: ``changes()`` says what is missing, each change with its reason, how it is made and
how it is taken back.  Making one twice changes nothing; taking one back leaves what others wrote meanwhile.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from whosent.keeper.servers import KeeperError, ask


class CannotError(KeeperError):
    """This server cannot be set up here; the text says why, and what to do by hand."""


@dataclass(frozen=True)
class Change:
    """One change of a server's configuration."""

    what: str  # the line as it will stand, or the file
    why: str
    done: Callable[[], bool]
    make: Callable[[], None]
    undo: Callable[[], None]
    last: bool = False  # a table: taken out when the server no longer asks for it


@cache
def servers() -> dict[str, ModuleType]:
    """What can be set up, by name."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    }


def file(path: Path, text: str, why: str) -> Change:
    """A file of our own."""

    def done() -> bool:
        try:
            return path.read_text(encoding="utf-8") == text
        except OSError:
            return False

    def make() -> None:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write(path, text)

    return Change(f"{path}:\n{text}", why, done, make, lambda: path.unlink(missing_ok=True), last=True)


def write(path: Path, text: str) -> None:
    """The file changes at once or not at all; its mode stays, a new one may be read by everybody."""
    fresh = path.with_name(f".{path.name}.whosent")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o644)
    if path.exists():
        status = path.stat()
        os.chown(fresh, status.st_uid, status.st_gid)
    fresh.replace(path)


__all__ = ["CannotError", "Change", "ask", "file", "servers", "write"]
