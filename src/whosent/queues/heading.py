"""Header fields of a queued message that say something of its origin; a stranger wrote all but the first."""

from __future__ import annotations

import re
from typing import Final

from whosent.model.pile import Record

LONGEST: Final = 200  # fields looked at
_VALUE: Final = 500  # bytes kept of one
_SUBJECT, _MESSAGE_ID, _FROM, _PHP, _PHP_PAGE, _AUTO, _RECEIVED, _SOURCE = range(8)
WANTED: Final = {
    b"subject": _SUBJECT,
    b"message-id": _MESSAGE_ID,
    b"from": _FROM,
    b"x-php-originating-script": _PHP,
    b"x-php-script": _PHP_PAGE,
    b"auto-submitted": _AUTO,
    b"received": _RECEIVED,
    b"x-source-dir": _SOURCE,
}
FIRST: Final = frozenset(byte for name in WANTED for byte in (name[0], name[:1].upper()[0]))
"""How the names of fields that are wanted begin."""
# PHP writes "33:contact.php", evaluated code as "33:contact.php(12) : eval()'d code"; the patch for X-PHP-Script
# writes "www.example.org/shop/contact.php for 192.0.2.1".
_ORIGIN: Final = re.compile(rb"\d{1,10}:([^\s/()]{1,200})")
_PAGE: Final = re.compile(rb"([^\s/]{1,200}/\S{1,300}) for [0-9A-Fa-f.:, ]+")


class Heading:
    """Collects the fields of one message."""

    __slots__ = ("author", "automatic", "hops", "message_id", "script", "script_proof", "subject")

    def __init__(self) -> None:
        self.subject = self.message_id = self.author = self.script = b""
        self.script_proof: Record | None = None
        self.hops = 0  # our own Received among them
        self.automatic = False

    def field(self, line: bytes, offset: int) -> bool:
        """Note one field (its first line), if it is wanted; the first of a name counts.  Whether it is a Received."""
        colon = line.find(b":", 0, 26)
        wanted = WANTED.get(line[:colon].lower())
        if wanted is None:
            return False
        if wanted == _RECEIVED:
            self.hops += 1
            return True
        value = line[colon + 1 : colon + 1 + _VALUE].strip()
        if wanted == _SUBJECT:
            self.subject = self.subject or value
        elif wanted == _MESSAGE_ID:
            self.message_id = self.message_id or value
        elif wanted == _FROM:
            self.author = self.author or value
        elif wanted == _AUTO:
            self.automatic |= not value.lower().startswith(b"no")
        elif not self.script:
            self._script(wanted, value, Record(offset, line))
        return False

    def _script(self, wanted: int, value: bytes, proof: Record) -> None:
        found = _ORIGIN.match(value) if wanted == _PHP else _PAGE.match(value) if wanted == _PHP_PAGE else None
        if found is not None:
            self.script = found[1]
            self.script_proof = proof
