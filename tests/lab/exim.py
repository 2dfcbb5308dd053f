"""Real Exim on lab hosts, in the place of the machine's Postfix: an MX with submission and mailboxes, a null client.

Debian's mail servers push each other out, so Exim's packages are unpacked (``packages.sh exim``) and laid over
``/usr/sbin`` in the host's own mount namespace; nothing outside the host sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.lab.machine import wait_until
from tests.lab.mail import DOMAIN, listens
from tests.lab.network import WEB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.lab.machine import Machine

UNPACKED: Final = Path("/opt/whosent-lab/exim")
MAIN_LOG: Final = "/var/log/exim4/mainlog"
REJECT_LOG: Final = "/var/log/exim4/rejectlog"
CPANEL: Final = (  # what cPanel's Exim logs
    "+incoming_port +smtp_connection +all_parents +retry_defer +subject +arguments +received_recipients"
)
EVERYTHING: Final = "+all -skip_delivery -queue_run"
USERS: Final = "/etc/exim4/users"

INSTALL: Final = f"""
set -e
mount -t overlay -o lowerdir={UNPACKED}/usr/sbin:/usr/sbin overlay /usr/sbin
echo 'Debian-exim:x:1099:' >>/etc/group
echo 'Debian-exim:x:1099:1099::/run/exim4:/usr/sbin/nologin' >>/etc/passwd
mkdir -p /etc/exim4/lists /run/exim4 /var/log/exim4
chown Debian-exim: /run/exim4 /var/log/exim4
"""

CONFIGURATION: Final = """
primary_hostname = {name}
qualify_domain = {qualify}
spool_directory = /run/exim4
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
keep_environment =
disable_ipv6 = true
rfc1413_query_timeout = 0s
local_from_check = false
untrusted_set_sender = *
trusted_users = {trusted}
daemon_smtp_ports = {ports}
local_interfaces = {interfaces}
domainlist local_domains = {local}
hostlist relay_from_hosts = {relay}
tls_advertise_hosts = {tls}
auth_advertise_hosts = ${{if eq{{$received_port}}{{587}}{{*}}{{}}}}
log_selector = {selector}
log_file_path = {log}
smtp_accept_max_nonmail = 50
smtp_accept_max = 200
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 1000
remote_max_parallel = 1
acl_smtp_connect = acl_connect
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
acl_not_smtp = acl_local
{more}
begin acl
acl_connect:
  defer message = Host is ratelimited
        hosts = {slow}
  accept
acl_rcpt:
{first}
  accept authenticated = *
  accept hosts = +relay_from_hosts
  require message = SMTP AUTH is required for message submission on port 587
          condition = ${{if !eq{{$received_port}}{{587}}}}
  deny message = "JunkMail rejected - $sender_fullhost is in an RBL: see $dnslist_domain"
       dnslists = dnsbl.test
  deny message = relay not permitted
       ! domains = +local_domains
  require verify = recipient
  accept
acl_data:
  deny message = This message contains a forbidden word
       condition = ${{if match{{$h_subject:}}{{forbidden}}}}
{identify}
  accept
acl_local:
{identify}
  accept
begin routers
{smarthost}
remote:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote_smtp
  ignore_target_hosts = 127.0.0.0/8
  no_more
blackhole:
  driver = redirect
  local_parts = void
  data = :blackhole:
aliases:
  driver = redirect
  data = ${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/aliases}}}}
  allow_fail
  allow_defer
  pipe_transport = address_pipe
  file_transport = address_file
  reply_transport = address_reply
mailbox:
  driver = accept
  condition = ${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/mailboxes}}{{yes}}{{no}}}}
  transport = local_delivery
  cannot_route_message = No Such User Here
begin transports
remote_smtp:
  driver = smtp
  hosts_try_chunking =
  hosts_try_prdr =
address_pipe:
  driver = pipe
  user = nobody
  group = nogroup
  path = /bin:/usr/bin
address_file:
  driver = appendfile
  user = nobody
  group = nogroup
address_reply:
  driver = autoreply
local_delivery:
  driver = appendfile
  file = /var/mail/${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/mailboxes}}}}
  user = mail
  group = mail
  no_check_owner
  no_mode_fail_narrower
begin retry
* * F,2h,1s
begin authenticators
dovecot_plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{${{lookup{{$auth2}}lsearch{{/etc/exim4/users}}}}}}{{$auth3}}}}
  server_set_id = $auth2
dovecot_login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{${{lookup{{$auth1}}lsearch{{/etc/exim4/users}}}}}}{{$auth2}}}}
  server_set_id = $auth1
"""
IDENTIFY: Final = (
    "  warn logwrite = Sender identification U=${if def:authenticated_id{${local_part:$authenticated_id}}"
    "{$sender_ident}} D=${domain:$sender_address} S=$sender_address"
)
SMARTHOST: Final = """smarthost:
  driver = manualroute
  domains = ! +local_domains
  route_list = * mx.corp.test
  transport = remote_smtp
  no_more
"""


@dataclass(frozen=True)
class Settings:
    """What differs between one Exim and another."""

    name: str = f"mx.{DOMAIN}"
    qualify: str = DOMAIN
    ports: str = "25 : 587"
    interfaces: str = "0.0.0.0"
    local: str = f"{DOMAIN} : web.{DOMAIN} : mx.{DOMAIN}"
    relay: str = f"127.0.0.1 : {WEB}"
    trusted: str = "root"
    selector: str = ""
    log: str = "/var/log/exim4/%slog"
    slow: str = ""
    tls: str = ""
    first: str = ""  # of the rules for RCPT
    identify: str = ""
    smarthost: str = ""
    more: str = ""


NULL_CLIENT: Final = Settings(
    name=f"web.{DOMAIN}", qualify=f"web.{DOMAIN}", ports="25", interfaces="127.0.0.1", local="", smarthost=SMARTHOST
)


def install(machine: Machine) -> None:
    """Put Exim in the place of Postfix, on this host alone."""
    machine.run(["sh", "-c", INSTALL])


def configure(machine: Machine, settings: Settings) -> None:
    """Write the configuration and let the daemon, if there is one, take notice of it."""
    machine.write("/etc/exim4/exim4.conf", CONFIGURATION.format(**vars(settings)))
    machine.run(["exim4", "-C", "/etc/exim4/exim4.conf", "-bV"])
    running = machine.run(["sh", "-c", "cat /run/exim4/exim-daemon.pid 2>/dev/null || true"]).strip()
    if running:
        machine.run(["kill", running])
        wait_until(lambda: not listens(machine, 25), "the end of Exim")
    machine.run(["/usr/sbin/exim4", "-bd", "-oP", "/run/exim4/exim-daemon.pid"])
    wait_until(lambda: listens(machine, 25), "Exim's port")


def start_mx(
    machine: Machine, passwords: Mapping[str, str], mailboxes: Iterable[str], settings: Settings | None = None
) -> None:
    """Start Exim as the organisation's MX and its submission server; ``passwords`` are its accounts."""
    install(machine)
    machine.write(USERS, "".join(f"{account}: {password}\n" for account, password in passwords.items()))
    machine.write("/etc/exim4/mailboxes", "".join(f"{address}: {address}\n" for address in (*passwords, *mailboxes)))
    machine.write("/etc/exim4/aliases", "")
    configure(machine, settings or Settings())


def start_null_client(machine: Machine, settings: Settings | None = None) -> None:
    """Start Exim as a host that hands all its mail to the MX."""
    install(machine)
    machine.write(USERS, "")
    machine.write("/etc/exim4/mailboxes", "")
    machine.write("/etc/exim4/aliases", "")
    configure(machine, settings or NULL_CLIENT)


def idle(machine: Machine) -> bool:
    """Say whether no message is just being delivered: nothing runs but the daemon."""
    return len(machine.run(["pgrep", "-x", "exim4"], check=False).split()) <= 1


def queue_is_empty(machine: Machine) -> bool:
    """Say whether nothing waits on ``machine``."""
    return machine.run(["exim4", "-bpc"]).strip() == "0"
