"""Samples of what is refused, held or remarked on: logins, relaying, policies, milters, header checks, postscreen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.mail import add_smtpd
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act
from tests.lab.studio import BOB, OUTSIDER, letter

if TYPE_CHECKING:
    from tests.lab.studio import Studio

LISTED = "100.82.9.77"
HASTY = "100.71.14.203"
HEADER_RULES = """
/^Subject: hold/ HOLD held by subject
/^Subject: no/ REJECT not this subject
/^Subject: gone/ DISCARD
/^Subject: elsewhere/ REDIRECT carol@corp.test
/^Subject:/ INFO
/^X-PHP-Originating-Script:/ WARN script
"""
POSTSCREEN_SERVICES = (
    "2525/inet=2525 inet n - n - 1 postscreen",
    "smtpd/pass=smtpd pass - - n - - smtpd",
    "dnsblog/unix=dnsblog unix - - n - 0 dnsblog",
    "tlsproxy/unix=tlsproxy unix - - n - 0 tlsproxy",
)


def login_failure(studio: Studio) -> None:
    """A wrong password, an unknown account, and a client that gives up in the middle."""
    wrong = [
        Act(0, "login", OUTSIDER, PUBLIC, 587, user=BOB, password="wrong", helo="User"),
        Act(0, "login", OUTSIDER, PUBLIC, 587, user="admin", password="admin", helo="User"),
    ]
    with studio.take("postfix/sasl-failure.log", "disconnect from", times=3):
        studio.play(*wrong, host="out")
        studio.say([b"EHLO ylmf-pc\r\n", b"AUTH LOGIN\r\n"], port=587)


def relaying(studio: Studio) -> None:
    """A stranger tries to relay and is refused; then a door that lets everybody relay."""
    with studio.take("postfix/relay-denied.log", "disconnect from"):
        studio.arrive("anna@bigmail.test", sender="test@freemail.test", helo="ylmf-pc")
    open_door = ("mynetworks=0.0.0.0/0", "smtpd_relay_restrictions=permit_mynetworks,reject")
    add_smtpd(studio.lab.host("mx"), "2525", open_door)
    studio.settings()
    with studio.take("postfix/open-relay.log", ": removed"):
        studio.arrive("anna@bigmail.test", "ben@isp.test", sender="test@freemail.test", helo="ylmf-pc", port=2525)
    studio.lab.host("mx").run(["postconf", "-MX", "2525/inet"])


def rejections(studio: Studio) -> None:
    """What the SMTP server itself refuses: unknown users, forged senders, bad names, a listed client, sizes, counts."""
    mx = studio.lab.host("mx")
    checks = "reject_non_fqdn_sender,reject_unknown_sender_domain,reject_rbl_client dnsbl.test"
    mx.run(["postconf", "-P", "submission/inet/smtpd_sender_restrictions=reject_sender_login_mismatch"])
    mx.write("/etc/postfix/owners", f"carol@corp.test carol@corp.test\nbob@corp.test {BOB}\n")
    studio.settings(
        "smtpd_sender_login_maps=texthash:/etc/postfix/owners", f"smtpd_recipient_restrictions={checks}",
        "smtpd_helo_required=yes", "smtpd_helo_restrictions=reject_invalid_helo_hostname", "message_size_limit=4000",
        "smtpd_recipient_limit=3",
    )  # fmt: skip
    with studio.take("postfix/rejections.log", "disconnect from", times=8):
        studio.arrive("nobody@corp.test")
        studio.arrive(BOB, sender="bare")
        studio.arrive(BOB, sender="x@nowhere.test")
        studio.arrive(BOB, helo="bad_name!")
        studio.arrive(BOB, source=LISTED)
        studio.arrive(BOB, text="Subject: large\r\n\r\n" + "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 80)
        studio.submit("anna@bigmail.test", sender="carol@corp.test")
        studio.submit(*(f"u{number}@bigmail.test" for number in range(5)))
    mx.run(["postconf", "-P", "submission/inet/smtpd_sender_restrictions="])
    studio.settings(
        "smtpd_recipient_restrictions=", "smtpd_helo_required=no", "smtpd_helo_restrictions=",
        "message_size_limit=10240000", "smtpd_recipient_limit=1000",
    )  # fmt: skip
    studio.idle()


def policies(studio: Studio) -> None:
    """A policy service holds, refuses, delays, warns, discards and informs."""
    mx = studio.lab.host("mx")
    mx.run(["postconf", "-P", "submission/inet/smtpd_recipient_restrictions=$lab_policy"])
    studio.settings("lab_policy=check_policy_service inet:127.0.0.1:10031, permit_sasl_authenticated, reject")
    with studio.service("tests.lab.policy", 10031):
        for verdict in ("hold", "reject", "defer", "warn", "discard"):
            with studio.take(f"postfix/policy-{verdict}.log", "disconnect from"):
                studio.submit(f"{verdict}-anna@bigmail.test")
    mx.run(["postconf", "-P", "submission/inet/smtpd_recipient_restrictions=permit_sasl_authenticated,reject"])
    studio.settings()
    studio.idle()


def access_table(studio: Studio) -> None:
    """Access tables hold, refuse, redirect and warn by sender."""
    table = "{ hold@isp.test = HOLD }, { no@isp.test = REJECT contained }, { eh@isp.test = WARN look at this }"
    table += ", { to@isp.test = REDIRECT bob@corp.test }"
    studio.settings(f"smtpd_sender_restrictions=check_sender_access inline:{{ {table} }}")
    with studio.take("postfix/access-table.log", "disconnect from", times=4):
        for name in ("hold", "no", "to", "eh"):
            studio.arrive("carol@corp.test", sender=f"{name}@isp.test")
    studio.settings("smtpd_sender_restrictions=")
    studio.idle()


def milters(studio: Studio) -> None:
    """A milter refuses, delays, quarantines and discards; then it is gone."""
    studio.settings("smtpd_milters=inet:127.0.0.1:10030", "milter_default_action=tempfail")
    with studio.service("tests.lab.milter", 10030):
        for verdict in ("reject", "defer", "quarantine", "discard"):
            with studio.take(f"postfix/milter-{verdict}.log", "disconnect from"):
                studio.submit(f"{verdict}-anna@bigmail.test")
    with studio.take("postfix/milter-gone.log", "disconnect from"):
        studio.submit("anna@bigmail.test")
    studio.settings("smtpd_milters=")
    studio.idle()


def header_checks(studio: Studio) -> None:
    """Header checks write subjects to the log, and hold, refuse, discard, redirect and filter by header."""
    studio.lab.host("mx").write("/etc/postfix/headers", HEADER_RULES)
    studio.settings("header_checks=pcre:/etc/postfix/headers")
    with studio.take("postfix/header-check-subject.log", ": removed", times=2):
        studio.submit("anna@bigmail.test", text=letter(BOB, "anna@bigmail.test", "Quarterly figures"))
        extra = "X-PHP-Originating-Script: 33:contact.php\r\n"
        studio.arrive(BOB, text=letter("anna@bigmail.test", BOB, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", extra))
    with studio.take("postfix/header-check-verdicts.log", "disconnect from", times=4):
        for subject in ("hold this", "no way", "gone already", "elsewhere please"):
            studio.submit("anna@bigmail.test", text=letter(BOB, "anna@bigmail.test", subject))
    studio.settings("header_checks=")
    studio.idle()


def postscreen(studio: Studio) -> None:
    """postscreen passes, refuses the listed and the hasty, and remembers those who passed."""
    mx = studio.lab.host("mx")
    for service in POSTSCREEN_SERVICES:
        mx.run(["postconf", "-M", service])
    studio.settings(
        "postscreen_greet_wait=1s", "postscreen_greet_action=enforce", "postscreen_dnsbl_sites=dnsbl.test*3",
        "postscreen_dnsbl_action=enforce", "postscreen_denylist_action=enforce", "postscreen_dnsbl_threshold=2",
        "postscreen_cache_map=lmdb:$data_directory/ps",
        "postscreen_access_list=permit_mynetworks,cidr:{{100.99.12.80/32 reject}}",
    )  # fmt: skip
    studio.lab.host("mx").run(["postfix", "stop"])
    studio.lab.host("mx").run(["postfix", "start"])
    with studio.take("postfix/postscreen.log", "postscreen.*: (DISCONNECT|PASS|HANGUP)|removed", times=8):
        studio.arrive(BOB, port=2525)
        studio.arrive(BOB, port=2525)
        studio.arrive(BOB, port=2525, source=LISTED)
        studio.arrive(BOB, port=2525, source="100.99.12.80")
        studio.say([b"EHLO hasty\r\n", b"MAIL FROM:<a@b.test>\r\n"], port=2525, source=HASTY, patient=False)
    for service in ("2525/inet", "smtpd/pass", "dnsblog/unix", "tlsproxy/unix"):
        mx.run(["postconf", "-MX", service])
    studio.settings()


def misbehaviour(studio: Studio) -> None:
    """What clients do wrong: lost connections, junk commands, too many errors, too fast."""
    rcpt = [b"EHLO x\r\n", b"MAIL FROM:<a@isp.test>\r\n"]
    wrong = [b"RCPT TO:<n%d@corp.test>\r\n" % number for number in range(5)]
    studio.settings(
        "smtpd_client_connection_rate_limit=5", "smtpd_hard_error_limit=4", "smtpd_client_event_limit_exceptions="
    )
    with studio.take("postfix/warnings.log", "disconnect from", times=6):
        studio.say([*rcpt, *wrong])
        studio.say([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
        studio.say([*rcpt, b"RCPT TO:<bob@corp.test>\r\n", b"DATA\r\n"])
        studio.say([b"EHLO x\r\n", b"MAIL FROM:<a@b@c>\r\n", b"RCPT TO:<bob@corp.test\r\n"])
        studio.say([b"EHLO x\r\nMAIL FROM:<a@isp.test>\r\n"])
        studio.say([b"EHLO x\r\n"])
    studio.settings("smtpd_client_connection_rate_limit=0", "smtpd_hard_error_limit=20")
    act = Act(0, "mail", f"{LAN}.101", MX, 25, sender="", recipients=(BOB,), message="Subject: null\r\n\r\nx\r\n")
    with studio.take("postfix/null-sender.log", ": removed"):
        studio.play(act)


TAKES = (
    login_failure, relaying, rejections, policies, access_table, milters, header_checks, postscreen, misbehaviour,
)  # fmt: skip
