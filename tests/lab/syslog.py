"""Real rsyslog on a lab host: what its programs say becomes the host's mail.log, in the format asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.machine import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.lab.machine import Machine

TRADITIONAL = "RSYSLOG_TraditionalFileFormat"  # RFC 3164: what old and many current systems write
RFC3339 = "RSYSLOG_FileFormat"  # what Debian 12 and later write
RFC5424 = "RSYSLOG_SyslogProtocol23Format"

CONFIGURATION = """
global(net.enableDNS="off" workDirectory="/var/spool/rsyslog" debug.onShutdown="off")
main_queue(queue.type="Direct")
module(load="imuxsock" SysSock.UseSysTimeStamp="off" SysSock.RateLimit.Interval="0")
{outputs}
"""
OUTPUT = 'mail.* action(type="omfile" file="{file}" template="{template}" fileCreateMode="0644")\n'


def start_syslog(machine: Machine, files: Mapping[str, str]) -> None:
    """Start rsyslog on ``machine``; ``files`` maps each log file to the template it is written with."""
    outputs = "".join(OUTPUT.format(file=file, template=template) for file, template in files.items())
    machine.write("/etc/rsyslog.conf", CONFIGURATION.format(outputs=outputs))
    machine.run(["rsyslogd", "-f", "/etc/rsyslog.conf", "-i", "/run/rsyslogd.pid"])
    wait_until(machine.path("/dev/log").exists, f"{machine.name}'s /dev/log")
