"""A message by strangers as headers and parts: bounded in size, number and depth, whatever it holds.

Written for reports that are broken, truncated or hostile: nothing raises, nothing is unpacked, nothing recurses.  The
standard library's parser takes nested parts by recursion and keeps all it meets, so that it cannot be bounded.
"""

from __future__ import annotations

import binascii
import quopri
import re
from email.errors import HeaderParseError
from email.header import decode_header
from html import unescape
from typing import Final, NamedTuple

from whosent.complaints.flowed import unflowed

LONGEST: Final = 4 << 20  # bytes of a message that are looked at
_MOST_PARTS: Final = 200
_DEEPEST: Final = 8
_LONGEST_HEAD: Final = 256 << 10
_MOST_HEADERS: Final = 2_000
_LONGEST_VALUE: Final = 16 << 10  # characters of one header
_LONGEST_TEXT: Final = 512 << 10  # bytes of a part that are decoded

_BLANK: Final = re.compile(rb"\n[ \t]*\n")
_FIELD: Final = re.compile(r"([A-Za-z0-9][!-9;-~]{0,199})[ \t]*:[ \t]*(.*)", re.DOTALL)
_FIELD_LINE: Final = re.compile(rb"[A-Za-z0-9][!-9;-~]{0,199}[ \t]*:")
_PARAMETER: Final = re.compile(r';\s*([\w*-]{1,40})\s*=\s*(?:"([^"]{0,400})"|([^\s;"]{1,400}))')
_CHARSET: Final = re.compile(
    r"(?:utf-?(?:8|16|32)|us-ascii|ascii|iso-?8859-?\d+|iso-2022-(?:jp|kr)\w*|windows-?\d+|cp-?\d+|latin-?\d"
    r"|koi8-?[rut]|gb\w{2,8}|big5\w*|euc-?\w\w|shift[-_]?jis|tis-620|ks_c_5601-1987|macroman)",
    re.IGNORECASE,
)
_ORIGINALS: Final = ("message/rfc822", "text/rfc822-headers", "text/rfc822-header", "text/rfc822", "message/global",
                     "message/global-headers", "message/partial")  # fmt: skip
_CELL_ENDS: Final = frozenset({"/td", "/th"})
_TAG_OF_BREAKS: Final = re.compile(r"<(?:br|/?p|/div|/tr|li)\b", re.IGNORECASE)
_KEPT: Final = re.compile(r"(<(?:pre|textarea)\b.{0,65536}?</(?:pre|textarea)>)", re.IGNORECASE | re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\n]+")
_CELLS: Final = frozenset({"td", "th"})
_CELL_BEGINS: Final = "\x1f"  # for a moment
_BEHIND_CELL_BEGINS: Final = re.compile(r"\x1f[ \n]{0,20}")
_BEFORE_CELL_ENDS: Final = re.compile(r"[ \n]{0,20}\t")
_BREAKS: Final = frozenset({"br", "p>", "/p", "di", "/d", "tr", "/t", "li"})
_TAGS: Final = re.compile(r"<(?:style|script)\b[^<]{0,20000}|<br\b[^>]{0,200}>|</?(?:p|div|tr|li|h\d)\b"
                          r"[^>]{0,500}>|<[a-zA-Z/!][^<>]{0,2000}>", re.IGNORECASE | re.DOTALL)  # fmt: skip
_MARKED: Final = re.compile(rb"(?m)^--([^\s-][^\s]{3,80})[ \t]*$|^--(-[^\s]{3,80})[ \t]*$")
_NAMED_MESSAGE: Final = re.compile(r"name\s{0,3}=\s{0,3}\"?[^\s\";]{1,200}\.eml\b", re.IGNORECASE)
_MBOX: Final = re.compile(rb"(?:From |>From )[^\n]*\n")


class Headers:
    """Header fields in their order, unfolded; names are compared without regard to case."""

    __slots__ = ("fields",)

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields = fields

    def get(self, name: str) -> str:
        """The first field of that name, "" if there is none."""
        for known, value in self.fields:
            if known == name:
                return value
        return ""

    def all(self, name: str) -> list[str]:
        """Every field of that name."""
        return [value for known, value in self.fields if known == name]

    def text(self, name: str) -> str:
        """The first field of that name with its encoded words decoded (RFC 2047)."""
        value = self.get(name)
        if "=?" not in value:
            return value
        try:
            pieces = decode_header(value[:_LONGEST_VALUE])
        except (HeaderParseError, ValueError, LookupError):
            return value
        return "".join(piece if isinstance(piece, str) else decoded(piece, charset) for piece, charset in pieces)


class Part(NamedTuple):
    """A part without parts of its own, or a message inside the message."""

    kind: str  # content type, lower case
    headers: Headers
    raw: bytes  # its body, still encoded
    depth: int

    @property
    def is_original(self) -> bool:
        """Whether it is a message, or the headers of one."""
        return self.kind in _ORIGINALS

    @property
    def body(self) -> bytes:
        """Its bytes, base64 or quoted-printable undone; what is broken is taken as far as it goes."""
        return self._decoded(self.raw[:_LONGEST_TEXT])

    @property
    def whole(self) -> bytes:
        """The same of an attachment that is no text: as much of it as the message was looked at."""
        return self._decoded(self.raw)

    def _decoded(self, raw: bytes) -> bytes:
        encoding = self.headers.get("content-transfer-encoding").lower()
        if "base64" in encoding:
            return _base64(raw)
        return quopri.decodestring(raw) if "quoted-printable" in encoding else raw

    @property
    def text(self) -> str:
        """Its text; of HTML what stands between the tags, of flowed text the paragraphs (RFC 3676)."""
        told = parameters(self.headers.get("content-type"))
        text = decoded(self.body, told.get("charset", ""))
        if self.kind == "text/plain" and told.get("format", "").lower() == "flowed":
            return unflowed(text, blanks_go=told.get("delsp", "").lower() == "yes")
        return plain(text) if self.kind == "text/html" else text


class Mail(NamedTuple):
    """A message: its headers and its parts, flat; ``problems`` says what was not looked at."""

    headers: Headers
    parts: list[Part]
    raw: bytes
    problems: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Its content type, lower case."""
        return content_type(self.headers)

    def of_kind(self, *kinds: str) -> list[Part]:
        """The parts of these content types."""
        return [part for part in self.parts if part.kind in kinds]

    @property
    def originals(self) -> list[Part]:
        """The messages inside, or headers of such."""
        return [part for part in self.parts if part.is_original]


def parse(raw: bytes) -> Mail:
    """The message these bytes are; never raises."""
    problems = (f"only the first {LONGEST:,} bytes were looked at",) if len(raw) > LONGEST else ()
    raw = raw[:LONGEST]
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"")
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\n")
    envelope = _MBOX.match(raw)
    if envelope:
        raw = raw[envelope.end() :]
    headers, body = split(raw)
    parts: list[Part] = []
    waiting = [(headers, body, 0)]
    while waiting and len(parts) < _MOST_PARTS:
        head, content, depth = waiting.pop()
        inner = _parts(head, content, depth)
        if inner is None:
            parts.append(Part(_kind(head), head, content, depth))
        else:
            waiting.extend(reversed(inner[: _MOST_PARTS + 1]))
    if waiting:
        problems = (*problems, f"only the first {_MOST_PARTS} parts were looked at")
    return Mail(headers, parts, raw, problems)


def split(raw: bytes) -> tuple[Headers, bytes]:
    """Headers and body; text that does not begin with a header field is all body."""
    if not _FIELD_LINE.match(raw):
        return Headers([]), raw.removeprefix(b"\n")
    end = _BLANK.search(raw)
    head, body = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    return fields(head), body


def fields(head: bytes) -> Headers:
    """The fields of a head, unfolded; lines that are none are left out."""
    found: list[tuple[str, str]] = []
    text = head[:_LONGEST_HEAD].decode("utf-8", "backslashreplace")
    current: list[str] = []
    for line in text.split("\n"):
        if line[:1] in {" ", "\t"}:
            if current:
                current.append(line)
            continue
        _finish(current, found)
        current = [line]
        if len(found) >= _MOST_HEADERS:
            break
    _finish(current, found)
    return Headers(found)


def _finish(lines: list[str], found: list[tuple[str, str]]) -> None:
    if not lines:
        return
    match = _FIELD.fullmatch(" ".join(line.strip() for line in lines)[:_LONGEST_VALUE])
    if match:
        found.append((match[1].lower(), match[2].strip()))


def content_type(headers: Headers) -> str:
    """The content type, lower case; text/plain where none is given."""
    words = headers.get("content-type").partition(";")[0].replace('"', " ").lower().split()
    return words[0] if words and "/" in words[0] else "text/plain"


def _kind(head: Headers) -> str:
    """What a part without parts is: a message, too, where a mail program named its file so and knew no type for it."""
    kind = content_type(head)
    if kind.startswith("multipart/"):
        return "text/plain"
    told = f"{head.get('content-type')};{head.get('content-disposition')}"
    return "message/rfc822" if kind.startswith("application/") and _NAMED_MESSAGE.search(told) else kind


def parameters(value: str) -> dict[str, str]:
    """The parameters of a structured field, names in lower case."""
    return {match[1].lower().rstrip("*"): match[2] or match[3] or "" for match in _PARAMETER.finditer(value)}


def _parts(head: Headers, content: bytes, depth: int) -> list[tuple[Headers, bytes, int]] | None:
    """What a multipart holds, None if it is none; text before and behind its parts counts as a part."""
    if depth >= _DEEPEST or not content_type(head).startswith("multipart/"):
        return None
    boundary = parameters(head.get("content-type")).get("boundary", "").encode("utf-8", "ignore")
    if not boundary:  # it was lost, or not folded
        guess = _MARKED.search(content)
        if not guess:
            return None
        boundary = guess[1] or guess[2]
    pieces = (b"\n" + content).split(b"\n--" + boundary, _MOST_PARTS + 2)
    if len(pieces) == 1:
        return None
    found = [(Headers([]), pieces[0], depth + 1)] if _says_something(pieces[0]) else []
    for piece in pieces[1:]:
        closing = piece.startswith(b"--")
        rest = piece.partition(b"\n")[2]
        if not closing:
            inner, body = (Headers([]), rest[1:]) if rest.startswith(b"\n") else split(rest)
            found.append((_labelled(inner), body if inner.get("content-type") else rest, depth + 1))
        elif _says_something(rest):
            found.append((Headers([]), rest, depth + 1))
    return found


def _labelled(headers: Headers) -> Headers:
    """The headers of a part; one whose own headers are missing is the message that its text begins with."""
    if headers.get("content-type") or not (headers.get("received") or headers.get("from")):
        return headers
    return Headers([("content-type", "message/rfc822")])


def _says_something(piece: bytes) -> bool:
    text = piece.strip()
    return len(text) > 40 and b"MIME" not in text[:200]  # noqa: PLR2004  # not the MIME preamble


def decoded(raw: bytes, charset: str | None) -> str:
    """Bytes as text; a charset nobody knows reads as UTF-8, and what is none as Latin-1."""
    if charset and _CHARSET.fullmatch(charset):
        try:
            return raw.decode(charset, "replace")
        except (LookupError, ValueError):
            pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _base64(raw: bytes) -> bytes:
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    clean = clean[: len(clean) // 4 * 4] + (clean[len(clean) // 4 * 4 :] + b"===")[:4] if len(clean) % 4 > 1 else (
        clean[: len(clean) // 4 * 4]
    )  # fmt: skip
    try:
        return binascii.a2b_base64(clean)
    except binascii.Error:
        return b""


def plain(markup: str) -> str:
    """The text of HTML as it is shown: the rows of a table on lines, its cells parted by tabs; entities decoded."""
    if _TAG_OF_BREAKS.search(markup):  # line ends are blanks, but where they are said to be kept
        pieces = _KEPT.split(markup)
        pieces[::2] = [_SPACE.sub(" ", piece) for piece in pieces[::2]]
        markup = "".join(pieces)
    text = _TAGS.sub(_as_text, markup.replace(_CELL_BEGINS, " "))
    return unescape(_BEFORE_CELL_ENDS.sub("\t", _BEHIND_CELL_BEGINS.sub("", text))).replace("\xa0", " ")


def _as_text(tag: re.Match[str]) -> str:
    name = tag[0][1:4].lower()
    if name in _CELL_ENDS:
        return "\t"
    if name[:2] in _BREAKS:
        return "\n"
    return _CELL_BEGINS if name[:2] in _CELLS and name[2:3] in {">", " "} else ""
