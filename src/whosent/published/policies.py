"""Whether our DMARC, MTA-STS, TLS-RPT and MX records say what they should."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whosent.model.check import Fetched, Result
from whosent.published.dmarc import Dmarc, authorised, follow
from whosent.published.lookups import Lookups, tags
from whosent.published.results import About, publish, short

_MODES = frozenset({"enforce", "testing", "none"})
_DAY = 86_400


def dmarc(about: About, domain: str, lookups: Lookups) -> Iterator[Result]:
    """The policy, and whether its reports arrive."""
    found = follow(domain, lookups)
    evidence = lookups.exhibit(f"_dmarc.{found.at or domain}", "TXT")
    name = f"_dmarc.{domain}"
    if found.unknown:
        yield about.result(
            "DMARC",
            "undecided",
            "warning",
            f"Whether {domain} has a DMARC record could not be found out.",
            found.unknown,
            evidence=evidence,
        )
    elif found.record is None:
        record = f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"
        yield about.result(
            "DMARC",
            "open",
            "warning",
            f"{domain} has no DMARC record.",
            "Receivers do not refuse mail forged in its name, large ones want the record, and nobody tells us.",
            fix=[
                publish(
                    name, record, None, "After some weeks of reports without surprises: p=quarantine, then p=reject."
                )
            ],
            evidence=evidence,
        )
    elif found.faults:
        yield about.result(
            "DMARC",
            "open",
            "warning",
            f"The DMARC record of {found.at} {found.faults[0]}.",
            short(found.record),
            evidence=evidence,
            fix=[publish(f"_dmarc.{found.at}", _policy(found, domain), found.record)],
        )
    else:
        enforced = found.policy != "none"
        yield about.result(
            "DMARC",
            "closed" if enforced else "open",
            "note",
            f"The DMARC policy of {domain} is {found.policy}" + ("." if enforced else ": it only watches."),
            short(found.record),
            evidence=evidence,
            fix=[] if enforced else [publish(f"_dmarc.{found.at}", _stricter(found.record), found.record)],
        )
    if found.record is not None:
        yield from _reports(about, domain, found, lookups)


def _policy(found: Dmarc, domain: str) -> str:
    rua = ",".join(f"mailto:{local}@{host}" for local, host in found.reports) or f"mailto:postmaster@{domain}"
    return f"v=DMARC1; p={found.policy if found.policy in {'none', 'quarantine', 'reject'} else 'none'}; rua={rua}"


def _stricter(record: str) -> str:
    return re.sub(r"\bp\s*=\s*none\b", "p=quarantine", record, count=1)


def _reports(about: About, domain: str, found: Dmarc, lookups: Lookups) -> Iterator[Result]:
    if not found.reports:
        yield about.result(
            "DMARC reports",
            "open",
            "note",
            f"The DMARC record of {found.at} asks for no reports (no rua=).",
            "So nobody tells us who writes in our name.",
        )
    for local, host in found.reports:
        label = f"DMARC reports to {local}@{host}"
        allowed = authorised(found.at or domain, host, lookups)
        if allowed is False:
            name = f"{found.at}._report._dmarc.{host}"
            yield about.result(
                label,
                "open",
                "warning",
                f"DMARC reports about {found.at} go to {local}@{host}, but {host} does not say that it takes them.",
                "Receivers send none (RFC 7489, section 7.1).",
                fix=[publish(name, "v=DMARC1", None)],
                evidence=lookups.exhibit(name, "TXT"),
            )
            continue
        takes = receives_mail(host, lookups)
        if takes is False:
            yield about.result(
                label,
                "open",
                "warning",
                f"DMARC reports go to {local}@{host}, but {host} receives no mail.",
                "It has neither an MX record nor an address.",
                evidence=lookups.exhibit(host, "MX"),
            )
        elif allowed is None or takes is None:
            yield about.result(
                label,
                "undecided",
                "note",
                f"Whether DMARC reports reach {local}@{host} could not be found out.",
                lookups.problem(host, "MX") or "The DNS does not answer.",
            )
        else:
            yield about.result(label, "closed", "note", f"DMARC reports to {local}@{host} can be delivered there.")


def receives_mail(domain: str, lookups: Lookups) -> bool | None:
    """Whether the domain has somewhere to deliver to; None: not known."""
    if lookups.ask(domain, "MX") is None or lookups.problem(domain, "MX"):
        return None
    hosts = mail_servers(domain, lookups)
    if lookups.records(domain, "MX"):
        return bool(hosts)
    if lookups.problem(domain, "A"):
        return None
    return bool(lookups.addresses(domain))


def mail_servers(domain: str, lookups: Lookups) -> list[str]:
    """The names of its MX records; a null MX names none."""
    return [host for record in lookups.records(domain, "MX") if (host := record.split()[-1].rstrip(".").lower())]


def mx(about: About, domain: str, lookups: Lookups) -> Iterator[Result]:
    """Mail servers that exist; a null MX where there is no mail (RFC 7505)."""
    records = lookups.records(domain, "MX")
    evidence = lookups.exhibit(domain, "MX")
    problem = lookups.problem(domain, "MX")
    if problem:
        yield about.result(
            "MX",
            "undecided",
            "warning",
            f"The MX records of {domain} could not be looked up.",
            problem,
            evidence=evidence,
        )
        return
    hosts = mail_servers(domain, lookups)
    if not records:
        at = lookups.addresses(domain)
        where = f"mail for it goes to its address {at[0]}" if at else "mail for it waits for days in others' queues"
        yield about.result(
            "MX",
            "open",
            "note",
            f"{domain} has no MX record: {where}.",
            "If it takes no mail, say so with a null MX; else name its mail server.",
            fix=[publish(domain, "0 .", None, "A null MX: no mail is taken (RFC 7505).", kind="MX")],
            evidence=evidence,
        )
    elif not hosts:
        yield about.result("MX", "closed", "note", f"{domain} says that it takes no mail (null MX).", evidence=evidence)
    elif len(hosts) < len(records):
        yield about.result(
            "MX",
            "open",
            "warning",
            f"{domain} has a null MX beside real ones.",
            "RFC 7505 allows it only alone.",
            evidence=evidence,
        )
    else:
        dead = [host for host in hosts if not lookups.addresses(host) and not lookups.problem(host, "A")]
        dead = [host for host in dead if lookups.ask(host, "A") is not None and lookups.ask(host, "AAAA") is not None]
        if dead:
            yield about.result(
                "MX",
                "open",
                "warning",
                f"The MX record of {domain} names {short(dead[0])}, which has no address.",
                "Mail waits or fails there.",
                evidence=[*evidence, *lookups.exhibit(dead[0], "A")],
            )
        else:
            yield about.result(
                "MX",
                "closed",
                "note",
                f"The {len(hosts)} mail servers of {domain} have addresses.",
                ", ".join(hosts[:10]),
                evidence=evidence,
            )


def mta_sts(about: About, domain: str, lookups: Lookups, policy: Fetched | None) -> Iterator[Result]:
    """MTA-STS (RFC 8461): the record, the policy, and whether it names the mail servers there are."""
    name = f"_mta-sts.{domain}"
    found = [one for one in lookups.records(name, "TXT") if one.startswith("v=STSv1")]
    evidence = lookups.exhibit(name, "TXT")
    problem = lookups.problem(name, "TXT")
    if problem:
        yield about.result("MTA-STS", "undecided", "note", f"{name} could not be looked up.", problem)
    elif not found:
        yield about.result(
            "MTA-STS",
            "open",
            "note",
            f"{domain} has no MTA-STS policy.",
            "Whoever sits between can make other servers deliver without encryption.",
        )
    elif policy is None or policy.problem is not None or policy.status != 200:  # noqa: PLR2004  # HTTP
        why = (
            policy.problem.sentence if policy and policy.problem else f"HTTP {policy.status}" if policy else "not asked"
        )
        yield about.result(
            "MTA-STS",
            "undecided" if policy and policy.problem else "open",
            "warning",
            f"{domain} announces an MTA-STS policy, but its page could not be fetched.",
            f"https://mta-sts.{domain}/.well-known/mta-sts.txt: {why}",
            evidence=evidence,
        )
    else:
        yield _policy_judged(about, domain, policy.body.decode("utf-8", "replace"), lookups)


def _policy_judged(about: About, domain: str, page: str, lookups: Lookups) -> Result:
    pairs = [line.partition(":")[::2] for line in page.replace("\r\n", "\n").split("\n")[:200]]
    said = {name.strip().lower(): value.strip() for name, value in reversed(pairs)}
    named = [value.strip().lower() for name, value in pairs if name.strip().lower() == "mx"]
    mode = said.get("mode", "")
    missing = [host for host in mail_servers(domain, lookups) if not any(_fits(host, one) for one in named)]
    if said.get("version") != "STSv1" or mode not in _MODES:
        return about.result(
            "MTA-STS",
            "open",
            "warning",
            f"The MTA-STS policy of {domain} cannot be read.",
            f"version {said.get('version')!r}, mode {short(mode)!r}",
        )
    if missing and mode != "none":
        return about.result(
            "MTA-STS",
            "open",
            "critical" if mode == "enforce" else "warning",
            f"The MTA-STS policy of {domain} does not name its mail server {short(missing[0])}.",
            f"Servers that honour it {'do not deliver there' if mode == 'enforce' else 'will not do so later'}: "
            f"add the line mx: {missing[0]} and change the id of the record.",
        )
    age = int(said["max_age"]) if said.get("max_age", "").isdigit() else 0
    brief = " Its max_age is under a day, so it hardly protects." if age < _DAY else ""
    return about.result(
        "MTA-STS",
        "closed" if mode == "enforce" else "open",
        "note",
        f"The MTA-STS policy of {domain} is in mode {mode} and names its mail servers.{brief}",
        ", ".join(named[:10]),
    )


def _fits(host: str, pattern: str) -> bool:
    return host == pattern or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])


def tls_rpt(about: About, domain: str, lookups: Lookups) -> Iterator[Result]:
    """TLS-RPT (RFC 8460): where failures of encryption are reported."""
    name = f"_smtp._tls.{domain}"
    found = [one for one in lookups.records(name, "TXT") if one.startswith("v=TLSRPTv1")]
    problem = lookups.problem(name, "TXT")
    if problem:
        yield about.result("TLS-RPT", "undecided", "note", f"{name} could not be looked up.", problem)
    elif not found:
        yield about.result(
            "TLS-RPT",
            "open",
            "note",
            f"{domain} asks for no reports of failed encryption (TLS-RPT).",
            "",
            fix=[publish(name, f"v=TLSRPTv1; rua=mailto:postmaster@{domain}", None)],
        )
    else:
        rua = tags(found[0]).get("rua", "")
        good = rua.startswith(("mailto:", "https:"))
        yield about.result(
            "TLS-RPT",
            "closed" if good else "open",
            "note",
            f"Failures of encryption towards {domain} are reported to {short(rua)}."
            if good
            else f"The TLS-RPT record of {domain} names no address for reports.",
            evidence=lookups.exhibit(name, "TXT"),
        )
