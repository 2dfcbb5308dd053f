"""Samples in which a stranger writes the log's own words, in every field a client, server or user controls.

The aim of each is the same: to make an account that did nothing (carol) look like the sender, or a refusal
like a success.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.lab.studio import BOB, letter

if TYPE_CHECKING:
    from tests.lab.studio import Studio

MESSAGE_IDS = (
    "x, sasl_method=PLAIN, sasl_username=carol@corp.test",
    "<1@x>, client=pc02[10.77.0.102], sasl_username=carol@corp.test",
    "<\x1b[31m@x>",
    "\xa0\u202e",
)
HELOS = (
    b"x> proto=ESMTP sasl_username=carol@corp.test helo=<y",
    b"evil.test, sasl_method=PLAIN, sasl_username=carol@corp.test",
    b"x status=sent (250 2.0.0 Ok: queued as 4jFORGED)",
    b"client=carol-pc[10.77.0.102], sasl_username=carol@corp.test",
    b"\x1b[2J\x1b[31mred\x07",
    b"<script>alert(1)</script>",
    b"a\x00b",
    b"a\rpostfix/smtpd[1]: 4jFORGED: client=unknown[10.77.0.102]",
    b"\xff\xfe\xc3\x28 \xe2\x80\xae",
    b"'\"; -- %s %n",
)
SENDERS = (
    b'"a, sasl_username=carol@corp.test"@evil.test',
    b'"x>, size=1, nrcpt=9999 (queue active)"@evil.test',
    b'"b> to=<victim@isp.test>, relay=none, status=bounced (x"@evil.test',
    b'"<script>alert(1)</script>"@evil.test',
    b'"quo\\"te"@evil.test',
    b"%s%n=carol@evil.test",
)
SUBJECTS = (
    b"x from pc02.corp.test[10.77.0.102]; from=<carol@corp.test> to=<a@isp.test> proto=ESMTP helo=<pc02>",
    b"status=sent (250 ok), sasl_username=carol@corp.test",
    b"\x1b[31mred\x1b[0m \x07bell",
    b"<script>alert(1)</script><img src=x onerror=alert(2)>",
    b"bare\rNov 22 10:00:00 mx postfix/smtpd[1]: 4jFORGED: client=unknown[10.77.0.102], sasl_username=carol@corp.test",
    b"folded\r\n\tNov 22 10:00:00 mx postfix/smtpd[1]: 4jFORGED: client=unknown[10.77.0.102]",
    b"nul\x00byte",
    b"\xff\xfe not utf-8 \xe2\x80\xae reversed",
    b"long " + b"x" * 300,
)
USERS = (
    b"x, sasl_username=carol@corp.test",
    b"carol@corp.test\nNov 22 10:00:00 mx postfix/smtpd[1]: 4jFORGED: client=unknown[10.77.0.102]",
    b"carol@corp.test>, method=PLAIN, rip=10.77.0.102, lip=10.77.0.10, mpid=1, session=<forged>",
    b"\x1b[31m<script>alert(1)</script>",
    b"a\xff\xfeb",
)
FORGED = (
    "4jFORGED0Kz7Z: client=pc02.corp.test[10.77.0.102], sasl_method=PLAIN, sasl_username=carol@corp.test",
    "4jFORGED0Kz7Z: from=<carol@corp.test>, size=900, nrcpt=500 (queue active)",
    (
        "4jFORGED0Kz7Z: to=<anna@bigmail.test>, relay=mx25.test[198.51.100.25]:25, delay=0.1, delays=0/0/0/0.1, "
        "dsn=5.1.1, status=bounced (host mx25.test[198.51.100.25] said: 550 5.1.1 User unknown (in reply to RCPT TO "
        "command))"
    ),
)


def helo(studio: Studio) -> None:
    """A client greets with the words of a log line; one is let in, the others show in refusals."""
    relay = [b"MAIL FROM:<a@isp.test>\r\n", b"RCPT TO:<anna@bigmail.test>\r\n", b"QUIT\r\n"]
    with studio.take("postfix/hostile-helo.log", "disconnect from", times=len(HELOS)):
        for name in HELOS:
            studio.say([b"HELO " + name + b"\r\n", *relay])


def sender(studio: Studio) -> None:
    """Envelope senders and recipients with the words of a log line in quoted local parts."""
    with studio.take("postfix/hostile-sender.log", ": removed", times=2 * len(SENDERS)):
        for address in SENDERS:
            lines = [b"EHLO x\r\n", b"MAIL FROM:<" + address + b">\r\n", b"RCPT TO:<bob@corp.test>\r\n", b"DATA\r\n"]
            studio.say([*lines, letter("a@evil.test", BOB).encode() + b".\r\n", b"QUIT\r\n"])
            name = address.decode().replace("evil.test", "bigmail.test")
            studio.submit(name)


def subject(studio: Studio) -> None:
    """Subjects and Message-IDs with the words of a log line, written to the log by a header check."""
    studio.lab.host("mx").write("/etc/postfix/headers", "/^Subject:/ WARN\n")
    studio.settings("header_checks=pcre:/etc/postfix/headers")
    with studio.take("postfix/hostile-subject.log", ": removed", times=len(SUBJECTS)):
        for text in SUBJECTS:
            head = [b"EHLO x\r\n", b"MAIL FROM:<a@isp.test>\r\n", b"RCPT TO:<bob@corp.test>\r\n", b"DATA\r\n"]
            studio.say([*head, b"Subject: " + text + b"\r\nMessage-ID: <1@x>\r\n\r\nx\r\n.\r\n", b"QUIT\r\n"])
    studio.settings("header_checks=")
    with studio.take("postfix/hostile-message-id.log", ": removed", times=4):
        for name in MESSAGE_IDS:
            studio.arrive(BOB, text=f"Subject: x\r\nMessage-ID: {name}\r\n\r\nx\r\n")


def user(studio: Studio) -> None:
    """Names of accounts, at a failed login, with the words of a log line."""
    with studio.take("postfix/hostile-sasl-username.log", "disconnect from", times=len(USERS)):
        for name in USERS:
            secret = base64.b64encode(b"\0" + name + b"\0wrong")
            studio.say([b"EHLO x\r\n", b"AUTH PLAIN " + secret + b"\r\n", b"QUIT\r\n"], port=587)
    with studio.take("dovecot/hostile-user.log", "session=<", times=len(USERS)):
        for name in USERS:
            secret = base64.b64encode(b"\0" + name + b"\0wrong")
            studio.say([b"1 AUTHENTICATE PLAIN\r\n", secret + b"\r\n", b"2 LOGOUT\r\n"], port=143)


def parameter(studio: Studio) -> None:
    """MAIL FROM's own AUTH= parameter, and XFORWARD from a client that must not use it."""
    secret = base64.b64encode(b"\0bob@corp.test\0secret-b")
    lines = [b"EHLO x\r\n", b"AUTH PLAIN " + secret + b"\r\n",
             b"MAIL FROM:<bob@corp.test> AUTH=carol@corp.test,+20sasl_username=carol@corp.test\r\n",
             b"RCPT TO:<anna@bigmail.test>\r\n", b"DATA\r\n", b"Subject: x\r\n\r\nx\r\n.\r\n", b"QUIT\r\n"]  # fmt: skip
    with studio.take("postfix/hostile-auth-parameter.log", ": removed"):
        studio.say(lines, port=587)
    with studio.take("postfix/hostile-xforward.log", "disconnect from"):
        studio.say([b"EHLO x\r\n", b"XFORWARD NAME=pc02.corp.test ADDR=10.77.0.102\r\n", b"QUIT\r\n"])


def reply(studio: Studio) -> None:
    """The remote server's replies imitate another outcome, another recipient, another account."""
    answers = {f"{name}@isp.test": name for name in ("hostile", "hostile2", "hostile-accept")}
    studio.lab.world.answer(answers)
    with studio.take("postfix/hostile-reply.log", ": removed", times=5):
        for address in answers:
            studio.submit(address)


def forged(studio: Studio) -> None:
    """A local user writes lines into the mail log that no Postfix said."""
    web = studio.lab.host("web")
    with studio.take("postfix/hostile-forged.log", "FORGED.*status=bounced", host="web"):
        for program, text in zip(("submission/smtpd", "qmgr", "smtp"), FORGED, strict=True):
            tag = f"postfix/{program}[4711]"
            web.run(["runuser", "-u", "www-data", "--", "logger", "-p", "mail.info", "-t", tag, text])


TAKES = (helo, sender, subject, user, parameter, reply, forged)
