"""Audits of real servers in the lab beside nmap's scripts: verdicts against the truth, and the time they take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, say
from benchmarks.findings import Section, Table
from tests.lab import auditing
from tests.lab.lab import Lab, why_not
from tests.lab.network import WEB

if TYPE_CHECKING:
    from tests.lab.machine import Machine

RELAYS = {  # port of mx: what is there, and whether strangers can relay through it
    25: ("Postfix, correct", False),
    2501: ("Postfix, mynetworks=0.0.0.0/0", True),
    2502: ("Postfix, opened by HELO localhost", True),
    2503: ("Postfix, opened by the sender's domain", True),
    2505: ("Postfix, open after STARTTLS alone", True),
    2506: ("Postfix, open by IPv6 alone", True),
}
PROXIES = {
    3128: ("Squid, open", True),
    3129: ("Squid, CONNECT to 443 only", False),
    3130: ("Squid, open to POST alone", True),
    8888: ("tinyproxy, open", True),
    8889: ("tinyproxy, ConnectPort 443", False),
    1080: ("Dante, open", True),
    1083: ("Dante, port 25 blocked", False),
    1081: ("microsocks, open", True),
    1082: ("microsocks, with a password", False),
}
SCRIPTS = {"relay": "smtp-open-relay", "proxy": "http-open-proxy,socks-open-proxy"}


def measure(_bench: Bench) -> Section:
    """Each server once by each; the clock includes the start of the program."""
    section = Section(
        "audit",
        "`whosent audit` beside nmap's `smtp-open-relay`, `http-open-proxy` and `socks-open-proxy`, from outside, on "
        "the lab's servers. Ours says open only where a token was delivered; nmap's is what its scripts print.",
    )
    reason = why_not() or auditing.missing()
    if reason:
        section.missing = True
        section.notes.append(reason)
        return section
    table = Table(["server", "truth", "whosent", "s", "of that asking", "nmap", "s"])
    wrong = 0
    with Lab({"bob@corp.test": "secret"}, named_strangers=(auditing.SINK,)) as lab:
        auditing.start_sink(lab)
        auditing.open_postfix(lab)
        auditing.start_proxies(lab, "web")
        out = lab.host("out")
        for check, host, servers in (("relay", auditing.BOTH, RELAYS), ("proxy", WEB, PROXIES)):
            for port, (name, is_open) in servers.items():
                say(f"{check} {name}")
                ours, took, asking = _ours(out, check, f"{host}:{port}")
                theirs, their_time = _nmap(out, check, host, port)
                wrong += ours != ("open" if is_open else "closed")
                table.rows.append([name, "open" if is_open else "closed", ours, f"{took:.1f}", f"{asking:.1f}", theirs,
                                   f"{their_time:.1f}"])  # fmt: skip
    section.tables.append(table)
    section.notes.append(f"{wrong} of {len(table.rows)} verdicts of ours are wrong.")
    return section


def _ours(machine: Machine, check: str, target: str) -> tuple[str, float, float]:
    began = time.monotonic()
    told = auditing.audit(machine, check, target, "--no-keep")
    verdicts = {one["verdict"] for one in told["results"]}
    worst = next(word for word in ("open", "accepted_undelivered", "undecided", "closed") if word in verdicts)
    return worst, time.monotonic() - began, told["seconds"]


def _nmap(machine: Machine, check: str, host: str, port: int) -> tuple[str, float]:
    began = time.monotonic()
    argv = ["nmap", "-Pn", "-sV" if check == "relay" else "-sT", f"-p{port}", "--script", SCRIPTS[check],
            "--script-args", "smtp-open-relay.domain=victim.test", "--host-timeout", "60s", host]  # fmt: skip
    told = machine.run(argv, check=False, within=120)
    lines = [line.strip("| _\n") for line in told.splitlines() if line.startswith("|")]
    words = " ".join(lines)[:90]
    return words or "nothing", time.monotonic() - began
