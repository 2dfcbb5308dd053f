"""What a story is told with: a script that collects rows, and people, lists and answers of the world."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from whosent.model.rows import (
    Actor,
    Call,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Request,
    Result,
    Row,
    Subject,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

START = 1_794_787_200.0  # Mon 16 Nov 2026 00:00 UTC
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
MX, WEB = "mx", "web"


class Luck(NamedTuple):
    """How the world answers, in shares of recipients; the rest is accepted."""

    unknown: float = 0.01
    policy: float = 0.0
    listed: float = 0.0
    full: float = 0.003
    greylisted: float = 0.03
    unreachable: float = 0.01


USUAL = Luck()
SPAM = Luck(unknown=0.3, policy=0.06, listed=0.04, full=0.02)
ANSWERS = {
    "unknown": (Result.BOUNCED, Reason.UNKNOWN_USER),
    "policy": (Result.BOUNCED, Reason.POLICY),
    "listed": (Result.BOUNCED, Reason.LISTED),
    "full": (Result.BOUNCED, Reason.MAILBOX),
    "greylisted": (Result.DEFERRED, Reason.GREYLISTED),
    "unreachable": (Result.DEFERRED, Reason.ROUTE),
}


def account(name: str, address: str = "10.0.0.5") -> Actor:
    return Actor("account", f"{name}@corp.example", MX, address)


def user(uid: int, name: str, host: str = WEB) -> Actor:
    return Actor("local_user", str(uid), host, name)


def machine(address: str) -> Actor:
    return Actor("host", address, MX, address)


def stranger(address: str) -> Actor:
    return Actor("stranger", address, MX, address)


class Script:
    """Rows in the making; ``rows`` puts them in order and gives each its line."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self._entries: list[tuple[float, type, dict[str, Any]]] = []
        self._invented = 0
        self.down: list[tuple[float, float, str]] = []  # from, to, domain

    def add(self, row: type, at: float, **fields: Any) -> None:  # noqa: ANN401  fields of any row
        self._entries.append((at, row, fields))

    def people(self, count: int, *, domains: int = 40) -> list[str]:
        """Addresses nobody else in this story writes to."""
        self._invented += count
        first = self._invented
        return [
            f"{self.random.choice('abcdefghklmnoprstuw')}{self.random.randrange(1000)}.p{first - i}"
            f"@dom{int(domains * self.random.random() ** 2)}.example"
            for i in range(count)
        ]

    def mail(  # noqa: PLR0913  as many as a message has sides
        self, at: float, actor: Actor, to: Iterable[str], luck: Luck = USUAL, *, sender: str = "", size: int = 4000,
        forwarded: bool = False,
    ) -> None:  # fmt: skip
        """One message and what becomes of it at once."""
        to = list(to)
        envelope = (sender or (actor.name if "@" in actor.name else f"{actor.address}@{actor.host}.example")).encode()
        self.add(Message, at, actor=actor, queue_id="", sender=envelope, size=size, recipient_count=len(to),
                 opened=at - 0.05)  # fmt: skip
        for number, recipient in enumerate(to):
            moment = at + 0.4 + 0.05 * number + self.random.random()
            result, reason = self.draw(moment, recipient, luck)
            self.answer(moment, actor, recipient, result, reason, sender=envelope,
                        original="somebody@corp.example" if forwarded else "")  # fmt: skip

    def forward(  # noqa: PLR0913, PLR0917  as many as a message has sides
        self, at: float, client: Actor, sender: str, alias: str, to: str, luck: Luck = USUAL
    ) -> None:
        """Somebody outside writes to an address of ours that leads outside."""
        envelope = sender.encode()
        self.add(Message, at, actor=client, queue_id="", sender=envelope, size=4000, recipient_count=1, opened=at)
        result, reason = self.draw(at, to, luck)
        self.answer(at + 0.5, client, to, result, reason, sender=envelope, original=alias)

    def answer(  # noqa: PLR0913  as many as an outcome has sides
        self, at: float, actor: Actor, recipient: str, result: Result, reason: Reason = Reason.NONE, *,
        sender: bytes = b"", original: str = "", relay: str | None = None,
    ) -> None:  # fmt: skip
        """One outcome; ``original`` is the recipient before an alias changed it."""
        next_hop = f"mx.{recipient.rpartition('@')[2]}" if relay is None else relay
        self.add(Outcome, at, actor=actor, queue_id="", sender=sender, recipient=recipient.encode(), result=result,
                 reason=reason, relay=next_hop, forwarded=bool(original),
                 original_recipient=original.encode())  # fmt: skip

    def draw(self, at: float, recipient: str, luck: Luck) -> tuple[Result, Reason]:
        """What the world answers."""
        domain = recipient.rpartition("@")[2]
        if any(begin <= at < end and domain == name for begin, end, name in self.down):
            return Result.DEFERRED, Reason.ROUTE
        draw = self.random.random()
        for name, share in zip(luck._fields, luck, strict=True):
            draw -= share
            if draw < 0:
                return ANSWERS[name]
        return Result.SENT, Reason.NONE

    def login(self, at: float, name: str, address: str, *, succeeded: bool = True, service: str = "imap") -> None:
        self.add(Login, at, host=MX, account=name, address=address, succeeded=succeeded, service=service)

    def reject(self, at: float, address: str, code: int = 554, reason: bytes = b"Relay access denied") -> None:
        self.add(Rejection, at, host=MX, address=address, account="", stage="RCPT", code=code, reason=reason)

    def request(
        self, at: float, path: str, address: str = "203.0.113.9", method: str = "GET", status: int = 200
    ) -> None:
        self.add(Request, at, host="www.corp.example", address=address, method=method, path=path, status=status)

    def call(self, at: float, script: str, recipient: str, line: int = 12) -> None:
        self.add(Call, at, host=WEB, script=script, line=line, recipient=recipient.encode())

    def judge(  # noqa: PLR0913  as many as a verdict has sides
        self, at: float, actor: Actor, to: Iterable[str] = (), *, spam: bool, sender: str | None = None,
        virus: str = "", program: str = "rspamd", digest: str = "", queue_id: str = "", score: float | None = None,
    ) -> None:  # fmt: skip
        """Our own filter on one message."""
        own = actor.name if "@" in actor.name else f"{actor.address}@corp.example"
        own = actor.name if "@" in actor.name else f"{actor.address}@corp.example"
        envelope = own if sender is None else sender
        self.add(
            Verdict, at, actor=actor, queue_id=queue_id, sender=envelope.encode(), recipients=",".join(to).encode(),
            program=program, spam=spam, virus=virus, action="add header" if spam else "no action",
            score=score if score is not None else 18.0 if spam else 1.0, required=15.0, digest=digest,
        )  # fmt: skip

    def subject(self, at: float, actor: Actor, subject: str, queue_id: str = "") -> None:
        """A subject that was logged."""
        self.add(Subject, at, actor=actor, queue_id=queue_id, subject=subject.encode())

    def correspondence(self, actor: Actor, days: float, daily: float, *, known: int = 30, luck: Luck = USUAL) -> None:
        """Somebody's ordinary mail in office hours, from the first day on."""
        circle = self.people(known)
        for _ in range(round(days * daily)):
            day = self.random.randrange(max(1, round(days))) * DAY
            to = self.random.sample(circle, self.random.choice((1, 1, 1, 2, 3)))
            self.mail(START + day + self.random.uniform(8, 18) * HOUR, actor, to, luck)

    def office(self, size: int = 25, days: float = 5, daily: float = 8) -> None:
        """The innocents around every story."""
        for number in range(size):
            self.correspondence(account(f"staff{number}", f"10.0.0.{number + 10}"), days, daily)

    def rows(self) -> list[Row]:
        """Everything in order of time, a line of the log each."""
        self._entries.sort(key=lambda entry: entry[0])
        return [row(time=at, ref=100 * line, **fields) for line, (at, row, fields) in enumerate(self._entries)]
