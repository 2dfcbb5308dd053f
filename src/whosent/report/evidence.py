"""An evidence folder's files: the quoted lines byte for byte, the report, and a manifest for ``sha256sum -c``."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

import msgspec

from whosent.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whosent.model.finding import Evidence
    from whosent.model.incident import Incident, ReportedFinding
    from whosent.model.report import Report

MANIFEST: Final = "SHA256SUMS"
MARK: Final = "whosent evidence folder"  # first line of README.txt: by this a folder of ours is known
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def files(report: Report, lines: Mapping[tuple[str, int], bytes], html: str | None = None) -> dict[str, bytes]:
    """Every file by its name: names are numbers and incident ids, never what a stranger wrote.

    ``lines`` has the raw bytes (without line end) of quoted lines by ``(source, offset)``; a line it lacks is quoted
    from its excerpt and marked so.
    """
    made = {
        "README.txt": _readme(report).encode(errors="backslashreplace"),
        "report.json": msgspec.json.format(_encoded(report), indent=2) + b"\n",
    }
    if html is not None:
        made["report.html"] = html.encode(errors="backslashreplace")
    for number, incident in enumerate(report.incidents, 1):
        place = f"incident-{number}-{_tag(incident)}"
        made |= _quotes(place, incident.findings, lines)
    if report.notices:
        made |= _quotes("notices", report.notices, lines)
    return made | {MANIFEST: manifest({name: hashlib.sha256(content).hexdigest() for name, content in made.items()})}


def manifest(digests: Mapping[str, str]) -> bytes:
    """What ``sha256sum`` would write of files with these digests."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


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
        f"{MARK}, written by whosent {words.visible(report.version)}",
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
