"""Verdicts of filters and subjects find the message they speak of: by queue id, else by Message-ID (pure).

Off the hot path: it costs nothing where no filter logs.  A queue id is looked up among the lives of the same host that
are open now; a milter and a filter behind the queue speak while they are.  A Message-ID is a stranger's word and counts
only while exactly one sender has an open message with it.  Message-IDs are read only where :func:`asks` says that a
filter needs them.  A verdict without such a life (rspamd's log in a file of its own) stands on what the filter itself
was told of the client: its login, else its address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from whosent.model.rows import Actor, Subject, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whosent.dialects import Rule
    from whosent.join.lives import Life
    from whosent.model.surroundings import Surroundings
    from whosent.reading.tokens import Fields

VERDICT: Final = (
    "queue_id", "message_id", "next_queue_id", "client_address", "account", "sender", "listed_recipients", "action",
    "score", "required", "virus", "digest",
)  # fmt: skip
HEADER: Final = ("queue_id", "message_id", "subject")

# spamd tells the Message-ID alone, and so does Amavis of mail that a program on its host handed in.
_ASKS: Final = re.compile(
    rb" spamd(?:\[\d+\])?: spamd: | amavis\[\d+\]: \([\w-]+\) (?:Passed|Blocked) (?![^\n]*Queue-ID: )"
)
_SPAM: Final = {
    "rspamd": frozenset({b"reject", b"add header", b"rewrite subject", b"quarantine", b"discard"}),
    "spamd": frozenset({b"Y"}),
    "mailscanner": frozenset({b"spam"}),
    "amavis": frozenset({b"Passed SPAM", b"Blocked SPAM", b"Passed SPAMMY", b"Blocked SPAMMY"}),
}
_ON_CONTENT: Final = frozenset({*_SPAM, "clamav"})
_SAYS: Final = re.compile(rb"(?i)spam|virus|infected|malware|phish|gtube|unsolicited")
_BY_FILTER: Final = (b"milter-reject", b"milter-discard")
_MANY: Final = 50_000  # Message-IDs remembered
_LONGEST: Final = 250  # bytes of a subject that count


class Asked(NamedTuple):
    """A line that says something of a message: when, where it was read, and on which host."""

    time: float
    ref: int
    host: str


Lives: TypeAlias = "Mapping[bytes | None, Life]"  # by queue id


class _Named(NamedTuple):
    """A message with a Message-ID, and where it lives."""

    lives: Lives
    queue_id: bytes
    life: Life

    @property
    def is_open(self) -> bool:
        return self.lives.get(self.queue_id) is self.life


def is_on_content(rule: Rule) -> bool:
    """Whether a verdict is one on content: not on a signature, or on who may speak to us."""
    return dict(rule.fixed)["program"] in _ON_CONTENT


def asks(heads: Iterable[bytes]) -> bool:
    """Whether a filter among these logs names messages by their Message-ID alone."""
    return any(_ASKS.search(head) for head in heads)


def subject_of(asked: Asked, actor: Actor, queue_id: bytes | None, subject: bytes) -> Subject:
    """A subject, as far as it counts."""
    return Subject(asked.time, asked.ref, actor, _text(queue_id), subject[:_LONGEST])


class Judgement:
    """The Message-IDs of one stream, and what its filters say."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._named: dict[tuple[str, bytes], list[_Named]] = {}

    def header(self, asked: Asked, fields: Fields, lives: Lives) -> Iterator[Subject]:
        """Note a Message-ID; a subject is told with the actor of its message."""
        queue_id, message_id, subject = fields
        life = lives.get(queue_id)
        if life is None:
            return
        if subject is not None:
            yield subject_of(asked, life.actor, queue_id, subject)
            return
        if len(self._named) >= _MANY:
            kept = {key: [one for one in named if one.is_open] for key, named in self._named.items()}
            self._named = {key: named for key, named in kept.items() if named}
        if len(self._named) < _MANY:
            self._named.setdefault((asked.host, _bare(message_id or b"")), []).append(_Named(lives, queue_id, life))

    def verdict(self, asked: Asked, rule: Rule, fields: Fields, queues: Iterable[Lives]) -> Iterator[Verdict]:
        """What a filter says of a message's content, with its actor."""
        queue_id, message_id, next_id, address, account, sender, to, action, score, required, virus, digest = fields
        fixed = dict(rule.fixed)
        program = fixed["program"]
        life = next((lives[queue_id] for lives in queues if queue_id in lives), None) if queue_id else None
        actor = life.actor if life and life.actor.kind != "unknown" else None
        if queue_id is None and message_id:
            actor = self._by_message_id((asked.host, _bare(message_id)), next_id)
        if sender is None and life is not None:
            sender = life.sender
        yield Verdict(
            time=asked.time, ref=asked.ref, actor=actor or self._as_told(asked.host, address, account),
            queue_id=_text(queue_id), sender=sender, recipients=to or b"", program=program,
            spam=action in _SPAM.get(program, ()) or bool(virus), virus=_text(virus),
            action=_text(action) or fixed.get("action", ""), score=_number(score), required=_number(required),
            digest=_text(digest),
        )  # fmt: skip

    def refusal(
        self, asked: Asked, queue_id: bytes | None, verdict: bytes | None, reason: bytes, lives: Lives
    ) -> Iterator[Verdict]:
        """A milter's word that Postfix passes on, if it speaks of the content."""
        life = lives.get(queue_id) if verdict in _BY_FILTER and _SAYS.search(reason) else None
        if life is None:
            return
        yield Verdict(
            time=asked.time, ref=asked.ref, actor=life.actor, queue_id=_text(queue_id), sender=life.sender,
            recipients=b"", program="milter", spam=True, virus="", action=_text(verdict), score=None, required=None,
            digest="",
        )  # fmt: skip

    def knows(self, host: str, fields: Fields, queues: Iterable[Lives]) -> bool:
        """Whether the message a verdict speaks of is open here."""
        queue_id, message_id, *_ = fields
        if queue_id is not None:
            return any(queue_id in lives for lives in queues)
        return any(one.is_open for one in self._named.get((host, _bare(message_id or b"")), ()))

    def merge(self, other: Judgement) -> None:
        """Take over what a later part of the stream knows."""
        self._named.update(other._named)

    def _by_message_id(self, key: tuple[str, bytes], next_id: bytes | None) -> Actor | None:
        """Whose the one open message of that name is; ``next_id`` is the same message behind the filter."""
        named = self._named.get(key, ())
        actors = {one.life.actor for one in named if one.is_open and (next_id is None or one.queue_id != next_id)}
        return actors.pop() if len(actors) == 1 else None

    def _as_told(self, host: str, address: bytes | None, account: bytes | None) -> Actor:
        where = _text(address)
        if account:
            return Actor("account", _text(account), host, where)
        if not where or where.startswith("127.") or where == "::1":
            return Actor("unknown", "", host)
        return Actor("host" if self._surroundings.is_own_address(where) else "stranger", where, host, where)


def _bare(message_id: bytes) -> bytes:
    return message_id.strip(b"<> ")


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "backslashreplace") if raw else ""


def _number(raw: bytes | None) -> float | None:
    try:
        return float(raw) if raw else None
    except ValueError:
        return None
