"""What takes mail from outside for our own: the line of the mail server or of a filter, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Final

import msgspec

from whosent.model.check import Heard, Opening, Question, Treatment
from whosent.model.finding import Strength
from whosent.model.incident import Remedy
from whosent.servers import amavis, exim, exim_outgoing, mending, milters, postfix, rspamd, running
from whosent.servers.attempt import Blamed, Forged

_LISTS: Final = tuple(
    f"smtpd_{one}_restrictions" for one in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")
)
_SENDERS: Final = "smtpd_sender_restrictions"
_BY_SENDER: Final = ("sender_dependent_default_transport_maps", "sender_dependent_relayhost_maps")
_CLOSED: Final = {"permission", "timeout", "too_long"}
_SHOWN: Final = 3  # reasons
_ONCE: Final = ("These milters look at mail nowhere else: without them our people's mail is signed no more. "
                "Name them for submission first, then take them out here.")  # fmt: skip
_FIRST: Final = {25, 465, 587}  # where mail comes first
_AGAIN: Final = "receive_override_options"


def questions() -> Iterator[Question]:
    """The mail server, and which filters run."""
    yield from postfix.questions()
    yield from exim.questions()
    yield from running.questions()


def lookups(heard: Heard, forged: Forged) -> Iterator[Question]:
    """Maps that could send the message another way; what the server and the filters tell of themselves."""
    site = postfix.configuration(heard)
    if site is not None:
        for steps in _both(site, forged):
            yield from (question for step in steps for question in postfix.asks(step))
    else:
        yield from exim_outgoing.lookups(heard, forged)
    yield from milters.lookups(heard)
    yield from rspamd.lookups(heard)
    yield from amavis.lookups(heard)


def guilty(heard: Heard, forged: Forged, shown: Iterable[Treatment]) -> list[Blamed]:
    """The lines that explain what was shown."""
    kinds: set[str] = set(shown)
    diverted = _diverted(heard, forged) if kinds else None
    found = list(_of_filters(heard, forged, kinds, (milters, rspamd) if diverted else (milters, rspamd, amavis)))
    found += [diverted] if diverted else []
    if kinds and postfix.configuration(heard) is None:
        found += exim_outgoing.guilty(heard, forged, kinds)
    if "signed" in kinds and not found and (again := _handed_in_again(heard)):
        found.append(again)
    return mending.apart(found)


def _of_filters(heard: Heard, forged: Forged, kinds: set[str], filters: Iterable[ModuleType]) -> Iterator[Blamed]:
    """Of several that would sign, those with the selector that the signature names; without one, none does surely."""
    would = {one: list(one.guilty(heard, forged, kinds & {"signed"})) for one in filters}
    did = [one for one, signing in would.items() if signing and one.signs_as(heard, forged.selectors)]
    surely = did or ([] if forged.selectors else list(would))
    for one, signing in would.items():
        others = list(one.guilty(heard, forged, kinds - {"signed"}))
        if one in surely:
            yield from signing
        yield from (each for each in others if one not in surely or each not in signing)
        if not surely:
            named = [opening for opening, _ in others]
            yield from (_unmatched(*each) for each in signing if each[0] not in named)


def _unmatched(opening: Opening, steps: list[Remedy]) -> Blamed:
    """It would sign, but whether the key is its own was not read."""
    if opening.strength != Strength.CANDIDATES:
        why = f"this would have it signed, but the signature's selector was not found there. {opening.why}"
        opening = mending.suspected(msgspec.structs.replace(opening, why=why))
    note = "Find out first which program signs with that selector."
    return opening, [msgspec.structs.replace(one, commands=[], undo=[], note=note) for one in steps]


def unexplained(heard: Heard) -> str:
    """What to say where no line was found: what runs here and was looked at, and what could not be read."""
    looked = [name for name, runs in (
        ("Postfix", postfix.configuration(heard) is not None), ("Exim", exim.path(heard) is not None),
        ("OpenDKIM", milters.runs(heard, "opendkim")), ("ClamAV's milter", milters.runs(heard, "clamav-milter")),
        ("Rspamd", rspamd.runs(heard)), ("amavis", amavis.runs(heard))) if runs]  # fmt: skip
    closed = sorted({answer.problem.sentence for answer in heard.values()
                     if answer.problem is not None and answer.problem.obstacle in _CLOSED})[:_SHOWN]  # fmt: skip
    told = f"No line is named: what was read here of {', '.join(looked) or 'no mail server'} does not decide it."
    return " ".join([told, *closed, "Look at what else handles this mail."])


def sparing(heard: Heard, client: str, payload: str) -> list[Blamed]:
    """The lines by which a filter that runs does not look for viruses or spam, whoever sends them."""
    return list(amavis.sparing(heard, client, payload))


def refusing(heard: Heard, domain: str) -> Blamed | None:
    """The line that could refuse our own senders from outside, and how it would."""
    site = postfix.configuration(heard)
    if site is None:
        return None
    service = site.service(25)
    place = site.where(_SENDERS, service)
    old = site.value(_SENDERS, service)
    new = ", ".join(filter(None, (old, "permit_mynetworks", "permit_sasl_authenticated",
                                  f"check_sender_access inline:{{{domain}=REJECT}}")))  # fmt: skip
    why = "Nothing in it refuses our own addresses as senders to strangers who have not logged in."
    opening = msgspec.structs.replace(place, why=why)
    return opening, mending.parameter(
        opening, old, new, title="Refuse senders of ours that come from outside without a password",
        reach="mail from outside whose envelope sender is ours, also what forwarders send back to us",
        note="Services that send in our name from elsewhere must log in, or be named in mynetworks.",
    )  # fmt: skip


# ------------------------------------------------------------------ Postfix


def _maps(site: postfix.Configuration, forged: Forged, sender: str, header: str) -> Iterator[postfix.Step]:
    """What may send a message of this sender, with this From line, another way than others."""
    service = site.service(25)
    attempt = forged.attempt._replace(sender=sender)
    for name in _LISTS:
        yield from (one for one in postfix.restrictions(site, service, name, attempt) if one.table)
    for table in site.words("header_checks"):
        yield postfix.Step("header_checks", "header_checks", table, (header,))
    for name in _BY_SENDER:
        for table in site.words(name):
            yield postfix.Step(name, name, table, (sender, f"@{sender.rpartition('@')[2]}"))


def _both(site: postfix.Configuration, forged: Forged) -> Iterator[tuple[postfix.Step, postfix.Step]]:
    """The same map, asked for the message in our name and for an ordinary one."""
    ours = _maps(site, forged, forged.attempt.sender, forged.header)
    yield from zip(ours, _maps(site, forged, forged.stranger, forged.ordinary), strict=True)


def _diverted(heard: Heard, forged: Forged) -> Blamed | None:
    """An entry that sends what names us another way than a stranger's, as our own mail goes."""
    site = postfix.configuration(heard)
    for step, other in _both(site, forged) if site is not None else ():
        key, answer = postfix.answered(step, heard)
        moves = answer.upper().startswith("FILTER") or (answer and step.word in _BY_SENDER)
        if moves and postfix.answered(other, heard)[1] != answer:
            why = f"{step.word} looks up {key} here, and sends the message where our own mail goes: {answer}."
            opening = postfix.entry(step, key, answer, heard, why)
            reach = f"mail that {key} stands for, ours too: let the submission service alone send it that way"
            return opening, [msgspec.structs.replace(one, reach=reach) for one in mending.postfix(opening)]
    return None


def _handed_in_again(heard: Heard) -> Blamed | None:
    """A port of loopback where a content filter hands mail back, and milters take it for this host's own."""
    site = postfix.configuration(heard)
    if site is None or not any(site.value(name, site.service(25)) for name in ("content_filter", "smtpd_proxy_filter")):
        return None
    for service in site.services:
        options = site.words(_AGAIN, service)
        if service.address.startswith("127.") and site.words("smtpd_milters", service) and "no_milters" not in options:
            why = "what a filter hands back here goes to milters, which see this host as its client."
            opening = mending.suspected(postfix.because(site.where("smtpd_milters", service), why))
            reach = "mail that a filter hands back"
            ways = [one for one in site.services if one.port in _FIRST]
            if "smtpd_milters" in service.overrides or not all(site.value("smtpd_milters", one) for one in ways):
                return mending.by_hand(opening, "Let a milter sign before the filter, where it sees who the client is",
                                       reach, _ONCE)  # fmt: skip
            new, title = ",".join([*options, "no_milters"]), "Let no milter look at it a second time"
            return opening, [mending.of_service(service, _AGAIN, new, title, reach)]
    return None
