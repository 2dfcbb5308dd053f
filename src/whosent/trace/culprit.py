"""Who of ours put a message into the world, as far as a believed line or our own log names it."""

from __future__ import annotations

from typing import Final, NamedTuple

from whosent.join.sightings import Sighting, Sightings
from whosent.model.finding import Level, Strength, Suspect
from whosent.trace.addresses import canonical
from whosent.trace.boundary import End, Walk
from whosent.trace.letter import Letter
from whosent.trace.ours import Ours
from whosent.trace.received import Received

_BELIEVED: Final = frozenset({Level.OBSERVED, Level.ATTESTED})
_FILTER_USERS: Final = frozenset({"mail", "mailnull", "exim", "debian-exim", "alias", "postfix", "amavis"})


class Culprit(NamedTuple):
    """Who, how sure, and in words."""

    suspect: Suspect | None
    strength: Strength
    words: str  # "the account alice@example.org": to stand in a sentence; "" if nobody is named


_NOBODY: Final = Culprit(None, Strength.UNPROVABLE, "")


def culprit(letter: Letter, walk: Walk, ours: Ours, sightings: Sightings | None) -> Culprit:
    """Named only from a line that a host of ours wrote, or from our log."""
    if not walk.steps:
        return _NOBODY
    last = walk.steps[-1]
    line = letter.lines[last.number].read
    found = walk.matches.get(last.number)
    below = len(letter.lines) - last.number - 1
    if found is not None and found.agrees and found.life is not None and found.life.submitted:
        strength = Strength.SHOWN if last.level in _BELIEVED else Strength.LIKELY
        host = found.life.host or line.by or ""  # Exim's own log names no host
        return _logged(found.life, host, ours, sightings, below, strength)
    if last.level not in _BELIEVED or not ours.is_name(line.by):
        return _NOBODY
    return _attested(line, walk, below)


def _logged(  # noqa: PLR0913, PLR0917  # what a culprit depends on
    life: Sighting, host: str, ours: Ours, sightings: Sightings | None, below: int, strength: Strength
) -> Culprit:
    """The actor of the queue id, as our log has it."""
    if life.account:
        return _account(life.account, host, canonical(life.address or ""), strength)
    if life.uid is not None or (life.local_user and not life.address):
        return _local(life, host, sightings, strength)
    address = canonical(life.address or "")
    if address is None or not ours.is_address(address) or ours.is_loopback(address):
        return _NOBODY
    return _host(address, host, below, strength)


def _local(life: Sighting, host: str, sightings: Sightings | None, strength: Strength) -> Culprit:
    """A local user, or the script of it that called mail() for one of these recipients just before."""
    scripts = {call.script for call in (sightings.calls_for(life) if sightings else ())}
    user = life.local_user or f"uid {life.uid}"
    who = f"uid {life.uid}" if life.uid is not None else user
    if life.script:
        scripts = {life.script}
    if len(scripts) == 1:
        script = scripts.pop()
        suspect = Suspect(kind="script", name=script, host=host, uid=life.uid, account=life.local_user)
        return Culprit(suspect, Strength.LIKELY, f"the script {script}, run by {who} on {host}")
    suspect = Suspect(kind="local_user", name=user, host=host, uid=life.uid)
    return Culprit(suspect, strength, f"a program of the local user {who} on {host}")


def _attested(line: Received, walk: Walk, below: int) -> Culprit:
    """From the line of a host of ours alone."""
    by = line.by or ""
    if walk.end is End.LOGIN and line.login:
        return _account(line.login, by, line.from_address, Strength.LIKELY)
    if (
        walk.end is End.LOCAL
        and line.local
        and line.local.lower() not in _FILTER_USERS
        and not line.local.startswith("a ")
    ):
        suspect = Suspect(kind="local_user", name=line.local, host=by, uid=line.uid)
        who = f"uid {line.uid}" if line.uid is not None else line.local
        return Culprit(suspect, Strength.LIKELY, f"a program of the local user {who} on {by}")
    if walk.end is End.OWN_CLIENT and line.from_address:
        return _host(line.from_address, by, below, Strength.LIKELY)
    return _NOBODY


def _host(address: str, host: str, below: int, strength: Strength) -> Culprit:
    """A machine of ours, unless the line below says that it only passed on what it had from elsewhere."""
    if below or address.startswith("127.") or address == "::1":
        return _NOBODY
    return Culprit(Suspect(kind="host", name=address, host=host, address=address), strength, f"our host {address}")


def _account(name: str, host: str, address: str | None, strength: Strength) -> Culprit:
    return Culprit(Suspect(kind="account", name=name, host=host, address=address), strength, f"the account {name}")
