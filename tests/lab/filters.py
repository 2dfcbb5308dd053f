"""Real content filters on the lab's MX: rspamd, spamd, Amavis with ClamAV, OpenDKIM, OpenDMARC, policies."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from tests.lab.machine import PATIENCE, LabError, wait_until
from tests.lab.mail import listens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.lab.machine import Machine

PROGRAMS = (
    "rspamd", "spamd", "spamc", "amavisd", "clamd", "clamav-milter", "opendkim", "opendkim-genkey", "opendmarc",
    "postgrey", "policyd-spf", "altermime",
)  # fmt: skip
PILLS = "Buy our pills now"  # what the lab's own rule of rspamd calls spam
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
VIRUS = "WHOSENT-LAB-MALWARE-TEST"  # what the lab's own signature of ClamAV finds

RSPAMD_LOG = "/var/log/rspamd/rspamd.log"
_RSPAMD_OFF = (
    "redis", "rbl", "fuzzy_check", "phishing", "dkim_signing", "arc", "ratelimit", "greylisting", "history_redis",
    "asn", "neural", "milter_headers", "mx_check", "dmarc", "replies", "reputation", "url_redirector", "hfilter",
)  # fmt: skip
_RSPAMD = {
    "logging.inc": '{logging}\nlevel = "info";\n',
    "options.inc": 'dns {{ nameserver = ["198.51.100.53"]; timeout = 0.3s; retransmits = 1; }}\n',
    "worker-normal.inc": "enabled = false;\n",
    "worker-controller.inc": 'bind_socket = "127.0.0.1:11334";\n',
    "worker-proxy.inc": (
        'bind_socket = "127.0.0.1:11332";\nmilter = yes;\ncount = 1;\n'
        'upstream "local" {{ default = yes; self_scan = yes; }}\n'
    ),
}
_RSPAMD_SYSLOG = 'type = "syslog";\nfacility = "mail";'
_RSPAMD_FILE = 'type = "file";\nfilename = "' + RSPAMD_LOG + '";'
_RSPAMD_RULE = f"""
config['regexp']['LAB_PILLS'] = {{ re = '/{PILLS}/i{{mime}}', score = 8.0, group = 'lab' }}
"""

_CLAMD = """
DatabaseDirectory /run/clamav-db
TCPSocket 3310
TCPAddr 127.0.0.1
LogSyslog yes
LogFacility LOG_MAIL
Foreground yes
User root
"""
_CLAMAV_MILTER = """
MilterSocket inet:7357@127.0.0.1
ClamdSocket tcp:127.0.0.1:3310
LogSyslog yes
LogFacility LOG_MAIL
LogInfected Full
LogClean Full
OnInfected Reject
Foreground yes
User root
"""
AMAVIS = """
use strict;
$MYHOME = '/run/amavis'; $TEMPBASE = "$MYHOME/tmp"; $db_home = "$MYHOME/db"; $QUARANTINEDIR = "$MYHOME/quarantine";
$pid_file = "$MYHOME/amavisd.pid"; $lock_file = "$MYHOME/amavisd.lock"; $helpers_home = $MYHOME;
$max_servers = 1; $enable_db = 0; $enable_global_cache = 0; $nanny_details_level = 0; $enable_zmq = 0;
$mydomain = 'corp.test'; @local_domains_acl = ('.corp.test'); @mynetworks = qw(127.0.0.0/8 10.77.0.0/24);
@bypass_virus_checks_maps = (0); @bypass_spam_checks_maps = (0);
$sa_local_tests_only = 1; $sa_spam_modifies_subj = 0;
$sa_tag_level_deflt = 2; $sa_tag2_level_deflt = 5; $sa_kill_level_deflt = 900; $sa_dsn_cutoff_level = 1000;
$final_spam_destiny = D_REJECT; $final_virus_destiny = D_DISCARD; $final_bad_header_destiny = D_PASS;
$virus_quarantine_to = undef; $spam_quarantine_to = undef; $virus_admin = undef; $spam_admin = undef;
$inet_socket_port = [10024, 10026]; $forward_method = 'smtp:[127.0.0.1]:10025'; $notify_method = $forward_method;
$interface_policy{'10026'} = 'ORIGINATING';
$policy_bank{'ORIGINATING'} = { originating => 1, final_spam_destiny => D_PASS };
@av_scanners = (['ClamAV-clamd', \\&ask_daemon, ["CONTSCAN {}\\n", "127.0.0.1:3310"],
  qr/\\bOK$/m, qr/\\bFOUND$/m, qr/^.*?: (?!Infected Archive)(.*) FOUND$/m]);
@av_scanners_backup = ();
1;
"""
_OPENDKIM = """
Domain corp.test
Selector lab
KeyFile /run/opendkim/lab.private
TestPublicKeys /run/opendkim/keys
Socket inet:8891@127.0.0.1
Mode sv
InternalHosts /run/opendkim/hosts
Syslog yes
SyslogSuccess yes
SyslogFacility mail
LogWhy yes
RequireSafeKeys false
"""
_OPENDMARC = """
AuthservID mx.corp.test
Socket inet:8893@127.0.0.1
Syslog true
SyslogFacility mail
SPFSelfValidate true
SPFIgnoreResults true
RejectFailures true
IgnoreAuthenticatedClients true
"""


def missing() -> str:
    """Name the filters that are not installed."""
    return ", ".join(name for name in PROGRAMS if not shutil.which(name, path="/usr/bin:/usr/sbin"))


@contextlib.contextmanager
def _running(machine: Machine, argv: Sequence[str], port: int, within: float = PATIENCE) -> Iterator[None]:
    process = machine.start(argv)
    try:
        wait_until(lambda: listens(machine, port) or process.poll() is not None, argv[0], within)
        if process.poll() is not None:
            sentence = f"{argv[0]} ended at once; try: {' '.join(argv)}"
            raise LabError(sentence)
        yield
    finally:
        if process.poll() is None:
            machine.stop(process)


@contextlib.contextmanager
def rspamd(machine: Machine, more: Mapping[str, str] | None = None, *, own_file: bool = False) -> Iterator[None]:
    """Rspamd as a milter on port 11332, without the world's help; to syslog, or as packaged to a file of its own.

    ``more``: files of ``local.d`` by name.
    """
    machine.run(["mkdir", "-p", "/run/rspamd-db", "/run/rspamd", "/var/log/rspamd"])
    machine.run(["chown", "-R", "_rspamd:_rspamd", "/run/rspamd-db", "/run/rspamd", "/var/log/rspamd"])
    for name, text in _RSPAMD.items():
        logging = _RSPAMD_FILE if own_file else _RSPAMD_SYSLOG
        machine.write(f"/etc/rspamd/local.d/{name}", text.format(logging=logging))
    for name in _RSPAMD_OFF:
        machine.write(f"/etc/rspamd/local.d/{name}.conf", "enabled = false;\n")
    for name, text in (more or {}).items():
        machine.write(f"/etc/rspamd/local.d/{name}", text)
    machine.write("/etc/rspamd/rspamd.local.lua", _RSPAMD_RULE)
    argv = ["rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "--var=DBDIR=/run/rspamd-db"]
    with _running(machine, argv, 11332):
        yield


@contextlib.contextmanager
def spamd(machine: Machine) -> Iterator[None]:
    """SpamAssassin's daemon on port 7830, local rules only."""
    argv = ["spamd", "-L", "-x", "-i", "127.0.0.1:7830", "-m", "2", "-s", "mail", "-u", "nobody"]
    with _running(machine, argv, 7830):
        yield


@contextlib.contextmanager
def clamd(machine: Machine) -> Iterator[None]:
    """ClamAV's daemon on port 3310 with one signature of our own, and that of the test file."""
    machine.run(["mkdir", "-p", "/run/clamav-db"])
    machine.write("/run/clamav-db/lab.ndb", f"Lab.Test.Marker:0:*:{VIRUS.encode().hex()}\n")
    machine.write("/run/clamav-db/lab.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Signature\n")
    machine.write("/etc/clamav/lab-clamd.conf", _CLAMD)
    with _running(machine, ["clamd", "-c", "/etc/clamav/lab-clamd.conf"], 3310):
        yield


@contextlib.contextmanager
def clamav_milter(machine: Machine, more: str = "") -> Iterator[None]:
    """ClamAV's milter on port 7357, with ``more`` settings; needs clamd."""
    machine.write("/etc/clamav/lab-milter.conf", _CLAMAV_MILTER + more)
    with _running(machine, ["clamav-milter", "-c", "/etc/clamav/lab-milter.conf"], 7357):
        yield


@contextlib.contextmanager
def amavis(machine: Machine, configuration: str = AMAVIS) -> Iterator[None]:
    """Amavis on ports 10024 (what comes in) and 10026 (what accounts hand in), back to 10025; needs clamd."""
    machine.run(["mkdir", "-p", *(f"/run/amavis/{name}" for name in ("tmp", "db", "quarantine", "var"))])
    machine.run(["chown", "-R", "amavis:amavis", "/run/amavis"])
    machine.write("/etc/amavis/conf.d/60-lab", configuration)
    with _running(machine, ["amavisd", "foreground"], 10026):
        yield


@contextlib.contextmanager
def opendkim(machine: Machine, hosts: str = "127.0.0.1\n10.77.0.0/24\n", more: str = "") -> Iterator[None]:
    """OpenDKIM on port 8891, with ``more`` settings: signs what ``hosts`` send as corp.test, knows one key."""
    machine.run(["mkdir", "-p", "/run/opendkim"])
    make_key(machine, "/run/opendkim")
    public = machine.read("/run/opendkim/lab.txt").decode().split('"')[1::2]
    machine.write("/run/opendkim/keys", f"lab._domainkey.corp.test {''.join(public)}\n")
    machine.write("/run/opendkim/hosts", hosts)
    machine.write("/etc/opendkim-lab.conf", _OPENDKIM + more)
    with _running(machine, ["opendkim", "-f", "-x", "/etc/opendkim-lab.conf"], 8891):
        yield


def make_key(machine: Machine, folder: str) -> None:
    """A key of corp.test: lab.private, and lab.txt for the DNS."""
    machine.run(["opendkim-genkey", "-D", folder, "-d", "corp.test", "-s", "lab"])


@contextlib.contextmanager
def opendmarc(machine: Machine) -> Iterator[None]:
    """OpenDMARC on port 8893, with an SPF check of its own."""
    machine.write("/etc/opendmarc-lab.conf", _OPENDMARC)
    with _running(machine, ["opendmarc", "-f", "-c", "/etc/opendmarc-lab.conf"], 8893):
        yield


@contextlib.contextmanager
def postgrey(machine: Machine) -> Iterator[None]:
    """Postgrey on port 10023 that lets senders wait a second."""
    machine.run(["mkdir", "-p", "/run/postgrey"])
    machine.run(["chown", "postgrey", "/run/postgrey"])
    pid = "/run/postgrey/pid"  # it speaks to syslog only as a daemon
    machine.run(["postgrey", "--inet=127.0.0.1:10023", "--delay=1", "--dbdir=/run/postgrey", f"--pidfile={pid}", "-d"])
    wait_until(lambda: listens(machine, 10023), "postgrey")
    try:
        yield
    finally:
        machine.run(["sh", "-c", f"kill $(cat {pid})"])
