"""A story's rows as the log that Sendmail would have written of them, and what is read from that log."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from zlib import crc32

from benchmarks.generator.sendmail import Letter, Scribe
from whosent.join.chain import Chain
from whosent.join.messages import Join, layout
from whosent.model.rows import Actor, Message, Outcome, Reason, Result, Row
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock, rfc3339
from whosent.reading.tokens import Token

FATES = {
    Reason.UNKNOWN_USER: "5.1.1, reply=550 5.1.1 no such user here, stat=User unknown",
    Reason.POLICY: "5.7.1, reply=554 5.7.1 rejected as spam, stat=Service unavailable",
    Reason.LISTED: "5.7.1, reply=550 5.7.1 blocked using dnsbl.test, stat=Service unavailable",
    Reason.MAILBOX: "5.2.2, reply=552 5.2.2 mailbox full, stat=Service unavailable",
    Reason.RATE: "4.7.0, reply=421 4.7.0 too many messages, stat=Deferred: 421 4.7.0 too many messages",
    Reason.GREYLISTED: "4.7.1, reply=451 4.7.1 greylisted, stat=Deferred: 451 4.7.1 greylisted",
    Reason.ROUTE: "4.4.1, stat=Deferred: Connection timed out with it",
    Reason.OTHER: "5.0.0, stat=Service unavailable",
}


class Log(Scribe):
    """Lines with parts of a second, so that the story keeps its order."""

    def put(self, at: float, pid: int, text: str, tag: str = "sm-mta") -> None:
        """One line, of whichever host spoke."""
        self.lines.append((at, len(self.lines), f"{rfc3339(at)} {self.host} {tag}[{pid}]: {text}\n"))

    host = "mx"


class Telling:
    """Finds the queue id of each outcome: the latest message of its actor."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._pid = 1000
        self._latest: dict[tuple[Actor, bytes], Letter] = {}
        self._of: dict[Actor, Letter] = {}

    def message(self, row: Message) -> None:
        """The line of a message, behind that of its login."""
        log, actor, self._pid = self._log, row.actor, self._pid + 1
        log.host = actor.host
        queue_id = log.identify(row.time, self._pid, 1)
        sender, to = row.sender.decode(), ["x@x"] * row.recipient_count
        letter = self._of[actor] = self._latest[actor, row.sender] = Letter(queue_id, self._pid, sender, to, "", "")
        client = f"[{actor.address}]"
        if actor.kind == "local_user":
            log.collect(row.time, letter, protocol="", relay=f"{actor.address}@localhost", tag="sendmail")
        elif actor.kind == "mta":
            log.put(row.time, self._pid, f"{log.identify(row.time, self._pid, 2)}: {queue_id}: DSN: User unknown")
        elif actor.kind == "account":
            said = f"AUTH=server, relay={client}, authid={actor.name}, mech=PLAIN, bits=0"
            log.put(row.time - 0.001, self._pid, said)
            log.collect(row.time, letter, protocol="ESMTPA", relay=client)
        else:
            log.collect(row.time, letter, protocol="ESMTP", relay=client)

    def outcome(self, row: Outcome) -> None:
        """The line of one recipient."""
        log = self._log
        log.host = row.actor.host
        letter = self._latest.get((row.actor, row.sender)) or self._of[row.actor]
        letter.expanded = row.forwarded
        relay = f"{row.relay}. [203.0.{crc32(row.relay.encode()) % 200}.9]" if row.relay else ""
        if row.result is Result.HANDED_OVER:
            relay = "relay. [10.0.0.9]"
        fate = "2.0.0, stat=Sent (Ok)" if row.result <= Result.HANDED_OVER else FATES[row.reason]
        tag = "sendmail" if row.actor.kind == "local_user" else "sm-mta"
        mailer = "esmtp" if relay else "local"
        log.attempt(row.time, letter, [row.recipient.decode()], mailer=mailer, relay=relay, fate=f"dsn={fate}", tag=tag)


def read_from_sendmail(story: tuple[Row, ...]) -> list[Row]:
    """The story with everything about mail written by Sendmail and read again."""
    log = Log(random=Random(1))
    telling = Telling(log)
    for row in story:
        if isinstance(row, Message):
            telling.message(row)
        elif isinstance(row, Outcome):
            telling.outcome(row)
    text = "".join(line for _, _, line in sorted(log.lines)).encode()
    clock = Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC))
    join, chain = Join(Surroundings(Ours())), Chain()
    join.continue_with(1, clock)
    tokens: list[Token] = [*(reader := Reader(text, clock, layout)).tokens(text)]
    assert not reader.counts.unknown
    mail = [*chain.rows(sorted(join.rows(tokens, 0), key=lambda row: row[:2])), *chain.rest()]
    others = [row for row in story if not isinstance(row, Message | Outcome)]
    return sorted([*mail, *others], key=lambda row: row[:2])
