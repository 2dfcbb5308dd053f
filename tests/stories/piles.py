"""Queues as they are found: of spam, and of bulk mail that only waits."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.stories.kit import HOUR, START
from whosent.join.piles import Piles, Seen
from whosent.model.pile import Letter, Record
from whosent.model.rows import Actor, Message, Row, reference
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.pile import Pile

READ = START + 12 * HOUR
POLICY = (b"4.7.1", b"host mx.isp.example[198.51.100.7] said: 450 4.7.1 message rejected as spam")
UNKNOWN = (b"4.1.1", b"host mx.isp.example[198.51.100.7] said: 450 4.1.1 no such user")
DOWN = (b"4.4.1", b"connect to mx.isp.example[198.51.100.7]:25: Connection timed out")
LISTED = (b"4.7.1", b"said: 450 4.7.1 client blocked using dnsbl.example")
RATE = (b"4.7.0", b"said: 421 4.7.0 too many messages, slow down")


class Spool:
    """A queue in the making."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self.piles = Piles()
        self.mail: list[tuple[float, Actor]] = []
        self._number = 0
        self._refs = 0

    def lay(  # noqa: PLR0913  as many as a letter has sides
        self, kind: str, name: str, *, address: str = "10.0.0.5", sender: str = "", author: str = "", to: str = "",
        script: bytes = b"", why: tuple[bytes, bytes] = DOWN, hops: int = 0, forwarded: bool = False,
        subject: str = "hello", within: float = 2 * HOUR,
    ) -> None:  # fmt: skip
        """One message."""
        self._number += 1
        queue_id = f"4j{self._number:06d}{self.random.randrange(10**6):06d}"
        arrived = READ - 3 * HOUR + self.random.random() * within
        recipient = to or f"u{self.random.randrange(10**6)}@dom{self.random.randrange(60)}.example"
        envelope = sender or (name if "@" in name else f"{name or 'x'}@mx.corp.example")
        letter = Letter(
            kind, name, address, Record(100, f"of {name}".encode()), b"mx.corp.example", arrived, int(arrived),
            b"" if kind == "mta" else envelope.encode(), (recipient.encode(),), 1, 0, 4000, script,
            Record(300, b"X-PHP-Originating-Script: 33:" + script) if script else None, subject.encode(), b"<m@x>",
            (author or envelope).encode(), hops, forwarded, frozen=False, automatic=False,
        )  # fmt: skip
        self.piles.add(letter, ("/q/deferred", queue_id, queue_id, "deferred", ""))
        self.mail.append((arrived, Actor(kind, name, "mx", address)))
        key = (kind, name, script if kind == "local_user" else b"")
        if len(self.piles.heaps[key].chosen) <= 128:
            self.piles.heaps[key].explain([why])

    def office(self, why: tuple[bytes, bytes] = DOWN) -> None:
        """What always waits a little."""
        for number in range(40):
            self.lay("account", f"staff{number % 9}@corp.example", why=why)

    def rows(self, *, log: bool = False) -> Iterator[Row | Pile]:
        """What the log says if it is there too, and the piles."""
        if log:
            for number, (arrived, actor) in enumerate(sorted(self.mail)):
                yield Message(arrived + 0.2, reference(0, 100 * number), actor, "", b"x@y", 4000, 1, arrived)
        ours = Surroundings(Ours(domains=("corp.example",)))
        yield from self.piles.rows(Seen(READ, "/q", "postfix", "mx"), self._note, ours)

    def _note(self, _path: str, record: Record | None) -> int:
        self._refs += record is not None
        return reference(1, self._refs) if record is not None else 0


def stolen_account() -> Iterator[Row | Pile]:
    spool = Spool()
    spool.office()
    for number in range(3000):
        address = f"{100 + number % 12}.{number % 250}.3.4"
        author = f"x{number}@free{number % 40}.example"
        spool.lay(
            "account", "alice@corp.example", address=address, author=author, why=(POLICY, UNKNOWN, DOWN)[number % 3]
        )
    return spool.rows()


def abused_form() -> Iterator[Row | Pile]:
    spool = Spool()
    spool.office()
    for number in range(3000):
        spool.lay(
            "local_user", "33", address="www-data", script=b"contact.php", why=(POLICY, UNKNOWN)[number % 2],
            author=f"x{number}@free{number % 40}.example",
        )  # fmt: skip
    return spool.rows()


def open_relay() -> Iterator[Row | Pile]:
    spool = Spool()
    spool.office()
    for number in range(2000):
        spool.lay(
            "client",
            "203.0.113.77",
            address="203.0.113.77",
            sender=f"a{number}@free.example",
            why=(POLICY, UNKNOWN)[number % 2],
        )
    return spool.rows()


def one_sender() -> Iterator[Row | Pile]:
    """A contact form's mail, and nothing that tells why it waits."""
    spool = Spool()
    spool.office()
    for _ in range(3000):
        spool.lay("local_user", "33", address="www-data", script=b"contact.php", why=RATE)
    return spool.rows()


def bounces() -> Iterator[Row | Pile]:
    spool = Spool()
    spool.office()
    for _ in range(500):
        spool.lay("mta", "", address="")
    return spool.rows()


def newsletter() -> Iterator[Row | Pile]:
    """One account, one subject, thousands of subscribers, providers that slow it down."""
    spool = Spool()
    spool.office(RATE)
    for number in range(5000):
        spool.lay("account", "news@corp.example", why=(RATE, DOWN, UNKNOWN, RATE, RATE, RATE)[number % 6])
    return spool.rows()


def outage() -> Iterator[Row | Pile]:
    """The line is down: everybody's mail waits."""
    spool = Spool()
    for number in range(4000):
        spool.lay("account", f"staff{int(40 * spool.random.random() ** 2)}@corp.example")
        if number % 4 == 0:
            spool.lay("account", "news@corp.example")
    return spool.rows()


def listed() -> Iterator[Row | Pile]:
    """Our address is on a blocklist: whoever sends most has most waiting."""
    spool = Spool()
    spool.office(LISTED)
    for _ in range(2000):
        spool.lay("account", "shop@corp.example", why=LISTED)
    return spool.rows()


def gateway() -> Iterator[Row | Pile]:
    """The mailbox server behind us is down: strangers' mail to our people waits."""
    spool = Spool()
    for number in range(3000):
        client = f"203.0.{int(200 * spool.random.random() ** 3)}.9"
        spool.lay("client", client, address=client, to=f"u{number % 90}@corp.example", sender=f"a@free{number}.example")
    for number in range(900):
        spool.lay("client", "198.51.100.9", address="198.51.100.9", to=f"u{number % 90}@corp.example", why=POLICY)
    return spool.rows()


def forwarding() -> Iterator[Row | Pile]:
    """A provider refuses what an alias passes on."""
    spool = Spool()
    spool.office()
    for number in range(800):
        spool.lay("client", "203.0.113.5", address="203.0.113.5", forwarded=True, why=POLICY, hops=1)
        spool.lay("client", f"203.0.{number % 250}.5", address="203.0.113.5", forwarded=True, why=POLICY, hops=1)
    return spool.rows()


def hosting() -> Iterator[Row | Pile]:
    """Sixty customers' sites send as one user through the same library; a provider is down."""
    spool = Spool()
    spool.office()
    for number in range(3000):
        author = f"shop@site{number % 60}.example"
        spool.lay("local_user", "33", address="www-data", script=b"PHPMailer.php", sender=author, author=author)
    return spool.rows()


def content_filter() -> Iterator[Row | Pile]:
    """What a filter brought back from the loopback is nobody's."""
    spool = Spool()
    for number in range(3000):
        spool.lay("client", "127.0.0.1", address="127.0.0.1", author=f"x@free{number % 50}.example", why=POLICY)
    return spool.rows()


def unrecorded() -> Iterator[Row | Pile]:
    spool = Spool()
    for _ in range(2000):
        spool.lay("unknown", "", address="", why=UNKNOWN)
    return spool.rows()
