"""The mail servers of the outside world: one small SMTP server that answers each recipient as it was told.

``python -m tests.lab.sink REPLIES SEEN ADDRESS...`` listens on port 25 of every address. REPLIES holds
lines of ``address answer`` (read again when the file changes; addresses that are not named are accepted).
SEEN gets one JSON line for every recipient answered: the truth that a recording is compared with.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

PUBLIC = "203.0.113.2"
ANSWERS = {
    "unknown": "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table",
    "unknown2": "550-5.1.1 The email account that you tried to reach does not exist.\r\n550 5.1.1 No such user {to}",
    "full": "552 5.2.2 <{to}>: Mailbox full",
    "deferred": "450 4.2.0 <{to}>: Recipient address rejected: Try again later",
    "greylist": "451 4.7.1 <{to}>: Recipient address rejected: Greylisting in effect, please come back later",
    "blocked": "550 5.7.1 Service unavailable; client [" + PUBLIC + "] blocked using dnsbl.test",
    "hostile": "550 5.1.1 no) status=sent (250 2.0.0 Ok: queued as 4jFORGED1), "
    "sasl_username=carol@corp.test\x1b[31m <script>",
    "hostile2": "550-5.7.1 first line) to=<carol@corp.test>, relay=evil[1.2.3.4]:25, status=sent (250 ok)\r\n"
    "550 5.7.1 {to}",
    "policy": "554 5.7.1 <{to}>: Recipient address rejected: Access denied by local policy",
}
SPAM = "554 5.7.1 Message rejected as spam by content scanner, see http://help.bigmail.test/"
HOSTILE_ACCEPT = "250 2.0.0 Ok) status=bounced (host evil[1.2.3.4] said: 550 5.1.1: queued as 4jFORGED2"
ADDRESS = re.compile(rb"(?i)^(MAIL FROM|RCPT TO):\s*<([^>]*)>")
_numbers = itertools.count(1)


@dataclass
class World:
    """What all connections share: the answers to give, who was greylisted, and the record of what was seen."""

    replies: Path
    seen: TextIO
    answers: dict[str, str] = field(default_factory=dict)
    greylisted: set[tuple[str, str]] = field(default_factory=set)
    changed: float = -1.0

    def answer_for(self, sender: str, recipient: str) -> str:
        """Say how ``recipient`` is answered now; a greylisted pair is let in the second time."""
        changed = self.replies.stat().st_mtime if self.replies.exists() else -1.0
        if changed != self.changed:
            pairs = (line.split() for line in self.replies.read_text(encoding="utf-8").splitlines())
            self.answers = {pair[0]: pair[1] for pair in pairs if len(pair) > 1}
            self.changed = changed
        wanted = self.answers.get(recipient.lower(), "accept")
        if wanted == "greylist":
            if (sender, recipient) in self.greylisted:
                return "accept"
            self.greylisted.add((sender, recipient))
        return wanted

    def note(self, sender: str, recipient: str, answer: str, helo: str) -> None:
        """Write down one recipient and what it was told."""
        record = {"sender": sender, "recipient": recipient, "answer": answer, "helo": helo}
        self.seen.write(json.dumps(record) + "\n")
        self.seen.flush()


@dataclass
class Session:
    """One SMTP connection."""

    world: World
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    helo: str = ""
    sender: str = ""
    recipients: list[tuple[str, str]] = field(default_factory=list)

    async def say(self, text: str) -> None:
        """Send one reply."""
        self.writer.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
        await self.writer.drain()

    async def talk(self, name: str) -> None:
        """Lead the whole conversation."""
        await self.say(f"220 {name} ESMTP")
        while line := await self.reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                await self.say("221 2.0.0 Bye")
                return
            if verb == b"DATA":
                await self.data()
            else:
                await self.say(self.command(verb, line))

    def command(self, verb: bytes, line: bytes) -> str:
        """Answer one command other than DATA and QUIT."""
        if verb in {b"EHLO", b"HELO"}:
            self.helo = line[5:].strip().decode("utf-8", "surrogateescape")
            return "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES"
        found = ADDRESS.match(line)
        address = found.group(2).decode("utf-8", "surrogateescape") if found else ""
        if verb == b"MAIL":
            self.sender, self.recipients = address, []
            return "250 2.1.0 Ok"
        if verb == b"RCPT":
            return self.recipient(address)
        if verb == b"RSET":
            self.recipients = []
        return "250 2.0.0 Ok"

    def recipient(self, address: str) -> str:
        """Answer one recipient from the list of answers."""
        answer = self.world.answer_for(self.sender, address)
        if answer in ANSWERS:
            self.world.note(self.sender, address, answer, self.helo)
            return ANSWERS[answer].format(to=address)
        self.recipients.append((address, answer))
        return "250 2.1.5 Ok"

    async def data(self) -> None:
        """Take the message and answer it."""
        if not self.recipients:
            await self.say("554 5.5.1 Error: no valid recipients")
            return
        await self.say("354 End data with <CR><LF>.<CR><LF>")
        while await self.reader.readline() not in {b".\r\n", b".\n", b""}:
            pass
        spam = any(answer == "spam" for _, answer in self.recipients)
        for address, _ in self.recipients:
            self.world.note(self.sender, address, "spam" if spam else "accept", self.helo)
        queued = f"250 2.0.0 Ok: queued as {0x4A00000 + next(_numbers) * 7919:X}"
        hostile = any(answer == "hostile-accept" for _, answer in self.recipients)
        await self.say(SPAM if spam else HOSTILE_ACCEPT if hostile else queued)


async def serve(replies: Path, seen: TextIO, addresses: list[str]) -> None:
    """Listen on port 25 of every address until the process is ended."""
    world = World(replies, seen)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            address = writer.get_extra_info("sockname")[0]
            await Session(world, reader, writer).talk(f"mx{address.rsplit('.', 1)[1]}.test")
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with asyncio.TaskGroup() as group:
        for address in addresses:
            server = await asyncio.start_server(connected, address, 25, backlog=512)
            group.create_task(server.serve_forever())


def main() -> None:
    """Read the command line and serve."""
    replies, seen, *addresses = sys.argv[1:]
    with Path(seen).open("a", encoding="utf-8") as record:
        asyncio.run(serve(Path(replies), record, addresses))


if __name__ == "__main__":
    main()
