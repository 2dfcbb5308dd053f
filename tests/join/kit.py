"""Postfix lines to rows, as the walk has them; and the lines of one message's life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from whosent.join.chain import Chain
from whosent.join.messages import Join, layout
from whosent.model.rows import JoinedRow, Message, Outcome, Row
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

START = 1_794_787_200  # Mon 16 Nov 2026 00:00 UTC
MX = "mx.example.com[192.0.2.1]:25"
ANY = TypeVar("ANY", bound=tuple[object, ...])


def line(at: float, tag: str, text: str, host: str = "mx") -> bytes:
    """One line of syslog, ``at`` seconds after the start."""
    stamp = datetime.fromtimestamp(START + at, UTC).isoformat()
    return f"{stamp} {host} {tag}[7]: {text}\n".encode()


def client(  # noqa: PLR0913  # as many as a client line has sides
    at: float, name: str, account: str = "", address: str = "203.0.113.9", *, host: str = "mx", tag: str = "postfix"
) -> bytes:
    login = f", sasl_method=PLAIN, sasl_username={account}" if account else ""
    return line(at, f"{tag}/smtpd", f"{name}: client=unknown[{address}]{login}", host)


def pickup(at: float, name: str, uid: int, *, host: str = "mx") -> bytes:
    return line(at, "postfix/pickup", f"{name}: uid={uid} from=<www-data>", host)


def queued(  # noqa: PLR0913  # as many as its line has sides
    at: float, name: str, sender: str, *, count: int = 1, host: str = "mx", tag: str = "postfix"
) -> bytes:
    return line(at, f"{tag}/qmgr", f"{name}: from=<{sender}>, size=999, nrcpt={count} (queue active)", host)


def delivery(  # noqa: PLR0913  # as many as a delivery has sides
    at: float, name: str, to: str, status: str = "sent", reply: str = "250 ok", *, relay: str = MX,
    dsn: str = "", host: str = "mx", tag: str = "postfix", agent: str = "smtp",
) -> bytes:  # fmt: skip
    code = dsn or {"sent": "2.0.0", "deferred": "4.0.0"}.get(status, "5.0.0")
    said = f"{name}: to=<{to}>, relay={relay}, delay=1, delays=0/0/0/1, dsn={code}, status={status} ({reply})"
    return line(at, f"{tag}/{agent}", said, host)


def removed(at: float, name: str, *, host: str = "mx", tag: str = "postfix") -> bytes:
    return line(at, f"{tag}/qmgr", f"{name}: removed", host)


def surroundings(*networks: str) -> Surroundings:
    return Surroundings(Ours(networks=networks))


def join_of(lines: Iterable[bytes], *networks: str) -> tuple[list[JoinedRow], Join]:
    """What the join makes of lines of one source."""
    text = b"".join(lines)
    clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
    reader, join = Reader(text, clock, layout), Join(surroundings(*networks))
    join.continue_with(0, clock)
    rows = list(join.rows(reader.tokens(text), 0))
    assert reader.counts.unknown == 0, reader.counts.not_understood
    return rows, join


def chained(rows: Iterable[JoinedRow]) -> list[Row]:
    """What detectors see of joined rows."""
    chain = Chain()
    return [*chain.rows(rows), *chain.rest()]


def rows_of(lines: Iterable[bytes], *networks: str) -> list[Row]:
    return chained(join_of(lines, *networks)[0])


def only(kind: type[ANY], rows: Iterable[object]) -> list[ANY]:
    return [row for row in rows if isinstance(row, kind)]


def who(rows: Iterable[object]) -> dict[str, str]:
    """Recipient -> who sent to it, as ``kind name``."""
    return {row.recipient.decode(): f"{row.actor.kind} {row.actor.name}".strip() for row in only(Outcome, rows)}


def messages(rows: Iterable[object]) -> Counter[str]:
    return Counter(f"{row.actor.kind} {row.actor.name}".strip() for row in only(Message, rows))
