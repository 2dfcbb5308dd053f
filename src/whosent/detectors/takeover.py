"""Account takeover: one account from more networks at once than a person can be in, and mail from there.

People move: office, home, phone and VPN are a handful of networks.  So networks are counted within two hours,
against the account's own past and against everybody else, and only a spread that mail came from accuses.  Failed
logins followed by a success from the very same new address, and mail from a network never seen before, support.
Addresses of ours are one network.  Countries or ASNs are counted where the surroundings know them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, who
from whosent.measures.guesses import Failures, Guesses
from whosent.measures.networks import network
from whosent.measures.resting import Norm, Resting
from whosent.measures.trail import in_order
from whosent.measures.whereabouts import INSIDE, WINDOW, Visit, Whereabouts
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import Actor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.rows import Login, Message
    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SPREAD: Final = 8  # networks within two hours that no person reaches
_NEW: Final = 6  # of them never seen before
_SENDING: Final = 4  # of them that mail came from
_PLACES: Final = 4  # countries or ASNs that make fewer networks enough
_PEERS: Final = 3.0  # times the busiest tenth of the others
_QUORUM: Final = 10  # other accounts that make a norm
_GUESSED: Final = 8  # failures before a success that are more than a mistyped password
_ESTABLISHED: Final = 20  # uses that make a past
_AWAY: Final = 30  # recipients from new networks worth a word
_ACCOUNTS: Final = 100_000
_QUOTES: Final = 12


class _Account:
    """One account, where it is used from, and a success after failures."""

    __slots__ = ("actor", "guessed", "name", "where")

    def __init__(self, name: str, actor: Actor | None, where: Whereabouts) -> None:
        self.name = name
        self.actor = actor
        self.where = where
        self.guessed: tuple[Failures, Visit, int] | None = None


class Detector:
    """Follows accounts from network to network."""

    name = "takeover"
    self_contained = True

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._accounts: Resting[str, _Account] = Resting()
        self._spreads: Counter[int] = Counter()  # most networks within two hours, of all accounts
        self._suspects: dict[str, _Account] = {}  # awake, and perhaps spread, guessed or away
        self._guesses = Guesses()
        self._networks: dict[str, str] = {}

    def login(self, row: Login) -> None:
        """Somebody proved, or failed to prove, to be an account."""
        if row.succeeded:
            self._use(row.account, None, row.time, row.ref, row.address)
        else:
            self._guesses.failed(row)

    def message(self, row: Message) -> None:
        """An account handed in a message: a login, too."""
        actor = row[2]
        if actor[0] != "account" or not actor[3]:
            return
        visit = self._use(actor[1], actor, row[0], row[8] or row[1], actor[3])  # the line that names the client
        if visit is not None:
            visit.messages += 1
            visit.recipients += row[6]

    def _use(self, name: str, actor: Actor | None, time: float, ref: int, address: str) -> Visit | None:
        account = self._accounts.awake.get(name)
        if account is None:
            account = self._meet(name, actor, time)
            if account is None:
                return None
        if account.actor is None:
            account.actor = actor
        used, where = self._networks.get(address) or self._network(address), account.where
        most = where.most
        visit, new = where.use(time, ref, used, address)
        if where.most != most:
            if most:
                self._spreads[most] -= 1
            self._spreads[where.most] += 1
            if where.most >= _SPREAD:
                self._suspects[name] = account
        if new and visit is not None:
            self._arrived(account, visit)
        return visit

    def _arrived(self, account: _Account, visit: Visit) -> None:
        """On a network never seen before."""
        if account.guessed is None:
            failures = self._guesses.before(account.name, visit.address, visit.time)
            if failures is not None and failures.count >= _GUESSED:
                account.guessed = (failures, visit, failures.count)
        if account.guessed is not None or _is_late(account.where, visit) or _are_several(account.where, visit):
            self._suspects[account.name] = account

    def _meet(self, name: str, actor: Actor | None, time: float) -> _Account | None:
        accounts = self._accounts
        if accounts.is_due(time):
            accounts.tidy(time, self._norm)
        account = accounts.get(name, self._wake)
        if account is None and len(accounts) < _ACCOUNTS:
            account = accounts.awake[name] = _Account(name, actor, Whereabouts(time))
        return account

    def _norm(self, account: _Account, quiet: float) -> Norm | None:
        """The few networks of an account that was not guessed and is not away."""
        where = account.where
        networks = where.norm(quiet) if account.guessed is None and len(where.known) < _PLACES else None
        if networks is None or _away_from(where):
            return None
        self._suspects.pop(account.name, None)
        return account.actor, where.first, where.uses, where.most, where.peak, networks

    def _wake(self, name: str, norm: Norm) -> _Account:
        actor, first, uses, most, peak, networks = norm
        where = Whereabouts(first)
        where.uses, where.most, where.peak = uses, most, peak
        where.remember(networks)
        account = _Account(name, Actor(*actor) if actor else None, where)
        if any(_is_late(where, visit) for visit in where.known.values()):
            self._suspects[name] = account
        return account

    def _usual_spread(self) -> int | None:
        """What nine in ten accounts stay within."""
        count = len(self._accounts)
        if count <= _QUORUM:
            return None
        left = int(0.9 * (count - 1))
        for most, accounts in sorted(self._spreads.items()):
            left -= accounts
            if left < 0:
                return most
        return None

    def _network(self, address: str) -> str:
        if len(self._networks) >= _ACCOUNTS:
            self._networks.clear()
        found = INSIDE if self._surroundings.is_own_address(address) else network(address)
        self._networks[address] = found
        return found

    def findings(self) -> Iterator[Finding]:
        """Accounts that were in too many places, or whose password was guessed, or that write from elsewhere."""
        others = self._usual_spread()
        for account in self._suspects.values():
            arrivals = account.where.arrivals()
            sending = [visit for visit in arrivals if visit.messages]
            if self._spread(account, arrivals, sending, others):
                yield self._finding(account, arrivals, others, accuses=len(sending) >= _SENDING)
            elif account.guessed is not None and account.guessed[1].messages:
                yield self._finding(account, [account.guessed[1]], others, accuses=False)
            else:
                away = _away_from(account.where)
                if away:
                    yield self._finding(account, away, others, accuses=False)

    def _spread(self, account: _Account, arrivals: list[Visit], sending: list[Visit], others: int | None) -> bool:
        usual = len(account.where.known) - len(arrivals)
        if others is not None and account.where.most < _PEERS * others:
            return False
        if account.where.most >= _SPREAD and len(arrivals) >= max(_NEW, 2 * usual):
            return True
        return len(sending) >= _PLACES and len(self._places(arrivals)) >= _PLACES

    def _places(self, visits: list[Visit]) -> set[str]:
        places = (self._surroundings.place_of(visit.address) for visit in visits)
        return {place for place in places if place}

    def _finding(self, account: _Account, visits: list[Visit], others: int | None, *, accuses: bool) -> Finding:
        where = account.where
        since = min(visit.time for visit in visits)
        until = max(visit.last for visit in visits)
        messages, recipients = sum(visit.messages for visit in visits), sum(visit.recipients for visit in visits)
        usual = sum(visit.time < since for visit in where.known.values())
        host = account.actor.host if account.actor else ""
        return Finding(
            detector=self.name,
            suspect=Suspect(kind="account", name=account.name, host=host or None, account=account.name),
            cause=Cause.COMPROMISED_ACCOUNT,
            since=since,
            until=until,
            sentence=self._sentence(account, visits, others, (messages, recipients, usual)),
            clause=f"mail from {phrases.count(len(visits), 'network')} never seen before "
            f"within {phrases.duration(max(visit.time for visit in visits) - since)} from {phrases.moment(since)}",
            measure=len(visits),
            norm=usual or others,
            unit="networks",
            accuses=accuses,
            strength=Strength.SHOWN,
            witnesses=(who.witness(host),),
            quotes=in_order(_lines(account, visits)[:_QUOTES]),
            facts={
                "messages": messages,
                "recipients": recipients,
                "refused": None,
                "deferred": None,
                "networks": len(visits),
                "networks_sending": sum(visit.messages > 0 for visit in visits),
                "usual_networks": usual,
                "others_networks": others,
                "places": len(self._places(visits)) or None,
                "failed_logins": account.guessed[2] if account.guessed else None,
            },
            severity="critical" if accuses else "warning",
        )

    def _sentence(
        self, account: _Account, visits: list[Visit], others: int | None, counts: tuple[int, int, int]
    ) -> str:
        messages, recipients, usual = counts
        first = min(visit.time for visit in visits)
        last = max(visit.time for visit in visits)
        places = len(self._places(visits))
        when = f"{f' within {phrases.duration(last - first)}' if last > first else ''} from {phrases.moment(first)}"
        networks = phrases.count(len(visits), "network")
        parts = [
            f"The account {account.name} was used from {networks} never seen before{when}",
            f"{phrases.count(messages, 'message')} to {phrases.count(recipients, 'recipient')} came from there",
            f"it normally uses {phrases.count(usual)}" if usual else "nothing is known of its past",
        ]
        if places:
            parts[0] += f" in {phrases.count(places, 'country or network operator', 'countries or network operators')}"
        if others is not None:
            parts.append(f"nine in ten others at most {phrases.count(others)} in {phrases.duration(WINDOW)}")
        if account.guessed:
            failures, visit, count = account.guessed
            parts.append(
                f"{phrases.count(count, 'failed login')} since {phrases.moment(failures.first)} came before the "
                f"first success from {visit.address}"
            )
        return "; ".join([": ".join(parts[:2]), *parts[2:]]) + "."


def _is_away(where: Whereabouts, visit: Visit) -> bool:
    """A new network of an account with a past, far along in its life."""
    return where.uses >= _ESTABLISHED and visit.messages > 0 and _is_late(where, visit)


def _is_late(where: Whereabouts, visit: Visit) -> bool:
    return visit.time - where.first > 12 * WINDOW


def _are_several(where: Whereabouts, visit: Visit) -> bool:
    """Whether so many networks are new, about as it is, that they may be several places at once."""
    known = where.known.values()
    return len(known) >= _PLACES and sum(abs(one.time - visit.time) < 2 * WINDOW for one in known) >= _PLACES


def _away_from(where: Whereabouts) -> list[Visit]:
    """New networks that are worth a word."""
    away = [visit for visit in where.known.values() if _is_away(where, visit)]
    return away if sum([visit.recipients for visit in away]) >= _AWAY else []


def _lines(account: _Account, visits: list[Visit]) -> list[tuple[float, int, str]]:
    lines = []
    if account.guessed:
        lines = [(time, ref, "failed login") for time, ref in account.guessed[0].lines]
    return lines + [(visit.time, visit.ref, f"first use from {visit.address}") for visit in visits]
