"""The ways of asking, multiplied by the listeners they are tried on: each with its key, its token and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from whosent.model.check import Dialogue, Heard, Knowledge, Replies, Sink, Target
from whosent.probing import listeners, vectors
from whosent.probing.letters import helo, letter
from whosent.probing.listeners import Listener
from whosent.probing.replies import accepts_recipient
from whosent.probing.vectors import Site, Way

_NO_SINK = Sink(address="192.0.2.1", domain="example.net")  # RFC 2606: nobody's mailbox; nothing is ever sent there


class Trial(NamedTuple):
    """One way, tried on one listener, in the clear or after STARTTLS."""

    listener: Listener
    encrypted: bool
    way: Way
    token: str
    answer: Replies | None
    silenced: bool = False  # the server knows delivery status notifications, and is asked for none

    @property
    def key(self) -> str:
        """Of its question."""
        return f"{self.listener}{', after STARTTLS' if self.encrypted else ''}: {self.way.name}"

    @property
    def recipient(self) -> str:
        """With brackets."""
        return self.way.recipient.replace("{T}", self.token)

    @property
    def sender(self) -> str:
        """With brackets, without parameters."""
        return self.way.sender.partition(" ")[0]

    @property
    def taken(self) -> bool:
        """Whether the server took the message."""
        last = self.answer.replies[-1:] if self.answer else ()
        return bool(last) and last[0].command == "." and last[0].code < 300  # noqa: PLR2004

    @property
    def accepted(self) -> bool:
        """Whether it would have taken the recipient, where no message was sent."""
        return self.answer is not None and accepts_recipient(self.answer)


def site_of(
    target: Target, knowledge: Knowledge, answer: Replies, own: tuple[str, ...], relayed: tuple[str, ...]
) -> Site:
    """What is known of the server: its own configuration, ours, and what it calls itself."""
    host, _ = listeners.place(target)
    called = listeners.called(answer)
    name = called or host
    parents = [one.partition(".")[2] for one in (called, "" if _is_address(host) else host.lower())]
    told = [one for one in parents if "." in one]
    domains = tuple(dict.fromkeys((*own, *(one.lower() for one in knowledge.settings.ours.domains), *told)))
    return Site(name, answer.address or host, domains, relayed, listeners.offered(answer))


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()


def trials(site: Site, listener: Listener, knowledge: Knowledge, heard: Heard) -> Iterator[Trial]:
    """All of them on one listener."""
    sink = knowledge.sink or _NO_SINK
    ways = list(vectors.ways(site, sink, helo(knowledge)))
    modes = (False, True) if "STARTTLS" in site.offers and listener.port != listeners.IMPLICIT else (False,)
    for encrypted in modes:
        for way in ways:
            bare = Trial(listener, encrypted, way, "", None, "DSN" in site.offers)
            answer = heard.get(bare.key)
            token = knowledge.token(f"relay {site.host} {bare.key}")
            yield bare._replace(token=token, answer=answer if isinstance(answer, Replies) else None)


def dialogue(trial: Trial, target: Target, knowledge: Knowledge) -> Dialogue:
    """The question of a trial; without a sink it ends before a message is sent."""
    greeting = trial.way.greeting
    start = (greeting, "STARTTLS", greeting) if trial.encrypted else (greeting,)
    quietly = " NOTIFY=NEVER" if trial.silenced else ""  # RFC 3461: a probe that is stuck bothers nobody with a bounce
    envelope = (f"MAIL FROM:{trial.way.sender}", f"RCPT TO:{trial.recipient}{quietly}")
    host, _ = listeners.place(target)
    about = f"{target}, {trial.key}"
    return Dialogue(
        key=trial.key, host=host, port=trial.listener.port, family=trial.listener.family,
        tls=trial.listener.port == listeners.IMPLICIT, outside=listeners.from_outside(target, knowledge),
        commands=(*start, *envelope, "DATA" if knowledge.sink else "RSET"),
        message=letter(knowledge, trial.token, about=about, sender=trial.sender, recipient=trial.recipient),
    )  # fmt: skip
