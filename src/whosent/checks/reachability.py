"""Whether complaints reach us.

abuse@ and postmaster@ of our domains must be accepted (RFC 2142); the question ends before a message, so nothing is
sent. The registry of our addresses should name us for complaints.  Feedback loops and dashboards of large receivers
tell of spam before a blocklist does; which of them we are enrolled in is known only to them and us.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from whosent.model.check import (
    Check,
    Decision,
    Dialogue,
    Heard,
    Knowledge,
    Passage,
    Question,
    Replies,
    Result,
    Target,
)
from whosent.model.incident import Remedy
from whosent.model.registered import Registered, Registrant
from whosent.probing.letters import helo
from whosent.published.lookups import Lookups
from whosent.published.policies import mail_servers
from whosent.published.programmes import ALL
from whosent.published.results import About, short
from whosent.published.senders import networks, of_domain, public
from whosent.reading.stamps import rfc3339

_NAME: Final = "reachability"
_ROLES: Final = ("abuse", "postmaster")
_DOMAIN: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]+")
_MOST: Final = 3  # addresses of one domain whose registry is asked; neighbours have the same
_LATER, _NEVER = range(400, 500), range(500, 600)


def targets(knowledge: Knowledge) -> Iterable[Target]:
    """Our domains."""
    return [Target(domain) for domain in dict.fromkeys(knowledge.settings.ours.domains)]


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """Mail servers; then their word on each address; and the registries."""
    domain, lookups = target.name.lower().rstrip("."), Lookups(heard)
    if not _DOMAIN.fullmatch(domain):
        return
    lookups.ask(domain, "TXT")
    hosts = mail_servers(domain, lookups) or ([domain] if lookups.addresses(domain) else [])
    senders = _senders(domain, knowledge, lookups)
    yield from lookups.wanted.values()
    if lookups.wanted:
        return
    for role in _ROLES:
        for host in hosts[:1]:
            commands = (f"EHLO {helo(knowledge)}", "MAIL FROM:<>", f"RCPT TO:<{role}@{domain}>")
            yield Dialogue(key=f"{role} at {host}", host=host, port=25, commands=commands)
    for address in senders[:_MOST]:
        yield Registered(key=f"registry {address}", address=address)


def _senders(domain: str, knowledge: Knowledge, lookups: Lookups) -> list[str]:
    addresses, _ = networks(knowledge.settings.identity.addresses or tuple(public(knowledge.addresses)))
    return addresses or of_domain(domain, lookups)


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Result]:
    """Each address, each network, and the programmes."""
    about, domain, lookups = About(_NAME, target.name), target.name.lower().rstrip("."), Lookups(heard)
    if not _DOMAIN.fullmatch(domain):
        yield about.result("", "undecided", "warning", f"{target.name} is no domain.", "Name one of ours.")
        return
    for role in _ROLES:
        yield _role(about, role, domain, heard, lookups)
    for address in _senders(domain, knowledge, lookups)[:_MOST]:
        answer = heard.get(f"registry {address}")
        if isinstance(answer, Registrant):
            yield _registry(about, address, domain, answer, knowledge)
    yield _programmes(about, domain, knowledge, lookups)


def _role(about: About, role: str, domain: str, heard: Heard, lookups: Lookups) -> Result:
    label = f"{role}@{domain}"
    told = next((one for key, one in heard.items() if key.startswith(f"{role} at ") and isinstance(one, Replies)), None)
    if told is None:
        problem = lookups.problem(domain, "MX")
        why = problem or "It has no mail server that could be asked."
        verdict: Decision = "undecided" if problem else "open"
        return about.result(
            label, verdict, "warning",
            f"Whether {label} accepts mail could not be asked." if problem else f"{label} cannot receive mail.", why,
        )  # fmt: skip
    evidence = [
        Passage(
            source=f"SMTP dialogue with {told.address}", at=rfc3339(int(told.at)),
            lines=[f"{'C' if one.who == 'we' else 'S'}: {one.text}" for one in told.transcript[:30]],
        )
    ]  # fmt: skip
    last = told.replies[-1] if told.replies else None
    answer = next((one for one in told.replies if one.command.upper().startswith("RCPT")), None)
    if answer is not None and answer.code in _NEVER:
        return about.result(
            label, "open", "critical" if role == "postmaster" else "warning", f"{label} is refused.",
            f"The server answers {answer.code} {short(answer.text)}. Complaints do not reach us, and some blocklists "
            "(RFC 2142) list those who cannot be told.", fix=[_alias(role, domain)], evidence=evidence,
        )  # fmt: skip
    if answer is not None and answer.code < 300:  # noqa: PLR2004  # accepted
        return about.result(
            label, "closed", "note", f"{label} is accepted.",
            "The server takes the address; whether somebody reads it is for us to know.", evidence=evidence,
        )  # fmt: skip
    reason = (
        f"The server answers {last.code} {short(last.text)}."
        if last is not None and last.code in {*_LATER, *_NEVER}
        else told.problem.sentence if told.problem is not None else "The dialogue broke off."
    )  # fmt: skip
    return about.result(
        label, "undecided", "note", f"Whether {label} accepts mail could not be found out.",
        f"{reason} Run it again later, or from a host that may speak to port 25.", evidence=evidence,
    )  # fmt: skip


def _alias(role: str, domain: str) -> Remedy:
    return Remedy(
        step="close", title=f"Let {role}@{domain} be delivered to somebody", reach=f"mail to {role}@{domain}",
        commands=[f"grep -q '^{role}:' /etc/aliases || echo '{role}: root' >> /etc/aliases", "newaliases"],
        undo=[f"sed -i '/^{role}: root$/d' /etc/aliases", "newaliases"],
        note="This is for a domain that this machine's Postfix, Exim or Sendmail delivers itself (mydestination); for "
        "others add the address where their mailboxes are kept.",
    )  # fmt: skip


def _registry(about: About, address: str, domain: str, told: Registrant, knowledge: Knowledge) -> Result:
    label = f"abuse contact of {address}"
    if told.problem is not None:
        return about.result(
            label, "undecided", "note", f"Whom the registry of {address} names for complaints could not be asked.",
            told.problem.sentence,
        )  # fmt: skip
    evidence = [
        Passage(source=told.server, at=rfc3339(int(told.at)),
                lines=[f"network {told.network}", f"holder {told.holder}", f"abuse contact {told.abuse_contact}"])
    ]  # fmt: skip
    contact = told.abuse_contact.lower()
    if not contact:
        return about.result(
            label, "open", "warning", f"The registry names nobody for complaints about {address} ({told.network}).",
            "Whoever wants to complain cannot. The holder of the network can enter a contact (abuse-c, OrgAbuse).",
            evidence=evidence,
        )  # fmt: skip
    ours = {domain, *(one.lower() for one in knowledge.settings.ours.domains)}
    host = contact.rpartition("@")[2]
    mine = contact in {one.lower() for one in knowledge.settings.identity.abuse_contacts}
    if mine or any(host == one or host.endswith(f".{one}") for one in ours):
        return about.result(
            label,
            "closed",
            "note",
            f"Complaints about {address} go to {short(contact)}, which is ours.",
            evidence=evidence,
        )
    return about.result(
        label, "open", "note",
        f"Complaints about {address} go to {short(contact)} ({short(told.holder) or 'its holder'}), not us.",
        "Ask them to pass complaints on at once, or to register our contact; if it is ours, name it in "
        "identity.abuse_contacts.", evidence=evidence,
    )  # fmt: skip


def _programmes(about: About, domain: str, knowledge: Knowledge, lookups: Lookups) -> Result:
    done = {one.lower() for one in knowledge.settings.identity.enrolled}
    records = [record.lower() for record in lookups.records(domain, "TXT")]
    seen = [one for one in ALL if one.sign and any(record.startswith(one.sign) for record in records)]
    rest = [one for one in ALL if one.name.lower() not in done]
    if not rest:
        return about.result(
            "feedback loops", "closed", "note", f"{domain} is enrolled in every feedback loop known here.",
            "As the configuration says (identity.enrolled).",
        )  # fmt: skip
    signs = f"Its TXT records have the sign of {', '.join(one.name for one in seen)}. " if seen else ""
    return about.result(
        "feedback loops", "undecided", "note",
        f"Whether {domain} is enrolled in {len(rest)} feedback loops and dashboards cannot be seen from here.",
        f"{signs}Only they and we know. Enrol, then name them in identity.enrolled.",
        fix=[
            Remedy(step="close", title=f"Enrol: {one.name}", reach="reports about our mail", commands=[], undo=[],
                   note=f"{one.tells}. {one.where} (needs {one.needs})") for one in rest
        ],
    )  # fmt: skip


check: Final = Check(_NAME, "Complaints reach us", targets, questions, judge)
