"""The evidence folder of a scan, on disk: only an older one of ours is ever replaced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from whosent.model.report import Report
from whosent.report.evidence import MANIFEST, MARK, files
from whosent.store.folders import FolderTaken, appearing, fill, must_be_free

__all__ = ["FolderTaken", "write"]


def write(report: Report, folder: Path, lines: Mapping[tuple[str, int], bytes], html: str | None = None) -> Path:
    """Write the folder (see :func:`whosent.report.evidence.files`) and say where the manifest stands."""
    folder = folder.absolute()
    must_be_free(folder, "evidence", _is_ours)
    made = files(report, lines, html)
    with appearing(folder) as fresh:
        fill(fresh, made)
    return folder / MANIFEST


def _is_ours(folder: Path) -> bool:
    """Ours, and nothing in it that the manifest does not name."""
    try:
        readme = (folder / "README.txt").read_bytes()
        manifest = (folder / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    named = {line.partition("  ")[2] for line in manifest.splitlines()} | {MANIFEST}
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    return readme.startswith(MARK.encode()) and present <= named
