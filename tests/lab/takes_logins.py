"""Samples of Dovecot: logins and failures by IMAP and POP3, with TLS, and what it says when asked to say more."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.lab.machine import wait_until
from tests.lab.mail import listens, start_dovecot
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act
from tests.lab.studio import BOB, CAROL, OUTSIDER, PASSWORDS

if TYPE_CHECKING:
    from tests.lab.studio import Studio

TALKATIVE = """
auth_verbose = yes
protocols = imap pop3
ssl = yes
ssl_cert = </etc/dovecot/cert.pem
ssl_key = </etc/dovecot/key.pem
"""


def login(studio: Studio) -> None:
    """Two people look at their mail, one from outside."""
    near = Act(0, "imap", f"{LAN}.101", MX, 143, user=BOB, password=PASSWORDS[BOB])
    far = Act(0, "imap", OUTSIDER, PUBLIC, 143, user=CAROL, password=PASSWORDS[CAROL])
    with studio.take("dovecot/login.log", "Logged out", times=2):
        studio.play(near)
        studio.play(far, host="out")


def failure(studio: Studio) -> None:
    """A wrong password, an unknown account, a client that never tries, one that hangs up at once."""
    with studio.take("dovecot/failure.log", "imap-login: ", times=4):
        for user in (BOB, "admin"):
            studio.play(Act(0, "imap", OUTSIDER, PUBLIC, 143, user=user, password="wrong"), host="out")
        studio.say([b"1 NOOP\r\n", b"2 LOGOUT\r\n"], port=143)
        studio.say([], port=143)


def talkative(studio: Studio) -> None:
    """With auth_verbose, TLS and POP3: the reasons of failures, logins with TLS, POP3 sessions."""
    mx = studio.lab.host("mx")
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=mx.corp.test"
    mx.run(["sh", "-c", f"{request} -keyout /etc/dovecot/key.pem -out /etc/dovecot/cert.pem 2>/dev/null"])
    mx.run(["doveadm", "-c", "/etc/dovecot/lab.conf", "stop"])
    start_dovecot(mx, PASSWORDS, TALKATIVE)
    wait_until(lambda: listens(mx, 110), "the POP3 port")
    with studio.take("dovecot/auth-verbose.log", "imap-login: ", times=2):
        for user in (BOB, "admin"):
            studio.play(Act(0, "imap", OUTSIDER, PUBLIC, 143, user=user, password="wrong"), host="out")
    script = (
        "import imaplib, ssl; c = imaplib.IMAP4('10.77.0.10'); c.starttls(ssl._create_unverified_context()); "
        f"c.login('{BOB}', '{PASSWORDS[BOB]}'); c.logout()"
    )
    with studio.take("dovecot/login-tls.log", "Logged out"):
        studio.lab.host("lan").run(["/usr/bin/env", "python3", "-c", script])
    plain = base64.b64encode(f"\0{BOB}\0{PASSWORDS[BOB]}".encode())
    with studio.take("dovecot/pop3.log", "(Logged out|Aborted)", times=2):
        studio.say([b"AUTH PLAIN " + plain + b"\r\n", b"STAT\r\n", b"QUIT\r\n"], port=110)
        studio.say([b"USER bob@corp.test\r\n", b"PASS wrong\r\n", b"QUIT\r\n"], port=110)


TAKES = (login, failure, talkative)
