"""The lab as an audit sees it: holes on servers inside, a sink and a prober outside."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from tests.lab import exim
from tests.lab.machine import wait_until
from tests.lab.mail import add_smtpd, heeded, listens, reload
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.world import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.lab.lab import Lab
    from tests.lab.machine import Machine

SINK = "198.51.100.60"
SINK_NAME = "198-51-100-60.dyn.isp.test"
SIX = "2001:db8:77"  # the LAN by IPv6
MX_SIX, SINK_SIX = f"{SIX}::10", "2001:db8:60::60"
STATE = "/var/log/whosent"
ENVIRONMENT = {
    "WHOSENT_STATE": STATE,
    "WHOSENT_AUDIT__SINK": SINK_NAME,
    "WHOSENT_OURS__DOMAINS": "corp.test",
    "WHOSENT_OURS__NETWORKS": f"{LAN}.0/24,{PUBLIC}/32,{SIX}::/64",
    "PYTHONDONTWRITEBYTECODE": "1",
    "COLUMNS": "100",
}


PATIENT = """
from whosent.checks import direction, egress, proxy, relay
egress.WAIT = proxy.WAIT = 60.0
direction.WAIT = relay.WAIT = 20.0
from whosent.cli import main
main()
"""
"""Whosent on a machine that is busy with other things too: what was taken may need longer to arrive."""


def command(words: Iterable[str], more: Mapping[str, str] | None = None) -> list[str]:
    """The command line of Whosent on a host of the lab."""
    environment = [f"{name}={value}" for name, value in {**ENVIRONMENT, **(more or {})}.items()]
    return ["env", f"--chdir={REPOSITORY}", *environment, sys.executable, "-c", PATIENT, *words]


def whosent(machine: Machine, *words: str, **more: str) -> str:
    """What Whosent prints on a host of the lab, whatever it exits with."""
    return machine.run(["sh", "-c", 'exec "$@" 2>&1', "_", *command(words, more)], check=False, within=600)


def audit(machine: Machine, *words: str, **more: str) -> dict[str, Any]:
    """An audit as an object."""
    told = whosent(machine, "audit", *words, "--json", **more)
    found: dict[str, Any] = msgspec.json.decode(told)
    return found


def results(told: dict[str, Any], check: str = "") -> dict[str, dict[str, Any]]:
    return {one["about"]: one for one in told["results"] if not check or one["check"] == check}


def apply(machine: Machine, result: dict[str, Any], key: str = "commands") -> None:
    """What the report says, typed as it stands; there is no systemd in the lab."""
    commands = [command for remedy in result["fix"] for command in remedy[key] if "systemctl" not in command]
    with heeded(machine) if "postfix reload" in commands else contextlib.nullcontext():
        for command in commands:
            machine.run(["sh", "-c", command])


def start_sink(lab: Lab) -> None:
    """A sink outside; its key goes to every host."""
    out = lab.host("out")
    whosent(out, "sink", "init")
    key = out.read(f"{STATE}/sink.key").decode()
    for name in ("mx", "web", "lan", "gw"):
        lab.host(name).write(f"{STATE}/sink.key", key, mode=0o600)
    out.inside_network(["ip", "route", "add", f"{LAN}.0/24", "via", PUBLIC])  # holes have ports that no NAT knows
    wire_six(lab)
    listen = (word for address in (SINK, SINK_SIX) for word in ("--listen", address))
    lab.run("out", command(("sink", "run", *listen, "--name", SINK_NAME, "--json")))
    wait_until(lambda: listens(out, 8025), "the sink")


def wire_six(lab: Lab) -> None:
    """IPv6 between mx and the world, beside IPv4; the sink and mx have names that lead to both."""
    roads = {
        "gw": (f"addr add {SIX}::1/64 dev br-lan nodad", "addr add 2001:db8:1::2/64 dev wan nodad",
               "route add 2001:db8:60::/64 via 2001:db8:1::1"),
        "mx": (f"addr add {MX_SIX}/64 dev eth0 nodad", f"route add default via {SIX}::1"),
        "out": ("addr add 2001:db8:1::1/64 dev eth0 nodad", f"addr add {SINK_SIX}/128 dev lo",
                f"route add {SIX}::/64 via 2001:db8:1::2"),
    }  # fmt: skip
    for name, lines in roads.items():
        lab.host(name).inside_network(["ip", "-6", "-batch", "-"], "\n".join(lines) + "\n")
    lab.host("gw").run(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"])
    lab.world.publish(f"host-record={SINK_NAME},{SINK_SIX}", f"host-record={BOTH},{MX},{MX_SIX}")


def add_holes(machine: Machine, holes: Mapping[str, Iterable[str]]) -> None:
    """SMTP services by port, each with its own settings."""
    for port, settings in holes.items():
        add_smtpd(machine, port, settings)
    reload(machine)
    wait_until(lambda: all(listens(machine, int(port)) for port in holes), "the holes")


BOTH = "both.corp.test"  # mx by both families of addresses
_RELAYING = "smtpd_relay_restrictions"
POSTFIX_HOLES = {  # by port; 2504 needs BACKUP
    "2501": ("mynetworks=0.0.0.0/0",),
    "2502": (f"{_RELAYING}=check_helo_access,texthash:/etc/postfix/greetings,reject_unauth_destination",),
    "2503": (f"{_RELAYING}=check_sender_access,texthash:/etc/postfix/friends,reject_unauth_destination",),
    "2504": ("allow_untrusted_routing=yes",),
    "2505": ("mynetworks=0.0.0.0/0", "smtpd_tls_security_level=encrypt"),
    "2506": ("mynetworks=127.0.0.0/8,[::]/0",),
}
BACKUP = ("relay_domains=backup.test", f"transport_maps=inline:{{backup.test=smtp:[{LAN}.20]}}")
EXIM_PERCENT = """percent_hack:
  driver = redirect
  domains = +local_domains
  local_parts = ^.*%
  data = ${sg{$local_part}{%}{@}}
"""
EXIM_CATCH_ALL = """everybody:
  driver = redirect
  domains = +local_domains
  data = :blackhole:
"""
SQUID = """http_port {port}
{rules}http_access allow all
access_log none
cache deny all
cache_log /run/squid-{port}.log
pid_filename /run/squid-{port}.pid
visible_hostname web
"""
SQUID_SAFE = """acl SSL_ports port 443
acl Safe_ports port 80 443
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
"""
DANTE = """internal: 0.0.0.0 port = {port}
external: eth0
clientmethod: none
socksmethod: none
client pass {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
}}
{rules}socks pass {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
}}
"""
DANTE_SAFE = "socks block {\n  from: 0.0.0.0/0 to: 0.0.0.0/0 port = smtp\n}\n"
SQUIDS = {3128: ("squid", ""), 3129: ("closed", SQUID_SAFE), 3130: ("posting", "http_access deny CONNECT\n")}
OPEN_PROXIES = {1080, 1081, 3128, 3130, 8888}
CLOSED_PROXIES = {1082, 1083, 3129, 8889}


def open_postfix(lab: Lab) -> None:
    """Every hole of POSTFIX_HOLES on mx, with the second server that the last of them needs."""
    mx, web = lab.host("mx"), lab.host("web")
    mx.write("/etc/postfix/greetings", "localhost OK\n")
    mx.write("/etc/postfix/friends", "# people we trust\ncorp.test OK\n")
    certify(mx, "/etc/postfix")
    tls = ("smtpd_tls_cert_file=/etc/postfix/cert.pem", "smtpd_tls_key_file=/etc/postfix/key.pem")
    for setting in (*BACKUP, "inet_protocols=all", *tls):
        mx.run(["postconf", "-e", setting])
    mx.run(["postconf", "-P", "submission/inet/smtpd_tls_security_level=may"])
    mx.run(["postfix", "stop"])  # another family of addresses needs a start
    mx.run(["postfix", "start"])
    for setting in ("inet_interfaces=all", "mydestination=backup.test", f"mynetworks=127.0.0.0/8 {LAN}.10/32"):
        web.run(["postconf", "-e", setting])
    web.run(["postfix", "stop"])
    web.run(["postfix", "start"])
    add_holes(mx, POSTFIX_HOLES)
    wait_until(lambda: listens(web, 25), "the backup's primary")


def certify(machine: Machine, folder: str) -> None:
    """A certificate of its own: cert.pem and key.pem."""
    machine.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                 f"/CN={machine.name}.corp.test", "-keyout", f"{folder}/key.pem",
                 "-out", f"{folder}/cert.pem"])  # fmt: skip
    machine.run(["chmod", "644", f"{folder}/key.pem"])


def start_proxies(lab: Lab, host: str) -> None:
    """Four open proxies, a fifth that is open to POST alone, and four closed."""
    machine = lab.host(host)
    for port, (name, rules) in SQUIDS.items():
        path = f"/etc/squid/{name}.conf"
        start_squid(machine, path, port, rules, ("-n", f"lab{port}"))
    for port, rules in ((8888, ""), (8889, "ConnectPort 443\nAllow 127.0.0.1\n")):
        path = "/etc/tinyproxy/tinyproxy.conf" if port == 8888 else "/etc/tinyproxy/closed.conf"
        machine.write(path, f"User nobody\nPort {port}\nTimeout 60\n{rules}")
        machine.run(["tinyproxy", "-c", path])
    for port, rules in ((1080, ""), (1083, DANTE_SAFE)):
        path = "/etc/danted.conf" if port == 1080 else "/etc/danted-closed.conf"
        machine.write(path, DANTE.format(port=port, rules=rules))
        machine.run(["danted", "-D", "-p", f"/run/danted-{port}.pid", "-f", path])
    lab.run(host, ["microsocks", "-p", "1081"])
    lab.run(host, ["microsocks", "-p", "1082", "-u", "somebody", "-P", "secret"])
    wait_until(lambda: all(listens(machine, port) for port in OPEN_PROXIES | CLOSED_PROXIES), "the proxies")


def start_squid(machine: Machine, path: str, port: int, rules: str = "", options: Iterable[str] = ()) -> None:
    """A Squid that writes down when it takes connections."""
    machine.write(path, SQUID.format(port=port, rules=rules))
    machine.write(_squid_log(port), "", mode=0o666)
    machine.run(["squid", *options, "-f", path])


@contextlib.contextmanager
def read_anew(machine: Machine, port: int) -> Iterator[None]:
    """Wait until the Squid of this port has read its rules again, which the block tells it to do."""

    def times() -> int:
        return machine.read(_squid_log(port)).count(b"Accepting HTTP Socket connections")

    wait_until(lambda: times() > 0, f"Squid at {port}")
    before = times()
    yield
    wait_until(lambda: times() > before, f"Squid at {port} reads its rules anew")


def _squid_log(port: int) -> str:
    return f"/run/squid-{port}.log"


def missing() -> str:
    """Say in one sentence what an audit's lab needs and this machine has not."""
    programs = ("squid", "tinyproxy", "danted", "microsocks")
    absent = [name for name in programs if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    return f"the audit's lab needs {', '.join(absent)}: run tests/lab/packages.sh audit" if absent else ""


def forward(machine: Machine) -> dict[str, str]:
    """The alias of ours that leads to the sink, and the setting that names it."""
    mailbox = "audit@corp.test"
    machine.write("/etc/postfix/forwards", f"{mailbox} whosent-inbox@{SINK_NAME}\n")
    machine.run(["postconf", "-e", "virtual_alias_maps=texthash:/etc/postfix/forwards"])
    reload(machine)
    return {"WHOSENT_AUDIT__MAILBOX": mailbox}


def install_exim(machine: Machine) -> None:
    """Once, whichever test comes first."""
    if not machine.read("/etc/exim4/installed"):
        exim.install(machine)
        for name in ("mailboxes", "aliases", "users"):
            machine.write(f"/etc/exim4/{name}", "")
        machine.write("/etc/exim4/installed", "yes")


def restart_exim(machine: Machine) -> None:
    machine.run(["sh", "-c", "kill $(cat /run/exim4/exim-daemon.pid)"])
    wait_until(lambda: not listens(machine, 25), "the end of Exim")
    machine.run(["/usr/sbin/exim4", "-bd", "-oP", "/run/exim4/exim-daemon.pid"])
    wait_until(lambda: listens(machine, 25), "Exim's port")
