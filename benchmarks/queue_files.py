"""A Postfix queue of any size: recorded queue files over and over, with other ids, recipients, subjects and times.

Every file is a valid queue file: ``postqueue -j`` and ``postcat`` read it (a test says so).  Who handed in each
message is known: :class:`Filled` tells.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parents[1] / "tests" / "queues" / "samples"
SCRIPT = "cheap pills"  # subject of the recorded message of the abused form
OTHERS = ("Hello", "for the alias", "with a forged stamp", "held")
DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
Records = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Filled:
    """What was written."""

    place: Path
    spam: int
    others: int
    spam_recipients: int


def records(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a queue file without pointers."""
    at = 0
    while at < len(raw):
        kind, length, shift = raw[at], 0, 0
        while True:
            at += 1
            length |= (raw[at] & 127) << shift
            shift += 7
            if raw[at] < 128:
                break
        at += 1
        yield kind, raw[at : at + length]
        at += length


def encoded(changed: Records) -> bytes:
    """Records as bytes, with sizes and offsets in the first one as cleanup writes them."""
    parts, at, data, extra = [], 0, 0, 0
    for kind, raw in changed:
        length, rest = bytearray(), len(raw)
        while True:
            length.append((rest & 127) | (128 if rest > 127 else 0))
            rest >>= 7
            if not rest:
                break
        part = bytes((kind, *length)) + raw
        if kind == ord("X"):
            extra = at
        at += len(part)
        if kind == ord("M"):
            data = at
        parts.append(part)
    count = sum(kind == ord("R") for kind, _ in changed)
    size = b"%15d %15d %15d %15d %15d %15d" % (extra - data, data, count, 0, extra - data, 0)
    return b"C" + bytes((len(size),)) + size + b"".join(parts)[2 + len(size) :]


def _templates(subject: str) -> list[Records]:
    found = []
    for path in sorted(SAMPLES.glob("*/deferred/*/*")) + sorted(SAMPLES.glob("*/hold/*")):
        kept = list(records(path.read_bytes()))
        wanted = any(
            kind == ord("N") and raw.startswith(b"Subject:") and raw.endswith(subject.encode()) for kind, raw in kept
        )
        if wanted and not any(kind in b"pw" for kind, _ in kept):
            found.append(kept)
    return found


def _in_base(number: int, base: int, width: int) -> str:
    digits = ""
    while number or len(digits) < width:
        number, digit = divmod(number, base)
        digits = DIGITS[digit] + digits
    return digits


class _Forge:
    """Turns templates into new messages."""

    def __init__(self, place: Path, seed: int, start: int) -> None:
        self._random = random.Random(seed)
        self._place, self._number, self._start = place, 0, start
        self.recipients = 0

    def write(self, template: Records, folder: str) -> None:
        """One more message, into the subfolder that Postfix would choose."""
        self._number += 1
        number, pick = self._number, self._random
        when = self._start + number // 40
        micro = pick.randrange(10**6)
        queue_id = f"{_in_base(when, 52, 6)}{_in_base(micro, 52, 4)}z{_in_base(1000 + number, 51, 3)}"
        names = [b"%s%d@%s.test" % (pick.choice((b"anna", b"ben", b"cara", b"dora")), pick.randrange(10**6),
                                   pick.choice((b"bigmail", b"isp", b"post", b"web"))) for _ in range(3)]  # fmt: skip
        changed: Records = []
        old = next(
            (raw.split()[1].rstrip(b";") for kind, raw in template if kind == ord("N") and raw.startswith(b"\tid ")),
            b"",
        )
        recipient = 0
        for kind, raw in template:
            new = raw
            if kind == ord("T"):
                new = b"%d %d" % (when, micro)
            elif raw.startswith(b"create_time="):
                new = b"create_time=%d" % when
            elif kind == ord("O") or raw.startswith(b"dsn_orig_rcpt="):
                new = raw.rpartition(b";")[0] + (b";" if b";" in raw else b"") + names[recipient % 3]
            elif kind == ord("R"):
                new, recipient = names[recipient % 3], recipient + 1
            elif kind == ord("N") and raw.startswith(b"Subject:"):
                new = raw + b" %d" % pick.randrange(1000)
            elif old and old in raw:
                new = raw.replace(old, queue_id.encode())
            changed.append((kind, new))
        self.recipients += recipient
        path = self._place / folder / (f"{micro:05X}"[0] if folder == "deferred" else "")
        path.mkdir(parents=True, exist_ok=True)
        file = path / queue_id
        file.write_bytes(encoded(changed))
        file.chmod(0o700)


def fill(place: Path, spam: int, others: int, seed: int = 1, start: int = 1_795_000_000) -> Filled:
    """``spam`` messages of the abused form and ``others`` of everybody else; with the notes of deferred mail."""
    forge = _Forge(place, seed, start)
    for folder in ("incoming", "active", "deferred", "defer", "hold", "maildrop", "corrupt"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    (template,) = _templates(SCRIPT)
    rest = [kept for subject in OTHERS for kept in _templates(subject)]
    every = spam // max(1, others)
    for number in range(spam):
        forge.write(template, "active" if number % 15 == 0 else "deferred")
        if others and number % every == 0 and number // every < others:
            spammed = forge.recipients
            forge.write(rest[number // every % len(rest)], "deferred")
            forge.recipients = spammed
    return Filled(place, spam, others, forge.recipients)


if __name__ == "__main__":
    print(fill(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
