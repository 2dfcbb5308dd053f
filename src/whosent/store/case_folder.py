"""A case folder on disk: made whole or not at all, added to by links of its chain of custody, and verified."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from whosent.case import custody
from whosent.case.custody import NAME, Chain
from whosent.model.case import Link, Verified
from whosent.model.mistake import Mistake
from whosent.report.evidence import MANIFEST
from whosent.store.folders import FolderTaken, appearing, fill, must_be_free

_BLOCK: Final = 1 << 20
_OWN_LIMIT: Final = 1 << 26  # bytes of a chain or manifest; a longer one is none
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 80
_TRIES: Final = 20
_PAUSE: Final = 0.02  # seconds between them


class Hand(msgspec.Struct, frozen=True):
    """Who does something, and when."""

    by: str  # login name and machine
    at: str  # RFC 3339, UTC


def make(folder: Path, files: Mapping[str, bytes], hand: Hand) -> Link:
    """Write a case folder; a folder that holds anything is left alone, since nothing of a case is ever replaced."""
    folder = folder.absolute()
    if (folder / NAME).exists():
        raise FolderTaken(f"{folder} holds a case already: name a new folder, or add to it with "
                          "`whosent incident attach`.")  # fmt: skip
    must_be_free(folder, "case", lambda _: False)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    first = custody.link(Chain(links=[], problems=[]), at=hand.at, by=hand.by, what="the case was made", files=digests)
    with appearing(folder) as fresh:
        fill(fresh, files)
        _seal(fresh, [first])
    return first


def _seal(folder: Path, links: list[Link]) -> None:
    """The chain, and the manifest that goes with it."""
    text = custody.written(links)
    fill(folder, {NAME: text, MANIFEST: custody.sums(Chain(links=links, problems=[]), text)})


def attach(folder: Path, sources: list[Path], note: str, hand: Hand) -> Link:
    """Add copies of these files, and a link that names them; the folder with them takes the place of the one without.

    A folder that is not intact is not added to: nobody could tell any more what was altered when.
    """
    folder = folder.absolute()
    with _locked(folder):
        before = verify(folder)
        if not before.intact:
            raise Mistake(f"{folder} is not intact ({before.problems[0]}): nothing is added. "
                          "`whosent incident verify` says more.")  # fmt: skip
        number = len(before.links) + 1
        with appearing(folder) as fresh:
            shutil.copytree(folder, fresh, copy_function=_linked, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns(NAME, MANIFEST))  # fmt: skip
            added = dict(_copies(sources, number, fresh))
            link = custody.link(Chain(links=before.links, problems=[]), at=hand.at, by=hand.by, what=note, files=added)
            _seal(fresh, [*before.links, link])
    return link


def _linked(source: str, target: str) -> None:
    """The same file under a second name where the file system can do it, else a copy."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)


def _copies(sources: list[Path], number: int, fresh: Path) -> Iterator[tuple[str, str]]:
    """Each file copied under a plain name; the name within the folder, and its digest."""
    for place, source in enumerate(sources, 1):
        plain = _ODD.sub("_", source.name)[-_LONGEST_NAME:].lstrip("._-") or "file"
        name = f"additions/{number:04d}-{place:02d}-{plain}"
        target = fresh / name
        target.parent.mkdir(exist_ok=True)
        try:
            with source.open("rb") as given, target.open("wb") as copy:
                shutil.copyfileobj(given, copy, _BLOCK)
                copy.flush()
                os.fsync(copy.fileno())
        except OSError as error:
            raise Mistake(f"{source} cannot be copied: {error.strerror}.") from error
        yield name, _digest(target)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One who adds at a time: whoever waited looks again, since the folder was replaced meanwhile."""
    while True:
        descriptor = _opened(folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.exists(folder) and os.path.samestat(os.fstat(descriptor), os.stat(folder)):  # noqa: PTH110,PTH116  # beside samestat
                yield
                return
        finally:
            os.close(descriptor)


def _opened(folder: Path) -> int:
    """The folder; another process may be exchanging it this very moment."""
    for patience in reversed(range(_TRIES)):
        try:
            return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            if not patience:
                raise Mistake(f"{folder} cannot be opened: {error.strerror}. Name the folder of a case.") from error
            time.sleep(_PAUSE)
    raise AssertionError


def verify(folder: Path, head: str = "") -> Verified:
    """Every byte of the folder against its chain; ``head`` is a digest written down elsewhere earlier."""
    folder = folder.absolute()
    if not (folder / NAME).exists() and not (folder / MANIFEST).exists():
        raise Mistake(f"{folder} is no case folder: it holds neither {NAME} nor {MANIFEST}.")
    present: dict[str, str] = {}
    own: dict[str, bytes] = {}
    odd: list[str] = []
    for path in _below(folder):
        name = path.relative_to(folder).as_posix()
        kind = os.lstat(path)
        if not stat.S_ISREG(kind.st_mode):
            odd.append(f"{_shown(name)} is no plain file")
        elif name in {NAME, MANIFEST}:
            own[name] = _start(path)
        else:
            present[name] = _digest(path)
    chain = custody.read(own.get(NAME, b""))
    problems = [*custody.compared(chain, present, own), *odd, *_empty(folder)]
    if head and head.lower() not in {link.digest for link in chain.links}:
        problems.append(f"the chain has no link with the digest {_shown(head)}: it was made anew, or cut short")
    return Verified(
        folder=str(folder), intact=not problems, problems=[_shown(one) for one in problems], head=chain.head,
        links=chain.links, files=len(present) + len(own),
    )  # fmt: skip


def _below(folder: Path) -> Iterator[Path]:
    """Everything in it that is no folder; links are not followed."""
    for place, folders, files in os.walk(folder):
        for name in [*files, *(name for name in folders if (Path(place) / name).is_symlink())]:
            yield Path(place) / name


def _empty(folder: Path) -> Iterator[str]:
    """Folders without anything: no case has any."""
    for place, folders, files in os.walk(folder):
        if not folders and not files:
            yield f"{Path(place).relative_to(folder).as_posix()} is an empty folder that nobody added by whosent"


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_OWN_LIMIT)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
