"""What was said and what arrived, as evidence: lines, their source, their moment."""

from __future__ import annotations

from datetime import UTC, datetime

from whosent.model.check import Answer, Arrived, Passage, Sink


def stamp(at: float) -> str:
    """RFC 3339, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def said(answer: Answer, source: str) -> Passage:
    """A transcript."""
    lines = [f"{'>' if line.who == 'we' else '<'} {line.text}" for line in answer.transcript[:100]]
    return Passage(source=source, at=stamp(answer.at), lines=lines)


def arrived(one: Arrived, sink: Sink) -> Passage:
    """The sink's record of a token."""
    head = [f"client {one.client}, by {one.by}", f"MAIL FROM:{one.sender}", f"RCPT TO:{one.recipient}"]
    lines = head if one.by == "mail" else head[:1]
    return Passage(source=f"sink {sink.domain or sink.address}", at=stamp(one.at),
                   lines=[*lines, *one.headers.splitlines()[:20]])  # fmt: skip
