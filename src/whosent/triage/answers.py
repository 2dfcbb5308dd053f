"""One event of a report against what our logs know: the answer, its strength, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from whosent.casebook import Case, identity
from whosent.complaints.extract import is_public
from whosent.join.matching import Match, forged, matches
from whosent.join.sightings import Sighting, Sightings
from whosent.measures import who
from whosent.model.complaint import Ownership, Told
from whosent.model.finding import Level, Strength, Suspect
from whosent.model.rows import Call
from whosent.model.surroundings import Surroundings
from whosent.triage import words

_MOST_QUOTES: Final = 8
_MOST_CANDIDATES: Final = 20
_PRIVATE: Final = 7  # networks that are ours without anybody saying so


class Known(NamedTuple):
    """What we know ourselves."""

    surroundings: Surroundings
    sightings: Sightings
    cases: Sequence[Case]
    given: bool  # whether logs were given at all


class Answer(NamedTuple):
    """What can be said of one event."""

    ours: Ownership
    sentence: str
    level: Level
    strength: Strength = Strength.UNPROVABLE
    suspect: Suspect | None = None
    candidates: tuple[Suspect, ...] = ()
    queue_id: str | None = None
    incident: str | None = None
    incident_sentence: str | None = None
    quotes: tuple[tuple[int, str], ...] = ()  # (where, what it shows)


def answer(told: Told, known: Known) -> Answer:
    """Ours or not, and who: nobody is named whom our own log does not show."""
    if told.kind == "other":
        return Answer("unknown", words.nothing_reported(told), Level.CLAIMED)
    found = matches(told, known.sightings.kept, here=_here(told, known.surroundings)) if known.given else []
    firm = [match for match in found if match.firm]
    if firm:
        return _ours(told, firm, known)
    if known.given:
        lie = _forgery(told, known)
        if lie:
            return lie
    if found and (found[0].has_id or not _elsewhere(told, known.surroundings)):
        return _perhaps(told, found, known)
    return _by_address(told, known)


def _ours(told: Told, found: list[Match], known: Known) -> Answer:
    """A message of ours, firmly: who handed it to us, if all that fit agree."""
    named = [(match, *_suspect(match.origin, known)) for match in found]
    suspects = tuple(dict.fromkeys(suspect for _, suspect, _, _ in named if suspect))
    match, suspect, case, call = named[0]
    quotes = _quotes(match, call)
    if len({match.origin.queue_id for match in found}) > 1 and len(suspects) > 1:
        sentence = words.one_of_several(told, len(found), suspects)
        return Answer("yes", sentence, Level.OBSERVED, Strength.CANDIDATES, candidates=suspects, quotes=quotes)
    queue_id = match.origin.queue_id
    if suspect is None:
        return Answer("yes", words.beginning_missing(told, match), Level.OBSERVED, queue_id=queue_id, quotes=quotes)
    return Answer(
        "yes",
        words.handed_in(told, match, suspect),
        Level.OBSERVED,
        Strength.SHOWN if suspect.kind != "script" else Strength.LIKELY,
        suspect,
        queue_id=queue_id,
        incident=case.id if case else identity(suspect),
        incident_sentence=case.sentence if case else None,
        quotes=quotes,
    )


def _here(told: Told, surroundings: Surroundings) -> bool:
    """Whether the accused address is known to be ours; a private one in a stranger's report is nobody's."""
    address = told.source_address
    return bool(address and is_public(address) and surroundings.is_own_address(address))


def _elsewhere(told: Told, surroundings: Surroundings) -> bool:
    """Whether the accused address is known to be somebody else's."""
    public = bool(told.source_address and is_public(told.source_address))
    return public and len(surroundings.networks) > _PRIVATE and not _here(told, surroundings)


def _perhaps(told: Told, found: list[Match], known: Known) -> Answer:
    """Messages that fit in part: an id and nothing else, or recipient and time without an id."""
    suspects = list(dict.fromkeys(one for match in found if (one := _suspect(match.origin, known)[0])))
    mine = _here(told, known.surroundings)
    return Answer(
        "yes" if mine else "unknown",
        words.perhaps(told, found, suspects, copied=found[0].has_id and not mine),
        Level.CORROBORATED,
        Strength.CANDIDATES if suspects else Strength.UNPROVABLE,
        candidates=tuple(suspects[:_MOST_CANDIDATES]),
        quotes=_quotes(found[0], None),
    )


def _forgery(told: Told, known: Known) -> Answer | None:
    """The joe job: a line claims a host of ours, whose log knows nothing of it."""
    sightings, surroundings = known.sightings, known.surroundings
    lie = forged(
        told, sightings.lives.__contains__, sightings.hosts, lambda domain: _own(surroundings, domain), sightings.covers
    )
    if lie is None:
        return None
    if _here(told, surroundings):
        return Answer("unknown", words.forged_line(told, *lie), Level.CONTRADICTED)
    return Answer("no", words.joe_job(told, *lie), Level.CONTRADICTED, Strength.SHOWN)


def _by_address(told: Told, known: Known) -> Answer:
    """Nothing in the logs: what the accused address and the Message-ID still tell."""
    surroundings, address = known.surroundings, told.source_address
    if address and _here(told, surroundings):
        return _candidate(address, words.our_address(told, given=known.given))
    among = _among(told, surroundings)
    if among:
        return among
    if known.given and _absent(told, known):
        return Answer("no", words.absent(told, surroundings), Level.CORROBORATED, Strength.LIKELY)
    if _elsewhere(told, surroundings) and told.kind != "bounce":
        return Answer("no", words.another_address(told), Level.CLAIMED, Strength.LIKELY)
    return Answer("unknown", words.not_provable(told, given=known.given), Level.CLAIMED)


def _absent(told: Told, known: Known) -> bool:
    """Whether every host whose log tells Message-IDs covers the time, and none had this one."""
    hosts = known.sightings.tell_message_ids
    if not told.message_id or told.arrival is None or not hosts:
        return False
    return all(known.sightings.covers(host, told.arrival) for host in hosts)


def _among(told: Told, surroundings: Surroundings) -> Answer | None:
    """An address of ours that is not the accused one: the client of an earlier hop, or named in the text."""
    for claim in told.claims:
        if claim.address and is_public(claim.address) and surroundings.is_own_address(claim.address):
            return _candidate(claim.address, words.earlier_hop(told, claim))
    for address in told.mentioned:
        if is_public(address) and surroundings.is_own_address(address):
            return _candidate(address, words.mentions(told, address))
    return None


def _candidate(address: str, sentence: str) -> Answer:
    host = Suspect(kind="host", name=address, address=address)
    return Answer("yes", sentence, Level.CLAIMED, Strength.CANDIDATES, candidates=(host,))


def _suspect(one: Sighting, known: Known) -> tuple[Suspect | None, Case | None, Call | None]:
    """Who handed the message in; the script, where a call or an incident of the scan tells which."""
    actor = one.actor(known.surroundings.is_own_address)
    if actor.kind not in {"account", "local_user", "host", "stranger"}:
        return None, None, None
    suspect = who.suspect(actor)
    if actor.kind == "stranger":
        suspect = Suspect(kind="relay", name=actor.name, host=actor.host or None, address=actor.name)
    case = _case(suspect, one, known.cases)
    if actor.kind == "local_user":
        calls = known.sightings.calls_for(one)
        if len({call.script for call in calls}) == 1:
            script = Suspect(kind="script", name=calls[0].script, host=actor.host or None, uid=suspect.uid,
                             account=suspect.name)  # fmt: skip
            mine = case if case and case.suspect.name == script.name else None
            return (mine.suspect if mine else script), mine, calls[0]
    return (case.suspect if case and case.suspect.key == suspect.key else suspect), case, None


def _case(suspect: Suspect, one: Sighting, cases: Sequence[Case]) -> Case | None:
    """The incident of the scan that this message belongs to."""
    for case in cases:
        for finding in case.findings:
            about = finding.suspect
            user = suspect.kind == "local_user" and about.uid is not None
            same = about.key == suspect.key or (user and (about.uid, about.host) == (suspect.uid, suspect.host))
            if same and case.since - 1 <= one.opened <= case.until + 1:
                return case
    return None


def _quotes(match: Match, call: Call | None) -> tuple[tuple[int, str], ...]:
    found = list(match.origin.refs)
    if match.sighting is not match.origin:
        found += [(ref, f"{what}, on {match.sighting.host}") for ref, what in match.sighting.refs]
    found += [(done.ref, "its delivery") for done in list(match.sighting.recipients.values())[:2]]
    if call:
        found.append((call.ref, "the script's call"))
    return tuple(dict.fromkeys(found))[:_MOST_QUOTES]


def _own(surroundings: Surroundings, domain: str) -> bool:
    """Whether a host's domain, or one above it, is ours."""
    labels = domain.lower().split(".")
    return any(surroundings.is_own_domain(".".join(labels[place:])) for place in range(len(labels) - 1))
