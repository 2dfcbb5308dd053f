"""Results about what is published: the same shape for each, with the record to publish as the way out."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from whosent.model.check import Decision, Opening, Passage, Result
from whosent.model.incident import Remedy
from whosent.remedies.shell import Unsafe, quoted

Severity = Literal["critical", "warning", "note"]
_PIECE: Final = 255  # bytes of one string of a TXT record
_SHOWN: Final = 400  # characters of a stranger's record in a sentence


class About(NamedTuple):
    """Whose results these are."""

    check: str
    target: str

    def result(  # noqa: PLR0913  # what a result says
        self,
        about: str,
        verdict: Decision,
        severity: Severity,
        sentence: str,
        why: str = "",
        *,
        fix: list[Remedy] | None = None,
        evidence: list[Passage] | None = None,
        causes: list[Opening] | None = None,
    ) -> Result:
        """A result of this check on this target."""
        return Result(
            check=self.check, target=self.target, about=about, verdict=verdict, severity=severity, sentence=sentence,
            why=why, fix=fix or [], verify=self.verify(), evidence=evidence or [], causes=causes or [],
        )  # fmt: skip

    def verify(self) -> str:
        """The command that looks again."""
        try:
            return f"whosent audit {self.check} {quoted(self.target)}"
        except Unsafe:
            return ""


def publish(name: str, record: str, before: str | None, note: str = "", kind: str = "TXT") -> Remedy:
    """A record to put into the zone; ``before``: what stands there now, to take it back."""

    def line(content: str) -> str:
        return f"{name}. 3600 IN {kind} {txt(content) if kind == 'TXT' else content}"

    return Remedy(
        step="close", title=f"Publish this {kind} record at {name}", reach=f"mail that concerns {name}", commands=[],
        undo=[], note=" ".join(filter(None, (note, "" if before else "To take it back, remove the record."))),
        lines=[line(record)], lines_before=[line(before)] if before else [],
    )  # fmt: skip


def txt(record: str) -> str:
    """A TXT record as a zone file has it: strings of at most 255 bytes, what does not print as its number."""
    raw = record.encode("utf-8", "surrogateescape")
    pieces = [raw[at : at + _PIECE] for at in range(0, len(raw), _PIECE)] or [b""]
    return " ".join('"' + "".join(map(_character, piece)) + '"' for piece in pieces)


def _character(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03d}"  # noqa: PLR2004  # printable ASCII


def short(words: str) -> str:
    """A stranger's record in a sentence."""
    shown = "".join(character if character.isprintable() else "?" for character in words)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
