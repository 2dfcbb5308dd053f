"""Blocklists: which of our addresses and domains are on which list, what that means, and how one gets off.

The target is a domain (then the addresses of its own SPF record and mail servers are meant), addresses, or a network
of at most 256.  Each list is asked about its test points first (RFC 5782), and about us only if it is alive.  Error
answers (127.255.255.0/24), lists that say yes to everything, resolvers that are refused or invent answers, and
time-outs are unknown, never listed.  The lists and what their answers mean stand in ``blocklists/catalogue.toml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple

from whosent.blocklists import Blocklist, asked
from whosent.blocklists.answers import Listing, State, listing, name_of, reason, state, test_points
from whosent.model.check import Check, Heard, Knowledge, Passage, Question, Resolve, Resolved, Result, Target
from whosent.model.incident import Remedy
from whosent.published.lookups import Lookups
from whosent.published.senders import networks, of_domain, public
from whosent.reading.stamps import rfc3339
from whosent.remedies.shell import Unsafe, quoted

_NAME: Final = "listings"
_SHOWN: Final = 40  # lists named in one sentence's evidence
_SEVERITY: Final = {"major": "critical", "minor": "warning", "note": "note"}
_STILL: Final = (
    "First make sure that the sending has stopped: a request while spam still flows is refused, and the next one is "
    "harder. whosent scan on the latest log says whether it has."
)


class Subjects(NamedTuple):
    """What is looked for on the lists."""

    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    odd: tuple[str, ...]  # words that are neither, or networks too wide


def targets(knowledge: Knowledge) -> Iterable[Target]:
    """Our domains, and the addresses that are configured or this machine's own."""
    ours = knowledge.settings.identity.addresses or tuple(public(knowledge.addresses))
    return [
        *([Target(" ".join(ours), here=True)] if ours else []),
        *(Target(domain) for domain in dict.fromkeys(knowledge.settings.ours.domains)),
    ]


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Question]:
    """Whose addresses they are; then the lists' test points; then the lists that work, about each; then why."""
    lookups = Lookups(heard)
    subjects = _subjects(target, lookups)
    if lookups.wanted:
        yield from lookups.wanted.values()
    lists, _ = asked(knowledge.settings.listings.more, knowledge.settings.listings.without)
    for one in lists:
        yield from _points(one)
    states = {(one.zone, family): told for one, family, told in _states(lists, heard) if told == "working"}
    for one, subject in _pairs(lists, subjects):
        if (one.zone, _family(subject)) not in states:
            continue
        key = f"{one.zone} {subject}"
        yield Resolve(key=key, name=name_of(one, subject))
        answer = heard.get(key)
        if isinstance(answer, Resolved) and listing(one, answer).listed:
            yield Resolve(key=f"{key} TXT", name=name_of(one, subject), type="TXT")


def _subjects(target: Target, lookups: Lookups) -> Subjects:
    addresses, domains = networks(target.name.replace(",", " ").split())
    if len(domains) == 1 and not addresses and "/" not in domains[0]:
        return Subjects(tuple(of_domain(domains[0], lookups)), (domains[0].lower().rstrip("."),), ())
    return Subjects(tuple(addresses), (), tuple(domains))


def _points(one: Blocklist) -> Iterator[Resolve]:
    for family in one.families if one.lists == "address" else (4,):
        listed, unlisted = test_points(one, family)
        yield Resolve(key=f"{one.zone} listed {family}", name=name_of(one, listed))
        yield Resolve(key=f"{one.zone} unlisted {family}", name=name_of(one, unlisted))


def _states(lists: list[Blocklist], heard: Heard) -> Iterator[tuple[Blocklist, int, State]]:
    for one in lists:
        for family in one.families if one.lists == "address" else (4,):
            listed, unlisted = (heard.get(f"{one.zone} {which} {family}") for which in ("listed", "unlisted"))
            if isinstance(listed, Resolved) and isinstance(unlisted, Resolved):
                yield one, family, state(one, listed, unlisted)


def _pairs(lists: list[Blocklist], subjects: Subjects) -> Iterator[tuple[Blocklist, str]]:
    for one in lists:
        if one.lists == "domain":
            yield from ((one, domain) for domain in subjects.domains)
        else:
            yield from ((one, address) for address in subjects.addresses if _family(address) in one.families)


@lru_cache(1 << 12)
def _family(subject: str) -> int:
    try:
        return ip_address(subject).version
    except ValueError:
        return 4


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """Each listing; then what could not be asked; then the account of the rest."""
    lookups = Lookups(heard)
    subjects = _subjects(target, lookups)
    lists, ended = asked(knowledge.settings.listings.more, knowledge.settings.listings.without)
    states = list(_states(lists, heard))
    working = {(one.zone, family) for one, family, told in states if told == "working"}
    clean, unknown = 0, list[str]()
    for one, subject in _pairs(lists, subjects):
        if (one.zone, _family(subject)) not in working:
            continue
        answer = heard.get(f"{one.zone} {subject}")
        told = listing(one, answer if isinstance(answer, Resolved) else None)
        if told.listed:
            yield _listed(target, one, subject, told, heard)
        elif told.listed is None:
            unknown.append(f"{one.zone} about {subject}: {told.problem}")
        else:
            clean += 1
    yield from _account(target, subjects, lists, states, clean)
    yield from _unasked(target, states, unknown, ended, subjects)


def _listed(target: Target, one: Blocklist, subject: str, told: Listing, heard: Heard) -> Result:
    meaning = " and ".join(told.meanings) or f"answer {', '.join(told.codes)}, of which the catalogue has no words"
    fault = "its network, not the address itself" if one.about == "network" else subject
    policy = " It accuses nobody of having sent spam." if told.policy else ""
    answer, text = heard.get(f"{one.zone} {subject}"), heard.get(f"{one.zone} {subject} TXT")
    lines = [f"{name_of(one, subject)} A {code}" for code in told.codes]
    if isinstance(text, Resolved):
        lines += [f"{name_of(one, subject)} TXT {record}" for record in text.records]
    page = one.page.replace("{subject}", subject)
    return Result(
        check=_NAME, target=target.name, about=f"{subject} on {one.zone}", verdict="open",
        severity="note" if told.policy else _SEVERITY[one.weight],  # type: ignore[arg-type]  # as listed
        sentence=f"{subject} is on the blocklist {one.name} ({one.zone}): {meaning}.{policy}",
        why=f"The list answers its test points, and {', '.join(told.codes)} to the question about {fault}."
        + (f" See {page}" if page else ""),
        fix=[_way_off(one, told)], verify=_verify(subject),
        evidence=[Passage(source=f"DNS, {one.zone}", at=rfc3339(int(answer.at)) if answer else "", lines=lines)],
    )  # fmt: skip


def _way_off(one: Blocklist, told: Listing) -> Remedy:
    words = [
        "" if told.policy else _STILL, one.asking or " ".join(one.wants), one.expires,
        "Never pay for it." if one.paid else "", f"Page of the list: {one.where}" if one.where else "",
    ]  # fmt: skip
    return Remedy(
        step="close", title=f"Get off {one.name}", reach="the list's own entry; nothing here changes", commands=[],
        undo=[], note=" ".join(filter(None, words)),
    )  # fmt: skip


def _account(
    target: Target, subjects: Subjects, lists: list[Blocklist], states: list[tuple[Blocklist, int, State]], clean: int
) -> Iterator[Result]:
    """How much was asked and answered well."""
    if not subjects.addresses and not subjects.domains:
        yield Result(
            check=_NAME, target=target.name, about="", verdict="undecided", severity="warning",
            sentence=f"No address of {target.name} is known that could be looked for on blocklists.",
            why="Name the addresses our mail leaves from (setting identity.addresses), or a network of at most 256.",
        )  # fmt: skip
        return
    answering = {one.zone for one, _, told in states if told == "working" and not one.untested}
    what = [
        f"{len(subjects.addresses):,} address{'es' if len(subjects.addresses) != 1 else ''}"
        if subjects.addresses
        else "",
        *subjects.domains,
    ]
    if clean and answering:
        yield Result(
            check=_NAME, target=target.name, about="the other lists", verdict="closed", severity="note",
            sentence=f"{clean:,} questions about {' and '.join(filter(None, what))} were answered with no: "
            f"{len(answering)} of {len(lists)} lists answer here.",
            why="Only lists that answered their test points (RFC 5782) were believed.",
        )  # fmt: skip


def _unasked(
    target: Target, states: list[tuple[Blocklist, int, State]], unknown: list[str], ended: list[str], subjects: Subjects
) -> Iterator[Result]:
    """Lists that could not be believed; unknown is not listed, and not clean either."""
    told = [(one, f"{one.zone} {reason(what)}") for one, family, what in states if what != "working" and family == 4]  # noqa: PLR2004  # IPv4
    lines = [*(words for _, words in told), *unknown]
    lines += ended
    lines += [f"{word} is no address, no domain, or a network too wide" for word in subjects.odd]
    if not lines:
        return
    grave = [one.name for one, _ in told if one.weight == "major"]
    if told and not any(what == "working" and not one.untested for one, _, what in states):
        yield Result(
            check=_NAME, target=target.name, about="lists that did not answer", verdict="undecided",
            severity="critical", sentence="No blocklist answers here, so whether we are listed is unknown.",
            why="The resolver does not reach them, or they refuse it: "
            + "; ".join(lines[:3])
            + ". Ask through a resolver of your own (setting registries.dns_server).",
        )  # fmt: skip
        return
    yield Result(
        check=_NAME, target=target.name, about="lists that did not answer", verdict="undecided",
        severity="warning" if grave else "note",
        sentence=f"{len(lines):,} answers are missing"
        + (f", among them {', '.join(dict.fromkeys(grave))}, which many receivers ask" if grave else "")
        + ": whether we are listed there is unknown.",
        why="; ".join(lines[:_SHOWN]) + ". Ask through a resolver of your own (setting registries.dns_server).",
    )  # fmt: skip


def _verify(subject: str) -> str:
    try:
        return f"whosent audit listings {quoted(subject)}"
    except Unsafe:
        return ""


check: Final = Check(_NAME, "Blocklists", targets, questions, judge, probes=False)
