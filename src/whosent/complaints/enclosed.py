"""Reports that are files attached to a message: unpacked in memory, within bounds, whatever a stranger packed (pure).

CERTs and feeds mail lists of hosts as CSV, plain or in a zip.  Receivers mail DMARC aggregate reports as XML in gzip or
zip (RFC 7489, section 7.2.1.1; RFC 9990), under any content type.  What an attachment is, its first bytes tell.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from whosent.complaints.mail import Mail, Part
from whosent.reading.table import Header, header_of

_MOST: Final = 16 << 20  # bytes of text that one message may hold; the biggest reports seen are a tenth of it
_LISTS: Final = frozenset({"text/csv", "application/csv", "text/comma-separated-values", "text/x-csv"})
_NAMED_LIST: Final = re.compile(r"\bname\s{0,3}=\s{0,3}\"?[^\s\";]{1,200}\.csv\b", re.IGNORECASE)
_LONGEST_LIST: Final = 1 << 20
_MEMBERS: Final = 20  # of one archive
_HEAD: Final = 1 << 16
_GZIP: Final = 31  # window bits: with a header of gzip
_SHOWN: Final = frozenset({"text/plain", "text/html"})
_NO_TEXT: Final = ("image/", "video/", "audio/", "font/", "application/pdf", "application/pgp", "application/pkcs7",
                   "message/", "application/x-pkcs7")  # fmt: skip
_LONGEST_TEXT: Final = 64 << 10
_SAMPLE: Final = 512  # bytes that tell whether it is text
_BLANK: Final = 0x20
_BROKEN: Final = (zlib.error, zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError)


class Enclosed(NamedTuple):
    """A table that is attached; ``problem`` says why not all of it can be had."""

    header: Header | None
    text: bytes
    problem: str = ""


def tables(mail: Mail) -> Iterator[Enclosed]:
    """The tables of XML among the attachments."""
    left = _MOST
    for part in mail.parts:
        for text, problem in _unpacked(part, left):
            left -= len(text)
            header = header_of(text[:_HEAD]) if text.lstrip()[:1] == b"<" or text.startswith(b"\xef\xbb\xbf<") else None
            if header is not None and header.table.element:
                yield Enclosed(header, text, problem)
            elif problem:
                yield Enclosed(None, b"", problem)


def lists(mail: Mail) -> Iterator[str]:
    """The lists with commas or semicolons among the attachments, packed or not, as far as they can be had."""
    for part in mail.parts:
        if part.is_original:
            continue
        if part.kind in _LISTS or _NAMED_LIST.search(part.headers.get("content-type")):
            yield part.whole[:_LONGEST_LIST].decode("utf-8", "replace")
        elif not part.kind.startswith("text/"):
            for text, _ in _unpacked(part, _LONGEST_LIST):
                if text and not text.lstrip().startswith(b"<"):
                    yield text.decode("utf-8", "replace")


def texts(mail: Mail) -> Iterator[str]:
    """The attachments that are text by another name, and no list: logs, JSON, XML, YAML."""
    for part in mail.parts[:_MEMBERS]:
        if part.is_original or part.kind in _LISTS or part.kind in _SHOWN or part.kind.startswith(_NO_TEXT):
            continue
        raw = part.body[:_LONGEST_TEXT]
        if raw and not any(byte < _BLANK and byte not in b"\t\n\r\f" for byte in raw[:_SAMPLE]):
            yield raw.decode("utf-8", "replace")


def _unpacked(part: Part, most: int) -> Iterator[tuple[bytes, str]]:
    if part.is_original or part.kind == "text/html":
        return
    raw = part.whole
    try:
        if raw.startswith(b"PK\x03\x04"):
            yield from _zipped(raw, most)
        elif raw.startswith(b"\x1f\x8b"):
            yield _gunzipped(raw, most)
        elif raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            yield raw[:most], ""
    except _BROKEN:
        yield b"", "attachment that is broken"


def _gunzipped(raw: bytes, most: int) -> tuple[bytes, str]:
    unpacking = zlib.decompressobj(_GZIP)
    text = unpacking.decompress(raw, max(1, most))
    if unpacking.unconsumed_tail:
        return b"", "attachment that unpacks to more than any report"
    return text, "" if unpacking.eof else "attachment that breaks off"


def _zipped(raw: bytes, most: int) -> Iterator[tuple[bytes, str]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for member in archive.infolist()[:_MEMBERS]:
            if member.is_dir():
                continue
            with archive.open(member) as file:
                text = file.read(max(1, most))
                if file.read(1):
                    yield b"", "attachment that unpacks to more than any report"
                    return
            most -= len(text)
            yield text, ""
