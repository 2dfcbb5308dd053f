"""The scripts below a web root: each folder once whatever links say, bounded in time, number and size."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from typing import Final

from whosent.forms.danger import Risk
from whosent.forms.scripts import Script, language_of, script
from whosent.model.check import Problem
from whosent.model.site import FormScript, Hazard, Scanned, Scripts
from whosent.sources.text import shown

_HEAD: Final = 4_096
_EXCERPT: Final = 300  # bytes of a line
# Endings of what is never a script; the rest is opened if it is small enough to be one.
_NEVER: Final = frozenset(
    {"jpg", "jpeg", "png", "gif", "webp", "svg", "ico", "mp3", "mp4", "avi", "mov", "webm", "pdf", "zip", "gz", "tar",
     "bz2", "xz", "7z", "rar", "css", "js", "map", "woff", "woff2", "ttf", "eot", "otf", "json", "xml", "txt", "md",
     "sql", "csv", "log", "po", "mo", "pot", "so", "exe", "jar", "iso", "doc", "docx", "xls", "xlsx", "less", "scss"}
)  # fmt: skip


def scan(question: Scripts) -> Scanned:
    """What stands below the folder."""
    asked = time.time()
    return _Walk(question, time.monotonic() + question.within).done(asked)


class _Walk:
    def __init__(self, question: Scripts, until: float) -> None:
        self._question = question
        self._until = until
        self._files = self._folders = self._unreadable = self._too_large = 0
        self._cut = ""
        self._found: list[FormScript] = []
        self._seen: set[tuple[int, int]] = set()

    def done(self, asked: float) -> Scanned:
        problem = None
        top = os.fsencode(self._question.folder)
        try:
            mode = os.stat(top).st_mode  # noqa: PTH116  # names are bytes
            if stat.S_ISDIR(mode):
                for path in self._paths(top):
                    self._look(path)
            elif stat.S_ISREG(mode):
                self._files = 1
                self._look(top)
            else:
                problem = Problem("protocol", f"{shown(top)} is neither a folder nor a file.")
        except PermissionError:
            problem = Problem("permission", f"This user may not read {shown(top)}.")
        except (OSError, ValueError):
            problem = Problem("missing", f"There is no {shown(top)} here.")
        return Scanned(
            key=self._question.key, at=asked, took=round(time.time() - asked, 2), problem=problem,
            scripts=tuple(sorted(self._found, key=lambda one: one.path)), files=self._files, folders=self._folders,
            unreadable=self._unreadable, too_large=self._too_large, cut=self._cut,
        )  # fmt: skip

    def _paths(self, top: bytes) -> Iterator[bytes]:
        """The plain files below, deepest folders last; a folder that links lead back to is entered once."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                about = os.stat(folder)  # noqa: PTH116  # names are bytes
                if (about.st_dev, about.st_ino) in self._seen:
                    continue
                self._seen.add((about.st_dev, about.st_ino))
                with os.scandir(folder) as listed:
                    self._folders += 1
                    for entry in listed:
                        if self._is_over():
                            return
                        if entry.is_dir():
                            waiting.append(entry.path)
                        elif entry.is_file():
                            self._files += 1
                            yield entry.path
            except OSError:
                self._unreadable += 1

    def _is_over(self) -> bool:
        if self._files >= self._question.most_files:
            self._cut = f"there are more than {self._question.most_files:,} files"
        elif time.monotonic() > self._until:
            self._cut = f"{self._question.within:.0f} seconds were over"
        return bool(self._cut)

    def _look(self, path: bytes) -> None:
        name = os.fsdecode(path.rpartition(b"/")[2])
        if name.rpartition(".")[2].lower() in _NEVER:
            return
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                about = os.fstat(descriptor)
                identity = (about.st_dev, about.st_ino)
                if not stat.S_ISREG(about.st_mode) or identity in self._seen:
                    return
                self._seen.add(identity)
                source = file.read(_HEAD)
                if language_of(name, source) is None:
                    return
                if about.st_size > self._question.most_bytes:
                    self._too_large += 1
                    return
                source += file.read(self._question.most_bytes)
        except OSError:
            self._unreadable += 1
            return
        found = script(name, source)
        if found is not None:
            self._found.append(_told(path, source, found, stat.S_IMODE(about.st_mode)))


def _told(path: bytes, source: bytes, found: Script, mode: int) -> FormScript:
    lines = source.split(b"\n")
    family = found.known
    written = shown(path)
    return FormScript(
        path=written, plain=os.fsencode(written) == path and written.isprintable(),
        language=found.language, sends=found.sends, login=found.login,
        referer=found.referer, hazards=tuple(_hazard(risk, lines) for risk in found.risks), mode=mode,
        family=f"{family.name} {family.version}".strip() if family else "",
        weakness=family.why if family else "", undecided=found.undecided or "",
    )  # fmt: skip


def _hazard(risk: Risk, lines: list[bytes]) -> Hazard:
    line = lines[risk.line - 1].rstrip(b"\r") if 0 < risk.line <= len(lines) else b""
    return Hazard(
        hole=risk.hole, line=risk.line, field=risk.field, where=risk.where, how=risk.how, sure=risk.sure,
        excerpt=shown(line.strip()[:_EXCERPT]), sha256=hashlib.sha256(line).hexdigest(),
    )  # fmt: skip
