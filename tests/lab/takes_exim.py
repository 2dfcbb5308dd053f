"""Samples of Exim: each mark and kind of line, with several log selectors, in its own file and through syslog."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.lab import exim
from tests.lab.exim import CPANEL, EVERYTHING, IDENTIFY, MAIN_LOG, REJECT_LOG, Settings
from tests.lab.machine import wait_until
from tests.lab.network import MX
from tests.lab.player import Act
from tests.lab.studio import BOB, CAROL, MAIL_LOG, OUTSIDER, letter

if TYPE_CHECKING:
    from tests.lab.studio import Studio

PANEL = Settings(selector=CPANEL, identify=IDENTIFY)
AS_IT_COMES = Settings()
SHOP = "/var/www/html/shop"
FORGED = "1xWtcK-00002Y-2P"
CUT = f"{SHOP}/b\n2026-11-27 10:00:00 {FORGED} <= x@y"  # a folder whose name holds a line end


def _use(studio: Studio, settings: Settings, host: str = "mx") -> None:
    exim.configure(studio.lab.host(host), settings)
    studio.hush(host, MAIN_LOG)


def _folders(studio: Studio) -> None:
    """Folders with names as people, and others, give them."""
    mx = studio.lab.host("mx")
    for folder in (SHOP, f"{SHOP}/wp content", f"{SHOP}/a 1 args: sendmail -t", CUT):
        mx.run(["mkdir", "-p", folder])


def _script(studio: Studio, folder: str, *arguments: str, text: str = "", user: str = "www-data") -> None:
    mx = studio.lab.host("mx")
    argv = ["runuser", "-u", user, "--", "env", f"--chdir={folder}", "/usr/sbin/sendmail", *arguments]
    mx.run(argv, text or letter(f"{user}@corp.test", "anna@bigmail.test"))


def submissions(studio: Studio) -> None:
    """Accounts submit, a stranger's server brings mail, a script sends; with the selectors that Exim comes with."""
    _folders(studio)
    _use(studio, AS_IT_COMES)
    with studio.take("exim/default-selector.log", " Completed", times=3, log=MAIN_LOG):
        studio.submit("anna@bigmail.test", "ben@isp.test", "carol@corp.test")
        studio.arrive("bob@corp.test", "carol@corp.test")
        _script(studio, SHOP, "-t", "-i")


def panel(studio: Studio) -> None:
    """The same with the selectors of a hosting panel, and its line of who sends."""
    _use(studio, PANEL)
    with studio.take("exim/panel.log", " Completed", times=4, log=MAIN_LOG):
        studio.submit("anna@bigmail.test", "ben@isp.test", "carol@corp.test")
        studio.arrive("bob@corp.test", sender="")
        _script(studio, SHOP, "-t", "-i", "-fshop@corp.test")
        _script(studio, f"{SHOP}/wp content", "-i", "ben@isp.test")


def everything(studio: Studio) -> None:
    """Every selector there is: pids, ports, interfaces, times, TLS."""
    mx = studio.lab.host("mx")
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/O=Corp/CN=mx.corp.test'"
    place = "/etc/exim4"
    mx.run(
        ["sh", "-c", f"{request} -keyout {place}/key.pem -out {place}/cert.pem 2>/dev/null; chmod a+r {place}/*.pem"]
    )
    more = f"tls_certificate = {place}/cert.pem\ntls_privatekey = {place}/key.pem\nlog_timezone = true"
    _use(studio, Settings(selector=EVERYTHING, identify=IDENTIFY, tls="*", more=more))
    with studio.take("exim/every-selector.log", " Completed", times=3, log=MAIN_LOG):
        studio.submit("anna@bigmail.test", "carol@corp.test")
        _script(studio, SHOP, "-t", "-i")
        mx.run(["sh", "-c", f"cp {place}/exim4.conf {place}/client.conf"])
        argv = [
            "openssl",
            "s_client",
            "-quiet",
            "-ign_eof",
            "-starttls",
            "smtp",
            "-connect",
            f"{MX}:25",
            "-servername",
            "mx.corp.test",
        ]
        text = letter("anna@bigmail.test", CAROL)
        commands = ("EHLO pc", "MAIL FROM:<anna@bigmail.test>", f"RCPT TO:<{CAROL}>", "DATA", f"{text}.", "QUIT", "")
        mx.run(argv, "\r\n".join(commands), check=False)


def refused(studio: Studio) -> None:
    """The world refuses and asks to wait: `**`, `==`, the bounces, and a retry."""
    answers = ("unknown", "unknown2", "full", "policy", "blocked", "spam", "greylist", "deferred")
    studio.lab.world.answer({f"{answer}@bigmail.test": answer for answer in answers})
    _use(studio, AS_IT_COMES)
    with studio.take("exim/refused.log", " Completed", times=10, log=MAIN_LOG):
        for answer in answers[:4]:
            studio.submit(f"{answer}@bigmail.test")
        studio.submit("anna@nowhere.test")
    with studio.take("exim/deferred.log", " == ", times=3, log=MAIN_LOG):
        studio.submit("greylist@bigmail.test", "deferred@bigmail.test", "ben@isp.test")
        studio.submit("anna@dead.test")
    mx = studio.lab.host("mx")
    with studio.take("exim/deferred-retry.log", "=> greylist", log=MAIN_LOG):
        mx.run(["sleep", "1.2"])
        mx.run(["exim4", "-qf"])
    _use(studio, PANEL)
    with studio.take("exim/refused-panel.log", " Completed", times=4, log=MAIN_LOG):
        studio.submit("blocked@bigmail.test")
        studio.submit("spam@bigmail.test")
    mx.run(["exim4", "-bp"])


def local(studio: Studio) -> None:
    """Deliveries here: a mailbox, an alias to outside, a pipe, a file, a black hole, a refusal; all parents shown."""
    mx = studio.lab.host("mx")
    aliases = (
        "sales@corp.test: anna@bigmail.test, carol@corp.test\nboth@corp.test: sales@corp.test\n"
        "pipe@corp.test: |/bin/cat -\nfile@corp.test: /tmp/exim-file\n"
    )
    mx.write("/etc/exim4/aliases", aliases)
    for name, settings in (("local", AS_IT_COMES), ("local-all-parents", PANEL)):
        _use(studio, settings)
        with studio.take(f"exim/{name}.log", " Completed", times=3, log=MAIN_LOG):
            studio.arrive("sales@corp.test", "both@corp.test")
            studio.arrive("void@corp.test", "pipe@corp.test", "file@corp.test", "bob@corp.test")
            _script(studio, SHOP, "-i", "-f", BOB, "void@corp.test")


def queue(studio: Studio) -> None:
    """An operator freezes, thaws, removes, gives up and takes recipients away; a bounce nobody takes is frozen."""
    studio.lab.world.answer({"unknown@bigmail.test": "unknown"})
    _use(studio, AS_IT_COMES)
    mx = studio.lab.host("mx")
    mx.run(["sh", "-c", "exim4 -bpr | awk 'NF > 3 {print $3}' | xargs -r exim4 -Mrm"])
    with studio.take("exim/queue.log", "Frozen", log=MAIN_LOG):
        for number in range(3):
            studio.submit(f"u{number}@dead.test")
        wait_until(lambda: mx.run(["exim4", "-bpc"]).strip() == "3", "three messages")
        ids = mx.run(["sh", "-c", "exim4 -bpr | awk 'NF > 3 {print $3}'"]).split()
        mx.run(["exim4", "-Mf", ids[0], ids[1]])
        mx.run(["exim4", "-q"])
        mx.run(["exim4", "-Mt", ids[0]])
        mx.run(["exim4", "-Mrm", ids[0]])
        mx.run(["exim4", "-Mg", ids[1]])
        mx.run(["exim4", "-Mmad", ids[2]])
        mx.run(["exim4", "-Mes", ids[2], CAROL])
        mx.run(["exim4", "-M", ids[2]])
        _script(studio, SHOP, "-i", "-f", "<>", "unknown@bigmail.test", user="root")


def rejections(studio: Studio) -> None:
    """What is refused at the door, as the main log and as the reject log have it."""
    _use(
        studio,
        replace(PANEL, slow="100.82.9.77", first="  deny message = no such sender\n       senders = bad@bigmail.test"),
    )
    with (
        studio.take("exim/rejections-rejectlog.log", "forbidden", log=REJECT_LOG),
        studio.take("exim/rejections.log", "forbidden", log=MAIN_LOG),
    ):
        studio.arrive("nobody@corp.test")
        studio.arrive("ben@isp.test")
        studio.arrive("bob@corp.test", sender="bad@bigmail.test")
        studio.arrive("bob@corp.test", port=587)
        studio.arrive("bob@corp.test", source="100.99.12.80", helo="localhost")
        studio.arrive("bob@corp.test", source="100.82.9.77")
        studio.say([b"EHLO x\r\n", b"VRFY bob\r\n", b"RCPT TO:<a@b.test>\r\n", b"BOGUS\r\n", b"QUIT\r\n"])
        studio.say([b"EHLO a b\r\n", b"EHLO (x)\r\n", b"QUIT\r\n"])
        studio.say([b"EHLO rush\r\n", b"MAIL FROM:<a@b.test>\r\n"], patient=False)
        studio.arrive("bob@corp.test", text=letter("anna@bigmail.test", BOB, "forbidden", "X-A: b\r\n folded\r\n"))


def logins(studio: Studio) -> None:
    """Failed and aborted logins, by both mechanisms."""
    _use(studio, AS_IT_COMES)
    with studio.take("exim/logins.log", "authenticator failed", times=3, log=MAIN_LOG):
        for user in (BOB, "carol@corp.test", "nobody here"):
            act = Act(0, "login", OUTSIDER, "203.0.113.2", 587, user=user, password="wrong", helo="[192.168.1.7]")
            studio.play(act, host="out")
        studio.say([b"EHLO x\r\n", b"AUTH PLAIN *\r\n", b"AUTH LOGIN !!\r\n", b"QUIT\r\n"], port=587)


def selectors(studio: Studio) -> None:
    """The selectors that change a line's beginning and end."""
    for name, selector, more in (
        ("millisec", "+millisec +pid", ""),
        ("timezone", "+pid +received_sender +received_recipients +sender_on_delivery", "log_timezone = true"),
        ("terse", "-smtp_confirmation -tls_cipher -delivery_size -msg_id +queue_time_overall +deliver_time", ""),
    ):
        _use(studio, Settings(selector=selector, more=more))
        with studio.take(f"exim/{name}.log", " Completed", times=2, log=MAIN_LOG):
            studio.submit("anna@bigmail.test", "carol@corp.test")
            _script(studio, SHOP, "-t", "-i")


def long_lines(studio: Studio) -> None:
    """Through syslog a long line comes in pieces."""
    exim.configure(studio.lab.host("mx"), replace(PANEL, log="syslog"))
    with studio.take("exim/syslog-long.log", " Completed", log=MAIL_LOG):
        studio.submit(*(f"somebody-with-a-long-name-{number}@bigmail.test" for number in range(20)))


def through_syslog(studio: Studio) -> None:
    """Through syslog, with and without Exim's own stamp, and with a rejection's header lines."""
    studio.lab.world.answer({"unknown@bigmail.test": "unknown"})
    for name, more in (("syslog", ""), ("syslog-no-stamp", "syslog_timestamp = false\nsyslog_duplication = false")):
        exim.configure(studio.lab.host("mx"), replace(PANEL, log="syslog", more=more))
        with studio.take(f"exim/{name}.log", "forbidden", host="mx", log=MAIL_LOG):
            studio.submit("anna@bigmail.test", "carol@corp.test")
            studio.submit("unknown@bigmail.test")
            _script(studio, SHOP, "-t", "-i")
            act = Act(0, "login", OUTSIDER, "203.0.113.2", 587, user=BOB, password="wrong", helo="pc")
            studio.play(act, host="out")
            studio.arrive("bob@corp.test", text=letter("anna@bigmail.test", BOB, "forbidden", "X-A: b\r\n folded\r\n"))


def relayed(studio: Studio) -> None:
    """The web host hands everything to the MX: the id that its Exim is told is the MX's."""
    _use(studio, PANEL)
    with (
        studio.take("exim/relayed-mx.log", " Completed", log=MAIN_LOG),
        studio.take("exim/relayed-web.log", " Completed", log=MAIN_LOG, host="web"),
    ):
        web = studio.lab.host("web")
        web.run(
            ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"],
            letter("www-data", "anna@bigmail.test"),
        )


def hostile(studio: Studio) -> None:
    """Strangers write fields: HELO, sender, recipient, subject, Message-ID, login, replies, folders, headers."""
    studio.lab.world.answer(
        {"hostile@bigmail.test": "hostile", "hostile2@bigmail.test": "hostile2", "ha@isp.test": "hostile-accept"}
    )
    _use(studio, replace(PANEL, more='helo_accept_junk_hosts = *\nhelo_allow_chars = ()[]= <>"'))
    forged = 'x) [10.77.0.9]:25 P=esmtpa A=dovecot_login:boss@corp.test S=5 id=a@b T="'
    with (
        studio.take("exim/hostile-rejectlog.log", "forbidden", log=REJECT_LOG),
        studio.take("exim/hostile.log", "forbidden", log=MAIN_LOG),
    ):
        studio.arrive(BOB, helo=forged)
        studio.arrive(BOB, helo="x) [10.77.0.9]:25 P=esmtpa A=dovecot_login:boss@corp.test S=5 id=a@b for u@v.test")
        studio.arrive(BOB, text=letter("anna@bigmail.test", BOB, 'x" from <boss@corp.test> for u@v.test'))
        studio.arrive(BOB, text=letter("anna@bigmail.test", BOB, '" A=dovecot_login:boss@corp.test S=5 \\'))
        studio.arrive(BOB, sender='"a H=x [10.77.0.9] A=dovecot_login:boss@corp.test S=5"@bigmail.test')
        studio.submit('"u R=r T=t H=mx [192.0.2.1]: 250"@isp.test', "ha@isp.test")
        studio.submit("hostile@bigmail.test", "hostile2@bigmail.test")
        text = letter("x", BOB).replace("Message-ID: <", 'Message-ID: <"A=dovecot_login:boss@corp.test S=5 "')
        studio.arrive(BOB, text=text)
        for user in ("x) A=dovecot_login:boss@corp.test (set_id=boss@corp.test", "boss@corp.test: 535 x"):
            act = Act(
                0, "login", OUTSIDER, "203.0.113.2", 587, user=user, password="wrong", helo="(a) [10.77.0.9]: 535"
            )
            studio.play(act, host="out")
        _script(studio, f"{SHOP}/a 1 args: sendmail -t", "-t", "-i")
        _script(studio, CUT, "-t", "-i")
        _script(studio, SHOP, "-i", "-f", "x@y", "-F", "3 args: /usr/sbin/sendmail", "anna@bigmail.test")
        folded = f"X-A: b\r\n 2026-11-27 10:00:00 {FORGED} <= boss@corp.test U=boss P=local S=9\r\n"
        studio.arrive(BOB, helo="pc", text=letter("anna@bigmail.test", BOB, "forbidden", folded))


TAKES = (
    submissions, panel, everything, refused, local, queue, rejections, logins, selectors, through_syslog, long_lines,
    relayed,     hostile,
)  # fmt: skip
