"""The sink's SMTP server: takes a message only for a recipient that holds a token of ours.

It goes on after words that are no SMTP, for a while: through an open HTTP proxy a POST to port 25 brings request
lines first and commands after them, and that they came is the proof.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final, Literal

import msgspec

from whosent.model.check import Arrived
from whosent.model.sinktalk import INBOX
from whosent.sink.record import Record

_SECONDS: Final = 120  # a connection may last
_LINE: Final = 4096
_MESSAGE: Final = 65_536  # bytes kept of a message; the rest is read and forgotten
_LONGEST: Final = 4 << 20  # bytes of a message before we hang up
_KEPT: Final = 4000  # characters of headers and of body in the record
_ERRORS: Final = 60
_ADDRESS: Final = re.compile(rb"(?i)(MAIL FROM|RCPT TO):\s*(<[^>\r\n]*>|\S+)")
_INBOX: Final = re.compile(rb"(?i)<?" + INBOX.encode() + rb"@")  # an alias of ours leads here: the header tells which
_CARRIED: Final = re.compile(rb"(?im)^X-Whosent-Token:.*$")
_OFFERED: Final = "250-{name}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES"


class Session:
    """One connection to port 25."""

    def __init__(self, record: Record, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._record = record
        self._name = name
        self._reader = reader
        self._writer = writer
        self._client = str((writer.get_extra_info("peername") or ("",))[0])
        self._helo = self._sender = ""
        self._recipients: list[tuple[str, str]] = []  # token, address
        self._errors = 0

    async def talk(self) -> None:
        """The whole conversation, within its bounds."""
        async with asyncio.timeout(_SECONDS):
            await self._say(f"220 {self._name} ESMTP sink of audits by Whosent; takes nothing but their tokens")
            while self._errors < _ERRORS and (line := await self._reader.readline()):
                verb = line[:4].upper().strip()
                if verb == b"QUIT":
                    await self._say("221 2.0.0 Bye")
                    return
                if verb == b"DATA" and not line[4:].strip():
                    if not await self._data():
                        return
                else:
                    await self._say(await self._answer(verb, line))

    async def _say(self, text: str) -> None:
        self._writer.write(text.encode("utf-8", "backslashreplace") + b"\r\n")
        await self._writer.drain()

    async def _answer(self, verb: bytes, line: bytes) -> str:
        if verb in {b"EHLO", b"HELO"}:
            self._helo = _text(line[5:])
            await self._note_all(line, "greeting")
            return _OFFERED.format(name=self._name) if verb == b"EHLO" else f"250 {self._name}"
        address = _ADDRESS.match(line)
        if address is not None and verb == b"MAIL":
            self._sender, self._recipients = _text(address[2]), []
            return "250 2.1.0 Ok"
        if address is not None and verb == b"RCPT":
            return self._recipient(address[2])
        if verb == b"RSET":
            self._sender, self._recipients = "", []
        if verb in {b"RSET", b"NOOP"}:
            return "250 2.0.0 Ok"
        self._errors += 1
        await self._note_all(line, "smtp_text")
        return "500 5.5.2 Not understood"

    def _recipient(self, address: bytes) -> str:
        tokens = [""] if _INBOX.match(address) else self._record.tokens_in(address)
        if not tokens:
            self._errors += 1
            return "550 5.7.1 This sink takes only the tokens of its own audits"
        self._recipients += [(token, _text(address)) for token in tokens]
        return "250 2.1.5 Ok"

    async def _note_all(self, line: bytes, by: Literal["greeting", "smtp_text"]) -> None:
        for token in self._record.tokens_in(line):
            one = Arrived(token, time.time(), self._client, by, helo=self._helo, body=_text(line))
            await self._record.note(one)

    async def _data(self) -> bool:
        """Take a message; tells whether the conversation goes on."""
        if not self._recipients:
            self._errors += 1
            await self._say("503 5.5.1 No recipient yet")
            return True
        await self._say("354 End data with <CR><LF>.<CR><LF>")
        kept, read = bytearray(), 0
        while (line := await self._reader.readline()) not in {b".\r\n", b".\n"}:
            read += len(line)
            if not line or read > _LONGEST:
                return False
            if len(kept) < _MESSAGE:
                kept += line.removeprefix(b".") if line.startswith(b"..") else line
        head, _, body = bytes(kept).replace(b"\r\n", b"\n").partition(b"\n\n")
        one = Arrived("", time.time(), self._client, "mail", self._helo, self._sender, "", _text(head), _text(body))
        carried = [token for line in _CARRIED.findall(head) for token in self._record.tokens_in(line)]
        arrived = [
            (token, recipient) for named, recipient in self._recipients for token in ([named] if named else carried[:1])
        ]
        for token, recipient in arrived:
            await self._record.note(msgspec.structs.replace(one, token=token, recipient=recipient))
        self._recipients = []
        await self._say("250 2.0.0 Ok: arrived" if arrived else "550 5.7.1 No token of ours in it")
        return True


def _text(raw: bytes) -> str:
    return raw[:_KEPT].decode("utf-8", "backslashreplace").strip()
