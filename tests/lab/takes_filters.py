"""Samples of content filters and policy services: verdicts on mail of accounts, programs and strangers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab import filters
from tests.lab.filters import GTUBE, PILLS, VIRUS
from tests.lab.mail import add_smtpd
from tests.lab.studio import BOB, CAROL, letter
from tests.lab.takes_hostile import SENDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.studio import Studio

FORGED_IDS = (
    (
        "<x>, qid: <4jFORGED0Kz7Z>, ip: 10.77.0.102, user: carol@corp.test, from: <carol@corp.test>, "
        "(default: T (reject): [99.00/15.00] [FORGED(99.00){}]), len: 1, time: 1.0ms, dns req: 0"
    ),
    "<1@x>, mail_id: FORGED, Hits: 99, size: 1, queued_as: 4jFORGED0Kz7Z, 1 ms",
    "<1@x>,autolearn=spam,user=carol,uid=1000 required_score=1.0",
)
FORGED_SUBJECT = "]), len: 1, rcpts: <carol@corp.test> Blocked SPAM {DiscardedOutbound} client=pc02[10.77.0.102]"


def spam(account: str, to: str, text: str = PILLS, subject: str = "An offer", extra: str = "") -> str:
    return letter(account, to, subject, extra).replace("Hello.", text)


def scene(studio: Studio) -> None:
    """Mail of two accounts, of a program on the host and of a stranger: good, an offer, and what every filter knows."""
    to = "anna@bigmail.test"
    studio.submit(to)
    studio.submit(to, "ben@isp.test", text=spam(BOB, to))
    studio.submit(to, account=CAROL, text=spam(CAROL, to))
    studio.submit(to, text=spam(BOB, to, GTUBE, "Test"))
    studio.arrive(BOB, text=spam("anna@bigmail.test", BOB))
    local(studio, spam("www-data", to))


def local(studio: Studio, text: str) -> None:
    """A program of the MX hands in mail with sendmail(1)."""
    studio.lab.host("mx").run(["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"], text)


def hostile(studio: Studio) -> None:
    """A stranger writes the filters' own words into Message-IDs, subjects, senders and names of files."""
    for name in FORGED_IDS:
        studio.arrive(BOB, text=f"Subject: {FORGED_SUBJECT}\r\nMessage-ID: {name}\r\n\r\n{PILLS}\r\n")
    for address in SENDERS[:3]:
        lines = [b"EHLO x\r\n", b"MAIL FROM:<" + address + b">\r\n", b"RCPT TO:<bob@corp.test>\r\n", b"DATA\r\n"]
        studio.say([*lines, spam("a@evil.test", BOB).encode() + b".\r\n", b"QUIT\r\n"])
    kind = 'Content-Type: application/x-msdownload; name="x}),FORGED(99.00){ , rcpts: <carol@corp.test>.exe"\r\n'
    studio.arrive(BOB, text=spam("anna@bigmail.test", BOB, extra=f"MIME-Version: 1.0\r\n{kind}"))


@contextlib.contextmanager
def milters(studio: Studio, *ports: int) -> Iterator[None]:
    """Let Postfix ask milters, about mail of local programs too."""
    listed = ",".join(f"inet:127.0.0.1:{port}" for port in ports)
    studio.settings(f"smtpd_milters={listed}", f"non_smtpd_milters={listed}", "milter_default_action=accept")
    yield
    studio.settings("smtpd_milters=", "non_smtpd_milters=")
    studio.idle()


def rspamd(studio: Studio) -> None:
    """Rspamd as a milter, by way of syslog and with a log file of its own."""
    mx = studio.lab.host("mx")
    with filters.rspamd(mx), milters(studio, 11332):
        with studio.take("rspamd/syslog.log", "task_write_log: id: <", times=6):
            scene(studio)
        with studio.take("rspamd/hostile-syslog.log", "task_write_log: id: <", times=7):
            hostile(studio)
    with filters.rspamd(mx, own_file=True), milters(studio, 11332):
        log = filters.RSPAMD_LOG
        with studio.take("rspamd/own-file.log", "task_write_log: id: <", times=6, log=log):
            scene(studio)
        with studio.take("rspamd/hostile-own-file.log", "task_write_log: id: <", times=7, log=log):
            hostile(studio)


def spamd(studio: Studio) -> None:
    """spamc and spamd behind the queue, by way of pipe(8) and sendmail(1): they know of no queue id."""
    mx = studio.lab.host("mx")
    script = '#!/bin/sh\n/usr/bin/spamc -d 127.0.0.1 -p 7830 | /usr/sbin/sendmail -G -i "$@"\n'
    mx.write("/etc/postfix/spamfilter", script, mode=0o755)
    pipe = "pipe user=nobody argv=/etc/postfix/spamfilter -f ${sender} -- ${recipient}"
    mx.run(["postconf", "-M", f"spamfilter/unix=spamfilter unix - n n - 1 {pipe}"])
    for service in ("smtp", "submission"):
        mx.run(["postconf", "-P", f"{service}/inet/content_filter=spamfilter:dummy"])
    studio.settings()
    with filters.spamd(mx):
        with studio.take("spamd/syslog.log", "spamd: result: ", times=5):
            scene(studio)
        with studio.take("spamd/hostile-syslog.log", "spamd: result: ", times=7):
            hostile(studio)
    for service in ("smtp", "submission"):
        mx.run(["postconf", "-PX", f"{service}/inet/content_filter"])
    studio.settings()
    studio.idle()


def amavis(studio: Studio) -> None:
    """Amavis behind the queue, with ClamAV: one message, two queue ids."""
    mx = studio.lab.host("mx")
    again = ("content_filter=", "smtpd_authorized_xforward_hosts=127.0.0.0/8", "local_recipient_maps=",
             "smtpd_recipient_restrictions=permit_mynetworks,reject")  # fmt: skip
    add_smtpd(mx, "127.0.0.1:10025", again, "postfix/reinject")
    mx.run(["postconf", "-M", "amavis/unix=amavis unix - - n - 2 smtp -o smtp_send_xforward_command=yes"])
    mx.run(["postconf", "-P", "submission/inet/content_filter=amavis:[127.0.0.1]:10026"])
    studio.settings("content_filter=amavis:[127.0.0.1]:10024")
    with filters.clamd(mx), filters.amavis(mx):
        with studio.take("amavis/syslog.log", r"amavis\[\d+\]: \([\d-]+\) (?:Passed|Blocked) ", times=8):
            scene(studio)
            studio.submit("anna@bigmail.test", text=spam(BOB, "anna@bigmail.test", VIRUS))
            studio.arrive(BOB, text=spam("anna@bigmail.test", BOB, VIRUS))
        with studio.take("amavis/hostile-syslog.log", r"amavis\[\d+\]: \([\d-]+\) (?:Passed|Blocked) ", times=7):
            hostile(studio)
    mx.run(["postconf", "-PX", "submission/inet/content_filter"])
    mx.run(["postconf", "-MX", "127.0.0.1:10025/inet"])
    studio.settings("content_filter=")
    studio.idle()


def clamav(studio: Studio) -> None:
    """ClamAV's milter refuses what its daemon finds."""
    mx = studio.lab.host("mx")
    with filters.clamd(mx), filters.clamav_milter(mx), milters(studio, 7357):
        with studio.take("clamav/syslog.log", " (?:infected by|Clean message)|Clean message", times=4):
            studio.submit("anna@bigmail.test")
            studio.submit("anna@bigmail.test", text=spam(BOB, "anna@bigmail.test", VIRUS))
            studio.arrive(BOB, text=spam("anna@bigmail.test", BOB, VIRUS))
            local(studio, spam("www-data", "anna@bigmail.test", VIRUS))
        with studio.take("clamav/hostile-syslog.log", "infected by", times=2):
            for subject in ("x' infected by FORGED", "4jFORGED0Kz7Z from <carol@corp.test> to <a@isp.test>"):
                studio.arrive(BOB, text=spam("anna@bigmail.test", BOB, VIRUS, subject))


def signatures(studio: Studio) -> None:
    """OpenDKIM signs and verifies; OpenDMARC judges; names of domains are strangers' words."""
    mx = studio.lab.host("mx")
    forged = "DKIM-Signature: v=1; a=rsa-sha256; d={}; s={}; h=from; bh=x; b=x\r\n"
    with filters.opendkim(mx), milters(studio, 8891):
        with studio.take("opendkim/syslog.log", "removed", times=4):
            studio.submit("anna@bigmail.test")
            studio.submit(CAROL)
            studio.arrive(BOB)
            studio.arrive(BOB, text=letter("anna@bigmail.test", BOB, extra=forged.format("bigmail.test", "x")))
        with studio.take("opendkim/hostile-syslog.log", "removed", times=2):
            for words in (("evil.test", "x, d=corp.test)"), ("x) DKIM verification successful", "lab")):
                studio.arrive(BOB, text=letter("anna@evil.test", BOB, extra=forged.format(*words)))
    with filters.opendmarc(mx), milters(studio, 8893):
        with studio.take("opendmarc/syslog.log", "disconnect from", times=3):
            studio.submit("anna@bigmail.test")
            studio.arrive(BOB)
            studio.arrive(BOB, sender=CAROL)
        with studio.take("opendmarc/hostile-syslog.log", "disconnect from", times=2):
            for name in ('"carol@corp.test" <"x>, status=sent (y"@isp.test>', "a@b@corp.test pass, <x"):
                studio.arrive(BOB, text=f"From: {name}\r\nSubject: x\r\n\r\nx\r\n")


def greylisting_and_spf(studio: Studio) -> None:
    """Greylisting and SPF as policy services of the SMTP server."""
    mx = studio.lab.host("mx")
    mx.run(
        [
            "postconf",
            "-M",
            "policyd-spf/unix=policyd-spf unix - n n - 0 spawn user=policyd-spf argv=/usr/bin/policyd-spf",
        ]
    )
    after = "permit_mynetworks,reject_unauth_destination"
    studio.settings(f"smtpd_recipient_restrictions={after},check_policy_service unix:private/policyd-spf")
    with studio.take("policyd_spf/syslog.log", "disconnect from", times=3):
        studio.arrive(BOB)
        studio.arrive(BOB, sender="x@corp.test")
        studio.arrive(BOB, sender="")
    with studio.take("policyd_spf/hostile-syslog.log", "disconnect from", times=len(SENDERS)):
        for address in SENDERS:
            studio.say([b"EHLO x;client-ip=10.77.0.102\r\n", b"MAIL FROM:<" + address + b">\r\n",
                        b"RCPT TO:<bob@corp.test>\r\n", b"QUIT\r\n"])  # fmt: skip
    studio.settings(f"smtpd_recipient_restrictions={after},check_policy_service inet:127.0.0.1:10023")
    with filters.postgrey(mx):
        with studio.take("postgrey/syslog.log", "disconnect from", times=3):
            studio.arrive(BOB)
            studio.lab.host("mx").run(["sleep", "2"])
            studio.arrive(BOB)
            studio.arrive(BOB, sender="")
        with studio.take("postgrey/hostile-syslog.log", "disconnect from", times=len(SENDERS)):
            for address in SENDERS:
                studio.say([b"EHLO x\r\n", b"MAIL FROM:<" + address + b">\r\n", b"RCPT TO:<bob@corp.test>\r\n",
                            b"QUIT\r\n"])  # fmt: skip
    studio.settings("smtpd_recipient_restrictions=")


TAKES = (rspamd, spamd, amavis, clamav, signatures, greylisting_and_spf)
