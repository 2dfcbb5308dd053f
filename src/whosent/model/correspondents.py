"""Who lately wrote to us and to whom, so that what merely answers or passes such mail on is not held against anybody.

A vacation reply goes to whoever wrote; a Sieve redirect or a ``|forward`` sends the letter on under its own envelope
sender.  Both are handed in by a program of ours, and neither is that program's doing.
"""

from __future__ import annotations

import re
from typing import Final

from whosent.model.rows import Outcome

_REMEMBERED: Final = 50_000  # letters, twice
_EACH: Final = 5  # answers or copies that one letter explains
_REWRITTEN: Final = re.compile(
    rb"SRS(?:0[=+-][^=]++=[^=]++|1[=+-][^=]++=[^=]++=[=+-][^=]++=[^=]++)=([^=@]++)=([^@]++)@", re.IGNORECASE
)
_BY_PROGRAMS: Final = ("local_user", "host")


def original_sender(sender: bytes) -> bytes:
    """The envelope sender before a forwarder rewrote it (Sender Rewriting Scheme), else the same."""
    match = _REWRITTEN.match(sender) if sender[:3] in {b"SRS", b"srs"} else None
    return match[2] + b"@" + match[1] if match else sender


class Correspondents:
    """The latest letter of each outside sender to an address of ours; memory is bounded."""

    __slots__ = ("_explained", "_fresh", "_judged", "_old")

    def __init__(self) -> None:
        self._fresh: dict[bytes, Outcome] = {}
        self._old: dict[bytes, Outcome] = {}
        self._explained: dict[bytes, int] = {}  # sender -> answers and copies since its latest letter
        self._judged = (-1, False)  # reference and verdict of the latest row asked about

    def wrote(self, letter: Outcome) -> None:
        """An outside sender's mail reached an address of ours."""
        fresh, sender = self._fresh, letter[4]
        if len(fresh) >= _REMEMBERED:
            self._old, fresh = fresh, {}
            self._fresh = fresh
            self._explained.clear()
        fresh[sender] = letter
        if sender in self._explained:
            del self._explained[sender]

    def letter_from(self, sender: bytes) -> Outcome | None:
        """The latest letter of this sender, as far as it is remembered."""
        return self._fresh.get(sender) or self._old.get(sender)

    def behind(self, row: Outcome) -> Outcome | None:
        """The letter that mail handed in by a program of ours answers or passes on; None if there was none."""
        sender = row[4]
        if not sender:
            return self.letter_from(row[5])
        letter = self.letter_from(original_sender(sender))
        return None if letter is None or letter[5] == row[5] else letter

    def explains(self, row: Outcome) -> bool:
        """Whether mail of a program of ours only answers or passes on; asked twice of a row, it says the same.

        One letter explains few, so that writing to us once opens no door.
        """
        ref, verdict = self._judged
        if ref != row.ref:
            letter = self.behind(row) if row.actor.kind in _BY_PROGRAMS else None
            verdict = letter is not None
            if letter is not None:
                count = self._explained[letter.sender] = self._explained.get(letter.sender, 0) + 1
                verdict = count <= _EACH
            self._judged = (row.ref, verdict)
        return verdict
