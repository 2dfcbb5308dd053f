"""Who lately wrote to us and to whom, so that what merely answers or passes such mail on is not held against anybody.

A vacation reply goes to whoever wrote; a Sieve redirect or a ``|forward`` sends the letter on under its own envelope
sender.  Both are handed in by a program of ours, and neither is that program's doing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from whosent.model.rows import Message, Outcome

_REMEMBERED: Final = 20_000  # letters, twice; answers follow within seconds
_WAITING: Final = 1_000  # senders whose letter has been answered but not delivered yet
_EACH: Final = 5  # answers or copies that one letter explains
_REWRITTEN: Final = re.compile(
    rb"SRS(?:0[=+-][^=]++=[^=]++|1[=+-][^=]++=[^=]++=[=+-][^=]++=[^=]++)=([^=@]++)=([^@]++)@", re.IGNORECASE
)
_BY_PROGRAMS: Final = ("local_user", "host")

Tell = Callable[[Outcome, Outcome], None]  # what was handed in, and the letter it answers or passes on


def original_sender(sender: bytes) -> bytes:
    """The envelope sender before a forwarder rewrote it (Sender Rewriting Scheme), else the same."""
    match = _REWRITTEN.match(sender) if sender[:3] in {b"SRS", b"srs"} else None
    return match[2] + b"@" + match[1] if match else sender


class Correspondents:
    """The latest letter of each outside sender to us; memory is bounded.

    Dovecot answers and redirects while it delivers, so that the answer may be on its way before the log says to whom
    the letter went: until then a letter is known by its arrival only.
    """

    __slots__ = ("_explained", "_fresh", "_is_ours", "_judged", "_old", "_waiting")

    def __init__(self, is_ours: Callable[[bytes], bool]) -> None:
        self._is_ours = is_ours  # whether an address is of our domains: then nobody outside wrote
        self._fresh: dict[bytes, Outcome | None] = {}  # None: arrived, not delivered yet
        self._old: dict[bytes, Outcome | None] = {}
        self._explained: dict[bytes, int] = {}  # sender -> answers and copies since its latest letter
        self._judged = (-1, False)  # reference and verdict of the latest row asked about
        self._waiting: dict[bytes, list[tuple[Outcome, Tell]]] = {}

    def arrived(self, message: Message) -> None:
        """An outside sender's mail entered the queue."""
        fresh, sender = self._fresh, message[4]
        if len(fresh) >= _REMEMBERED:
            fresh = self._forget()
        fresh[sender] = None
        if sender in self._explained:
            del self._explained[sender]

    def delivered(self, letter: Outcome) -> None:
        """It reached an address of ours."""
        fresh = self._fresh
        if len(fresh) >= _REMEMBERED:
            fresh = self._forget()
        fresh[letter[4]] = letter
        if letter[4] in self._waiting:
            for row, tell in self._waiting.pop(letter[4]):
                tell(row, letter)

    def _forget(self) -> dict[bytes, Outcome | None]:
        """Forget the letters before the latest, and begin anew."""
        self._old, self._fresh = self._fresh, {}
        self._explained.clear()
        self._waiting.clear()
        return self._fresh

    def ask(self, row: Outcome, tell: Tell) -> bool:
        """Whether mail handed in by a program of ours answers or passes on a letter; ``tell`` gets both, once known."""
        sender = original_sender(row[4]) or row[5]
        if not self._wrote(sender):
            return False
        letter = self._fresh.get(sender) or self._old.get(sender)
        if letter is not None:
            if letter[5] != row[5]:
                tell(row, letter)
        elif len(self._waiting) < _WAITING:
            self._waiting.setdefault(sender, []).append((row, tell))
        return True

    def explains(self, row: Outcome) -> bool:
        """Whether mail of a program of ours only answers or passes on; asked twice of a row, it says the same.

        One letter explains few, so that writing to us once opens no door.
        """
        ref, verdict = self._judged
        if ref != row.ref:
            sender = original_sender(row.sender) or row.recipient
            verdict = row.actor.kind in _BY_PROGRAMS and self._wrote(sender)
            if verdict:
                count = self._explained[sender] = self._explained.get(sender, 0) + 1
                verdict = count <= _EACH
            self._judged = (row.ref, verdict)
        return verdict

    def _wrote(self, sender: bytes) -> bool:
        return (sender in self._fresh or sender in self._old) and not self._is_ours(sender)
