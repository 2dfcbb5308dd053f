"""Messages of an IMAP folder (RFC 9051), from a position on; nothing is deleted, nothing marked unless asked.

A server that drops, stalls or refuses ends the reading with a ``problem``; what had come is used.
"""

from __future__ import annotations

import imaplib
import ipaddress
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from whosent.model.mistake import Mistake
from whosent.reading.mailboxes import LONGEST
from whosent.sources.reports import Raw
from whosent.sources.text import shown

_PORTS: Final = {"imaps": 993, "imap": 143, "imap+plain": 143}
_WINDOW: Final = 10_000  # UIDs asked for at once
_WIDEST: Final = 80_000  # where they are sparse; their numbers fit a line that imaplib reads
_SPARSE: Final = 100
_LITERAL: Final = LONGEST + (1 << 20)  # bytes of one answer
_UID: Final = re.compile(rb"UID (\d{1,10})\b")
_BROKEN: Final = (imaplib.IMAP4.abort, OSError, ssl.SSLError, EOFError)


class Place(NamedTuple):
    """A folder of a server, as an address says it: ``imaps://abuse@mail.example.org/INBOX``."""

    scheme: str  # imaps; imap: with STARTTLS; imap+plain: without any, on this machine only
    host: str
    port: int
    user: str
    folder: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{quote(self.user, safe='@')}@{host}:{self.port}/{quote(self.folder)}"


def place(address: str) -> Place:
    """What the address names; a password does not belong there, where everybody on the machine sees it."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise Mistake(f"{address!r} is no address of an IMAP folder: {error}.") from error
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username:
        raise Mistake(f"{shown(address.encode())} is no address of an IMAP folder: write "
                      "imaps://USER@HOST/FOLDER, or imap://... for STARTTLS.")  # fmt: skip
    if parts.password is not None:
        raise Mistake("a password in the address is seen by everybody on this machine: use intake.password_file, "
                      "intake.password_command or WHOSENT_IMAP_PASSWORD.")  # fmt: skip
    if parts.scheme == "imap+plain" and not _is_here(parts.hostname):
        raise Mistake("imap+plain:// would send the password in the clear: it is for this machine only. Use imaps:// "
                      "or imap:// (STARTTLS).")  # fmt: skip
    folder = unquote(parts.path.removeprefix("/")) or "INBOX"
    return Place(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], unquote(parts.username), folder)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Bounded(imaplib.IMAP4):
    """No answer of a server fills the memory."""

    def read(self, size: int) -> bytes:
        if size > _LITERAL:
            raise self.abort(f"the server announced {size:,} bytes at once")
        return super().read(size)


class _BoundedTls(imaplib.IMAP4_SSL):
    """The same behind TLS."""

    def read(self, size: int) -> bytes:
        if size > _LITERAL:
            raise self.abort(f"the server announced {size:,} bytes at once")
        return super().read(size)


class Position(NamedTuple):
    """Where an earlier run stopped."""

    validity: int  # UIDVALIDITY of the folder; with another one its UIDs mean nothing
    uid: int  # the last that was used


class Mailbox:
    """An IMAP folder as reports, the oldest first."""

    def __init__(self, where: Place, password: str, position: Position | None, timeout: float, *, mark: bool) -> None:
        self.name = str(where)
        self.problem: str | None = None
        self.position = position or Position(0, 0)
        self._where, self._password, self._timeout, self._mark = where, password, timeout, mark
        self._connection: imaplib.IMAP4 | None = None

    def reports(self) -> Iterator[tuple[int, Raw]]:
        """Each message behind the position with its UID."""
        count = 0
        try:
            self._open()
            for uid in self._uids():
                raw = self._fetch(uid)
                if raw is not None:
                    count += 1
                    yield uid, Raw(f"{self.name}#{uid}", raw)
        except _BROKEN as error:
            why = shown(str(error).encode()) or "no reason given"
            self._stop(f"the connection broke after {count:,} messages ({why})")
        except imaplib.IMAP4.error as error:
            self._stop(f"the server refused after {count:,} messages: {shown(str(error).encode())}")

    def used(self, uids: Iterable[int]) -> None:
        """These were dealt with: the next run begins behind them; they are marked as seen if that was asked for."""
        for uid in uids:
            self.position = Position(self.position.validity, max(uid, self.position.uid))
            if self._mark and self._connection is not None and self.problem is None:
                try:
                    self._connection.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Seen)")
                except (*_BROKEN, imaplib.IMAP4.error) as error:
                    self._stop(f"marking failed: {shown(str(error).encode())}")

    def close(self) -> None:
        """Say goodbye, whether or not the server still listens."""
        if self._connection is not None:
            with suppress(*_BROKEN, imaplib.IMAP4.error):
                self._connection.logout()
            with suppress(OSError):
                self._connection.shutdown()
            self._connection = None

    def _stop(self, why: str) -> None:
        self.problem = f"{why.rstrip('.')}. What had come was used; the next run goes on from there."

    def _open(self) -> None:
        where, timeout = self._where, self._timeout
        if where.scheme == "imaps":
            connection: imaplib.IMAP4 = _BoundedTls(
                where.host, where.port, ssl_context=ssl.create_default_context(), timeout=timeout
            )
        else:
            connection = _Bounded(where.host, where.port, timeout=timeout)
        self._connection = connection
        if where.scheme == "imap":
            connection.starttls(ssl.create_default_context())
        self._login(connection)
        answer, told = connection.select(_quoted(where.folder), readonly=not self._mark)
        if answer != "OK":
            raise imaplib.IMAP4.error(_said(told) or f"no folder {where.folder}")
        validity = _number(connection.response("UIDVALIDITY")[1])
        if validity != self.position.validity:
            self.position = Position(validity, 0)

    def _login(self, connection: imaplib.IMAP4) -> None:
        """By SASL PLAIN, which takes every letter; by LOGIN where the server has nothing else."""
        user, password = self._where.user, self._password
        if "AUTH=PLAIN" in connection.capabilities:
            connection.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        elif password.isascii() and user.isascii():
            connection.login(user, password)
        else:
            raise imaplib.IMAP4.error("it takes ASCII passwords only (no AUTH=PLAIN)")

    def _uids(self) -> Iterator[int]:
        """Those behind the position, in order."""
        assert self._connection is not None
        ends, begins, window = self._next(), self.position.uid + 1, _WINDOW
        while begins < ends:
            answer, found = self._connection.uid("SEARCH", f"UID {begins}:{min(begins + window, ends) - 1}")
            if answer != "OK":
                raise imaplib.IMAP4.error(_said(found))
            uids = sorted({int(word) for word in (found[0] or b"").split() if word.isdigit()})
            yield from (uid for uid in uids if begins <= uid < begins + window)
            begins += window
            window = min(2 * window, _WIDEST) if len(uids) < _SPARSE else _WINDOW

    def _next(self) -> int:
        """A number that no message has yet."""
        assert self._connection is not None
        known = _number(self._connection.response("UIDNEXT")[1])
        if known:
            return known
        answer, found = self._connection.uid("SEARCH", "UID *")  # the server does not say: behind its last
        return _number(found) + 1 if answer == "OK" else 0

    def _fetch(self, uid: int) -> bytes | None:
        """The first bytes of a message, as many as anybody looks at; None if it went meanwhile."""
        assert self._connection is not None
        answer, found = self._connection.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{LONGEST}>)")
        if answer != "OK":
            raise imaplib.IMAP4.error(_said(found))
        for part in found:
            if isinstance(part, tuple) and (said := _UID.search(part[0])) and int(said[1]) == uid:
                return bytes(part[1])
        return None


def _quoted(folder: str) -> str:
    """A folder's name as a quoted string, in modified UTF-7 where it is not ASCII (RFC 3501, 5.1.3)."""
    if any(letter in "\r\n\0" for letter in folder):
        raise Mistake("a folder's name has no line breaks.")
    name = re.sub(r"[^\x20-\x7e]+", _shifted, folder.replace("&", "&-"))
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _shifted(run: re.Match[str]) -> str:
    encoded = run[0].encode("utf-7").decode("ascii").removeprefix("+").removesuffix("-")
    return f"&{encoded.replace('/', ',')}-"


def _number(told: list[bytes | None] | None) -> int:
    word = (told or [None])[-1] or b""
    return int(word) if word.isdigit() and len(word) <= 10 else 0  # noqa: PLR2004  # 32 bits


def _said(told: Sequence[bytes | None] | None) -> str:
    return b" ".join(one for one in told or [] if isinstance(one, bytes)).decode("utf-8", "backslashreplace")
