"""The case as a folder: the quoted lines byte for byte, the report, and a manifest that ``sha256sum -c`` accepts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from whosent.model.mistake import Mistake
from whosent.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whosent.model.finding import Evidence
    from whosent.model.incident import Incident, ReportedFinding
    from whosent.model.report import Report

MANIFEST: Final = "SHA256SUMS"
_MARK: Final = "whosent evidence folder"  # first line of README.txt: by this a folder of ours is known
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


class FolderTaken(Mistake):
    """The folder holds something that is not ours."""


def write(report: Report, folder: Path, lines: Mapping[tuple[str, int], bytes], html: str | None = None) -> Path:
    """Write the case into ``folder`` and say where the manifest stands.

    ``lines`` has the raw bytes (without line end) of quoted lines by ``(source, offset)``; a line it lacks is quoted
    from its excerpt and marked so.  The folder appears whole or not at all; only a folder of ours is replaced.
    """
    folder = folder.absolute()
    _must_be_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    files = _files(report, lines, html)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, content in files.items():
            _write_one(fresh / name, content)
        fresh.chmod(0o700)
        _replace(folder, fresh)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return folder / MANIFEST


def _must_be_free(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FolderTaken(f"{folder} is no folder: name a new one for the evidence.")
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
        raise FolderTaken(f"{folder} holds other files, which would be lost: name a new or an empty folder.")


def _is_ours(folder: Path) -> bool:
    """Ours, and nothing in it that the manifest does not name."""
    try:
        readme = (folder / "README.txt").read_bytes()
        manifest = (folder / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    named = {line.partition("  ")[2] for line in manifest.splitlines()} | {MANIFEST}
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    return readme.startswith(_MARK.encode()) and present <= named


def _write_one(path: Path, content: bytes) -> None:
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


def _files(report: Report, lines: Mapping[tuple[str, int], bytes], html: str | None) -> dict[str, bytes]:
    """Every file by its name: names are numbers and incident ids, never what a stranger wrote."""
    files = {
        "README.txt": _readme(report).encode(errors="backslashreplace"),
        "report.json": msgspec.json.format(_encoded(report), indent=2) + b"\n",
    }
    if html is not None:
        files["report.html"] = html.encode(errors="backslashreplace")
    for number, incident in enumerate(report.incidents, 1):
        place = f"incident-{number}-{_tag(incident)}"
        files |= _quotes(place, incident.findings, lines)
    if report.notices:
        files |= _quotes("notices", report.notices, lines)
    manifest = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    return files | {MANIFEST: "".join(manifest).encode()}


def _tag(incident: Incident) -> str:
    if _SAFE_ID.fullmatch(incident.id):
        return incident.id
    return hashlib.sha256(incident.id.encode(errors="backslashreplace")).hexdigest()[:12]


def _encoded(report: Report) -> bytes:
    return msgspec.json.encode(report)


def _quotes(
    place: str, findings: Iterable[ReportedFinding], lines: Mapping[tuple[str, int], bytes]
) -> dict[str, bytes]:
    """The lines as they stood, in order of source and offset, and an index saying where each came from."""
    chosen: dict[tuple[str, int], list[Evidence]] = {}
    for finding in findings:
        for evidence in finding.evidence:
            chosen.setdefault((evidence.source, evidence.offset), []).append(evidence)
    quoted, index = bytearray(), [_INDEX_HEAD]
    for number, (key, uses) in enumerate(sorted(chosen.items()), 1):
        raw = lines.get(key)
        state = _state(raw, uses[0])
        quoted += (raw if raw is not None else uses[0].excerpt.encode(errors="backslashreplace")) + b"\n"
        index.append(_index_line(number, state, uses))
    return {
        f"{place}/lines.log": bytes(quoted),
        f"{place}/index.txt": "".join(index).encode(errors="backslashreplace"),
    }


_INDEX_HEAD: Final = (
    "# line in lines.log, state, SHA-256 of the original line, offset, line number, source, what it shows\n"
)


def _state(raw: bytes | None, evidence: Evidence) -> str:
    if raw is None:
        return "excerpt"
    return "original" if hashlib.sha256(raw).hexdigest() == evidence.sha256 else "changed"


def _index_line(number: int, state: str, uses: list[Evidence]) -> str:
    first = uses[0]
    notes = "; ".join(dict.fromkeys(words.visible(evidence.note) for evidence in uses))
    where = f"{first.offset}\t{first.line}\t{words.visible(first.source)}"
    return f"{number}\t{state}\t{words.visible(first.sha256)}\t{where}\t{notes}\n"


def _readme(report: Report) -> str:
    zone = words.zone(report.timezone)
    window = (
        [f"Time covered: {' to '.join(words.when(stamp, zone) for stamp in report.window)}"] if report.window else []
    )
    incidents = [
        f"{number}. {words.visible(incident.sentence)}\n   folder incident-{number}-{_tag(incident)};"
        f" strength: {words.strength_word(incident.strength)} ({words.STRENGTHS[incident.strength]})"
        for number, incident in enumerate(report.incidents, 1)
    ]
    told = [
        f"{_MARK}, written by whosent {words.visible(report.version)}",
        "",
        words.visible(report.sentence),
        *window,
        "",
        *incidents,
        "",
        _EXPLAINED,
    ]
    return "\n".join(told)


_EXPLAINED: Final = """\
What is here
  report.json         the whole report, machine-readable
  report.html         the same to read in a browser, where it was asked for
  incident-*/lines.log   the quoted log lines, byte for byte; look at them with `cat -v`
  incident-*/index.txt   where each line was read: offset from 0 in the decompressed source, line number from 1;
                      state "original": the digest is that of the report; "excerpt": the line could not be read
                      again; "changed": the source no longer holds what the report quoted
  SHA256SUMS          check with: sha256sum -c SHA256SUMS

To check a line against an uncompressed source, take it from its offset, tail -c +$((OFFSET + 1)) SOURCE,
without its line end: ... | head -n 1 | head -c -1 | sha256sum (-2 where lines end in CR LF).
A digest proves that a line did not change since; it does not prove who wrote it. Keep SHA256SUMS elsewhere, too.
"""
