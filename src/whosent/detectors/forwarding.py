"""Forwarded spam: an alias, .forward or Sieve redirect of ours carries strangers' spam to a provider that refuses it.

The provider sees our address and counts the spam against us, although nobody broke in.  Mail counts as forwarded where
the log says that the recipient was another one before, or where a program of ours hands in what an outside sender
wrote to a mailbox here a moment ago.  Routes are judged together for each provider; a provider that refuses what our
own people write just as often is not talking about forwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.measures import phrases, regard, who
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import ANSWERS, Outcome, Reason, Result
from whosent.model.surroundings import domain_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_BOUNCED: Final = Result.BOUNCED
_DEFERRED: Final = Result.DEFERRED
_PROGRAMS: Final = ("local_user", "host")
_FROM_OUTSIDE: Final = ("stranger", "unknown", "host", "local_user")
_LIKE_SPAM: Final = (Reason.POLICY, Reason.RATE, Reason.LISTED)
_ROUTES: Final = 20_000
_PROVIDERS: Final = 5_000
_LEAST: Final = 20  # recipients refused as spam at one provider
_SHARE: Final = 0.1  # of what was forwarded there
_NAMED: Final = 3  # other forwarding addresses told of by name
_UNNAMED: Final = "an address of ours that the log does not name"  # Sendmail logs what an alias became, not the alias


class _Route:
    """What one address of ours forwards to one address outside."""

    __slots__ = (
        "alias", "deferred", "destination", "first", "host", "last", "recipients", "redirected", "refused", "spam",
        "trail",
    )  # fmt: skip

    def __init__(self, alias: bytes, destination: bytes, host: str) -> None:
        self.alias = alias
        self.destination = destination
        self.host = host
        self.recipients = self.refused = self.deferred = 0
        self.redirected = False  # by a program that hands it in anew, such as Sieve
        self.spam = 0  # answers that call it spam
        self.first = self.last = 0.0
        self.trail: Trail | None = None

    @property
    def towards(self) -> tuple[str, str]:
        """The host that forwards, and the provider."""
        return self.host, domain_of(self.destination)

    def add(self, row: Outcome) -> None:
        """One answer."""
        self.recipients += 1
        if row.result is _SENT:
            return
        self.refused += row.result is _BOUNCED
        self.deferred += row.result is _DEFERRED
        if row.reason not in _LIKE_SPAM:
            return
        self.spam += 1
        if self.trail is None:
            self.trail, self.first = Trail(), row.time
        self.last = row.time
        self.trail.add(row.time, row.ref, f"forwarded, {regard.note(row.result, row.reason)}")


class Detector:
    """Follows each pair of a forwarding address and its destination."""

    name = "forwarding"
    results = ANSWERS

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._correspondents = surroundings.correspondents
        self._routes: dict[tuple[bytes, bytes], _Route] = {}
        self._to: dict[tuple[str, str], list[_Route]] = {}  # the same by host and provider
        self._spam: dict[tuple[str, str], int] = {}  # answers that call it spam, likewise
        self._own: dict[str, int] = {}  # provider -> refusals as spam of mail that was not forwarded

    def outcome(self, row: Outcome) -> None:
        """Mail that was forwarded met the world; other mail is looked at only where it was refused as spam."""
        result = row[6]
        if not row[9]:
            if row[2][0] in _PROGRAMS and row[4] and self._correspondents.ask(row, self._redirected):
                return
            if result is not _SENT and row.reason in _LIKE_SPAM:
                provider = domain_of(row.recipient)
                if provider in self._own or len(self._own) < _PROVIDERS:
                    self._own[provider] = self._own.get(provider, 0) + 1
        elif row[8] and row[2][0] in _FROM_OUTSIDE:
            self._forwarded(row, row.original_recipient)

    def _redirected(self, row: Outcome, letter: Outcome) -> None:
        route = self._forwarded(row, letter.recipient)
        if route is not None:
            route.redirected = True
            if route.trail is not None and row.reason in _LIKE_SPAM:
                route.trail.add(letter.time, letter.ref, "the letter, delivered here")

    def _forwarded(self, row: Outcome, alias: bytes) -> _Route | None:
        key = (alias, row.recipient)
        route = self._routes.get(key)
        if route is None:
            if len(self._routes) >= _ROUTES:
                self._drop_the_good()
                if len(self._routes) >= _ROUTES:
                    return None
            route = self._routes[key] = _Route(alias, row.recipient, row.actor.host)
            self._to.setdefault(route.towards, []).append(route)
        before = route.spam
        route.add(row)
        if route.spam > before:
            self._spam[route.towards] = self._spam.get(route.towards, 0) + 1
        return route

    def _drop_the_good(self) -> None:
        self._routes = {one: known for one, known in self._routes.items() if known.spam}
        self._to = {}
        for route in self._routes.values():
            self._to.setdefault(route.towards, []).append(route)

    def findings(self) -> Iterator[Finding]:
        """One finding for each provider that refuses what is forwarded to it."""
        for (host, provider), spam in sorted(self._spam.items()):
            if spam < _LEAST or self._own.get(provider, 0) >= spam or self._surroundings.is_own_domain(provider):
                continue
            routes = self._to[host, provider]
            if spam >= _SHARE * sum(route.recipients for route in routes):
                yield self._finding(host, provider, sorted(routes, key=lambda route: (-route.spam, route.alias)))

    def _finding(self, host: str, provider: str, routes: list[_Route]) -> Finding:
        worst = routes[0]
        guilty = [route for route in routes if route.spam]
        spam = sum(route.spam for route in routes)
        recipients = sum(route.recipients for route in routes)
        first = min(route.first for route in guilty)
        alias, destination = _text(worst.alias), _text(worst.destination)
        sentence = (
            f"Spam that strangers wrote to {alias or _UNNAMED} is forwarded by {host or 'this host'} to {destination}"
            f"{_others(guilty)}, and {provider} refuses it: {phrases.count(spam)} of "
            f"{phrases.count(recipients, 'forwarded message')} since {phrases.moment(first)} refused as spam; nobody "
            f"broke in, but {provider} counts it against our address."
        )
        assert worst.trail is not None
        return Finding(
            detector=self.name,
            suspect=Suspect(
                kind="forwarder",
                name=alias or destination,
                host=host or None,
                address=destination if worst.redirected or not alias else None,
            ),
            cause=Cause.FORWARDED_SPAM,
            since=first,
            until=max(route.last for route in guilty),
            sentence=sentence,
            measure=spam / recipients,
            norm=_SHARE,
            unit="refused share",
            accuses=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(host),),
            quotes=worst.trail.quotes(),
            facts={
                "messages": recipients,
                "recipients": recipients,
                "refused": sum(route.refused for route in routes),
                "deferred": sum(route.deferred for route in routes),
                "refused_as_spam": spam,
                "forwarding_addresses": len({route.alias for route in guilty}),
                "destination": destination,
                "provider": provider,
            },
            severity="warning",
        )


def _others(guilty: list[_Route]) -> str:
    """``, and from 16 other addresses of ours (a@corp.example, ...)``."""
    names = sorted({_text(route.alias) for route in guilty[1:]} - {_text(guilty[0].alias), ""})
    if not names:
        return ""
    told = phrases.listing(names, _NAMED)
    return f", and so is that to {phrases.count(len(names), 'other address', 'other addresses')} of ours ({told})"


def _text(address: bytes) -> str:
    return address.decode("utf-8", "backslashreplace")
