"""Queue files for tests: the recorded ones, and small ones made record by record."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from whosent.model.pile import Letter
from whosent.queues import exim, postfix, sendmail

SAMPLES = Path(__file__).parent / "samples"
POSTFIX = [
    path
    for host in ("mx", "web")
    for folder in ("deferred", "hold", "maildrop")
    for path in sorted((SAMPLES / host / folder).rglob("*"))
    if path.is_file()
]
EXIM = sorted((SAMPLES / "exim" / "input").rglob("*-H"))
SENDMAIL = sorted(path for path in SAMPLES.glob("sendmail-*/**/[qh]f*") if path.is_file())


def record(kind: str, data: bytes) -> bytes:
    """One record as Postfix writes it."""
    length, rest = bytearray(), len(data)
    while True:
        length.append((rest & 127) | (128 if rest > 127 else 0))
        rest >>= 7
        if not rest:
            return kind.encode() + bytes(length) + data


def queue_file(
    envelope: list[tuple[str, bytes]], header: list[bytes], extracted: list[tuple[str, bytes]] | None = None
) -> bytes:
    """A whole queue file with its sizes."""
    before = b"".join(record(*one) for one in envelope) + record("M", b"")
    text = b"".join(record("N", line) for line in [*header, b"", b"Hello."])
    after = record("X", b"") + b"".join(record(*one) for one in extracted or []) + record("E", b"")
    size = b"%15d %15d %15d %15d %15d %15d" % (len(text), 97 + len(before), 1, 0, len(text), 0)
    return record("C", size) + before + text + after


def told(one: Letter) -> dict[str, Any]:
    """What is expected of a sample, as JSON."""
    fields = {field: _shown(value) for field, value in one._asdict().items() if field not in {"proof", "script_proof"}}
    for field, proof in (("proof", one.proof), ("script_proof", one.script_proof)):
        fields[field] = proof and [proof.offset, _shown(proof.raw)]
    fields["recipients"] = [_shown(to) for to in one.recipients[:3]]
    said: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(fields))
    return said


def _shown(value: object) -> object:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def read(path: Path, owner: int) -> Letter:
    """A recorded queue file; git keeps no owners."""
    if path.name.endswith("-H"):
        return exim.letter(path.name, path.read_bytes())
    if path in SENDMAIL:
        return sendmail.letter(path.name, path.read_bytes())
    return postfix.letter(path.name, path.read_bytes(), None, owner, dropped="maildrop" in path.parts)


if __name__ == "__main__":
    for recorded in POSTFIX + EXIM + SENDMAIL:
        owned = recorded.stat().st_uid
        line = {"file": str(recorded.relative_to(SAMPLES)), "owner": owned, **told(read(recorded, owned))}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
