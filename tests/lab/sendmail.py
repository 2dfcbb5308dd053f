"""Real Sendmail on a lab host, beside the Postfix that the machine has installed: an MX with submission, a null client.

Debian's packages push each other out, so Sendmail's are unpacked into a folder (``packages.sh sendmail``) and laid over
``/usr`` in the host's own mount namespace; nothing outside the host sees it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.machine import wait_until
from tests.lab.mail import DOMAIN, listens
from tests.lab.network import WEB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.lab.machine import Machine

UNPACKED = Path("/opt/whosent-lab/sendmail")
BINARY = "/usr/libexec/sendmail/sendmail"
QUEUE = "/var/spool/mqueue"
CLIENT_QUEUE = "/var/spool/mqueue-client"

MTA = """divert(0)dnl
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confDOMAIN_NAME', `{name}')dnl
define(`confTO_IDENT', `0s')dnl
define(`confPRIVACY_FLAGS', `authwarnings,needmailhelo,restrictqrun,restrictexpand,nobodyreturn')dnl
define(`confAUTH_MECHANISMS', `LOGIN PLAIN')dnl
TRUST_AUTH_MECH(`LOGIN PLAIN')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`access_db', , `skip')dnl
define(`LOCAL_MAILER_PATH', `/usr/bin/tee')dnl
define(`LOCAL_MAILER_ARGS', `tee -a /var/mail/$u')dnl
{more}MAILER_DEFINITIONS
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
DAEMONS = """DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port=smtp')dnl
DAEMON_OPTIONS(`Family=inet, Name=MSP-v4, Port=submission, M=Ea')dnl
"""
NULL_CLIENT = f"""DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port=smtp, Addr=127.0.0.1')dnl
define(`SMART_HOST', `[mx.{DOMAIN}]')dnl
"""
MSP = """divert(0)dnl
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-msp')dnl
define(`confDOMAIN_NAME', `{name}')dnl
define(`confTO_IDENT', `0s')dnl
FEATURE(`msp', `[127.0.0.1]', `25')dnl
"""

# What the packages' own scripts would have done, without the packages.
INSTALL = f"""
set -e
mkdir -p /run/usr /run/usr-work /run/spool /run/spool-work /run/var-lib /run/var-lib-work
mount -t overlay -o lowerdir={UNPACKED}/usr:/usr,upperdir=/run/usr,workdir=/run/usr-work overlay /usr
mount -t overlay -o lowerdir=/var/spool,upperdir=/run/spool,workdir=/run/spool-work overlay /var/spool
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/var-lib,workdir=/run/var-lib-work overlay /var/lib
cp -a {UNPACKED}/etc/mail /etc/
echo 'smmta:x:141:' >>/etc/group
echo 'smmsp:x:142:' >>/etc/group
echo 'smmta:x:141:141::/var/lib/sendmail:/usr/sbin/nologin' >>/etc/passwd
echo 'smmsp:x:142:142::/var/lib/sendmail:/usr/sbin/nologin' >>/etc/passwd
chgrp smmsp {BINARY}; chmod 2755 {BINARY}
for name in sbin/sendmail bin/mailq bin/newaliases bin/hoststat bin/purgestat; do ln -sf {BINARY} /usr/$name; done
ln -sf /usr/libexec/sendmail/makemap /usr/sbin/makemap
mkdir -p {QUEUE} {CLIENT_QUEUE} /var/lib/sendmail /run/sendmail/mta /run/sendmail/msp /run/sendmail/stampdir
chown smmta:smmsp {QUEUE} /var/lib/sendmail /run/sendmail/mta; chmod 2750 {QUEUE}
chown smmsp:smmsp {CLIENT_QUEUE} /run/sendmail/msp; chmod 2770 {CLIENT_QUEUE}
touch /etc/mail/local-host-names /etc/mail/relay-domains /etc/mail/trusted-users
printf 'root\\ndaemon\\n' >/etc/mail/trusted-users
printf 'MAILER-DAEMON: postmaster\\npostmaster: root\\n' >/etc/mail/aliases
"""
SASL = """pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
"""


def install(machine: Machine) -> None:
    """Put Sendmail in the place of the machine's own Postfix, on this host alone."""
    machine.run(["sh", "-c", INSTALL])


def configure(machine: Machine, more: str) -> None:
    """Write the configuration of the MTA and of the submission program from their macros."""
    name = f"{machine.name}.{DOMAIN}"
    for file, macros in (("sendmail", MTA), ("submit", MSP)):
        machine.write(f"/etc/mail/{file}.mc", macros.format(name=name, more=more))
        machine.run(["sh", "-c", f"m4 /etc/mail/{file}.mc >/etc/mail/{file}.cf"])
    machine.run(["sh", "-c", "touch /etc/mail/access; makemap hash /etc/mail/access </etc/mail/access; newaliases"])


def start_mx(machine: Machine, passwords: Mapping[str, str], mailboxes: Iterable[str] = ()) -> None:
    """Start the MX: port 25 for the world, 587 for accounts; a mailbox for every account and address given."""
    install(machine)
    for address in (*passwords, *mailboxes):
        user = address.partition("@")[0]
        machine.run(["sh", "-c", 'id "$1" 2>/dev/null || useradd -m -d "/var/mail/home-$1" "$1"', "_", user])
    machine.write("/etc/sasl2/Sendmail.conf", SASL)
    for address, password in passwords.items():
        user, _, realm = address.partition("@")
        machine.run(["saslpasswd2", "-p", "-c", "-u", realm, user], password)
    machine.write("/etc/mail/local-host-names", f"{DOMAIN}\nmx.{DOMAIN}\n")
    machine.write("/etc/mail/relay-domains", f"{WEB}\n")
    configure(machine, DAEMONS)
    start(machine)
    wait_until(lambda: listens(machine, 587), "the MX's submission port")


def start_null_client(machine: Machine) -> None:
    """Start a Sendmail that accepts local mail only and hands everything to the MX."""
    install(machine)
    configure(machine, NULL_CLIENT)
    start(machine)


def start(machine: Machine) -> None:
    """Start the daemon and the runner of the submission queue, under the names that Debian gives them."""
    machine.run([BINARY, "-Am", "-L", "sm-mta", "-bd", "-q1h"])
    machine.run([BINARY, "-Ac", "-L", "sm-msp-queue", "-q1h"])
    wait_until(lambda: listens(machine, 25), f"{machine.name}'s SMTP port")


def restart(machine: Machine) -> None:
    """Let the daemon read its configuration again."""
    machine.run(["sh", "-c", "kill $(head -n1 /run/sendmail/mta/sendmail.pid)"])
    wait_until(lambda: not listens(machine, 25), f"{machine.name}'s SMTP port to close")
    machine.run([BINARY, "-Am", "-L", "sm-mta", "-bd", "-q1h"])
    wait_until(lambda: listens(machine, 25), f"{machine.name}'s SMTP port")


def access(machine: Machine, entries: str) -> None:
    """Write the access map; Sendmail asks it anew each time."""
    machine.write("/etc/mail/access", entries)
    machine.run(["sh", "-c", "makemap hash /etc/mail/access </etc/mail/access"])


def reconfigure(machine: Machine, more: str) -> None:
    """Restart an MX with other features."""
    configure(machine, DAEMONS + more)
    restart(machine)


def run_queue(machine: Machine) -> None:
    """Try everything that is queued again, now."""
    machine.run([BINARY, "-Ac", "-L", "sm-msp-queue", "-q"])
    machine.run([BINARY, "-Am", "-L", "sm-mta", "-q"])


def control_files(machine: Machine) -> list[str]:
    """The control files of the MTA's queue."""
    return machine.run(["sh", "-c", f"find {QUEUE} -name '[qh]f?*' -type f"]).split()


def idle(machine: Machine) -> bool:
    """Say whether no queued message is just being tried, and so locked: mailq marks those with a star."""
    return not re.search(r"^[0-9A-Za-z]{14}\*", machine.run(["sh", "-c", "mailq -Am"]), re.MULTILINE)


def queue_is_empty(machine: Machine) -> bool:
    """Say whether neither queue holds a message."""
    return not machine.run(["sh", "-c", f"ls {QUEUE} {CLIENT_QUEUE} | grep '^.f' || true"]).strip()
