"""Samples of trouble without a break-in: forwarded spam, bounces and answers to strangers, loops, our own name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.mail import MAIL_UID, MAILBOXES, start_dovecot
from tests.lab.network import MX, WEB
from tests.lab.studio import BOB, CAROL, PASSWORDS, letter

if TYPE_CHECKING:
    from tests.lab.machine import Machine
    from tests.lab.studio import Studio

SIEVE = f"""
protocols = imap lmtp
mail_plugins =
protocol lmtp {{
  mail_plugins = sieve
}}
service lmtp {{
  unix_listener /var/spool/postfix/private/dovecot-lmtp {{
    mode = 0600
    user = postfix
    group = postfix
  }}
}}
plugin {{
  sieve = file:{MAILBOXES}/%d/%n.sieve
}}
mail_uid = {MAIL_UID}
mail_gid = {MAIL_UID}
postmaster_address = postmaster@corp.test
"""
VACATION = 'require ["vacation"];\nvacation :days 1 :addresses ["bob@corp.test"] "I am away.";\n'
REDIRECT = 'redirect :copy "{}";\n'


def forwarded_spam(studio: Studio) -> None:
    """An alias leads outside; the provider refuses what strangers send there; the bounce goes to a forged sender."""
    studio.lab.world.answer({"spam@bigmail.test": "policy", "forged@isp.test": "unknown"})
    studio.lab.host("mx").write("/etc/postfix/forwards", "old@corp.test spam@bigmail.test\n")
    studio.settings("virtual_alias_maps=texthash:/etc/postfix/forwards")
    with studio.take("postfix/forwarded-spam.log", ": removed", times=2):
        studio.arrive("old@corp.test", sender="forged@isp.test")
    studio.settings("virtual_alias_maps=")


def backscatter(studio: Studio) -> None:
    """Unknown users are accepted and returned later, to a sender who never wrote."""
    studio.lab.world.answer({"forged@isp.test": "unknown"})
    studio.settings("smtpd_reject_unlisted_recipient=no")
    with studio.take("postfix/backscatter.log", ": removed", times=2):
        studio.arrive("nobody@corp.test", sender="forged@isp.test")
    studio.settings("smtpd_reject_unlisted_recipient=yes")


def sieve(studio: Studio) -> None:
    """Dovecot's Sieve answers for bob, and sends carol's mail on; the provider refuses it."""
    mx = studio.lab.host("mx")
    studio.lab.world.answer({"carol.home@bigmail.test": "policy", "forged@isp.test": "unknown"})
    mx.run(["doveadm", "-c", "/etc/dovecot/lab.conf", "stop"])
    write_script(mx, "bob", VACATION)
    write_script(mx, "carol", 'require ["copy"];\n' + REDIRECT.format("carol.home@bigmail.test"))
    start_dovecot(mx, PASSWORDS, SIEVE)
    studio.settings("virtual_transport=lmtp:unix:private/dovecot-lmtp")
    with studio.take("postfix/sieve-vacation.log", ": removed", times=2):
        studio.arrive(BOB, sender="forged@isp.test")
    with studio.take("postfix/sieve-redirect.log", ": removed", times=3):
        studio.arrive(CAROL, sender="forged@isp.test")
    studio.settings("virtual_transport=virtual")
    mx.run(["doveadm", "-c", "/etc/dovecot/lab.conf", "stop"])
    start_dovecot(mx, PASSWORDS)


def write_script(mx: Machine, user: str, script: str) -> None:
    """Give a mailbox its Sieve script, readable for Dovecot alone."""
    path = f"{MAILBOXES}/corp.test/{user}.sieve"
    mx.run(["mkdir", "-p", f"{MAILBOXES}/corp.test"])
    mx.write(path, script)
    mx.run(["sievec", "-c", "/etc/dovecot/lab.conf", path], check=False)
    mx.run(["chown", "-R", f"{MAIL_UID}:{MAIL_UID}", f"{MAILBOXES}/corp.test"])


def loops(studio: Studio) -> None:
    """A domain whose MX we are and do not know; two hosts that take each other for its home; a forward to itself."""
    mx, web = studio.lab.host("mx"), studio.lab.host("web")
    studio.settings("virtual_mailbox_domains=web.corp.test", "relay_domains=corp.test")
    with studio.take("postfix/loops-back-to-myself.log", ": removed", times=2):
        studio.arrive(BOB)
    studio.settings("virtual_mailbox_domains=corp.test web.corp.test", "relay_domains=round.test", "hopcount_limit=6")
    mx.write("/etc/postfix/transport", f"round.test smtp:[{WEB}]\n")
    studio.settings("transport_maps=texthash:/etc/postfix/transport")
    web.run(["postconf", "-e", "inet_interfaces=all", f"mynetworks=127.0.0.0/8 {MX}/32"])
    web.run(["postfix", "stop"])
    web.run(["postfix", "start"])
    with (
        studio.take("postfix/too-many-hops.log", "hopcount exceeded"),
        studio.take("postfix/too-many-hops-web.log", "too many hops.*(?s:.*): removed", host="web"),
    ):
        studio.arrive("team@round.test")
    web.run(["postconf", "-e", "inet_interfaces=loopback-only", "mynetworks=127.0.0.0/8"])
    web.run(["postfix", "stop"])
    web.run(["postfix", "start"])
    studio.settings("transport_maps=", "relay_domains=", "hopcount_limit=50")
    mx.write("/etc/postfix/forward.games", "games@localhost\n")
    studio.settings("forward_path=/etc/postfix/forward.${user}")
    looping = letter(BOB, "games@localhost", extra="Delivered-To: games@localhost\r\n")
    with studio.take("postfix/forwarding-loop.log", "forwarding loop"):
        mx.run(["/usr/sbin/sendmail", "-f", BOB, "games@localhost"], looping)
    studio.settings("forward_path=")


def own_name(studio: Studio) -> None:
    """A stranger writes to bob in bob's own name, and is let in."""
    with studio.take("postfix/own-name.log", ": removed"):
        studio.arrive(BOB, sender=BOB)


TAKES = (forwarded_spam, backscatter, own_name, loops, sieve)
