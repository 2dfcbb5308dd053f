"""Samples of how mail enters, moves and leaves: submission, local mail, bounce, delay, hold, expiry, filters."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from tests.lab.machine import wait_until
from tests.lab.mail import add_smtpd, queue_is_empty, reload
from tests.lab.studio import BOB, MAIL_LOG, letter

if TYPE_CHECKING:
    from tests.lab.studio import Studio


def submission(studio: Studio) -> None:
    """An account submits to people inside and outside."""
    with studio.take("postfix/submission-sasl.log", ": removed"):
        studio.submit("anna@bigmail.test", "ben@isp.test", "carol@corp.test")


def inbound(studio: Studio) -> None:
    """A stranger's server brings mail for us."""
    with studio.take("postfix/inbound.log", ": removed"):
        studio.arrive("bob@corp.test", "carol@corp.test")


def local(studio: Studio) -> None:
    """Programs on the web host call sendmail(1); the MX relays and the ids are linked by "queued as"."""
    web = studio.lab.host("web")
    with (
        studio.take("postfix/pickup-uid-relayed.log", ": removed", times=2),
        studio.take("postfix/pickup-uid.log", ": removed", times=2, host="web"),
    ):
        text = letter("www-data", "anna@bigmail.test")
        web.run(["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"], text)
        web.run(["/usr/sbin/sendmail", "-f", "root@web.corp.test", "ben@isp.test"], letter("root", "ben@isp.test"))


def bounce(studio: Studio) -> None:
    """The world refuses: unknown users, a full mailbox, spam, a blocklist; a reply of several lines."""
    answers = ("unknown", "unknown2", "full", "policy", "blocked", "spam")
    studio.lab.world.answer({f"{answer}@bigmail.test": answer for answer in answers})
    with studio.take("postfix/bounce.log", ": removed", times=12):
        for answer in answers:
            studio.submit(f"{answer}@bigmail.test")
    with studio.take("postfix/bounce-no-such-domain.log", ": removed", times=2):
        studio.submit("anna@nowhere.test")


def deferred(studio: Studio) -> None:
    """The world asks to wait: greylisting, and a server that does not answer; then a retry."""
    studio.lab.world.answer({"grey@isp.test": "greylist", "later@isp.test": "deferred"})
    with studio.take("postfix/deferred.log", "status=deferred", times=3):
        studio.submit("grey@isp.test", "later@isp.test", "anna@bigmail.test")
        studio.submit("anna@dead.test")
    with studio.take("postfix/deferred-retry.log", "grey@isp.test.*status=sent"):
        studio.lab.host("mx").run(["postqueue", "-f"])
    studio.idle()


def hold_release(studio: Studio) -> None:
    """postsuper holds, releases, requeues and deletes, one by one and all at once."""
    mx = studio.lab.host("mx")
    for number in range(3):
        studio.submit(f"u{number}@dead.test")
    wait_until(lambda: mx.run(["postqueue", "-j"]).count('"deferred"') == 3, "three deferred messages")
    ids = [json.loads(line)["queue_id"] for line in mx.run(["postqueue", "-j"]).splitlines()]
    with studio.take("postfix/hold-release.log", "Deleted: 1 message", times=2):
        for flag, number in (("-h", 0), ("-H", 0), ("-r", 1), ("-d", 2)):
            mx.run(["postsuper", flag, ids[number]])
        mx.run(["postsuper", "-h", "ALL"])
        mx.run(["postsuper", "-H", "ALL"])
        studio.hush()
        waiting = [json.loads(line)["queue_id"] for line in mx.run(["postqueue", "-j"]).splitlines()]
        mx.run(["postsuper", "-d", waiting[0]])
    studio.idle()


def expired(studio: Studio) -> None:
    """Mail that waited too long is returned; postsuper -f makes another give up at once."""
    mx = studio.lab.host("mx")
    studio.settings("maximal_queue_lifetime=1s", "bounce_queue_lifetime=1s")
    with studio.take("postfix/expired.log", "status=expired"):
        studio.submit("anna@dead.test")
        old = time.monotonic() + 2
        wait_until(lambda: time.monotonic() > old, "the message to be too old")
        mx.run(["postqueue", "-f"])
    studio.settings("maximal_queue_lifetime=5d", "bounce_queue_lifetime=5d")
    studio.submit("ben@dead.test")
    wait_until(lambda: '"deferred"' in mx.run(["postqueue", "-j"]), "a deferred message")
    with studio.take("postfix/force-expired.log", "status=force-expired"):
        mx.run(["postsuper", "-f", "ALL"])
        mx.run(["postqueue", "-f"])
    wait_until(lambda: queue_is_empty(mx), "an empty queue")


def reinjection(studio: Studio) -> None:
    """A content filter behind the queue: one message, two ids; plain, with XFORWARD, and with a filter's own reply."""
    mx = studio.lab.host("mx")
    add_smtpd(
        mx, "127.0.0.1:10025", ("content_filter=", "smtpd_authorized_xforward_hosts=127.0.0.0/8"), "postfix/reinject"
    )
    studio.settings("content_filter=smtp:[127.0.0.1]:10024")
    with studio.service("tests.lab.filter", 10024):
        with studio.take("postfix/reinjection.log", ": removed", times=2):
            studio.submit("anna@bigmail.test", "ben@isp.test")
        mx.run(["postconf", "-P", "smtp/unix/smtp_send_xforward_command=yes"])
        studio.settings()
        with studio.take("postfix/reinjection-xforward.log", ": removed", times=2):
            studio.submit("anna@bigmail.test", "ben@isp.test")
    with (
        studio.service("tests.lab.filter named", 10024),
        studio.take("postfix/reinjection-filter-reply.log", ": removed", times=2),
    ):
        studio.submit("anna@bigmail.test", "ben@isp.test")
    studio.settings("content_filter=")


def proxy_filter(studio: Studio) -> None:
    """A content filter before the queue: the SMTP server passes the session through."""
    mx = studio.lab.host("mx")
    mx.run(["postconf", "-P", "submission/inet/smtpd_proxy_filter=127.0.0.1:10024"])
    studio.settings()
    with studio.service("tests.lab.filter", 10024), studio.take("postfix/proxy-filter.log", ": removed"):
        studio.submit("anna@bigmail.test")
    mx.run(["postconf", "-P", "submission/inet/smtpd_proxy_filter="])
    mx.run(["postconf", "-MX", "127.0.0.1:10025/inet"])
    studio.settings()


def forwarded(studio: Studio) -> None:
    """Aliases and .forward files send mail for an address of ours on to the world: orig_to and "forwarded as"."""
    studio.lab.world.answer({"gone@isp.test": "unknown"})
    mx = studio.lab.host("mx")
    mx.write(
        "/etc/postfix/forwards", "sales@corp.test anna@bigmail.test, carol@corp.test\nold@corp.test gone@isp.test\n"
    )
    mx.write("/etc/postfix/forward.games", "ben@isp.test\n")
    studio.settings("virtual_alias_maps=texthash:/etc/postfix/forwards", "forward_path=/etc/postfix/forward.${user}")
    with studio.take("postfix/forwarded-orig_to.log", ": removed", times=3):
        studio.arrive("sales@corp.test")
        studio.arrive("old@corp.test")
    with studio.take("postfix/forwarded-as.log", ": removed", times=2):
        mx.run(["/usr/sbin/sendmail", "-f", BOB, "games@localhost"], letter(BOB, "games@localhost"))
    studio.settings("virtual_alias_maps=", "forward_path=")


def transports(studio: Studio) -> None:
    """Deliveries that are not SMTP: discard, error, a pipe to a program, and SMTP with UTF-8 addresses."""
    mx = studio.lab.host("mx")
    mx.run(["postconf", "-M", "archive/unix=archive unix - n n - - pipe user=nobody argv=/bin/cat"])
    table = "void.test discard:silently\nclosed.test error:5.7.1 this domain is closed\nstored.test archive:\n"
    mx.write("/etc/postfix/transport", table)
    studio.settings("transport_maps=texthash:/etc/postfix/transport")
    with studio.take("postfix/transports.log", ": removed", times=4):
        studio.submit("anna@void.test")
        studio.submit("anna@stored.test")
        mx.run(["/usr/sbin/sendmail", "-f", BOB, "anna@closed.test"], letter(BOB, "anna@closed.test"))
    studio.settings("transport_maps=")


def queue_ids(studio: Studio) -> None:
    """Short queue ids, as Postfix gives them unless told otherwise, and long ones."""
    with studio.take("postfix/long-queue-ids.log", ": removed"):
        studio.submit("anna@bigmail.test")
    studio.settings("enable_long_queue_ids=no")
    with studio.take("postfix/short-queue-ids.log", ": removed", times=2):
        studio.submit("anna@bigmail.test")
        studio.submit("ben@isp.test")
    studio.settings("enable_long_queue_ids=yes")


def encrypted(studio: Studio) -> None:
    """TLS on both sides of one hop, with the protocol lines of log level 1, and a session of an account with TLS."""
    mx = studio.lab.host("mx")
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=mx.corp.test"
    mx.run(["sh", "-c", f"{request} -keyout /etc/postfix/key.pem -out /etc/postfix/cert.pem 2>/dev/null"])
    files = ("smtpd_tls_cert_file=/etc/postfix/cert.pem", "smtpd_tls_key_file=/etc/postfix/key.pem")
    studio.settings(*files, "smtpd_tls_security_level=may", "smtpd_tls_loglevel=1")
    studio.settings("smtp_tls_security_level=may", "smtp_tls_loglevel=1", host="web")
    with (
        studio.take("postfix/smtpd-tls.log", ": removed"),
        studio.take("postfix/smtp-tls.log", ": removed", host="web"),
    ):
        command = ["/usr/sbin/sendmail", "-f", "root@web.corp.test", "ben@isp.test"]
        studio.lab.host("web").run(command, letter("root", "ben@isp.test"))
    studio.settings("smtpd_tls_security_level=none", "smtpd_tls_loglevel=0")
    studio.settings("smtp_tls_security_level=", host="web")


def instances(studio: Studio) -> None:
    """Two instances of Postfix on one host: what one takes in, the other sends out."""
    mx = studio.lab.host("mx")
    folders = (
        "config_directory=/etc/postfix-out",
        "queue_directory=/run/postfix-out",
        "data_directory=/run/postfix-out-data",
    )
    mx.run(["postmulti", "-e", "init"])
    mx.run(["postmulti", "-I", "postfix-out", "-G", "mta", "-e", "create", *folders])
    settings = (
        "inet_interfaces=127.0.0.1", "master_service_disable=", "authorized_submit_users=root",
        "compatibility_level=3.6",
        "inet_protocols=ipv4", "alias_maps=", "alias_database=", "myhostname=mx.corp.test", "mydestination=",
        "mynetworks=127.0.0.0/8", "smtpd_authorized_xforward_hosts=127.0.0.0/8", "syslog_name=postfix-out",
    )  # fmt: skip
    mx.run(["postconf", "-c", "/etc/postfix-out", "-e", *settings])
    master = mx.read("/usr/share/postfix/master.cf.dist").decode().replace("smtp      inet", "10026     inet", 1)
    mx.write("/etc/postfix-out/master.cf", master)
    mx.run(["postconf", "-c", "/etc/postfix-out", "-F", "*/*/chroot=n"])
    mx.run(["postmulti", "-i", "postfix-out", "-e", "enable"])
    mx.run(["postmulti", "-i", "postfix-out", "-p", "start"])
    studio.settings("default_transport=relay:[127.0.0.1]:10026")
    with studio.take("postfix/multi-instance.log", ": removed", times=2):
        studio.submit("anna@bigmail.test")
    studio.settings("default_transport=smtp")
    mx.run(["postmulti", "-i", "postfix-out", "-p", "stop"])
    mx.run(["postmulti", "-i", "postfix-out", "-e", "disable"])


def life(studio: Studio) -> None:
    """Postfix is started, reloaded and stopped."""
    mx = studio.lab.host("mx")
    mx.run(["postfix", "stop"])
    with studio.take("postfix/start-stop.log", "terminating"):
        mx.run(["postfix", "start"])
        wait_until(lambda: b"daemon started" in mx.read(MAIL_LOG)[-400:], "Postfix's start")
        reload(mx)
        studio.hush()
        mx.run(["postfix", "stop"])
    mx.run(["postfix", "start"])


TAKES = (
    submission, inbound, local, bounce, deferred, hold_release, expired, reinjection, proxy_filter, forwarded,
    transports, queue_ids, encrypted, life, instances,
)  # fmt: skip
