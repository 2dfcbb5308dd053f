"""Sixty lists and 256 addresses against a local list server: our time and verdicts, and a common list checker's.

As root: ``python -m benchmarks.listings`` (rbldnsd and dnsmasq answer on loopback).  The peer, pydnsbl, asks about one
address at a time through this machine's resolver; it is measured where it is installed, on a few addresses, in a
namespace whose resolver is the list server.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.lab.lists import LISTED, ListServer, why_not
from whosent.auditing import examine
from whosent.blocklists import ALIVE
from whosent.checks.listings import check
from whosent.model.check import Knowledge, Target
from whosent.model.settings import Listings, Registries, Settings
from whosent.sources.prober import ask

GOOD, NETWORK, SAMPLE = 53, "203.0.113.0/24", 8
INSIDE = "WHOSENT_BENCH_INSIDE"
PEER = """
import asyncio, json, sys, time
from pydnsbl import DNSBLIpChecker
from pydnsbl.providers import Provider
zones, addresses = json.loads(sys.argv[1]), sys.argv[2:]
checker = DNSBLIpChecker(providers=[Provider(zone) for zone in zones])
clock = time.monotonic()
found = {address: sorted(checker.check(address).detected_by) for address in addresses}
print(json.dumps({"seconds": time.monotonic() - clock, "found": found}))
"""


def ours(server: ListServer) -> tuple[float, Counter[str], set[str]]:
    """Seconds, verdicts, and listings that are not true."""
    settings = Settings(
        listings=Listings(more=tuple(server.zones), without=tuple(one.zone for one in ALIVE if one.zone)),
        registries=Registries(dns_server=f"127.0.0.1#{server.port}"),
    )
    clock = time.monotonic()
    found = examine(check, Target(NETWORK), Knowledge(settings=settings), ask)
    seconds = time.monotonic() - clock
    truth = {f"{address} on {zone}" for address in LISTED for zone in server.good}
    opened = {one.about for one in found if one.verdict == "open"}
    return seconds, Counter(one.verdict for one in found), opened ^ truth


def theirs(server: ListServer) -> dict[str, object] | None:
    """The peer on a few addresses; None where it is not installed."""
    if importlib.util.find_spec("pydnsbl") is None:
        return None
    addresses = [LISTED[0], *(f"203.0.113.{number}" for number in range(100, 100 + SAMPLE - 1))]
    done = subprocess.run(
        [sys.executable, "-c", PEER, json.dumps(server.zones), *addresses], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    told = json.loads(done.stdout)
    wrong = {
        f"{address} on {zone}" for address, zones in told["found"].items() for zone in zones
        if zone not in server.good or address not in LISTED
    }  # fmt: skip
    return {"seconds": told["seconds"], "addresses": len(addresses), "wrong": sorted(wrong)}


def main() -> None:
    """Print both."""
    reason = why_not()
    if reason:
        sys.exit(reason)
    if os.environ.get(INSIDE) != "yes":  # a name space of its own: port 53 and /etc/resolv.conf are ours there
        script = "ip link set lo up && mount --bind $1 /etc/resolv.conf && exec $2 -m benchmarks.listings"
        resolver = Path("build") / "resolv.conf"
        resolver.parent.mkdir(exist_ok=True)
        resolver.write_text("nameserver 127.0.0.1\n", encoding="ascii")
        os.execve(  # noqa: S606  # an argument vector of our own
            "/usr/bin/unshare", ["unshare", "-m", "-n", "sh", "-c", script, "_", str(resolver), sys.executable],
            {**os.environ, INSIDE: "yes"},
        )  # fmt: skip
    with ListServer(GOOD, 53) as server:
        seconds, verdicts, wrong = ours(server)
        size = f"{len(server.zones)} lists x 256 addresses"
        print(f"whosent: {size} in {seconds:.1f} s, {dict(verdicts)}, wrong: {len(wrong)}")
        peer = theirs(server)
        print("pydnsbl: not installed" if peer is None else f"pydnsbl: {peer}")


if __name__ == "__main__":
    main()
