"""The outside of the lab: its domains, their DNS and their mail servers."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX, PUBLIC, RESOLVER, WEB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.lab.machine import Machine

REPOSITORY = Path(__file__).parents[2]
SINKS = tuple(f"198.51.100.{number}" for number in range(25, 31))
DEAD = "198.51.100.99"  # an address where nothing listens
REPLIES = "/var/log/replies"
SEEN = "/var/log/seen.jsonl"
NAMED = ("bigmail", "freemail", "isp", "partner", "customer", "agency")
_FIRST = ("north", "south", "east", "west", "old", "new", "blue", "green", "red", "silver")
_SECOND = ("bank", "school", "clinic", "foods", "motors", "press", "travel", "works")
DOMAINS = (*(f"{name}.test" for name in NAMED), *(f"{a}{b}.test" for a in _FIRST for b in _SECOND))

DNSMASQ = f"""
no-resolv
no-hosts
bind-interfaces
listen-address={RESOLVER}
user=root
pid-file=
local=/test/
local=/arpa/
local-ttl=1
mx-host=corp.test,mx.corp.test,10
host-record=mx.corp.test,{MX}
host-record=web.corp.test,{WEB}
ptr-record=2.113.0.203.in-addr.arpa,mx.corp.test
txt-record=corp.test,"v=spf1 ip4:{PUBLIC} -all"
host-record=dead.test,{DEAD}
address=/2.0.0.127.dnsbl.test/127.0.0.2
address=/77.9.82.100.dnsbl.test/127.0.0.4
txt-record=77.9.82.100.dnsbl.test,"Listed, see http://dnsbl.test/"
"""


def dns_records(names: Mapping[str, str]) -> str:
    """Give dnsmasq's configuration: every outside domain with its mail server, and ``names`` with their addresses."""
    lines = [f"host-record=mx{sink.rsplit('.', 1)[1]}.test,{sink}" for sink in SINKS]
    for domain in DOMAINS:
        sink = SINKS[crc32(domain.encode()) % len(SINKS)]
        lines.append(f"mx-host={domain},mx{sink.rsplit('.', 1)[1]}.test,10")
    lines += [f"host-record={name},{address}" for name, address in names.items()]
    return DNSMASQ + "\n".join(lines) + "\n"


@dataclass
class World:
    """The running outside: what it answers can be changed, what it saw can be asked."""

    machine: Machine
    sinks: subprocess.Popen[str]

    @classmethod
    def start(cls, machine: Machine, names: Mapping[str, str]) -> World:
        """Start DNS and every mail server of the outside on ``machine``."""
        machine.write("/etc/dnsmasq-lab.conf", dns_records(names))
        machine.run(["dnsmasq", "--conf-file=/etc/dnsmasq-lab.conf"])
        machine.write(REPLIES, "")
        world = cls(machine, start_module(machine, "tests.lab.sink", REPLIES, SEEN, *SINKS))
        wait_until(lambda: machine.run(["ss", "-Hltn", "sport = :25"]).count("LISTEN") == len(SINKS), "the sinks")
        return world

    def answer(self, answers: Mapping[str, str]) -> None:
        """Say how the world answers these addresses from now on (see ``sink.py``); all others are accepted."""
        lines = "".join(f"{address} {answer}\n" for address, answer in answers.items())
        self.machine.write(REPLIES + ".new", lines)
        self.machine.path(REPLIES + ".new").replace(self.machine.path(REPLIES))

    def publish(self, *lines: str, without: str = "") -> None:
        """Add to the DNS, in dnsmasq's words; take out the lines that hold ``without``."""
        place = "/etc/dnsmasq-lab.conf"
        old = self.machine.read(place).decode().splitlines()
        kept = [line for line in old if not without or without not in line]
        self.machine.write(place, "".join(f"{line}\n" for line in (*kept, *lines)))
        self.machine.run(["sh", "-c", "kill $(pidof dnsmasq)"])
        wait_until(lambda: not self.machine.run(["pidof", "dnsmasq"], check=False), "the end of dnsmasq")
        self.machine.run(["dnsmasq", f"--conf-file={place}"])

    def seen(self) -> list[dict[str, str]]:
        """Give every answered recipient: sender, recipient, answer, helo."""
        return [json.loads(line) for line in self.machine.read(SEEN).splitlines()]


def start_module(machine: Machine, module: str, *arguments: str) -> subprocess.Popen[str]:
    """Run one of the lab's own Python modules on ``machine``."""
    argv = ["env", f"--chdir={REPOSITORY}", "PYTHONDONTWRITEBYTECODE=1", sys.executable, "-m", module, *arguments]
    return machine.start(argv, output=subprocess.PIPE)


def office_names(count: int) -> dict[str, str]:
    """Name the office's machines: pc01 ... with their addresses."""
    return {f"pc{number:02}.corp.test": f"{LAN}.{100 + number}" for number in range(1, count + 1)}


def dynamic_names(addresses: Iterable[str]) -> dict[str, str]:
    """Name strangers' addresses the way access providers do."""
    return {f"{address.replace('.', '-')}.dyn.isp.test": address for address in addresses}
