"""The lab as an audit sees it: holes on servers inside, a sink and a prober outside."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from tests.lab.machine import wait_until
from tests.lab.mail import add_smtpd, listens
from tests.lab.network import LAN, PUBLIC
from tests.lab.world import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from subprocess import Popen

    from tests.lab.lab import Lab
    from tests.lab.machine import Machine

SINK = "198.51.100.60"
SINK_NAME = "198-51-100-60.dyn.isp.test"
STATE = "/var/log/whosent"
ENVIRONMENT = {
    "WHOSENT_STATE": STATE,
    "WHOSENT_AUDIT__SINK": SINK_NAME,
    "WHOSENT_OURS__DOMAINS": "corp.test",
    "WHOSENT_OURS__NETWORKS": f"{LAN}.0/24,{PUBLIC}/32",
    "PYTHONDONTWRITEBYTECODE": "1",
    "COLUMNS": "100",
}


def command(words: Iterable[str], more: Mapping[str, str] | None = None) -> list[str]:
    """The command line of Whosent on a host of the lab."""
    environment = [f"{name}={value}" for name, value in {**ENVIRONMENT, **(more or {})}.items()]
    return ["env", f"--chdir={REPOSITORY}", *environment, sys.executable, "-m", "whosent", *words]


def whosent(machine: Machine, *words: str, **more: str) -> str:
    """What Whosent prints on a host of the lab, whatever it exits with."""
    return machine.run(["sh", "-c", 'exec "$@" 2>&1', "_", *command(words, more)], check=False, within=120)


def audit(machine: Machine, *words: str, **more: str) -> dict[str, Any]:
    """An audit as an object."""
    told = whosent(machine, "audit", *words, "--json", **more)
    found: dict[str, Any] = msgspec.json.decode(told)
    return found


def start_sink(lab: Lab) -> Popen[str]:
    """A sink outside; its key goes to every host."""
    out = lab.host("out")
    whosent(out, "sink", "init")
    key = out.read(f"{STATE}/sink.key").decode()
    for name in ("mx", "web", "lan", "gw"):
        lab.host(name).write(f"{STATE}/sink.key", key, mode=0o600)
    out.inside_network(["ip", "route", "add", f"{LAN}.0/24", "via", PUBLIC])  # holes have ports that no NAT knows
    sink = out.start(command(("sink", "run", "--listen", SINK, "--name", SINK_NAME, "--json")))
    wait_until(lambda: listens(out, 8025), "the sink")
    return sink


def add_holes(machine: Machine, holes: Mapping[str, Iterable[str]]) -> None:
    """SMTP services by port, each with its own settings."""
    for port, settings in holes.items():
        add_smtpd(machine, port, settings)
    machine.run(["postfix", "reload"])
    wait_until(lambda: all(listens(machine, int(port)) for port in holes), "the holes")
