"""A folder of files that appears whole or not at all, and takes the place of an older one the same way."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from whosent.model.mistake import Mistake


class FolderTaken(Mistake):
    """The folder holds something that is not ours."""


def must_be_free(folder: Path, purpose: str, is_ours: Callable[[Path], bool]) -> None:
    """Refuse a place that holds anything but a folder of ours of the same kind."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FolderTaken(f"{folder} is no folder: name a new one for the {purpose}.")
    if folder.is_dir() and any(folder.iterdir()) and not is_ours(folder):
        raise FolderTaken(f"{folder} holds other files, which would be lost: name a new or an empty folder.")


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A fresh folder beside that place, to be filled; at the end it stands there, or, after a failure, nowhere."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield fresh
        fresh.chmod(0o700)
        _replace(folder, fresh)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write these files and see them on the disk."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _replace(folder: Path, fresh: Path) -> None:
    """Put the new folder where the old one is; the old one goes last."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(old / "case")
    try:
        fresh.rename(folder)
    except OSError:
        (old / "case").rename(folder)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
