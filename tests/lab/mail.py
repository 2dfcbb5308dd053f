"""Real Postfix and Dovecot on lab hosts: an MX with submission and mailboxes, and a null client behind it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab.machine import wait_until
from tests.lab.network import WEB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.lab.machine import Machine

DOMAIN = "corp.test"
MAILBOXES = "/var/mail/virtual"
MAIL_UID = 5000

MX_MAIN = f"""
compatibility_level = 3.6
myhostname = mx.{DOMAIN}
mydomain = {DOMAIN}
mydestination = localhost
mynetworks = 127.0.0.0/8 {WEB}/32
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_domains = {DOMAIN} web.{DOMAIN}
virtual_mailbox_base = {MAILBOXES}
virtual_mailbox_maps = texthash:/etc/postfix/mailboxes
virtual_uid_maps = static:{MAIL_UID}
virtual_gid_maps = static:{MAIL_UID}
enable_long_queue_ids = yes
smtpd_error_sleep_time = 0
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
"""

NULL_CLIENT_MAIN = f"""
compatibility_level = 3.6
myhostname = web.{DOMAIN}
myorigin = $myhostname
mydestination =
relayhost = [mx.{DOMAIN}]
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
"""

DOVECOT = f"""
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
listen = *
first_valid_uid = 500
mail_location = maildir:{MAILBOXES}/%d/%n
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/dovecot/users
}}
userdb {{
  driver = static
  args = uid={MAIL_UID} gid={MAIL_UID} home={MAILBOXES}/%d/%n
}}
service auth {{
  unix_listener /var/spool/postfix/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

SUBMISSION = (
    "smtpd_sasl_auth_enable=yes",
    "smtpd_client_restrictions=",
    "smtpd_recipient_restrictions=permit_sasl_authenticated,reject",
)


def start_mx(machine: Machine, passwords: Mapping[str, str], mailboxes: Iterable[str] = ()) -> None:
    """Start the MX: port 25 for the world, 587 for accounts, IMAP; a mailbox for every account and address given."""
    addresses = [*passwords, *mailboxes]
    lines = "".join(f"{address} {address.split('@')[1]}/{address.split('@')[0]}/\n" for address in addresses)
    machine.write("/etc/postfix/mailboxes", lines)
    machine.run(["mkdir", "-p", MAILBOXES])
    machine.run(["chown", f"{MAIL_UID}:{MAIL_UID}", MAILBOXES])
    prepare_postfix(machine, MX_MAIN)
    add_smtpd(machine, "submission", SUBMISSION, name="postfix/submission")
    start_postfix(machine)
    start_dovecot(machine, passwords)
    wait_until(lambda: listens(machine, 587), "the MX's submission port")
    wait_until(lambda: listens(machine, 143), "the MX's IMAP port")


def prepare_postfix(machine: Machine, main: str) -> None:
    """Write a Postfix configuration with Debian's services, none of them in a chroot."""
    machine.run(["cp", "/usr/share/postfix/master.cf.dist", "/etc/postfix/master.cf"])
    machine.write("/etc/postfix/main.cf", main)
    machine.run(["postconf", "-F", "*/*/chroot=n"])


def add_smtpd(machine: Machine, service: str, settings: Iterable[str], name: str = "") -> None:
    """Add one more SMTP service with its own settings and, if given, its own name in the log."""
    machine.run(["postconf", "-M", f"{service}/inet={service} inet n - n - - smtpd"])
    wanted = [f"syslog_name={name}", *settings] if name else list(settings)
    for setting in wanted:
        machine.run(["postconf", "-P", f"{service}/inet/{setting}"])


def start_postfix(machine: Machine) -> None:
    """Start Postfix and wait for its SMTP port."""
    machine.run(["postfix", "start"])
    wait_until(lambda: listens(machine, 25), f"{machine.name}'s SMTP port")


def start_dovecot(machine: Machine, passwords: Mapping[str, str], more: str = "") -> None:
    """Start Dovecot: IMAP for people, and the password check for Postfix; ``more`` are settings for a restart."""
    users = "".join(f"{account}:{password}\n" for account, password in passwords.items())
    machine.write("/etc/dovecot/users", users)
    machine.write("/etc/dovecot/lab.conf", DOVECOT + more)
    machine.run(["dovecot", "-c", "/etc/dovecot/lab.conf"])
    wait_until(machine.path("/var/spool/postfix/private/auth").exists, "Dovecot's password check")


def start_null_client(machine: Machine) -> None:
    """Start a Postfix that accepts local mail only and hands everything to the MX."""
    prepare_postfix(machine, NULL_CLIENT_MAIN)
    start_postfix(machine)


def listens(machine: Machine, port: int) -> bool:
    """Say whether something on ``machine`` accepts connections to ``port``."""
    return bool(machine.run(["ss", "-Hltn", f"sport = :{port}"], check=False).strip())


@contextlib.contextmanager
def heeded(machine: Machine) -> Iterator[None]:
    """Wait until no SMTP server is left of those that ran before the block, which lets Postfix reload: all is new."""
    smtpd = ["pgrep", "-x", "smtpd|cleanup|pickup"]
    old = set(machine.run(smtpd, check=False).split())
    yield
    wait_until(lambda: not old & set(machine.run(smtpd, check=False).split()), f"{machine.name}'s reload of Postfix")


def reload(machine: Machine) -> None:
    """Let Postfix read its configuration again, and wait until it has."""
    with heeded(machine):
        machine.run(["postfix", "reload"])


def empty_queue(machine: Machine) -> None:
    """Delete every message; what is moved just then is missed by one look, and not by the next."""

    def emptied() -> bool:
        machine.run(["postsuper", "-d", "ALL"])
        return queue_is_empty(machine)

    wait_until(emptied, f"{machine.name}'s empty queue")


def queue_is_empty(machine: Machine) -> bool:
    """Say whether the Postfix of ``machine`` has nothing left to do."""
    return not machine.run(["postqueue", "-j"]).strip()
