"""Header blocks of messages in a stream of bytes: a message, an mbox, or pasted headers; bodies are passed over unread.

Several messages in one input are told apart by mbox separators alone.  What looks like another header block further
down a message is its body: whoever sent the message wrote it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

BLOCK_LIMIT: Final = 8 << 20  # bytes of one header block that are kept
BODY_LIMIT: Final = 2 << 20  # bytes of a message that are looked at where somebody asks what it advertises
FIELD_LIMIT: Final = 1 << 16  # bytes of one field that are kept
FIELDS_LIMIT: Final = 50_000
_SEPARATOR: Final = re.compile(  # From bob@example.net Thu Nov 12 14:03:07 2026
    rb"From [^ \n]{1,300}(?: at [^ \n]{1,300})? {1,3}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? "
    rb"[^\n]{4,40}?\d\d:\d\d[^\n]{0,40}\n"
)
_SPLIT: Final = b"\n\nFrom "
_FIELD: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_BEGINS: Final = re.compile(rb"\n([!-9;-~]{1,200})[ \t]*+:[ \t]*+")
_QUOTED: Final = re.compile(rb"^(?:>+ ?)", re.MULTILINE)


class Block(NamedTuple):
    """The header block of one message, with LF line ends, and what was wrong with it."""

    raw: bytes
    problem: str | None
    body: bytes = b""  # its beginning, where somebody asked for it


class Field(NamedTuple):
    """One header field: its name in lower case, its value as it stands, folded, without the first blank."""

    name: str
    value: bytes


def blocks(pieces: Iterable[bytes], body: int = 0) -> Iterator[Block]:
    """Header blocks in the order of their messages, each with so many bytes of its body at most."""
    text = _Text(pieces)
    text.begin()
    if not text.buffer:
        return
    if _SEPARATOR.match(text.buffer):
        yield from _mbox(text, body)
    else:
        yield _with_body(_block(text), text, body)


def fields(raw: bytes) -> list[Field]:
    """The fields of a block; a line that begins none is taken as the continuation that lost its blank."""
    parts = _BEGINS.split(b"\n" + raw, FIELDS_LIMIT + 1)
    names, values = parts[1 : 2 * FIELDS_LIMIT : 2], parts[2 : 2 * FIELDS_LIMIT + 1 : 2]
    return [Field(_lower(name), value[:FIELD_LIMIT]) for name, value in zip(names, values, strict=True)]


@lru_cache(4096)
def _lower(name: bytes) -> str:
    return name.decode("ascii").lower()


class _Text:
    """The stream with what was read of it and not yet used."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = b""  # a carriage return whose line feed may follow
        self._decode: codecs.IncrementalDecoder | None = None
        self.buffer = b""
        self.ended = False

    def fill(self, size: int) -> None:
        """Read until the buffer holds so much, or the end."""
        gathered = [self.buffer]
        held = len(self.buffer)
        while held < size and not self.ended:
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
                piece = b""
            piece = self._plain(piece)
            gathered.append(piece)
            held += len(piece)
        self.buffer = b"".join(gathered)

    def _plain(self, piece: bytes) -> bytes:
        """LF line ends, UTF-8 where the text is UTF-16."""
        if self._decode is None and not self.buffer and piece[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            self._decode = codecs.getincrementaldecoder("utf-16")("replace")
        if self._decode is not None:
            piece = self._decode.decode(piece, self.ended).encode()
        piece = self._held + piece
        self._held = b"\r" if piece.endswith(b"\r") and not self.ended else b""
        return piece[: len(piece) - len(self._held)].replace(b"\r\n", b"\n")

    def begin(self) -> None:
        """Pass over what stands before the first line: a byte order mark, blank lines, marks of quoting."""
        self.fill(1 << 16)
        self.buffer = self.buffer.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\n\0")
        while not self.buffer and not self.ended:
            self.fill(1 << 16)
            self.buffer = self.buffer.lstrip(b" \t\n\0")
        if b"\n" not in self.buffer and b"\r" in self.buffer:
            self.buffer = self.buffer.replace(b"\r", b"\n")
        if self.buffer.startswith(b">"):
            self.buffer = _QUOTED.sub(b"", self.buffer)


def _mbox(text: _Text, body: int) -> Iterator[Block]:
    while text.buffer:
        text.fill(1 << 10)
        separator = _SEPARATOR.match(text.buffer)
        if separator is not None:
            text.buffer = text.buffer[separator.end() :]
        yield _with_body(_block(text), text, body)
        _skip_body(text)


def _block(text: _Text) -> Block:
    """The header block at the beginning of the text, which is left behind it; bounded."""
    searched = 0
    while True:
        end = text.buffer.find(b"\n\n", max(0, searched - 1))
        if text.buffer.startswith(b"\n"):
            end = 0
        if end >= 0 or text.ended or len(text.buffer) > BLOCK_LIMIT:
            break
        searched = len(text.buffer)
        text.fill(searched + (1 << 16))
    if end < 0:
        end = len(text.buffer)
    raw = text.buffer[: min(end, BLOCK_LIMIT)]
    problem = None
    if end > BLOCK_LIMIT:
        problem = f"header longer than {BLOCK_LIMIT >> 20} MiB: what follows was not read"
        raw = raw[: raw.rfind(b"\n") + 1] or raw
    elif _FIELD.match(raw) is None:
        problem = "no header field at its beginning: this is no message"
    text.buffer = text.buffer[end:]
    return Block(raw, problem)


def _with_body(block: Block, text: _Text, size: int) -> Block:
    """The block with the beginning of its body, which stays in the text."""
    if not size:
        return block
    text.fill(size)
    end = next((at for at in _finds(text.buffer, size) if _SEPARATOR.match(text.buffer, at + 2)), size)
    return block._replace(body=text.buffer[:end].removeprefix(b"\n").removeprefix(b"\n"))


def _finds(buffer: bytes, size: int) -> Iterator[int]:
    at = buffer.find(_SPLIT, 0, size)
    while at >= 0:
        yield at
        at = buffer.find(_SPLIT, at + 1, size)


def _skip_body(text: _Text) -> None:
    """Leave the text at the separator of the next message, or at its end."""
    while True:
        at = text.buffer.find(_SPLIT)
        while at >= 0:
            if len(text.buffer) < at + (1 << 10) and not text.ended:
                text.buffer = text.buffer[at:]
                text.fill(1 << 11)
                at = 0
            if _SEPARATOR.match(text.buffer, at + 2):
                text.buffer = text.buffer[at + 2 :]
                return
            at = text.buffer.find(_SPLIT, at + 1)
        if text.ended:
            text.buffer = b""
            return
        text.buffer = text.buffer[-(len(_SPLIT) - 1) :]
        text.fill(1 << 18)
