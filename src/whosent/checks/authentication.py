"""What we publish about our mail: SPF, DKIM, DMARC, MTA-STS, TLS-RPT, DANE, MX, reverse names and the greeting.

The target is a domain.  SPF is followed through its includes: syntax, ten look-ups, two void ones, and whether it
covers the addresses our mail leaves from.  DKIM selectors are those that are configured, that OpenDKIM's
configuration and log name, and that signatures of sample messages carry.  DMARC: the policy, and whether its reports
can arrive.  A domain without mail should say so with a null MX.  Where the DNS does not answer, nothing is held
against us.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from whosent.model.check import (
    Check,
    Content,
    Fetch,
    Fetched,
    Heard,
    Knowledge,
    Question,
    Ran,
    Read,
    Result,
    Run,
    Target,
)
from whosent.published import covering, dane, naming, policies, signing
from whosent.published.dkim import Selector, signatures
from whosent.published.lookups import Lookups
from whosent.published.results import About
from whosent.published.senders import networks, of_domain, public

_NAME: Final = "authentication"
_MOST_SENDERS: Final = 64  # addresses whose names are looked up
_ADDED: Final = re.compile(r"DKIM-Signature field added \(s=([\w.-]{1,63}), d=([\w.-]{1,253})\)")  # OpenDKIM's log
_KEYTABLE: Final = re.compile(r"^\s*\S+\s+([\w.-]+):([\w.-]+):/", re.MULTILINE)  # name  domain:selector:/file
_CONFIGURED: Final = re.compile(r"^\s*(Domain|Selector)\s+([\w.-]+)\s*$", re.MULTILINE)
_FILES: Final = {
    "opendkim.conf": "/etc/opendkim.conf",
    "KeyTable": "/etc/opendkim/key.table",
    "KeyTable of Debian": "/etc/dkimkeys/key.table",
    "log": "/var/log/mail.log",
}


def targets(knowledge: Knowledge) -> Iterable[Target]:
    """Our domains."""
    return [Target(domain, here=True) for domain in dict.fromkeys(knowledge.settings.ours.domains)]


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Question]:
    """Local files that name selectors and the greeting; then whatever the judgement wants to know."""
    yield from (Read(key=f"file {name}", path=path) for name, path in _FILES.items())
    yield from (Read(key=f"sample {path}", path=path) for path in knowledge.settings.identity.samples)
    yield Run(key="greeting", argv=("postconf", "-hx", "smtp_helo_name"))
    yield Run(key="greeting of Exim", argv=("exim4", "-bP", "primary_hostname"))
    if not all(f"file {name}" in heard for name in _FILES):
        return
    lookups = Lookups(heard)
    list(_results(target, knowledge, heard, lookups))
    yield from lookups.wanted.values()
    domain = _domain(target)
    if any(one.startswith("v=STSv1") for one in lookups.records(f"_mta-sts.{domain}", "TXT")):
        yield Fetch(key="policy", url=f"https://mta-sts.{domain}/.well-known/mta-sts.txt")


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """All of it, from the answers."""
    return _results(target, knowledge, heard, Lookups(heard))


def _domain(target: Target) -> str:
    return target.name.rstrip(".").lower()


def _results(target: Target, knowledge: Knowledge, heard: Heard, lookups: Lookups) -> Iterator[Result]:
    about, domain = About(_NAME, target.name), _domain(target)
    if not re.fullmatch(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9-]+", domain):
        yield about.result(
            "",
            "undecided",
            "warning",
            f"{target.name} is no domain.",
            "Name a domain: whosent audit authentication example.org",
        )
        return
    senders = _senders(domain, knowledge, lookups)
    yield from policies.mx(about, domain, lookups)
    mail = policies.receives_mail(domain, lookups) is not False or bool(senders)
    configured = [Selector(domain, name) for name in knowledge.settings.identity.selectors]
    seen = [*configured, *_selectors(heard)]
    missing = [
        answer.problem.sentence
        for path in knowledge.settings.identity.samples
        if isinstance(answer := heard.get(f"sample {path}"), Content) and answer.problem
    ]
    yield from covering.judge(about, domain, _named(knowledge), lookups, mail=mail)
    yield from signing.judge(about, domain, list(dict.fromkeys(seen)), missing, lookups, mail=mail)
    yield from policies.dmarc(about, domain, lookups)
    if hosts := policies.mail_servers(domain, lookups):
        policy = heard.get("policy")
        yield from policies.mta_sts(about, domain, lookups, policy if isinstance(policy, Fetched) else None)
        yield from policies.tls_rpt(about, domain, lookups)
        yield from dane.judge(about, domain, hosts, lookups)
    yield from naming.judge(about, senders[:_MOST_SENDERS], _greeting(heard), lookups)


def _named(knowledge: Knowledge) -> list[str]:
    """The addresses that are known to send: configured, or this machine's own."""
    addresses, _ = networks(knowledge.settings.identity.addresses or tuple(public(knowledge.addresses)))
    return addresses


def _senders(domain: str, knowledge: Knowledge, lookups: Lookups) -> list[str]:
    """Those; without any, the addresses that the domain's own records name."""
    return _named(knowledge) or of_domain(domain, lookups)


def _selectors(heard: Heard) -> list[Selector]:
    """Selectors in configuration, log and messages."""
    found: dict[Selector, None] = {}
    for key, answer in heard.items():
        if not isinstance(answer, Content):
            continue
        if key.startswith("sample "):
            found |= dict.fromkeys(signatures(answer.text))
        elif key == "file log":
            found |= dict.fromkeys(Selector(match[2].lower(), match[1]) for match in _ADDED.finditer(answer.text))
        elif key == "file opendkim.conf":
            said = dict(_CONFIGURED.findall(answer.text))
            if {"Domain", "Selector"} <= set(said):
                found[Selector(said["Domain"].lower(), said["Selector"])] = None
        elif key.startswith("file KeyTable"):
            found |= dict.fromkeys(Selector(match[1].lower(), match[2]) for match in _KEYTABLE.finditer(answer.text))
    return list(found)


def _greeting(heard: Heard) -> str | None:
    """What this machine's mail server greets with; None: there is none here, or it does not say."""
    for key in ("greeting", "greeting of Exim"):
        answer = heard.get(key)
        if isinstance(answer, Ran) and answer.problem is None and answer.output.strip():
            return answer.output.strip().splitlines()[0].rpartition("=")[2].strip()
    return None


check: Final = Check(_NAME, "SPF, DKIM, DMARC and names", targets, questions, judge, probes=False)
