"""Real rsyslog on a lab host: what its programs say becomes the host's mail.log, in the format asked for."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tests.lab.machine import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.lab.machine import Machine

TRADITIONAL = "RSYSLOG_TraditionalFileFormat"  # RFC 3164: what old and many current systems write
RFC3339 = "RSYSLOG_FileFormat"  # what Debian 12 and later write
RFC5424 = "RSYSLOG_SyslogProtocol23Format"

MARKS = "/var/log/lab-marks"  # what was said last, said by the lab itself
_numbers = count()

CONFIGURATION = """
global(net.enableDNS="off" workDirectory="/var/spool/rsyslog" parser.permitSlashInProgramName="{slash}")
main_queue(queue.type="Direct")
module(load="imuxsock" SysSock.UseSysTimeStamp="off" SysSock.RateLimit.Interval="0")
local7.* action(type="omfile" file="{marks}")
{outputs}
"""
FORWARD = """*.* action(type="omfwd" target="{host}" port="{port}" protocol="{protocol}" {framing}
  template="RSYSLOG_ForwardFormat")
"""
OUTPUT = 'mail.* action(type="omfile" file="{file}" template="{template}" fileCreateMode="0644")\n'


def forward_syslog(machine: Machine, files: Mapping[str, str], host: str, udp: int, tcp: int) -> None:
    """Start rsyslog anew so that what it hears also goes to ``host``, over UDP and over TCP with octet counts."""
    stop_syslog(machine)
    counted = 'TCP_Framing="octet-counted"'
    more = FORWARD.format(host=host, port=udp, protocol="udp", framing="")
    more += FORWARD.format(host=host, port=tcp, protocol="tcp", framing=counted)
    start_syslog(machine, files, more=more)


def start_syslog(machine: Machine, files: Mapping[str, str], *, slash: bool = False, more: str = "") -> None:
    """Start rsyslog on ``machine``; ``files`` maps each log file to the template it is written with.

    Unless ``slash`` is set, rsyslog ends a program's name at its first slash where the template asks for the name
    alone: RFC 5424 lines then say "postfix" for every daemon of Postfix. That is its default.
    """
    outputs = "".join(OUTPUT.format(file=file, template=template) for file, template in files.items()) + more
    machine.write(
        "/etc/rsyslog.conf", CONFIGURATION.format(outputs=outputs, slash="on" if slash else "off", marks=MARKS)
    )
    machine.run(["rsyslogd", "-f", "/etc/rsyslog.conf", "-i", "/run/rsyslogd.pid"])
    wait_until(machine.path("/dev/log").exists, f"{machine.name}'s /dev/log")


def written(machine: Machine) -> None:
    """Wait until rsyslog has written all that was said before: it takes one message after the other."""
    mark = f"mark-{next(_numbers)}."
    machine.run(["logger", "-p", "local7.info", mark])
    wait_until(lambda: mark.encode() in machine.read(MARKS), f"rsyslog on {machine.name}")


def stop_syslog(machine: Machine) -> None:
    """End rsyslog and wait until its socket is gone."""
    machine.run(["sh", "-c", "kill $(cat /run/rsyslogd.pid); rm -f /dev/log"])
    wait_until(lambda: not machine.path("/run/rsyslogd.pid").exists(), "rsyslog's end")
