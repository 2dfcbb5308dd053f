"""Samples of Sendmail: how mail comes in, what becomes of it, what is refused, what strangers write into its log."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.lab import sendmail
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act
from tests.lab.studio import BOB, CAROL, OUTSIDER, PASSWORDS

if TYPE_CHECKING:
    from tests.lab.studio import Studio

CALL = ("runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-i")
LONG_LIST = tuple(f"reader-of-the-quarterly-letter-{number:03}@bigmail.test" for number in range(40))
CERTIFICATE = """openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.corp.test \\
  -keyout /etc/mail/tls/key.pem -out /etc/mail/tls/cert.pem 2>/dev/null; chmod 600 /etc/mail/tls/*"""
TLS_CLIENT = """(while read -r line; do printf '%s\\r\\n' "$line"; sleep 0.1; done) |
  openssl s_client -quiet -starttls smtp -connect 127.0.0.1:587"""


def account(studio: Studio) -> None:
    """An account writes to several people: sent, unknown, deferred twice, and the bounce."""
    studio.lab.world.answer({"nobody@isp.test": "unknown", "slow@isp.test": "greylist", "full@customer.test": "full"})
    with studio.take("sendmail/account.log", "DSN: User unknown"):
        to = ("anna@bigmail.test", "nobody@isp.test", "slow@isp.test", "ben@isp.test", "full@customer.test", CAROL)
        studio.submit(*to, account=BOB)
    studio.lab.world.answer({"slow@isp.test": "deferred"})
    with studio.take("sendmail/deferred.log", "stat=Deferred", times=2):
        studio.submit("slow@isp.test", "gone@dead.test", account=CAROL)
        studio.hush()
        sendmail.run_queue(studio.lab.host("mx"))
    with studio.take("sendmail/long-list.log", "stat=Sent", times=2):
        studio.submit(*LONG_LIST, account=CAROL)
        studio.hush()
    studio.lab.world.answer({})
    with studio.take("sendmail/session.log", "stat=Sent", times=3):
        several = [b"EHLO pc01\r\n", b"AUTH PLAIN " + base64.b64encode(b"\0bob@corp.test\0secret-b") + b"\r\n"]
        for name in (b"anna", b"ben", b"eve"):
            several += [b"MAIL FROM:<bob@corp.test>\r\n", b"RCPT TO:<" + name + b"@bigmail.test>\r\n", b"DATA\r\n",
                        b"Subject: x\r\n\r\nx\r\n.\r\n"]  # fmt: skip
        studio.say([*several, b"QUIT\r\n"], port=587, host="lan")


def local(studio: Studio) -> None:
    """A web server's script calls sendmail, under its own name and under that of root; the MX has it from there."""
    web = studio.lab.host("web")
    with studio.take("sendmail/local-mx.log", "stat=Sent", times=2):
        with studio.take("sendmail/local-web.log", "Message accepted", times=4, host="web"):
            web.run([*CALL, "-f", "root", "anna@bigmail.test", "ben@isp.test"], "Subject: x\n\nx\n")
            web.run([*CALL, "-t"], "From: shop@corp.test\nTo: anna@bigmail.test\nSubject: x\n\nx\n")
        studio.hush()


def inbound(studio: Studio) -> None:
    """Mail for people here: mailbox, alias to outside, a list with an owner, a forward, nobody."""
    mx = studio.lab.host("mx")
    mx.write("/etc/mail/aliases", "postmaster: root\nMAILER-DAEMON: postmaster\nsales: bob, anna@bigmail.test\n"
             "owner-club: carol\nclub: ben@isp.test, eve@bigmail.test\ncopy: |/bin/cat\n")  # fmt: skip
    mx.run(["newaliases"])
    mx.write("/var/mail/home-carol/.forward", "carol@freemail.test\n")
    mx.run(["chown", "carol", "/var/mail/home-carol/.forward"])
    with studio.take("sendmail/inbound.log", "stat=Sent", times=7):
        for name in ("bob", "sales", "club", "carol", "nobody-here", "copy"):
            studio.arrive(f"{name}@corp.test")
            studio.hush()


def refusal(studio: Studio) -> None:
    """What is refused, and what a client does without handing in mail."""
    mx = studio.lab.host("mx")
    sendmail.reconfigure(mx, "FEATURE(`dnsbl', `dnsbl.test', `\"550 Listed at dnsbl.test\"')dnl\n")
    sendmail.access(
        mx, "From:spammer.test REJECT\nConnect:100.99.12.80 ERROR:5.7.1:550 Go away\nFrom:bin.test DISCARD\n"
    )
    body = [b"DATA\r\n", b"Subject: x\r\n\r\nx\r\n.\r\n", b"QUIT\r\n"]
    bob = b"RCPT TO:<bob@corp.test>\r\n"

    def talk(*lines: bytes, source: str = OUTSIDER) -> None:
        studio.say([b"EHLO mail.bigmail.test\r\n", *lines, b"QUIT\r\n"], source=source)
        studio.hush()

    with studio.take("sendmail/refusal.log", "reject=|discarded", times=6):
        talk(b"MAIL FROM:<anna@bigmail.test>\r\n", b"RCPT TO:<x@isp.test>\r\n")
        talk(b"MAIL FROM:<x@spammer.test>\r\n", bob)
        talk(b"MAIL FROM:<x@nowhere.example>\r\n")
        talk(b"MAIL FROM:<anna@bin.test>\r\n", bob, *body)
        talk(b"MAIL FROM:<anna@bigmail.test>\r\n", source="100.99.12.80")
        talk(b"MAIL FROM:<anna@bigmail.test>\r\n", bob, source="100.82.9.77")
    with studio.take("sendmail/client.log", "lost input|did not issue", times=2):
        talk()
        talk(b"VRFY root\r\n", b"EXPN root\r\n", b"ETRN x\r\n")
        talk(*[b"NOOP\r\n"] * 21)
        talk(b"HELO bad name\r\n", b"HELO " + b"x" * 300 + b"\r\n")
        talk(b"MAIL FROM:<anna@bigmail.test>\r\n", *[b"RCPT TO:<x%d@corp.test>\r\n" % n for n in range(5)])
        half = [b"EHLO x\r\n", b"MAIL FROM:<anna@bigmail.test>\r\n", bob, b"DATA\r\n", b"Subject: half\r\n"]
        studio.say(half, patient=False)
        studio.say([b"GET / HTTP/1.0\r\n", b"\r\n"])
        studio.say([b"EHLO x\r\n"], patient=False)
        studio.hush()
    sendmail.access(mx, "")
    checks = "LOCAL_RULESETS\nHSubject: $>CheckSubject\nSCheckSubject\nR$* buy $*\t$#error $: 553 Refused subject\n"
    sendmail.reconfigure(mx, f"FEATURE(`greet_pause', `700')dnl\n{checks}")
    with studio.take("sendmail/header-check.log", "CheckSubject", times=2):
        studio.arrive(BOB, text="Subject: please buy this\r\n\r\nx\r\n")
        twice = "Subject: buy, relay=carol [10.77.0.102], reject=550 x\r\n\r\nx\r\n"
        studio.arrive(BOB, text=twice)
        studio.say([b"EHLO x\r\n"], patient=False)
        studio.hush()
    sendmail.reconfigure(mx, "")


def logins(studio: Studio) -> None:
    """Logins that fail, and one that does not."""
    with studio.take("sendmail/logins.log", "AUTH"):
        for user, password in ((BOB, "wrong"), ("nobody@corp.test", "x"), (BOB, PASSWORDS[BOB])):
            studio.play(Act(0, "login", f"{LAN}.101", MX, 587, user=user, password=password))
        studio.play(Act(0, "login", OUTSIDER, PUBLIC, 587, user=BOB, password="x"), host="out")  # wrong
        studio.say([b"EHLO x\r\n", b"AUTH PLAIN !!!\r\n", b"AUTH CRAM-MD5\r\n", b"QUIT\r\n"], port=587)
        studio.hush()


def milter(studio: Studio) -> None:
    """A filter that refuses, defers, discards and quarantines; then a quarantined message is let go."""
    mx = studio.lab.host("mx")
    words = ("reject", "defer", "discard", "quarantine", "let")
    mx.write("/etc/mail/aliases", "postmaster: root\n" + "".join(f"{word}-bob: bob\n" for word in words))
    mx.run(["newaliases"])
    sendmail.reconfigure(mx, "INPUT_MAIL_FILTER(`lab', `S=inet:10030@127.0.0.1')dnl\n")
    with studio.service("tests.lab.milter", 10030), studio.take("sendmail/milter.log", "unquarantine"):
        for word in words:
            studio.arrive(BOB, f"{word}-bob@corp.test")
        studio.hush()
        mx.run([sendmail.BINARY, "-Am", "-qQ", "-Q", "-qS@"])
        studio.hush()
    with studio.take("sendmail/milter-gone.log", "Milter"):
        studio.arrive(BOB)
        studio.hush()
    sendmail.reconfigure(mx, "")


def verbose(studio: Studio) -> None:
    """A higher LogLevel, with TLS."""
    mx = studio.lab.host("mx")
    mx.run(["sh", "-c", CERTIFICATE])
    tls = "define(`confCACERT', `/etc/mail/tls/cert.pem')dnl\ndefine(`confCACERT_PATH', `/etc/mail/tls')dnl\n"
    tls += "".join(f"define(`conf{side}_{what}', `/etc/mail/tls/{file}.pem')dnl\n"
                  for side in ("SERVER", "CLIENT") for what, file in (("CERT", "cert"), ("KEY", "key")))  # fmt: skip
    sendmail.reconfigure(mx, f"define(`confLOG_LEVEL', `15')dnl\n{tls}")
    with studio.take("sendmail/log-level-15.log", "done; delay="):
        studio.submit("anna@bigmail.test", account=BOB)
        secret = base64.b64encode(b"\0bob@corp.test\0secret-b").decode()
        lines = ("EHLO x", f"AUTH PLAIN {secret}", "MAIL FROM:<bob@corp.test>", "RCPT TO:<anna@bigmail.test>", "DATA",
                 "Subject: x", "", "x", ".", "QUIT")  # fmt: skip
        mx.run(["sh", "-c", TLS_CLIENT], "".join(f"{line}\n" for line in lines), check=False)
        studio.arrive(BOB)
        studio.hush()
    sendmail.reconfigure(mx, "")


MESSAGE_IDS = (
    "<x>, proto=ESMTPA, daemon=MSP-v4, relay=pc02.corp.test [10.77.0.102]",
    "<1@x>, relay=carol@localhost",
    "<1@x, size=9, class=0, nrcpts=900, msgid=<y>",
    "<\x1b[31m@x>",
    "<\xa0\u202e@x>",
)
SENDERS = (
    b'"a, size=1, class=0, nrcpts=1, msgid=<x>, proto=ESMTPA, daemon=MSP-v4, relay=pc02 [10.77.0.102]"@bigmail.test',
    b'"x>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=1, relay=evil, dsn=2.0.0, stat=Sent"@bigmail.test',
    b'"quo\\"te, \\\\"@bigmail.test',
    b"<script>alert(1)</script>@bigmail.test",
    b"x, size=1, class=0, nrcpts=1@bigmail.test",
    b"@a.test,@b.test:carol@bigmail.test",
    b'"' + b"l" * 300 + b', size=1, class=0, nrcpts=1"@bigmail.test',
    b"%s%n@bigmail.test",
)
RECIPIENTS = (
    b'"a,b"@bigmail.test',
    b'"x>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=1, relay=evil [1.2.3.4], dsn=2.0.0, stat=Sent"@isp.test',
    b'"carol@corp.test>,<dora@corp.test"@isp.test',
    b'"open\\"@isp.test',
    b"two words@isp.test",
)
USERS = (
    b"x, relay=pc02.corp.test [10.77.0.102]",
    b"carol@corp.test, mech=PLAIN, bits=0",
    b"\x1b[31m<script>",
    b"x" * 200 + b", relay=[10.77.0.102]",
)
CLAIMS = ("root", "carol@corp.test", "a, relay=carol@localhost", '"b, relay=carol@localhost"@x.test', "<c@x.test>",
          "Full Name <d@x.test>", "-e")  # fmt: skip
FORGED = (
    "AUTH=server, relay=pc02.corp.test [10.77.0.102], authid=carol@corp.test, mech=PLAIN, bits=0",
    (
        "6ARFORgD004711: from=<carol@corp.test>, size=900, class=0, nrcpts=500, msgid=<1@x>, proto=ESMTPA, "
        "daemon=MSP-v4, relay=pc02.corp.test [10.77.0.102]"
    ),
)


def hostile(studio: Studio) -> None:
    """The log's own words, wherever a client, a server or a local user can write something."""
    mail = [b"DATA\r\n", b"Subject: x\r\n\r\nx\r\n.\r\n", b"QUIT\r\n"]
    login = b"AUTH PLAIN " + base64.b64encode(b"\0bob@corp.test\0secret-b") + b"\r\n"
    with studio.take("sendmail/hostile-sender.log", "relay="):
        for sender in SENDERS:
            studio.say([b"EHLO x\r\n", b"MAIL FROM:<" + sender + b">\r\n", b"RCPT TO:<bob@corp.test>\r\n", *mail])
        studio.hush()
    with studio.take("sendmail/hostile-recipient.log", "relay="):
        for name in RECIPIENTS:
            studio.say([b"EHLO x\r\n", login, b"MAIL FROM:<bob@corp.test>\r\n", b"RCPT TO:<" + name + b">\r\n", *mail],
                       port=587, host="lan")  # fmt: skip
            studio.say([b"EHLO x\r\n", b"MAIL FROM:<anna@bigmail.test>\r\n", b"RCPT TO:<" + name + b">\r\n", *mail])
        studio.hush()
    with studio.take("sendmail/hostile-message-id.log", "stat=", times=2 * len(MESSAGE_IDS)):
        for message_id in MESSAGE_IDS:
            studio.arrive(BOB, text=f"Subject: x\r\nMessage-ID: {message_id}\r\n\r\nx\r\n")
            studio.submit(
                "anna@bigmail.test", account=CAROL, text=f"Subject: x\r\nMessage-ID: {message_id}\r\n\r\nx\r\n"
            )
    with studio.take("sendmail/hostile-user.log", "AUTH failure", times=len(USERS)):
        for name in USERS:
            secret = base64.b64encode(b"\0" + name + b"\0wrong")
            studio.say([b"EHLO x\r\n", b"AUTH PLAIN " + secret + b"\r\n", b"QUIT\r\n"], port=587)
    answers = {f"{name}@isp.test": name for name in ("hostile", "hostile2", "hostile-accept")}
    studio.lab.world.answer(answers)
    with studio.take("sendmail/hostile-reply.log", "stat=", times=3):
        for address in answers:
            studio.submit(address)
        studio.hush()
    studio.lab.world.answer({})
    with studio.take("sendmail/hostile-local.log", "relay=", host="web"):
        for claim in CLAIMS:
            text = "Subject: x\nMessage-ID: <1@x>, relay=carol@localhost\n\nx\n"
            studio.lab.host("web").run([*CALL, "-f", claim, "anna@bigmail.test"], text, check=False)
        studio.hush("web")
    with studio.take("sendmail/hostile-forged.log", "nrcpts=500", host="web"):
        for text in FORGED:
            studio.lab.host("web").run(
                ["runuser", "-u", "www-data", "--", "logger", "-p", "mail.info", "-t", "sm-mta[4711]", text]
            )


TAKES = (account, local, inbound, refusal, logins, milter, verbose, hostile)
