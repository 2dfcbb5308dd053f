"""A story's rows as the log that Sendmail would have written of them, and what is read from that log."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from zlib import crc32

from benchmarks.generator.sendmail import Letter, Scribe
from whosent.join.chain import Chain
from whosent.join.messages import Join, layout
from whosent.model.pile import Pile
from whosent.model.rows import Actor, Message, Outcome, Reason, Result, Row, Subject, Verdict
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
    Reason.LOOP: "5.4.6, reply=554 5.4.6 too many hops, stat=Service unavailable",
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
        """The line of a message."""
        self._begin(row.time, row.actor, row.sender, row.recipient_count)

    def _begin(self, time: float, actor: Actor, sender: bytes, count: int) -> Letter:
        """The line of a message, behind that of its login."""
        log, self._pid = self._log, self._pid + 1
        log.host = actor.host
        letter = Letter(log.identify(time, self._pid, 1), self._pid, sender.decode(), ["x@x"] * count, "", "")
        self._of[actor] = self._latest[actor, sender] = letter
        client = f"[{actor.address}]"
        if actor.kind == "local_user":
            log.collect(time, letter, protocol="", relay=f"{actor.address}@localhost", tag="sendmail")
        elif actor.kind == "mta":
            log.put(time, self._pid, f"{log.identify(time, self._pid, 2)}: {letter.queue_id}: DSN: User unknown")
        elif actor.kind == "account":
            said = f"AUTH=server, relay={client}, authid={actor.name}, mech=PLAIN, bits=0"
            log.put(time - 0.001, self._pid, said)
            log.collect(time, letter, protocol="ESMTPA", relay=client)
        else:
            log.collect(time, letter, protocol="ESMTP", relay=client)
        return letter

    def outcome(self, row: Outcome) -> None:
        """The line of one recipient."""
        log = self._log
        log.host = row.actor.host
        letter = (
            self._latest.get((row.actor, row.sender))
            or self._of.get(row.actor)
            or self._begin(row.time - 0.002, row.actor, row.sender, 1)  # a story may leave it out
        )
        letter.expanded = row.forwarded
        relay = "" if row.result is Result.LOCAL else _relay(row.relay)
        if row.result is Result.HANDED_OVER:
            relay = "relay. [10.0.0.9]"
        fate = "2.0.0, stat=Sent (Ok)" if row.result <= Result.HANDED_OVER else FATES[row.reason]
        tag = "sendmail" if row.actor.kind == "local_user" else "sm-mta"
        mailer = "esmtp" if relay else "local"
        log.attempt(row.time, letter, [row.recipient.decode()], mailer=mailer, relay=relay, fate=f"dsn={fate}", tag=tag)


def _relay(name: str) -> str:
    """A next hop: by its name, to which an address belongs, or by its address."""
    if not name or name[0].isdecimal():
        return name and f"[{name}] [{name}]"
    return f"{name}. [203.0.{crc32(name.encode()) % 200}.9]"


def _by_login_name(row: Row | Pile) -> Row | Pile:
    """The same said of a local user under the name that Sendmail logs."""
    if isinstance(row, Subject | Verdict) and row.actor.kind == "local_user":
        return row._replace(actor=row.actor._replace(name=row.actor.address or ""))
    return row


def read_from_sendmail(story: tuple[Row | Pile, ...]) -> list[Row | Pile]:
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
    others = [_by_login_name(row) for row in story if not isinstance(row, Message | Outcome)]
    return sorted([*mail, *others], key=lambda row: row[:2])
