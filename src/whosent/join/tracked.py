"""Messages that one id follows through all servers of a system: rows of tables become messages and outcomes (pure).

The first server that tells of an id tells who handed the message in; every later telling of the same id is the same
message, counted once.  A client that logged in is known by its SMTP connection, which the log of the connection names:
at a proxy, the connection behind the proxy's.  Rows must come in the order of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from whosent.model.rows import (
    Actor,
    Arrived,
    Attempted,
    Forward,
    JoinedRow,
    Login,
    Message,
    Outcome,
    Reason,
    Result,
    Session,
    dereference,
)
from whosent.model.surroundings import Surroundings, domain_of

_LIVES: Final = 200_000  # messages remembered at once
_SESSIONS: Final = 100_000
_PLACES: Final = 100_000
_HOPS: Final = 4  # proxies one behind the other
_EACH: Final = frozenset({"row", "relayed"})  # origins of rows that tell of one recipient each
_REASONS: Final = tuple(Reason)


class _Life:
    """One message."""

    __slots__ = ("actor", "deferred", "forwards", "opened", "sender", "told")

    def __init__(self, actor: Actor, sender: bytes, opened: float) -> None:
        self.actor = actor
        self.sender = sender
        self.opened = opened
        self.told: set[int] = set()  # attempts, so that two exports of the same hour count once
        self.deferred: set[bytes] | None = None
        self.forwards: set[bytes] | None = None


class Tracked:
    """Turns the rows of all tables, in the order of time, into messages and outcomes; others pass as they are.

    ``unheard``: sources whose attempts and messages do not count, because another log tells them better (the log of
    SMTP connections, where the message tracking log is there).
    """

    def __init__(self, surroundings: Surroundings, unheard: AbstractSet[int] = frozenset()) -> None:
        self._surroundings = surroundings
        self.unheard = unheard
        self._lives: dict[str, _Life] = {}
        self._sessions: dict[str, Session] = {}
        self._homes: dict[str, str] = {}  # the host an account was first seen on: it is one account on all of them
        self._actors: dict[Actor, Actor] = {}
        self._held: dict[str, Arrived] = {}  # messages of this moment whose recipients stand in rows of their own
        self._behind: list[Attempted] = []  # what follows them
        self._moment = float("-inf")
        self.first_sight = 0  # messages whose beginning is not in the logs

    def rows(self, merged: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
        """The rows, joined."""
        yield from self.ready(merged)
        yield from self.rest()

    def ready(self, merged: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
        """The same; what may be told of in another row of the last moment waits."""
        for row in merged:
            if self._held and row.time != self._moment:
                yield from self.rest()
            self._moment = row.time
            if isinstance(row, Attempted | Arrived) and self.unheard and dereference(row.ref)[0] in self.unheard:
                continue
            if isinstance(row, Attempted):
                if row.key in self._held:
                    self._behind.append(row)
                else:
                    yield from self._outcome(row)
            elif isinstance(row, Arrived):
                yield from self._message(row)
            elif isinstance(row, Session):
                self._remember(row)
            elif isinstance(row, Forward):
                self._forwarded(row)
            elif isinstance(row, Login):
                yield row._replace(host=self._home(row.account, row.host)) if row.host else row
            else:
                yield row

    def rest(self) -> Iterator[JoinedRow]:
        """The moment is over: messages with the number of rows that told of them, and their outcomes."""
        for row in self._held.values():
            yield from self._begin(row)
        self._held.clear()
        for attempt in self._behind:
            yield from self._outcome(attempt)
        self._behind.clear()

    def _message(self, row: Arrived) -> Iterator[JoinedRow]:
        if row.key in self._lives:
            return
        if row.origin not in _EACH:
            yield from self._begin(row)
            return
        known = self._held.get(row.key)
        self._held[row.key] = known._replace(recipient_count=known.recipient_count + 1) if known else row

    def _begin(self, row: Arrived) -> Iterator[JoinedRow]:
        while len(self._lives) >= _LIVES:
            del self._lives[next(iter(self._lives))]
        actor = self._actor(row)
        actor = self._actors.setdefault(actor, actor)
        if len(self._actors) >= _LIVES:
            self._actors.clear()
        self._lives[row.key] = _Life(actor, row.sender, row.time)
        yield Message(row.time, row.ref, actor, "", row.sender, row.size, max(1, row.recipient_count), row.time)

    def _actor(self, row: Arrived) -> Actor:
        """Who handed it in: the login of its connection, else the account its row names, else the client's address."""
        session = self._client(row.session)
        account = (session.account if session else "") or row.account
        address = (session.address if session else "") or row.address
        if row.origin == "relayed" and self._surroundings.is_own_domain(domain_of(row.sender)):
            account = account or row.sender.decode("utf-8", "backslashreplace").lower()
        if account:
            return Actor("account", account, self._home(account, row.host), address)
        if row.origin == "mta":
            return Actor("mta", row.host, row.host)
        if not address:
            return Actor("unknown", "", row.host)
        if self._surroundings.is_own_address(address):
            return Actor("host", address, row.host, address)
        if row.origin in {"inside", "relayed"}:
            return Actor("unknown", "", row.host)
        return Actor("stranger", address, row.host, address)

    def _home(self, account: str, host: str) -> str:
        if len(self._homes) >= _PLACES:
            self._homes.clear()
        return self._homes.setdefault(account, host)

    def _client(self, name: str) -> Session | None:
        """What is known of a connection, followed back through our proxies to one where somebody logged in."""
        session = self._sessions.get(name) if name else None
        for _ in range(_HOPS):
            if session is None or session.account or not session.behind:
                break
            session = self._sessions.get(session.behind, session)
        return session

    def _remember(self, row: Session) -> None:
        if row.behind and not self._surroundings.is_own_address(row.address):
            return  # only a proxy of ours may say for whom it speaks
        while len(self._sessions) >= _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        known = self._sessions.get(row.session)
        self._sessions[row.session] = (
            row._replace(behind=row.behind or known.behind, account=row.account or known.account) if known else row
        )

    def _forwarded(self, row: Forward) -> None:
        life = self._lives.get(row.key)
        if life is not None:
            life.forwards = {*(life.forwards or ()), row.recipient}

    def _outcome(self, row: Attempted) -> Iterator[JoinedRow]:
        life = self._lives.get(row.key)
        if life is None:
            self.first_sight += 1
            life = self._lives[row.key] = _Life(Actor("unknown", "", row.host), row.sender, row.time)
        attempt = hash((row.recipient, row.status, row.local, row.relay, row.time))
        if attempt in life.told:
            return
        life.told.add(attempt)
        forwarded = row.forwarded or (life.forwards is not None and row.recipient in life.forwards)
        yield Outcome(
            row.time, row.ref, life.actor, "", life.sender or row.sender, row.recipient, self._result(row, life),
            _REASONS[row.reason], row.relay, forwarded,
        )  # fmt: skip

    def _result(self, row: Attempted, life: _Life) -> Result:
        if row.status == "sent":
            if row.local:
                return Result.LOCAL
            return Result.HANDED_OVER if self._surroundings.is_own_address(row.relay) else Result.SENT
        if row.status != "deferred":
            return Result.BOUNCED
        if life.deferred is None:
            life.deferred = set()
        if row.recipient in life.deferred:
            return Result.DEFERRED_AGAIN
        life.deferred.add(row.recipient)
        return Result.DEFERRED
