"""The lines a case quotes: each once, numbered, with what the line itself says of time, client, account, queue id."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Final

import msgspec

from whosent.model.case import Exhibit, SeenAddress
from whosent.model.complaint import Basis, Complaint
from whosent.model.finding import Evidence, Level
from whosent.model.incident import Incident
from whosent.reading.events import Event, Parse
from whosent.reading.stamps import Clock

Key = tuple[str, int, str]
"""Source, offset and digest of a line: logs rotate, so a place alone may have held several."""

Raw = Mapping[str, bytes]
"""Bytes of lines, without line end, by their SHA-256."""

_LEVELS: Final = tuple(Level)  # strongest first


def numbered(
    incident: Incident, complaints: Iterable[Complaint], submissions: Iterable[Evidence], raw: Raw
) -> list[Exhibit]:
    """Every line that the findings and the answers to complaints quote, in their order; ``raw`` has their bytes.

    ``submissions`` are lines that say who handed in the messages of these lines.
    """
    chosen: dict[Key, list[Evidence | Basis]] = defaultdict(list)
    for finding in incident.findings:
        for evidence in finding.evidence:
            chosen[key(evidence)].append(evidence)
    for complaint in complaints:
        for basis in complaint.evidence:
            chosen[key(basis)].append(basis)
    for evidence in submissions:
        chosen[key(evidence)].append(evidence)
    return [_exhibit(number, uses, raw) for number, uses in enumerate(chosen.values(), 1)]


def key(one: Evidence | Basis | Exhibit) -> Key:
    """What makes two quotes speak of the same line."""
    return one.source, one.offset, one.sha256


def _exhibit(number: int, uses: list[Evidence | Basis], raw: Raw) -> Exhibit:
    first = uses[0]
    bytes_ = raw.get(first.sha256)
    same = bytes_ is not None and hashlib.sha256(bytes_).hexdigest() == first.sha256
    return Exhibit(
        number=number, source=first.source, offset=first.offset, line=first.line, excerpt=first.excerpt,
        sha256=first.sha256, level=weakest(level(one) for one in uses),
        note="; ".join(dict.fromkeys(one.note for one in uses)), state="original" if same else "excerpt",
    )  # fmt: skip


def level(one: Evidence | Basis) -> Level:
    """What a quoted line is worth; an answer to a complaint quotes our own log."""
    return one.level if isinstance(one, Evidence) else Level.OBSERVED


def weakest(levels: Iterable[Level]) -> Level:
    """A chain is as strong as its weakest link; without any it is a claim."""
    return max(levels, key=_LEVELS.index, default=Level.CLAIMED)


def read(exhibits: Iterable[Exhibit], raw: Raw, zone: tzinfo, written: datetime, year: int = 0) -> list[Exhibit]:
    """The exhibits with what their lines say; a line that cannot be read alone stays as it is.

    ``zone`` is that of stamps without offset, ``written`` when the logs were last written to.
    """
    read_ = {one.number: one for one in exhibits}
    by_source: dict[str, list[Exhibit]] = defaultdict(list)
    for one in sorted(read_.values(), key=lambda one: (one.source, one.offset)):
        if one.line:  # a record of a queue file is no line of a log
            by_source[one.source].append(one)
    for source, lines in by_source.items():
        text = b"".join(_line(one, raw) for one in lines)
        for event in Parse(source, text, Clock(zone, written, year)).events(text, 0):
            one = lines[int(str(event["line"])) - 1]
            if read_[one.number].event is None:
                read_[one.number] = _told(one, event)
    return list(read_.values())


def _line(one: Exhibit, raw: Raw) -> bytes:
    return bytes_of(one, raw).replace(b"\n", b" ") + b"\n"


def bytes_of(one: Exhibit, raw: Raw) -> bytes:
    """The line byte for byte where it is at hand, else its excerpt."""
    return raw[one.sha256] if one.state == "original" else one.excerpt.encode(errors="backslashreplace")


def _told(one: Exhibit, event: Event) -> Exhibit:
    def text(name: str) -> str | None:
        value = event.get(name)
        return value if isinstance(value, str) else None

    port = event.get("client_port")
    kind = "login failed" if event.get("result") == "failed" else text("event")
    return msgspec.structs.replace(
        one, time=text("time"), host=text("host"), event=kind, address=text("client_address"),
        port=port if isinstance(port, int) else None, account=text("account") or text("local_user"),
        queue_id=text("queue_id"), sender=text("sender"), message_id=text("message_id"),
    )  # fmt: skip


def addresses(exhibits: Iterable[Exhibit]) -> list[SeenAddress]:
    """The client addresses that exhibits name, by when they were first seen."""
    seen: dict[str, list[Exhibit]] = defaultdict(list)
    for one in exhibits:
        if one.address:
            seen[one.address].append(one)
    found = []
    for address, uses in seen.items():
        times = sorted(one.time for one in uses if one.time)
        found.append(
            SeenAddress(
                address=address,
                ports=sorted({one.port for one in uses if one.port}),
                events=sorted({one.event for one in uses if one.event}),
                first=times[0] if times else None,
                last=times[-1] if times else None,
                exhibits=[one.number for one in uses],
            )
        )
    return sorted(found, key=lambda one: (one.first or "", one.address))
