"""The whole lab: gateway, MX, web host, office LAN and the world outside, as one context manager."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.lab import mail, syslog, web
from tests.lab.machine import PATIENCE, Machine, Outer
from tests.lab.network import LAN, MX, RESOLVER, WEB, wire_lan, wire_outside
from tests.lab.world import DEAD, SINKS, World, dynamic_names, office_names, start_module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from subprocess import Popen
    from types import ModuleType, TracebackType

    from tests.lab.clock import Clock

NEEDED = (
    "unshare",
    "nsenter",
    "ip",
    "nft",
    "pgrep",
    "ss",
    "postfix",
    "dovecot",
    "dnsmasq",
    "rsyslogd",
    "lighttpd",
    "php-cgi",
)
APPLICATION = f"{LAN}.30"
ZONEINFO = Path("/usr/share/zoneinfo")


def why_not() -> str:
    """Say in one sentence why the lab cannot run here; empty if it can."""
    if os.geteuid() != 0:
        return "the lab needs root for its namespaces: run as root"
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name, path=search)]
    if missing:
        return f"the lab needs {', '.join(missing)}: run tests/lab/packages.sh on Debian 12"
    tried = subprocess.run(["unshare", "-m", "-n", "-p", "-f", "true"], capture_output=True, check=False)
    return "the lab needs namespaces, which this system does not let root make" if tried.returncode else ""


@dataclass
class Lab:
    """A small organisation and the world around it; everything ends with the ``with`` block.

    Hosts: ``gw`` (hides the LAN behind 203.0.113.2), ``mx`` (Postfix, Dovecot), ``web`` (lighttpd, PHP, Perl, Postfix
    null client), ``lan`` (every office machine by an address of its own) and ``out`` (DNS, mail servers and strangers
    outside).
    """

    passwords: Mapping[str, str]
    mailboxes: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    named_strangers: tuple[str, ...] = ()
    pcs: int = 3
    timezone: str = "Etc/UTC"
    clock: Clock | None = None
    mta: ModuleType = mail  # whose start_mx and start_null_client bring up the mail servers
    log_format: Mapping[str, str] = field(default_factory=lambda: {"/var/log/mail.log": syslog.RFC3339})
    _hosts: dict[str, Machine] = field(default_factory=dict)
    _running: list[Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Bring the lab up."""
        self._outer = Outer()
        try:
            self._up()
        except BaseException:
            self._down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the lab down; nothing of it remains."""
        self._down()

    def host(self, name: str) -> Machine:
        """Give one host by its name."""
        return self._hosts[name]

    def run(self, host: str, argv: list[str]) -> None:
        """Run a program on a host, until the lab ends."""
        self._running.append(self.host(host).start(argv))

    def start(self, host: str, module: str, *arguments: str) -> Popen[str]:
        """Run one of the lab's own Python modules on a host, until the lab ends."""
        process = start_module(self.host(host), module, *arguments)
        self._running.append(process)
        return process

    def _up(self) -> None:
        for name in ("gw", "mx", "web", "lan", "out"):
            self._hosts[name] = Machine(name, self._outer)
        pcs = office_names(self.pcs)
        members = {"mx": [MX], "web": [WEB], "lan": [APPLICATION, *pcs.values()]}
        wire_lan(self.host("gw"), {name: (self.host(name), addresses) for name, addresses in members.items()})
        outside = [RESOLVER, *SINKS, DEAD, *self.strangers, *self.named_strangers]
        wire_outside(self.host("gw"), self.host("out"), outside)
        for machine in self._hosts.values():
            self._furnish(machine)
        names = {**pcs, "app.corp.test": APPLICATION, **dynamic_names(self.named_strangers)}
        self.world = World.start(self.host("out"), names)
        self._running.append(self.world.sinks)
        self._start_services()

    def _start_services(self) -> None:
        for name in ("mx", "web"):
            if self.clock:
                self.clock.install(self.host(name))
            syslog.start_syslog(self.host(name), self.log_format)
        self.mta.start_mx(self.host("mx"), self.passwords, self.mailboxes)
        self.mta.start_null_client(self.host("web"))
        web.start_web(self.host("web"), self.timezone)

    def _furnish(self, machine: Machine) -> None:
        address = {"mx": MX, "web": WEB}.get(machine.name, "127.0.1.1")
        hosts = f"127.0.0.1 localhost\n{address} {machine.name}.corp.test {machine.name}\n"
        machine.write("/etc/hosts", hosts)
        machine.write("/etc/resolv.conf", f"nameserver {RESOLVER}\noptions timeout:10 attempts:4\n")
        machine.run(["ln", "-sf", str(ZONEINFO / self.timezone), "/etc/localtime"])

    def _down(self) -> None:
        self._outer.close()
        for process in self._running:
            process.wait(timeout=PATIENCE)
            for stream in (process.stdin, process.stdout):
                if stream:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        for machine in self._hosts.values():
            machine.close()


def moment(text: str) -> datetime:
    """Read an ISO 8601 moment that carries its offset."""
    return datetime.fromisoformat(text)
