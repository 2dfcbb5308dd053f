"""A small mail filter (milter) that decides by the first word of the recipient's name.

The words are ``reject-``, ``defer-``, ``quarantine-``, ``discard-`` and ``edit-``; rejections come at RCPT, the rest at
the end of the message.  To edit is to add fields above and below, to change one, to remove one, and to add a recipient.
``python -m tests.lab.milter`` listens on 127.0.0.1:10030.
"""

from __future__ import annotations

import asyncio
import struct

VERSION = 6
ACTIONS = 0x01 | 0x04 | 0x10 | 0x20  # may add fields and recipients, change fields, quarantine
CONTINUE, DISCARD = b"c", b"d"
REJECT = b"y550 5.7.1 Refused by the outbound filter\0"
TEMPORARY = b"y451 4.7.1 Come back when the filter has learnt more\0"
EDITS = (
    b"i" + struct.pack("!I", 0) + b"X-Top\0first of all\0",
    b"hX-Virus-Scanned\0by nobody\0",
    b"m" + struct.pack("!I", 1) + b"Subject\0new, and a good deal longer than the one before\0",
    b"m" + struct.pack("!I", 1) + b"X-Gone\0\0",
    b"+<added@isp.test>\0",
)
SILENT = frozenset({b"D", b"A", b"K", b"Q"})


class Conversation:
    """What one SMTP session has said so far, and the answers to it."""

    def __init__(self) -> None:
        self.verdict = ""

    def answers(self, command: bytes, data: bytes) -> list[bytes]:
        """Answer one packet of the MTA."""
        if command == b"O":
            return [b"O" + struct.pack("!III", VERSION, ACTIONS, 0)]
        if command == b"M":
            self.verdict = ""
        if command == b"R":
            return [self.recipient(data)]
        if command == b"E":
            return self.end()
        return [] if command in SILENT else [CONTINUE]

    def recipient(self, data: bytes) -> bytes:
        """Decide about one recipient."""
        name = data.split(b"\0")[0].strip(b"<>").decode("utf-8", "replace")
        self.verdict = name.partition("-")[0]
        return {"reject": REJECT, "defer": TEMPORARY}.get(self.verdict, CONTINUE)

    def end(self) -> list[bytes]:
        """Decide about the whole message."""
        if self.verdict == "quarantine":
            return [b"qsender burst, held by the outbound filter\0", CONTINUE]
        if self.verdict == "edit":
            return [*EDITS, CONTINUE]
        return [DISCARD] if self.verdict == "discard" else [CONTINUE]


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection of the MTA."""
    conversation = Conversation()
    try:
        while True:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            packet = await reader.readexactly(length)
            for answer in conversation.answers(packet[:1], packet[1:]):
                writer.write(struct.pack("!I", len(answer)) + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve() -> None:
    """Accept connections until the process is ended."""
    server = await asyncio.start_server(talk, "127.0.0.1", 10030)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
