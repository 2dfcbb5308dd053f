"""Findings to incidents: a pure fold; findings of one suspect become one incident with one cause and one sentence."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from whosent.model.finding import Cause, Finding, Strength, Suspect

# What a suspect's findings amount to, when they suggest different causes: the first that any of them names.
_WEIGHTIEST: Final = (
    Cause.COMPROMISED_ACCOUNT, Cause.ABUSED_FORM, Cause.ABUSED_SCRIPT, Cause.OPEN_PROXY, Cause.OPEN_RELAY,
    Cause.INFECTED_HOST, Cause.DIRECTION_CONFUSION, Cause.FORWARDED_SPAM, Cause.BACKSCATTER, Cause.MAIL_LOOP,
    Cause.DIRTY_LIST, Cause.SPOOFED_ELSEWHERE, Cause.UNUSUAL_VOLUME, Cause.UNKNOWN,
)  # fmt: skip
_OF_NOBODY: Final = frozenset({Cause.UNKNOWN, Cause.SPOOFED_ELSEWHERE})  # told as notices: nobody here did it
_STRONGEST: Final = tuple(Strength)
_NARROWEST: Final = (
    "script",
    "form",
    "account",
    "local_user",
    "host",
    "relay",
    "proxy",
    "forwarder",
    "list",
    "backscatter",
)
_WITNESSES_OF_PROOF: Final = 2
_ID_LENGTH: Final = 12


class Case(NamedTuple):
    """The findings of one suspect, weighed; the report adds lines and remedies."""

    id: str
    suspect: Suspect
    cause: Cause
    strength: Strength
    severity: str
    since: float
    until: float
    messages: int
    recipients: int
    refused: int
    sentence: str
    witnesses: tuple[str, ...]
    candidates: tuple[Suspect, ...]
    findings: tuple[Finding, ...]  # those that accuse first


def identity(suspect: Suspect) -> str:
    """A digest of whom an incident is about: the same suspect has the same incident in every run."""
    return hashlib.sha256("\0".join(suspect.key).encode("utf-8", "surrogateescape")).hexdigest()[:_ID_LENGTH]


def open_cases(findings: Iterable[Finding], recorder: Callable[[int], str] = str) -> list[Case]:
    """Incidents worth telling, the worst first; findings of one supporting detector never make one.

    ``recorder`` names who wrote a quoted line down (by its reference): what reached us by way of syslog is one
    witness, however many programs seem to speak, since any local user can write in the name of all of them.
    """
    cases = [_weigh(group, recorder) for group in _by_suspect(findings) if _worth_telling(group)]
    return sorted(cases, key=lambda case: (case.severity != "critical", -case.refused, -case.recipients, case.id))


def notices(findings: Iterable[Finding]) -> list[Finding]:
    """Findings worth telling that concern all of us and accuse nobody: a listing of our address."""
    return [finding for finding in findings if finding.stands_alone and finding.cause in _OF_NOBODY]


def _by_suspect(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings on one suspect; what is said of a uid, or of its list, belongs to the script of that uid, if named."""
    groups: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.suspect.key].append(finding)
    _one_script(groups)
    scripts: dict[tuple[str | None, int | str], tuple[str, str, str]] = {}
    for key, group in sorted(groups.items(), key=lambda item: (_most(item[1], "recipients"), item[0])):
        for finding in group:  # of several scripts of one uid, the one that sent most answers for the rest
            user = _user(finding.suspect)
            if finding.suspect.kind in {"script", "form"} and finding.accuses and user is not None:
                scripts[finding.suspect.host, user] = key
    for key in [key for key in groups if key[0] in {"local_user", "list"}]:
        suspect = groups[key][0].suspect
        user = _user(suspect) if key[0] == "local_user" else suspect.uid
        script = scripts.get((suspect.host, user)) if user is not None else None
        if script is not None:
            groups[script].extend(groups.pop(key))
    _explain(groups)
    return list(groups.values())


def _user(suspect: Suspect) -> int | str | None:
    """Under whom a script runs, as the log names it: a uid or a login name."""
    return suspect.account if suspect.uid is None else suspect.uid


def _explain(groups: dict[tuple[str, str, str], list[Finding]]) -> None:
    """What merely supports a suspicion against the sender of a list belongs to the list, which explains it."""
    for key in [key for key in groups if key[0] == "list"]:
        one = groups[key][0].suspect
        for sender in [sender for sender in groups if sender[0] != "list"]:
            group = groups[sender]
            if _sends(group[0].suspect, one) and not any(finding.accuses or finding.stands_alone for finding in group):
                groups[key].extend(groups.pop(sender))


def _sends(sender: Suspect, one: Suspect) -> bool:
    """Whether a list is what this account, local user or host sends."""
    identity = (one.account, one.uid, one.address)
    return identity == (sender.account, sender.uid, sender.address) and one.host == sender.host


def _one_script(groups: dict[tuple[str, str, str], list[Finding]]) -> None:
    """Put what names a script by its file name with what names the only one of that uid by its whole path."""
    named = [key for key in groups if key[0] == "script"]
    for key in named:
        suspect = groups[key][0].suspect
        whole = [
            other
            for other in named
            if "/" not in key[1] and other[1].endswith(f"/{key[1]}") and other in groups and other[2] == key[2]
            and _user(suspect) is not None and _user(groups[other][0].suspect) == _user(suspect)
        ]  # fmt: skip
        if len(whole) == 1:
            groups[whole[0]].extend(groups.pop(key))


def _worth_telling(group: Sequence[Finding]) -> bool:
    if any(finding.accuses or (finding.stands_alone and finding.cause not in _OF_NOBODY) for finding in group):
        return True
    supporting = {finding.detector for finding in group if finding.cause not in _OF_NOBODY}
    return len(supporting) > 1


def _weigh(group: Sequence[Finding], recorder: Callable[[int], str]) -> Case:
    ordered = sorted(group, key=_rank)
    named = [finding for finding in ordered if finding.accuses]
    accusing = named or ordered
    bearing = [*accusing, *(finding for finding in ordered if finding.attests and finding not in accusing)]
    suspect = min((finding.suspect for finding in accusing), key=lambda s: _NARROWEST.index(s.kind))
    witnesses = tuple(dict.fromkeys(witness for finding in bearing for witness in finding.witnesses))
    return Case(
        id=identity(suspect),
        suspect=suspect,
        cause=min((finding.cause for finding in accusing), key=_WEIGHTIEST.index),
        strength=_strength(accusing, bearing, witnesses, recorder),
        severity=min(finding.severity for finding in named) if named else "warning",
        since=min(finding.since for finding in accusing),
        until=max(finding.until for finding in accusing),
        messages=_most(ordered, "messages"),
        recipients=_most(ordered, "recipients"),
        refused=_most(ordered, "refused"),
        sentence=_sentence(suspect, ordered, accusing),
        witnesses=witnesses,
        candidates=tuple(dict.fromkeys(suspect for finding in accusing for suspect in finding.candidates)),
        findings=tuple(ordered),
    )


def _strength(
    accusing: Sequence[Finding], bearing: Sequence[Finding], witnesses: Sequence[str], recorder: Callable[[int], str]
) -> Strength:
    """The strongest word of those that accuse; proof takes two witnesses whose lines were recorded apart.

    ``bearing`` are those and the findings that bear them out.
    """
    strength = min((finding.strength for finding in accusing), key=_STRONGEST.index)
    if strength not in {Strength.SHOWN, Strength.PROVEN}:
        return strength
    recorders = {recorder(quote.ref) for finding in bearing for quote in finding.quotes}
    independent = min(len(witnesses), len(recorders))
    return Strength.PROVEN if independent >= _WITNESSES_OF_PROOF else Strength.SHOWN


def _sentence(suspect: Suspect, ordered: Sequence[Finding], accusing: Sequence[Finding]) -> str:
    """The first accusing finding on the suspect itself, and in a few words what the others add."""
    first = next(finding for finding in accusing if finding.suspect.key == suspect.key)
    clauses = [finding.clause for finding in ordered if finding is not first and finding.clause]
    return "; ".join([first.sentence.removesuffix("."), *clauses]) + "."


def _rank(finding: Finding) -> tuple[bool, str, int, str]:
    return (not finding.accuses, finding.severity, _WEIGHTIEST.index(finding.cause), finding.detector)


def _most(findings: Iterable[Finding], fact: str) -> int:
    numbers = [finding.facts.get(fact) for finding in findings]
    return max((int(number) for number in numbers if isinstance(number, (int, float))), default=0)
