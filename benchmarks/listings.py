"""Sixty lists and 256 addresses against a local list server: our time and verdicts beside two other checkers'.

The list server (rbldnsd behind dnsmasq) runs in a network namespace whose resolver it is: ``measure`` starts this
module there once more.  pydnsbl is a common checker of lists; nmap's ``dns-blacklist`` knows the lists that are written
in it, so a few of ours bear their names.  Both ask about one address at a time, and are given a few.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.findings import Section, Table
from tests.lab.lists import LISTED, ListServer, why_not
from whosent.auditing import examine
from whosent.blocklists import ALIVE
from whosent.checks.listings import check
from whosent.model.check import Knowledge, Target
from whosent.model.settings import Listings, Registries, Settings
from whosent.sources.prober import ask

if TYPE_CHECKING:
    from benchmarks.bench import Bench

GOOD, NETWORK = 53, "203.0.113.0/24"
SAMPLE = [*LISTED, *(f"203.0.113.{number}" for number in range(100, 106))]
NMAP_KNOWS = ("bl.nszones.com", "list.quorum.to", "l2.apews.org")
SCRIPT = "ip link set lo up && mount --bind $1 /etc/resolv.conf && exec $2 -m benchmarks.listings"
PYDNSBL = """
import json, sys
from pydnsbl import DNSBLIpChecker
from pydnsbl.providers import Provider
zones, addresses = json.loads(sys.argv[1]), sys.argv[2:]
checker = DNSBLIpChecker(providers=[Provider(zone) for zone in zones])
print(json.dumps({address: sorted(checker.check(address).detected_by) for address in addresses}))
"""


def measure(_bench: Bench) -> Section:
    """All three in a namespace of their own, one after the other."""
    section = Section(
        "listings",
        "`whosent audit listings` beside pydnsbl and nmap's `dns-blacklist`, on the same list server: 53 lists that "
        "are kept well, and seven that are empty, list everything, refuse, lie, say nothing or are not there.",
    )
    reason = why_not()
    if reason:
        section.missing = True
        section.notes.append(reason)
        return section
    resolver = Path("build") / "resolv.conf"
    resolver.parent.mkdir(exist_ok=True)
    resolver.write_text("nameserver 127.0.0.1\n", encoding="ascii")
    done = subprocess.run(
        ["/usr/bin/unshare", "-m", "-n", "sh", "-c", SCRIPT, "_", str(resolver), sys.executable],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        section.missing = True
        section.notes.append(f"it failed: {done.stderr.strip()[-300:]}")
        return section
    told = json.loads(done.stdout)
    table = Table(["program", "lists", "addresses", "seconds", "questions a second", "wrong", "missed"])
    for one in told["programs"]:
        asked = one["lists"] * one["addresses"]
        table.rows.append([one["name"], f"{one['lists']}", f"{one['addresses']}", f"{one['seconds']:.1f}",
                           f"{asked / one['seconds']:,.0f}", f"{one['wrong']}", f"{one['missed']}"])  # fmt: skip
    section.tables.append(table)
    section.notes += told["notes"]
    return section


def row(name: str, zones: list[str], addresses: list[str], seconds: float, found: set[str]) -> dict[str, Any]:
    """What a program found ("address on list"), beside the truth."""
    lists, truth = len(zones), {f"{address} on {zone}" for address in LISTED for zone in zones if _is_good(zone)}
    return {"name": name, "lists": lists, "addresses": len(addresses), "seconds": seconds,
            "wrong": len(found - truth), "missed": len(truth - found)}  # fmt: skip


def _is_good(zone: str) -> bool:
    return zone in NMAP_KNOWS or zone.startswith("list")


def ours(server: ListServer) -> tuple[dict[str, Any], str]:
    """The check itself, over the prober."""
    settings = Settings(
        listings=Listings(more=tuple(server.zones), without=tuple(one.zone for one in ALIVE if one.zone)),
        registries=Registries(dns_server=f"127.0.0.1#{server.port}"),
    )
    clock = time.monotonic()
    found = examine(check, Target(NETWORK), Knowledge(settings=settings), ask)
    seconds = time.monotonic() - clock
    opened = {one.about for one in found if one.verdict == "open"}
    verdicts = ", ".join(f"{count} {name}" for name, count in Counter(one.verdict for one in found).items())
    every = [f"203.0.113.{number}" for number in range(256)]
    return row("whosent audit listings", server.zones, every, seconds, opened), verdicts


def pydnsbl(server: ListServer) -> dict[str, Any] | str:
    """A few addresses; or why not."""
    if importlib.util.find_spec("pydnsbl") is None:
        return "pydnsbl is not installed here (pip install pydnsbl)."
    clock = time.monotonic()
    argv = [sys.executable, "-c", PYDNSBL, json.dumps(server.zones), *SAMPLE]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - clock
    if done.returncode:
        return f"pydnsbl failed: {done.stderr.strip().splitlines()[-1][:200]}"
    found = {f"{address} on {zone}" for address, zones in json.loads(done.stdout).items() for zone in zones}
    return row("pydnsbl", server.zones, SAMPLE, seconds, found)


def nmap() -> dict[str, Any] | str:
    """A few addresses on the lists it knows; or why not."""
    if shutil.which("nmap") is None:
        return "nmap is not installed here (tests/lab/packages.sh audit)."
    clock, found = time.monotonic(), set[str]()
    for address in SAMPLE:
        argv = ["nmap", "-n", "--script", "dns-blacklist", "--script-args", f"dns-blacklist.ip={address}",
                "--dns-servers", "127.0.0.1"]  # fmt: skip
        told = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        listed_on = re.findall(r"^\|[_ ]+([a-z0-9.-]+\.[a-z]+) - (?!FAIL)", told, re.MULTILINE)
        found |= {f"{address} on {zone}" for zone in listed_on}
    return row("nmap dns-blacklist", list(NMAP_KNOWS), SAMPLE, time.monotonic() - clock, found)


def main() -> None:
    """Print all of it as JSON; ``measure`` has made the namespace."""
    with ListServer(GOOD, 53, NMAP_KNOWS) as server:
        mine, verdicts = ours(server)
        others = [pydnsbl(server), nmap()]
    rows = [mine, *(one for one in others if isinstance(one, dict))]
    notes = [f"The results of ours: {verdicts}. A list that cannot be believed is undecided, never open.",
             *(one for one in others if isinstance(one, str))]  # fmt: skip
    print(json.dumps({"programs": rows, "notes": notes}))


if __name__ == "__main__":
    if os.geteuid() != 0 or Path("/etc/resolv.conf").read_text(encoding="ascii") != "nameserver 127.0.0.1\n":
        sys.exit("python -m benchmarks --only listings")
    main()
